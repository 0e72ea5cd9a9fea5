// Package pulltext writes title and body of the pull request of a job. The agent and the
// server open the same one: the agent mostly, the server where the repository lets no
// workflow do it.
//
// Everything that came from the task or its caller is made harmless: it mentions nobody,
// links nothing, closes nothing, and can't break out of its place. The package imports
// githubjobs and githubjobs/markdown.
package pulltext

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/markdown"
)

// Bounds of a pull request's body in bytes. GitHub takes 65,536 characters.
const (
	maxBody    = 65_000
	maxSummary = 32 << 10 // with everything that makes it harmless
	maxTable   = 24 << 10
	maxLogTail = 8 << 10
	maxPath    = 200 // of a path in the table
)

// Input is what the text is made of.
type Input struct {
	Spec   githubjobs.Spec
	Job    githubjobs.Name
	Result githubjobs.Result // with its log and its summary
	// Changes are those that are shown, sorted; Result.FilesTotal counts all of them.
	Changes []githubjobs.Change
	RunURL  string // empty: not known
}

// Write writes title and body.
func Write(in Input) (title, body string) {
	var b strings.Builder
	if text := summary(in.Result.Summary); text != "" {
		fmt.Fprintf(&b, "%s\n\n", text)
	}
	b.WriteString(table(in.Changes, in.Result))
	b.WriteString(about(in))
	b.WriteString(log(in.Result.Log, maxBody-b.Len()))
	return githubjobs.Defuse(in.Spec.Title), b.String()
}

// summary is the task's own words, which may be Markdown.
func summary(s string) string {
	s = githubjobs.PlainText(head(githubjobs.PlainText(s), githubjobs.MaxSummaryBytes))
	if s == "" {
		return ""
	}
	if text := markdown.Contain(githubjobs.Defuse(s)); len(text) <= maxSummary {
		return text
	}
	return markdown.Block(githubjobs.Defuse(head(s, maxSummary/4)))
}

// table lists the changes, and says how many it leaves out.
func table(changes []githubjobs.Change, r githubjobs.Result) string {
	var b strings.Builder
	b.WriteString("| | Changed file | Size |\n|---|---|---:|\n")
	shown := 0 // of the paths that changed: a rename is two of them
	for i, c := range changes {
		row := row(c)
		if i == githubjobs.MaxChanges || b.Len()+len(row) > maxTable {
			break
		}
		b.WriteString(row)
		shown++
		if c.From != "" {
			shown++
		}
	}
	if more := r.FilesTotal - shown; more > 0 {
		fmt.Fprintf(&b, "| | and %d more | |\n", more)
	}
	return b.String()
}

func row(c githubjobs.Change) string {
	path := markdown.Code(short(c.Path))
	if c.From != "" {
		path += " from " + markdown.Code(short(c.From))
	}
	size := ""
	if c.Status != githubjobs.ChangeRemoved {
		size = Size(c.Bytes)
	}
	return fmt.Sprintf("| %s | %s | %s |\n", c.Status, path, size)
}

// about says what the pull request is of.
func about(in Input) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n| | |\n|---|---|\n| Job | `%s` |\n| Kind | `%s` |\n| Base | %s |\n", in.Job, in.Spec.Kind, markdown.Code(in.Spec.Base))
	if in.RunURL != "" {
		fmt.Fprintf(&b, "| Run | [attempt %d](%s) |\n", in.Result.Attempt, in.RunURL)
	}
	u := in.Result.Usage
	if u == nil || u.Validate() != nil {
		return b.String()
	}
	if model := strings.TrimSpace(u.Engine + " " + u.Model); model != "" {
		fmt.Fprintf(&b, "| Model | %s |\n", markdown.Code(model))
	}
	if used := u.String(); used != "" {
		fmt.Fprintf(&b, "| Used | %s |\n", used)
	}
	return b.String()
}

// log is the tail of the task's log, as much as there is room for.
func log(s string, room int) string {
	for most := maxLogTail; most > 0; most /= 2 {
		text := githubjobs.PlainText(tail(s, most))
		if text == "" {
			return ""
		}
		block := fmt.Sprintf("\n<details>\n<summary>Log</summary>\n\n%s\n\n</details>\n", markdown.Block(githubjobs.Defuse(text)))
		if len(block) <= room {
			return block
		}
	}
	return ""
}

// Size tells a number of bytes to people.
func Size(n int64) string {
	switch {
	case n < 1_000:
		return fmt.Sprintf("%d B", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1_000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1_000_000)
}

func short(path string) string { return strings.ToValidUTF8(head(path, maxPath), "") }

// head is the first n bytes of a text, and a sign where something is missing.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// tail is the last n bytes of a text, from the beginning of a line.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	s = s[len(s)-n:]
	if i := strings.IndexByte(s, '\n'); i >= 0 && i < n/2 {
		return s[i+1:]
	}
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return s
}

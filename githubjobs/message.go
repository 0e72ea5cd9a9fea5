package githubjobs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Keys of the trailers that carry a job in commit messages.
const (
	trailerSpec    = "Job-Spec: "
	trailerAttempt = "Job-Attempt: "
	trailerResult  = "Job-Result: "
	trailerID      = "Job-Id: "
	trailerRun     = "Job-Run: "
)

// maxReadable bounds the part of a message that repeats the prompt for people.
const maxReadable = 8 << 10

var (
	// ErrNoSpec: the message is not that of a creation commit.
	ErrNoSpec = errors.New("the commit message carries no Job-Spec line")
	// ErrNoResult: the message is not that of a result commit.
	ErrNoResult = errors.New("the commit message carries no Job-Result line")
)

// FormatSpec writes the message of the commit that creates a job: of its first attempt.
func FormatSpec(s Spec) string { return FormatAttempt(s, 1) }

// FormatAttempt writes the message of the commit that creates an attempt of a job. The
// last line is the only truth; what stands above is for people and is never read back.
// A later attempt has the same spec and says its number besides, so that no two
// attempts have the same commit; which one it is, the branch says.
func FormatAttempt(s Spec, attempt int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "job: %s\n\n", defuse(s.Title))
	if text := strings.Map(keepDirection, PlainText(s.Prompt)); text != s.Title && text != "" {
		fmt.Fprintf(&b, "%s\n\n", defuse(head(text, maxReadable)))
	}
	if attempt > 1 {
		fmt.Fprintf(&b, "%s%d\n", trailerAttempt, attempt)
	}
	fmt.Fprintf(&b, "%s%s\n", trailerSpec, encodeJSONLine(s))
	return b.String()
}

// ParseSpec reads the spec back from a creation commit's message. It returns
// ErrNoSpec for any other commit, and says what is wrong with a damaged spec.
func ParseSpec(message string) (Spec, error) {
	var s Spec
	line, _, ok := lastTrailer(message, trailerSpec)
	if !ok {
		return s, ErrNoSpec
	}
	if len(line) > MaxSpecBytes {
		return s, fmt.Errorf("the Job-Spec line has %d bytes; at most %d are read", len(line), MaxSpecBytes)
	}
	if err := json.Unmarshal([]byte(line), &s); err != nil {
		return s, fmt.Errorf("the Job-Spec line is damaged: %w", err)
	}
	return s, s.Validate()
}

// logHeading stands alone on the line before the log. Lines of the log are
// indented, so the last such line of a message is always this one.
const logHeading = "Log:"

// FormatResult writes the message of a result commit: title, summary, the tail
// of the log, and the result as its last line.
func FormatResult(title string, r Result) string {
	r.Version = specVersion
	var b strings.Builder
	fmt.Fprintf(&b, "result: %s\n\n", defuse(title))
	if text := PlainText(r.Summary); text != "" {
		fmt.Fprintf(&b, "%s\n\n", defuse(head(text, MaxSummaryBytes)))
	}
	fmt.Fprintf(&b, "%s\n\n", logHeading)
	for line := range strings.Lines(defuse(tail(PlainText(r.Log), MaxLogBytes))) {
		if line != "\n" {
			b.WriteString("    ")
		}
		b.WriteString(line)
	}
	fmt.Fprintf(&b, "\n\n%s%s\n", trailerResult, encodeJSONLine(r))
	return b.String()
}

// ParseResult reads a result, its summary and its log back from a result commit's
// message. It returns ErrNoResult for any other commit.
func ParseResult(message string) (Result, error) {
	var r Result
	line, above, ok := lastTrailer(message, trailerResult)
	if !ok {
		return r, ErrNoResult
	}
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		return r, fmt.Errorf("the Job-Result line is damaged: %w", err)
	}
	if !ValidID(r.ID) || r.Version != specVersion {
		return r, fmt.Errorf("the Job-Result line is damaged: id %q, version %d", r.ID, r.Version)
	}
	if r.Usage != nil && r.Usage.Validate() != nil {
		r.Usage = nil
	}
	_, above, _ = strings.Cut(above, "\n\n") // the title
	summary, log := above, ""
	if i := strings.LastIndex("\n"+above, "\n"+logHeading+"\n"); i >= 0 {
		summary, log = above[:i], above[i+len(logHeading)+1:]
	}
	log = strings.TrimPrefix(log, "\n")
	var b strings.Builder
	for l := range strings.Lines(log) {
		b.WriteString(strings.TrimPrefix(l, "    "))
	}
	r.Summary = PlainText(undefuse(summary))
	r.Log = PlainText(undefuse(b.String()))
	return r, nil
}

// FormatMerge writes title and message of the squash commit that brings a job's
// result onto its base branch, so that `git log` alone tells the history.
func FormatMerge(s Spec, r Result, pull int, runURL string) (title, message string) {
	title = fmt.Sprintf("%s (#%d)", defuse(s.Title), pull)
	var b strings.Builder
	if text := PlainText(r.Summary); text != "" {
		fmt.Fprintf(&b, "%s\n\n", defuse(head(text, MaxSummaryBytes)))
	}
	fmt.Fprintf(&b, "%s%s\n", trailerID, s.ID)
	if runURL != "" {
		fmt.Fprintf(&b, "%s%s\n", trailerRun, runURL)
	}
	return title, b.String()
}

// lastTrailer finds a trailer in the last paragraph of a message, where only this
// package and tools that append trailers of their own write. It returns its value
// and everything above that paragraph.
func lastTrailer(message, key string) (value, above string, ok bool) {
	message = strings.TrimRight(strings.ReplaceAll(message, "\r\n", "\n"), "\n")
	paragraph := message
	if i := strings.LastIndex(message, "\n\n"); i >= 0 {
		above, paragraph = message[:i], message[i+2:]
	}
	for line := range strings.SplitSeq(paragraph, "\n") {
		if v, found := strings.CutPrefix(line, key); found {
			return v, above, true
		}
	}
	return "", "", false
}

// head cuts a text to n bytes at a rune's edge and says how much is missing.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	cut := n
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return fmt.Sprintf("%s… (%d bytes more)", s[:cut], len(s)-cut)
}

// tail keeps the last n bytes of a text, from the beginning of a line where the
// text has lines, and says how much is missing.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const note = 64 // room for the line that says so
	cut := len(s) - n + note
	if i := strings.IndexByte(s[cut:], '\n'); i >= 0 && i < n/2 {
		cut += i + 1
	}
	for cut < len(s) && !utf8.RuneStart(s[cut]) {
		cut++
	}
	return fmt.Sprintf("… (%d bytes before this)\n%s", cut, s[cut:])
}

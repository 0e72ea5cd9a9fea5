package pulltext

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func input(changes ...githubjobs.Change) Input {
	cost := 0.25
	return Input{
		Spec: githubjobs.Spec{Title: "Report for @bob, fixes #12", Kind: githubjobs.KindReport, Base: "main"}, Job: githubjobs.Name{ID: "abc", Attempt: 1},
		RunURL: "https://hub/alice/reports/actions/runs/7", Changes: changes,
		Result: githubjobs.Result{
			Attempt: 2, Summary: "Wrote **one** file", Log: "line 1\nline 2", FilesTotal: len(changes),
			Usage: &githubjobs.Usage{Engine: "codex", Model: "m-1", InputTokens: 10, OutputTokens: 5, CostUSD: &cost},
		},
	}
}

func TestWrite(t *testing.T) {
	t.Parallel()
	in := input(
		githubjobs.Change{Path: "a.md", Status: githubjobs.ChangeAdded, Bytes: 999},
		githubjobs.Change{Path: "b.md", Status: githubjobs.ChangeChanged, Bytes: 1500},
		githubjobs.Change{Path: "new.md", From: "old.md", Status: githubjobs.ChangeRenamed, Bytes: 2_000_000},
		githubjobs.Change{Path: "z.md", Status: githubjobs.ChangeRemoved},
	)
	in.Result.FilesTotal = 8
	title, body := Write(in)
	if title != githubjobs.Defuse(in.Spec.Title) || strings.Contains(title, "#12") || strings.Contains(title, "@bob") {
		t.Errorf("title %q", title)
	}
	for _, part := range []string{
		"Wrote **one** file\n\n|", "| added | `a.md` | 999 B |", "| changed | `b.md` | 1.5 kB |", "| renamed | `new.md` from `old.md` | 2.0 MB |", "| removed | `z.md` |  |",
		"| | and 3 more | |", "| Job | `abc` |", "| Run | [attempt 2](https://hub/alice/reports/actions/runs/7) |", "| Model | <code>codex m-1</code> |",
		"| Used | 10 tokens in, 5 out, 0.2500 USD |", "line 1\nline 2",
	} {
		if !strings.Contains(body, part) {
			t.Errorf("the body lacks %q:\n%s", part, body)
		}
	}
	in.Result.Usage = &githubjobs.Usage{InputTokens: -1}
	if _, body := Write(in); strings.Contains(body, "Used") {
		t.Errorf("usage that can't be is shown:\n%s", body)
	}
}

func TestTextCannotBreakOut(t *testing.T) {
	t.Parallel()
	in := input()
	in.Result.Summary = "Look: <!-- hidden\n<details>\n@bob closes #1\n~~~~\n<b>"
	in.Result.Log = "```\n</details>\n@bob fixes #2 <script>\n`````\n" + strings.Repeat("y\n", maxLogTail)
	in.Result.Usage = &githubjobs.Usage{Model: "a|b @bob `x`"}
	for range githubjobs.MaxChanges + 5 {
		in.Changes = append(in.Changes, githubjobs.Change{Path: "a|b`c<d>*e*\n@bob #3", Status: githubjobs.ChangeAdded})
	}
	in.Result.FilesTotal = len(in.Changes)
	_, body := Write(in)
	for _, bad := range []string{"<!--", "closes #1", "fixes #2", "a|b"} {
		if strings.Contains(body, bad) {
			t.Errorf("the body holds %q:\n%.500s", bad, body)
		}
	}
	// In <code> GitHub mentions nobody; everywhere else the name is taken apart.
	for line := range strings.Lines(body) {
		if strings.Contains(line, "@bob") && !strings.Contains(line, "<code>") {
			t.Errorf("somebody is mentioned: %s", line)
		}
	}
	if n := strings.Count(body, "<details>"); n != 1 {
		t.Errorf("%d foldable sections:\n%.500s", n, body)
	}
	if !strings.HasPrefix(body, "```\nLook: ") || !strings.Contains(body, "\n```\n\n| |") {
		t.Errorf("a summary that leaves a block open must be shown as it was written:\n%.500s", body)
	}
	if !strings.Contains(body, "and 5 more") {
		t.Errorf("%.500s", body)
	}
	in.Result.Log = "a ```` b"
	if _, body = Write(in); !strings.Contains(body, "\n`````\na ```` b\n`````\n") {
		t.Errorf("the fence can be closed from within:\n%s", body)
	}
}

// Whatever a task says, GitHub takes the text, and every part of it has its place.
func TestTextFits(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"@", "|", "`", "<b>", "#1", "&", "\u00fc", "~~~\n", "a@b#1|c\n"} {
		in := input()
		in.Result.Summary, in.Result.Log = strings.Repeat(word, 100_000), strings.Repeat(word, 100_000)
		for i := range 500 {
			in.Changes = append(in.Changes, githubjobs.Change{Path: fmt.Sprint(i) + strings.Repeat(word, 4000), From: strings.Repeat(word, 4000), Status: githubjobs.ChangeRenamed})
		}
		in.Result.FilesTotal = 1000
		_, body := Write(in)
		if n := utf8.RuneCountInString(body); n > 65_536 || len(body) > maxBody+1000 {
			t.Errorf("%q: %d characters, %d bytes", word, n, len(body))
		}
		for _, part := range []string{"| | and ", "| Job | `abc` |"} {
			if !strings.Contains(body, part) {
				t.Errorf("%q: the body lacks %q", word, part)
			}
		}
	}
}

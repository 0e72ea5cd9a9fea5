package web

import (
	"bytes"
	"html/template"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// What of a log is shown. The rest is in the plain log.
const (
	maxLogLines = 2000    // lines of a step: the last ones, for they tell how it ended
	maxLogLine  = 4 << 10 // bytes of a line
)

// logLine is one line of a step's log.
type logLine struct {
	Number int // in the step, from 1
	Kind   string
	HTML   template.HTML
}

// logBlock is a run of lines, folded under a title when it was a ##[group].
type logBlock struct {
	Title template.HTML // empty: not folded
	Lines []logLine
}

// stepLog is what a page shows of a step's log.
type stepLog struct {
	Blocks []logBlock
	Left   int // lines left out at the beginning
	Lines  int // all lines
}

// stepLogs deals the lines of a job's log to its steps, in their order.
func stepLogs(job state.Job, log []byte) []stepLog {
	texts := make([][]string, len(job.Steps))
	logs := make([]stepLog, len(job.Steps))
	n := 0
	for line := range bytes.Lines(log) {
		for i, step := range job.Steps {
			if n >= step.LogFrom && (n < step.LogTo || step.Status == "in_progress") { // a running step has all that follows
				texts[i] = keepLast(append(texts[i], cutLine(line)))
				logs[i].Lines++
			}
		}
		n++
	}
	for i := range logs {
		texts[i] = texts[i][max(0, len(texts[i])-maxLogLines):]
		logs[i].Left = logs[i].Lines - len(texts[i])
		logs[i].Blocks = blocks(texts[i], logs[i].Left)
	}
	return logs
}

// keepLast forgets the oldest lines once there are twice as many as are shown.
func keepLast(lines []string) []string {
	if len(lines) < 2*maxLogLines {
		return lines
	}
	return append([]string(nil), lines[maxLogLines:]...)
}

// cutLine is a line without its end, and no longer than a page can bear.
func cutLine(line []byte) string {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) > maxLogLine {
		return strings.ToValidUTF8(string(line[:maxLogLine]), "") + " …"
	}
	return string(line)
}

// blocks folds groups and marks errors, warnings and commands. Lines are numbered after the first before ones.
func blocks(lines []string, before int) []logBlock {
	all := []logBlock{{}}
	for i, line := range lines {
		text := withoutTime(line)
		kind, text := command(text)
		switch kind {
		case "group":
			all = append(all, logBlock{Title: ansi(text)})
			continue
		case "endgroup":
			all = append(all, logBlock{})
			continue
		}
		last := &all[len(all)-1]
		last.Lines = append(last.Lines, logLine{Number: before + i + 1, Kind: kind, HTML: ansi(text)})
	}
	kept := all[:0]
	for _, b := range all {
		if b.Title != "" || len(b.Lines) > 0 {
			kept = append(kept, b)
		}
	}
	return kept
}

// withoutTime takes the time off a line.
func withoutTime(line string) string {
	stamp, text, found := strings.Cut(line, " ")
	if _, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(stamp, "\uFEFF")); err != nil || !found && stamp == "" {
		return line
	}
	return text
}

// command splits "##[error]text" into its kind and the text.
func command(line string) (kind, text string) {
	text, found := strings.CutPrefix(line, "##[")
	if !found {
		text, found = strings.CutPrefix(line, "[command]")
		if found {
			return "command", text
		}
		return "", line
	}
	name, text, found := strings.Cut(text, "]")
	switch name {
	case "group", "endgroup", "error", "warning", "notice", "debug", "command", "section":
		if found {
			return name, text
		}
	}
	return "", line
}

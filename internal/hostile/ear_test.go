package hostile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// command is something that a step made the runner do by its output.
type command struct{ name, title, data string }

// registered are the commands of GitHub's runner (actions/runner, ActionCommandManager and its extensions).
var registered = []string{"internal-set-repo-path", "set-env", "set-output", "save-state", "add-path", "add-mask", "add-matcher",
	"remove-matcher", "warning", "error", "notice", "debug", "group", "endgroup", "echo", "stop-commands"}

var lineEnds = regexp.MustCompile(`\r\n|\r|\n`)

// hear takes what a step has written as GitHub's runner does (ActionCommand.TryParseV2, TryParse): a carriage return ends a
// line; a command of the present form begins a line, one of the old form stands anywhere in it. stopped is the word that the
// runner waits for at the end before it takes commands again; empty while it does.
func hear(output string) (all []command, stopped string) {
	for _, line := range lineEnds.Split(output, -1) {
		c, ok := present(line, stopped)
		if !ok {
			c, ok = old(line, stopped)
		}
		switch {
		case !ok:
		case stopped != "" && strings.EqualFold(c.name, stopped):
			stopped = ""
		case stopped != "":
		case c.name == "stop-commands":
			stopped = c.data
		default:
			all = append(all, c)
		}
	}
	return all, stopped
}

func present(line, stopped string) (c command, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(line), "::")
	if !ok {
		return c, false
	}
	info, data, ok := strings.Cut(rest, "::")
	return parsed(info, data, ",", ok, stopped)
}

func old(line, stopped string) (c command, ok bool) {
	_, rest, _ := strings.Cut(line, "##[")
	info, data, ok := strings.Cut(rest, "]")
	return parsed(info, data, ";", ok, stopped)
}

func parsed(info, data, separator string, ok bool, stopped string) (c command, _ bool) {
	name, properties, _ := strings.Cut(info, " ")
	c = command{name: name, data: data}
	for property := range strings.SplitSeq(properties, separator) {
		if key, value, _ := strings.Cut(property, "="); strings.EqualFold(strings.TrimSpace(key), "title") {
			c.title = strings.ReplaceAll(value, "%3A", ":")
		}
	}
	known := slices.Contains(registered, strings.ToLower(name)) || stopped != "" && strings.EqualFold(name, stopped)
	return c, ok && known
}

// checkCommands checks that a step has made the runner do nothing but what the agent says of itself, and that the result which
// the run vouches for is named by nobody else.
func (r *run) checkCommands(step string) {
	r.Helper()
	all, stopped := hear(r.said[step])
	if stopped != "" {
		r.Errorf("after %s the runner takes no commands until it hears %q:\n%.4000s", step, stopped, r.said[step])
	}
	var results []string
	for _, c := range all {
		if !slices.Contains([]string{"error", "warning", "notice", "add-mask"}, c.name) || strings.Contains(c.title, r.mark) {
			r.Errorf("%s made the runner do %+v:\n%.4000s", step, c, r.said[step])
		}
		if c.title == hub.ResultNotice {
			results = append(results, c.data)
		}
	}
	if step != "publish" && len(results) > 0 || len(results) > 1 || len(results) == 1 && !strings.Contains(r.read(r.environ["GITHUB_OUTPUT"]), "result="+results[0]) {
		r.Errorf("%s names the results %q", step, results)
	}
}

// checkSummary checks that what the steps have added to the page of the run shows no picture or link of the task's: names and
// words of it stand in blocks of code there, or escaped.
func (r *run) checkSummary(step string) {
	r.Helper()
	text, fence, outside := r.read(r.environ[summaryFile]), "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch isFence := len(line) >= 3 && strings.Trim(line, "`") == ""; {
		case fence == "" && isFence:
			fence = line
		case fence == "":
			outside += line + "\n"
		case line == fence:
			fence = ""
		}
	}
	for _, markup := range []string{"<img", "](/" + r.mark} {
		if strings.Contains(strings.ReplaceAll(outside, "\\"+markup[:1], ""), markup) {
			r.Errorf("after %s the summary shows %s:\n%.4000s", step, markup, text)
		}
	}
}

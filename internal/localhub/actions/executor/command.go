package executor

import (
	"strconv"
	"strings"

	"github.com/sirupsen/logrus"
)

// command handles a workflow command (::warning::…) that act found in the output of a step.
func (s *sink) command(name string, data logrus.Fields) {
	arg, _ := data["arg"].(string)
	raw, _ := data["raw"].(string)
	switch name {
	case "error", "warning", "notice":
		s.print("##[" + name + "]" + arg)
		s.annotate(name, arg, data)
	case "group", "endgroup":
		s.print("##[" + name + "]" + arg)
	case "summary":
		content, _ := data["content"].(string)
		s.rec.Summary(max(s.current, 1), s.mask(content))
	case "set-env", "set-output", "add-path", "add-mask", "save-state", "add-matcher", "remove-matcher", "debug", "echo", "stop-commands":
	default:
		s.print(strings.TrimRight(raw, "\r\n"))
	}
}

func (s *sink) annotate(name, message string, data logrus.Fields) {
	properties, _ := data["kvPairs"].(map[string]string)
	level := name
	if name == "error" {
		level = "failure"
	}
	line, _ := strconv.Atoi(properties["line"])
	s.rec.Annotate(Annotation{Level: level, Title: s.mask(properties["title"]), Message: s.mask(message), File: properties["file"], Line: line})
}

//go:build unix

package agent

import (
	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/task"
	"github.com/githubjobs/githubjobs/internal/agent/task/command"
	"github.com/githubjobs/githubjobs/internal/agent/task/prompt"
	"github.com/githubjobs/githubjobs/internal/agent/task/report"
)

// kinds are the kinds of job that this agent can do.
var kinds = map[githubjobs.Kind]task.Kind{
	githubjobs.KindCommand: command.Kind{},
	githubjobs.KindReport:  report.Kind{},
	githubjobs.KindPrompt:  prompt.Kind{},
}

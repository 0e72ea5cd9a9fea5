//go:build unix

package run

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/process"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

func TestConclude(t *testing.T) {
	t.Parallel()
	running := t.Context()
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, end := context.WithCancelCause(t.Context())
	end(errDeadline)
	for name, test := range map[string]struct {
		ctx     context.Context
		exit    process.Exit
		err     error
		outcome githubjobs.Outcome
		code    int
		why     string
	}{
		"success":                  {running, process.Exit{}, nil, githubjobs.OutcomeSuccess, 0, ""},
		"success as it was told":   {cancelled, process.Exit{}, nil, githubjobs.OutcomeSuccess, 0, ""},
		"failure":                  {running, process.Exit{Code: 3}, nil, githubjobs.OutcomeFailure, 3, "exit code 3"},
		"a signal":                 {running, process.Exit{Code: 137}, nil, githubjobs.OutcomeFailure, 137, "exit code 137: ended by signal 9"},
		"the last signal":          {running, process.Exit{Code: 192}, nil, githubjobs.OutcomeFailure, 192, "exit code 192: ended by signal 64"},
		"no signal":                {running, process.Exit{Code: 255}, nil, githubjobs.OutcomeFailure, 255, "exit code 255"},
		"cancelled":                {cancelled, process.Exit{Code: 143, Stopped: true}, nil, githubjobs.OutcomeCanceled, 143, "the run was cancelled"},
		"cancelled before":         {cancelled, process.Exit{}, context.Canceled, githubjobs.OutcomeCanceled, -1, "the run was cancelled"},
		"too long":                 {late, process.Exit{Code: 143, Stopped: true}, nil, githubjobs.OutcomeTimedOut, 143, "stopped after 0s, the job's timeout_seconds"},
		"too long before":          {late, process.Exit{}, context.Canceled, githubjobs.OutcomeTimedOut, -1, "stopped after 0s, the job's timeout_seconds"},
		"the agent's own":          {running, process.Exit{}, errors.New("no engine"), githubjobs.OutcomeError, -1, "no engine"},
		"something is alive still": {running, process.Exit{Code: 0}, errors.New("alive"), githubjobs.OutcomeError, -1, "alive"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r githubjobs.Result
			Step{Dir: work.Dir(t.TempDir())}.conclude(test.ctx, test.exit, test.err, &r)
			if r.Outcome != test.outcome || r.ExitCode != test.code || r.Error != test.why {
				t.Errorf("%s, exit code %d, %q", r.Outcome, r.ExitCode, r.Error)
			}
		})
	}
}

// A runtime that can't keep a task from the network does not run one that must be.
func TestOfflineIsKeptOrRefused(t *testing.T) {
	t.Parallel()
	step := Step{Spec: githubjobs.Spec{Network: githubjobs.NetworkNone}, Dir: work.Dir(t.TempDir())}
	if _, err := (processSandbox{step, "/nonexistent"}).perform(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "network: none") {
		t.Errorf("got %v", err)
	}
}

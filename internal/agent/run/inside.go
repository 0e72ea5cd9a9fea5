//go:build unix

package run

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/process"
	"github.com/githubjobs/githubjobs/internal/agent/task"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

const (
	orderName      = "job.json" // in inputs/
	reportName     = "report.json"
	startedName    = "started"
	maxReportBytes = 256 << 10
)

// order is what Inside is told.
type order struct {
	Spec       githubjobs.Spec `json:"spec"`
	Commit     string          `json:"commit"`
	Repository string          `json:"repository"`
	Server     string          `json:"server"`
	Grace      time.Duration   `json:"grace"`
}

func saveOrder(dir work.Dir, o order) error {
	raw, err := json.Marshal(o)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir.Inputs(), orderName), raw, 0o644)
}

// Inside does the task in the place that Run made for it, and returns the exit
// code of the process. Its keeper, or Run itself, has started it.
func Inside(ctx context.Context, dir work.Dir, kinds map[githubjobs.Kind]task.Kind, out io.Writer) int {
	process.Reserve()
	if err := writeNew(filepath.Join(dir.Task(), startedName), nil); err != nil {
		fmt.Fprintf(out, "agent: %s can't be written: %v\n", dir.Task(), err)
		return 1
	}
	report, err := perform(ctx, dir, kinds, out)
	code := 0
	if err != nil {
		code, report.Error = 1, err.Error()
		if exit, ok := errors.AsType[*task.ExitError](err); ok {
			code = exit.Code
		} else {
			fmt.Fprintf(out, "agent: %v\n", err)
		}
	}
	raw, err := json.Marshal(report)
	if err == nil {
		err = writeNew(filepath.Join(dir.Task(), reportName), raw)
	}
	if err != nil {
		fmt.Fprintf(out, "agent: the task's report can't be written: %v\n", err)
	}
	return code
}

func perform(ctx context.Context, dir work.Dir, kinds map[githubjobs.Kind]task.Kind, out io.Writer) (task.Report, error) {
	raw, err := os.ReadFile(filepath.Join(dir.Inputs(), orderName))
	if err != nil {
		return task.Report{}, err
	}
	var o order
	if err := json.Unmarshal(raw, &o); err != nil {
		return task.Report{}, err
	}
	kind, ok := kinds[o.Spec.Kind]
	if !ok {
		return task.Report{}, fmt.Errorf("this agent knows no kind %q; the agent's version is older than the server's", o.Spec.Kind)
	}
	// The outer side keeps the deadline. This one is for the case that it is gone.
	ctx, cancel := context.WithTimeout(ctx, o.Spec.Timeout()+2*time.Minute)
	defer cancel()
	return kind.Run(ctx, task.Task{
		Spec: o.Spec, Commit: o.Commit, Repository: o.Repository, Server: o.Server,
		Base: dir.Base(), Tree: dir.Tree(), Inputs: dir.Inputs(), Scratch: dir.Task(),
		Environ: os.Environ(), Grace: o.Grace, Log: out,
	})
}

// writeNew writes a file in a folder that the task can write too: whatever the task
// put in its place, a link for example, is removed and not followed.
func writeNew(path string, data []byte) error {
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

// loadReport reads what the task said of itself. It may be anything, so that what
// is no report counts as none.
func loadReport(dir work.Dir) (report task.Report, ok bool) {
	raw, err := work.ReadFile(dir.Task(), reportName, maxReportBytes)
	if err != nil || json.Unmarshal(raw, &report) != nil {
		return task.Report{}, false
	}
	if work.ValidateStats(report.Stats) != nil || bytes.Equal(bytes.TrimSpace(report.Stats), []byte("null")) {
		report.Stats = nil
	}
	if report.Usage != nil && report.Usage.Validate() != nil {
		report.Usage = nil
	}
	report.Error = strings.Join(strings.Fields(githubjobs.PlainText(report.Error)), " ")
	report.Summary = githubjobs.PlainText(report.Summary)
	return report, true
}

// started tells whether Inside came to run at all.
func started(dir work.Dir) bool {
	_, err := os.Lstat(filepath.Join(dir.Task(), startedName))
	return err == nil
}

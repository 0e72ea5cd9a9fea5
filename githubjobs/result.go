package githubjobs

import (
	"encoding/json"
	"time"
)

// Outcome is how an attempt at the task ended.
type Outcome string

const (
	OutcomeSuccess  Outcome = "success"   // the task ended well, with or without changes
	OutcomeFailure  Outcome = "failure"   // the task ended with an error or a non-zero exit code
	OutcomeTimedOut Outcome = "timed_out" // the task was stopped at its deadline
	OutcomeCanceled Outcome = "canceled"  // the run was cancelled on GitHub
	OutcomeError    Outcome = "error"     // the agent itself could not do its work
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{OutcomeSuccess, OutcomeFailure, OutcomeTimedOut, OutcomeCanceled, OutcomeError}
}

// Limits of what a result commit carries.
const (
	MaxLogBytes     = 32 << 10 // of the log's tail
	MaxSummaryBytes = 8 << 10
	maxFilesBytes   = 32 << 10 // of the names in ChangedFiles
)

// Problem is what kept a successful task's result from being delivered.
type Problem struct {
	Reason  Reason `json:"reason"`  // ReasonPRForbidden, ReasonPolicyDenied or ReasonPushRefused
	Message string `json:"message"` // what happened and how to mend it
}

// Result is the outcome of one attempt, as the result commit carries it.
type Result struct {
	Version  int     `json:"v"` // of this format; 1
	ID       string  `json:"id"`
	Attempt  int     `json:"attempt"` // GitHub's run_attempt
	RunID    int64   `json:"run_id,omitempty"`
	Outcome  Outcome `json:"status"`
	ExitCode int     `json:"exit_code"`       // -1: the task did not run, or not to its end
	Error    string  `json:"error,omitempty"` // why it did not succeed, for people
	// Refused says, with OutcomeError, that the job may not or can't be done as it is, which no
	// other attempt mends: ReasonPolicyDenied or ReasonSecretMissing. Error says the mend.
	Refused    Reason    `json:"refused,omitempty"`
	StartedAt  time.Time `json:"started_at"`
	FinishedAt time.Time `json:"finished_at"`
	// ChangedFiles are the paths that the task changed, sorted; both names of a
	// rename. FilesTotal counts them all: it is larger when the list was cut.
	ChangedFiles []string `json:"changed_files,omitempty"`
	FilesTotal   int      `json:"files_total,omitempty"`
	// Changes are the first of the changes, for whoever opens the pull request in place of
	// the agent, which was not allowed to: they stand beside a Problem of ReasonPRForbidden.
	Changes []Change        `json:"changes,omitempty"`
	Stats   json.RawMessage `json:"stats,omitempty"` // the kind's own figures, a JSON object
	Usage   *Usage          `json:"usage,omitempty"` // of a language model; nil where none was used, or nothing is known
	Ran     *Ran            `json:"ran,omitempty"`   // nil where an older agent did not say
	// Problem is set by a later result commit of the same attempt, when the
	// result could not be brought to a pull request.
	Problem *Problem `json:"problem,omitempty"`
	// Lacks says what the pull request lacks that the job had asked for, and how to mend that;
	// empty for nothing.
	Lacks string `json:"lacks,omitempty"`
	// Log is the tail of the task's log; it stands in the commit message as text.
	Log string `json:"-"`
	// Summary is a few lines of Markdown for people; it stands in the message as text.
	Summary string `json:"-"`
}

// SetFiles stores the changed paths, as many as a result commit carries.
func (r *Result) SetFiles(paths []string) {
	r.FilesTotal, r.ChangedFiles = len(paths), nil
	size := 0
	for _, p := range paths {
		if size += len(p) + 3; size > maxFilesBytes {
			return
		}
		r.ChangedFiles = append(r.ChangedFiles, p)
	}
}

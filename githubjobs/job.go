package githubjobs

import "time"

// Job is what a caller is told: the status contract's fields, and why. It is
// always computed by Reduce, never stored as a truth of its own.
type Job struct {
	ID     string `json:"job_id"`
	Status Status `json:"status"`
	// Terminal says that nothing more happens by itself: polling may stop.
	Terminal bool   `json:"terminal"`
	Reason   Reason `json:"reason"`
	// Message explains the reason in words and, where a person can act, says how.
	Message string `json:"message"`
	// Diagnosis says what is wrong with a job that is stuck or failed, as far as that
	// is known; the cause first. Left out when nothing is.
	Diagnosis []Diagnosis `json:"diagnosis,omitempty"`
	Branch    string      `json:"branch"`  // of the present attempt
	Attempt   int         `json:"attempt"` // the present one, from 1
	// Phase, Progress, Metadata and HeartbeatAt are what the attempt tells of itself; see
	// WithLive. Reduce knows nothing of them.
	Phase       Phase             `json:"phase,omitempty"`
	Progress    *Progress         `json:"progress,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	HeartbeatAt time.Time         `json:"heartbeat_at,omitzero"`
	// NextAttemptAt is when the next attempt begins, while the job waits for it.
	NextAttemptAt time.Time `json:"next_attempt_at,omitzero"`
	Attempts      []Attempt `json:"attempts,omitempty"` // all that are known, where there is more than one
	PullURL       string    `json:"pr_url"`             // empty until there is one
	RunURL        string    `json:"run_url"`            // empty until there is one
	Log           string    `json:"log"`                // tail of the task's log; what is known of it until the task ended
	Summary       string    `json:"summary"`            // Markdown
	ChangedFiles  []string  `json:"changed_files"`
	FilesTotal    int       `json:"changed_files_total"` // larger than the list when that was cut
	ExitCode      *int      `json:"exit_code,omitempty"` // of the task; absent until it ended, and when it was never run to an end
	Usage         *Usage    `json:"usage,omitempty"`     // of a language model, as the task tells it
	Kind          Kind      `json:"kind"`
	Title         string    `json:"title"`
	Schedule      string    `json:"schedule,omitempty"`    // that the job is of, if it is of one
	Batch         string    `json:"batch_id,omitempty"`    // that the job is of, if it is of one
	BatchIndex    *int      `json:"batch_index,omitempty"` // from 0; absent where the batch was not created as a whole
	DependsOn     []string  `json:"depends_on,omitempty"`
	// ConcurrencyKey is that of the jobs of which one at a time is on GitHub.
	ConcurrencyKey string    `json:"concurrency_key,omitempty"`
	ReplayOf       string    `json:"replay_of,omitempty"` // the job that this one repeats
	CreatedAt      time.Time `json:"created_at,omitzero"`
	StartedAt      time.Time `json:"started_at,omitzero"`
	FinishedAt     time.Time `json:"finished_at,omitzero"`
	Evidence       Evidence  `json:"evidence"`
	// Undo is what takes back the merge; nil where nobody has asked for that.
	Undo *Undo `json:"undo,omitempty"`
}

// Attempt says what came of one attempt of a job.
type Attempt struct {
	Number     int       `json:"attempt"`
	Branch     string    `json:"branch"`
	Reason     Reason    `json:"reason"` // why the attempt is where it is; see Reason
	RunURL     string    `json:"run_url"`
	PullURL    string    `json:"pr_url"`
	StartedAt  time.Time `json:"started_at,omitzero"`
	FinishedAt time.Time `json:"finished_at,omitzero"`
}

// Evidence names the facts that the status stands on.
type Evidence struct {
	BranchSHA     string    `json:"branch_sha,omitempty"`
	BranchDeleted bool      `json:"branch_deleted,omitempty"`
	RunID         int64     `json:"run_id,omitempty"`
	RunAttempt    int       `json:"run_attempt,omitempty"`
	RunStatus     string    `json:"run_status,omitempty"`
	RunConclusion string    `json:"run_conclusion,omitempty"`
	ResultSHA     string    `json:"result_sha,omitempty"`
	Pull          int       `json:"pull_request,omitempty"`
	PullHeadSHA   string    `json:"pull_request_head_sha,omitempty"`
	MergeSHA      string    `json:"merge_sha,omitempty"`
	ObservedAt    time.Time `json:"observed_at,omitzero"` // when the newest of these facts was true; a deletion has no time
}

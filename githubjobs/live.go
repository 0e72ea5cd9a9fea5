package githubjobs

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// How an attempt shows that it goes on.
const (
	// Heartbeat is how often an agent that has nothing to tell says so.
	Heartbeat = 15 * time.Second
	// NoHeartbeat is after what silence the status says so: four are missing.
	NoHeartbeat = 4*Heartbeat + 15*time.Second
)

// Progress is how far a task says that it is.
type Progress struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total"`
	Text  string `json:"text,omitempty"`
}

// Live is what an attempt has told of itself so far.
type Live struct {
	Attempt    int   `json:"attempt"` // of the job
	Run        int64 `json:"run"`
	RunAttempt int   `json:"run_attempt"`

	Phase       Phase             `json:"phase,omitempty"`
	Progress    *Progress         `json:"progress,omitempty"`
	Metadata    map[string]string `json:"metadata,omitempty"`
	HeartbeatAt time.Time         `json:"heartbeat_at,omitzero"` // when anything came last, by the server's clock
	Log         string            `json:"-"`                     // the last lines
}

// Take returns the state after an event, and whether there was room for it.
func (l Live) Take(e Event) (after Live, ok bool) {
	switch e.Type {
	case EventPhase:
		l.Phase = Phase(e.Text)
	case EventProgress:
		l.Progress = &Progress{e.Done, e.Total, e.Text}
	case EventMetadata:
		_, known := l.Metadata[e.Key]
		if !known && e.Text != "" && len(l.Metadata) >= MaxMetadata {
			return l, false
		}
		m := maps.Clone(l.Metadata)
		if m == nil {
			m = map[string]string{}
		}
		if m[e.Key] = e.Text; e.Text == "" {
			delete(m, e.Key)
		}
		l.Metadata = m
	}
	return l, true
}

// WithLive adds to a job what its present attempt has told of itself. It adds; whatever
// was told, it changes neither status nor reason. listening is since when the server
// would have heard a heartbeat.
func (j Job) WithLive(l Live, listening, now time.Time) Job {
	if e := j.Evidence; l.Attempt != j.Attempt || l.Run != e.RunID || l.RunAttempt != e.RunAttempt {
		return j // it is of another attempt
	}
	j.Progress, j.Metadata = l.Progress, l.Metadata
	if j.Status != StatusRunning {
		return j
	}
	j.Phase, j.HeartbeatAt = l.Phase, l.HeartbeatAt
	if j.Log == "" {
		j.Log = l.Log
	}
	silent := now.Sub(later(l.HeartbeatAt, listening))
	if j.Evidence.RunStatus == "in_progress" && l.Phase != PhaseEnded && silent >= NoHeartbeat {
		j.Diagnosis = append(slices.Clone(j.Diagnosis), Diagnosis{
			Code: DiagnosisNoHeartbeat, URL: j.RunURL,
			Message: fmt.Sprintf("GitHub says that the run goes on, but its agent was last heard of at %s.", l.HeartbeatAt.UTC().Format(time.RFC3339)),
			Mend:    "Look at the run's page whether its runner still lives, and whether it can reach this server. A runner that is gone is noticed by GitHub some minutes later; to wait no longer, cancel the job and attempt it again.",
		})
	}
	return j
}

// Speaker is an attempt of a job that wants to tell of itself, as GitHub vouches for it.
type Speaker struct {
	Name       Name
	Run        int64
	RunAttempt int
	SHA        string // of the commit that its run was started for; empty where that was judged before
}

// Silence says why an attempt has nothing more to tell, in words for its log; it is empty
// while the attempt may speak. What is not known yet speaks for it: GitHub's news may be
// slower than the run.
func (f Facts) Silence(s Speaker, now time.Time) string {
	v := viewOf(f)
	switch {
	case f.Spec == nil:
		return "there is no such job"
	case s.Name.Attempt < v.number:
		return fmt.Sprintf("attempt %d of the job has begun", v.number)
	case s.Name.Attempt > v.number:
		return "" // the news of it is on its way
	case s.SHA != "" && len(v.Created) > 0 && !slices.Contains(v.Created, s.SHA):
		return "the run is not of a commit that made the job"
	case f.CancelAsked():
		return "the job was cancelled"
	case v.run != nil && (s.Run < v.run.ID || s.Run == v.run.ID && s.RunAttempt < v.run.Attempt):
		return "a later run of the job has begun"
	case v.run == nil || s.Run != v.run.ID || s.RunAttempt != v.run.Attempt:
		return ""
	case v.run.Status == "completed" || v.lost != nil:
		return "the run has ended"
	}
	if j := Reduce(f, now); j.Terminal {
		return "the job has ended"
	}
	return ""
}

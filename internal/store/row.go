package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
)

// Row is a job as a store keeps it: the facts, and the columns that are computed
// from them alone for listing and for finding what is to be done.
type Row struct {
	Facts     []byte // JSON of githubjobs.Facts
	Known     bool   // the spec is known: this is a job
	Waiting   bool   // accepted here, to be pushed now, and no push is known
	Priority  int    // among those that wait
	Active    bool   // not at an end
	Status    githubjobs.Status
	Reason    githubjobs.Reason
	Kind      githubjobs.Kind
	Title     string
	Groups    string // see Stored
	Key       string // concurrency key; empty for none
	CreatedAt time.Time
	UpdatedAt time.Time // when the store learnt the newest of the facts
	Live      bool      // a branch exists, or a run has not ended
	DueAt     time.Time // of the next step about the job; zero for none
	News      Known     // of the first attempt
	Later     string    // of those after it, as AddKnown reads it; empty for none

	batch    batchTerms
	about    string // its receipt; empty where it has none
	unsigned bool   // see unsigned
}

// Unsigned says that a receipt of the job's end is to be made: the job was not at that end
// before.
func (r Row) Unsigned() bool { return r.unsigned }

// NewRow computes the row of a job. accepted says that this store took the job
// from a caller, and so owes its push.
func NewRow(f githubjobs.Facts, accepted bool, now time.Time) (Row, error) {
	raw, err := json.Marshal(f)
	if err != nil {
		return Row{}, err
	}
	j := githubjobs.Reduce(f, now)
	groups, err := groupsOf(f, !j.Terminal, now)
	if err != nil {
		return Row{}, err
	}
	news, later, live, err := newsOf(f)
	if err != nil {
		return Row{}, err
	}
	_, due := f.Next(now)
	return Row{
		News: news, Later: later, DueAt: due, Live: live, UpdatedAt: now,
		Facts: raw, Known: f.Spec != nil, Groups: groups, Key: keyOf(f),
		Waiting: waits(f, accepted, now), Priority: priority(f),
		Active: f.Spec != nil && !j.Terminal,
		Status: j.Status, Reason: j.Reason, Kind: j.Kind, Title: Text(j.Title), CreatedAt: j.CreatedAt, batch: termsOf(f.Spec), about: receipt.About(f, j),
	}, nil
}

// waits says whether an attempt of the job is the dispatcher's now, to be pushed or
// dropped. The first one is owed by the store that took the job; a later one by whoever
// knows that the job needs it.
func waits(f githubjobs.Facts, accepted bool, now time.Time) bool {
	o, ok := f.Waits(now)
	return ok && (accepted || o.Attempt > 1)
}

func priority(f githubjobs.Facts) int {
	if f.Spec == nil {
		return 0
	}
	return f.Spec.Priority
}

// MergeRow joins new facts to what is stored of a job. changed is false when they told
// nothing new, and nothing needs to be written. When what is stored is damaged, facts
// that hold the spec replace it; with others the error wraps ErrDamaged.
func MergeRow(stored Stored, f githubjobs.Facts, now time.Time) (row Row, changed bool, err error) {
	if !githubjobs.ValidID(f.ID) {
		return Row{}, false, fmt.Errorf("facts of a job with the id %q, which is not valid", f.ID)
	}
	var known githubjobs.Facts
	if len(stored.Facts) > 0 {
		if known, err = Decode(f.ID, stored.Facts, stored.Known); err != nil && f.Spec == nil {
			return Row{}, false, err
		}
	}
	merged := githubjobs.Merge(known, f)
	merged.Complete = f.Complete
	row, err = NewRow(merged, stored.Accepted, now)
	known.Complete = f.Complete
	row.unsigned = unsigned(stored, known, row.about, now)
	return row, err == nil && !bytes.Equal(row.Facts, stored.Facts), err
}

// Text is s as every database takes it: valid UTF-8 without NUL characters. Facts need
// no such care: JSON escapes what they hold.
func Text(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

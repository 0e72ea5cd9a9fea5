package githubjobs

import (
	"fmt"
	"regexp"
	"time"
)

// MaxBatch is how many jobs can be created in one batch.
const MaxBatch = 10_000

// Member is the place of a job in a batch that was created as a whole. Every job of the
// batch tells all that the batch is, so that it can be told again from its jobs alone.
type Member struct {
	Index int `json:"index"` // from 0, in the order of the request
	Of    int `json:"of"`    // how many jobs the batch was created with
	// Name is that which the request gave the job, by the rule of labels; empty for none.
	Name string `json:"name,omitempty"`
	// MaxFailures is how many jobs of the batch may fail before the others are cancelled;
	// nil for any number.
	MaxFailures *int `json:"max_failures,omitempty"`
}

const batchPrefix = "batch-"

var wholeBatchPattern = regexp.MustCompile(`^batch-[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

// NewBatchID returns the id of a new batch that is created as a whole. It sorts as NewID
// does.
func NewBatchID(now time.Time) string { return batchPrefix + NewID(now) }

// KeyedBatchID returns the id of the batch that the idempotency key names within the
// project; see KeyedID.
func KeyedBatchID(project, key string) string { return batchPrefix + KeyedID(project, key) }

// IsWholeBatch says whether the id is of a batch that was created as a whole. No other
// batch is named like that: jobs do not come into such a batch one by one.
func IsWholeBatch(id string) bool { return wholeBatchPattern.MatchString(id) }

// MemberID is the id of the job at an index of a batch that was created as a whole. Ids
// sort by index.
func MemberID(batch string, index int) string { return fmt.Sprintf("%s-%05d", batch, index) }

// validateMember holds the job's place to its id: what a commit says of a batch counts
// only for the job that it was created for.
func (s Spec) validateMember() error {
	m := s.Member
	switch {
	case m == nil:
		return nil
	case !IsWholeBatch(s.Batch):
		return fieldErrorf("batch_id", "%.80q is no batch that was created as a whole", s.Batch)
	case m.Of < 1 || m.Of > MaxBatch || m.Index < 0 || m.Index >= m.Of:
		return fieldErrorf("member", "index %d of %d jobs; a batch has at most %d", m.Index, m.Of, MaxBatch)
	case s.ID != MemberID(s.Batch, m.Index):
		return fieldErrorf("id", "%q is not that of index %d of the batch %s", s.ID, m.Index, s.Batch)
	case m.Name != "" && !ValidLabel(m.Name):
		return fieldErrorf("name", "%.80q can't name a job of a batch", m.Name)
	case m.MaxFailures != nil && (*m.MaxFailures < 0 || *m.MaxFailures > MaxBatch):
		return fieldErrorf("max_failures", "%d is out of range; give 0 to %d", *m.MaxFailures, MaxBatch)
	}
	return nil
}

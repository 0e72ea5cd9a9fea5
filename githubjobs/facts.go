package githubjobs

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Facts are what is known of one job. Each fact comes from one source, says when
// it was true at that source, and never from when it reached us. Facts from
// webhooks and from reads of the API are the same facts.
//
// Merge joins facts; it is commutative, associative and idempotent, so that
// webhooks may come twice, late, out of order or never.
type Facts struct {
	ID       string      `json:"id"`
	Spec     *Spec       `json:"spec,omitempty"`
	Dispatch *Dispatch   `json:"dispatch,omitempty"`
	Branch   *BranchFact `json:"branch,omitempty"`
	Runs     []RunFact   `json:"runs,omitempty"`   // one for each run and attempt, oldest first
	Pulls    []PullFact  `json:"pulls,omitempty"`  // one for each pull request, oldest first
	Result   *ResultFact `json:"result,omitempty"` // of the newest attempt
	Gate     *GateFact   `json:"gate,omitempty"`   // the newest verdict of the merge gate
}

// Dispatch is the server's own fact: what came of pushing the job.
type Dispatch struct {
	Refused string    `json:"refused,omitempty"` // why GitHub refused the push for good; empty when it did not
	At      time.Time `json:"at"`
}

// BranchFact is the job's branch as a push, a deletion or a read of refs showed it.
type BranchFact struct {
	Head string `json:"head,omitempty"` // SHA; empty when only the deletion is known
	// Moved: the head is not the creation commit any more. It decides between heads
	// that were seen in the same second.
	Moved   bool      `json:"moved,omitempty"`
	Deleted bool      `json:"deleted,omitempty"`
	At      time.Time `json:"at"` // committer date of the head; of a deletion, about when it happened
	// Seen is when GitHub, by its own clock, saw the branch like this: the time of
	// the push, or of the read. It orders the heads of a branch, for the dates in
	// commits come from the clocks of those who made them. It is zero in what the
	// server knows from its own push of the creation, before which there is nothing.
	Seen time.Time `json:"seen,omitzero"`
}

// RunFact is one attempt of one workflow run of the job's own workflow.
type RunFact struct {
	ID         int64     `json:"id"`
	Attempt    int       `json:"attempt"`
	Status     string    `json:"status"`               // GitHub's: requested, queued, pending, waiting, in_progress, completed
	Conclusion string    `json:"conclusion,omitempty"` // GitHub's, when completed
	HeadSHA    string    `json:"head_sha"`
	URL        string    `json:"url"` // html_url
	StartedAt  time.Time `json:"started_at,omitzero"`
	At         time.Time `json:"at"` // updated_at
}

// PullFact is one pull request from the job's branch in the job's own repository.
type PullFact struct {
	Number   int       `json:"number"`
	URL      string    `json:"url"` // html_url
	Open     bool      `json:"open"`
	Merged   bool      `json:"merged"`
	MergedAt time.Time `json:"merged_at,omitzero"`
	MergeSHA string    `json:"merge_sha,omitempty"`
	HeadSHA  string    `json:"head_sha"`
	At       time.Time `json:"at"` // updated_at
}

// ResultFact is a result commit.
type ResultFact struct {
	SHA     string    `json:"sha"`
	Result  Result    `json:"result"`
	Log     string    `json:"log"`
	Summary string    `json:"summary,omitempty"`
	At      time.Time `json:"at"` // committer date
}

// GateFact is the merge gate's verdict, from its check run on the head commit.
type GateFact struct {
	HeadSHA    string    `json:"head_sha"`
	Conclusion string    `json:"conclusion"` // success: merged or to be merged; anything else: not
	Title      string    `json:"title"`
	Summary    string    `json:"summary,omitempty"`
	At         time.Time `json:"at"` // completed_at
}

// Merge joins what two sources know of the same job. Which of two versions of one
// fact wins is a total order on their content alone: a later attempt before an
// earlier one, then an end before a state that leads to it, then the later time;
// of a branch, what GitHub saw later by its own clock.
// Where all of this is equal the encoded bytes decide, so that no order of arrival can.
func Merge(a, b Facts) Facts {
	return Facts{
		ID:       cmp.Or(a.ID, b.ID),
		Spec:     newest(a.Spec, b.Spec, func(s Spec) []int64 { return []int64{-s.CreatedAt.UnixMilli()} }),
		Dispatch: newest(a.Dispatch, b.Dispatch, Dispatch.rank),
		Branch:   newest(a.Branch, b.Branch, BranchFact.rank),
		Runs:     union(a.Runs, b.Runs, RunFact.key, RunFact.rank),
		Pulls:    union(a.Pulls, b.Pulls, PullFact.key, PullFact.rank),
		Result:   newest(a.Result, b.Result, ResultFact.rank),
		Gate:     newest(a.Gate, b.Gate, func(g GateFact) []int64 { return []int64{g.At.UnixNano()} }),
	}
}

func (d Dispatch) rank() []int64 {
	// A push that went through is never taken back by a refusal that came later.
	return []int64{flag(d.Refused == ""), d.At.UnixNano()}
}

func (b BranchFact) rank() []int64 {
	return []int64{moment(b.Seen), flag(b.Moved || b.Deleted), moment(b.At), flag(b.Deleted)}
}

// moment orders times; UnixNano is not defined for the zero time.
func moment(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func (r RunFact) key() [2]int64 { return [2]int64{r.ID, int64(r.Attempt)} }

func (r RunFact) rank() []int64 {
	order := int64(slices.Index([]string{"requested", "queued", "pending", "waiting", "in_progress", "completed"}, r.Status))
	return []int64{order, r.At.UnixNano()}
}

func (p PullFact) key() [2]int64 { return [2]int64{int64(p.Number)} }

func (p PullFact) rank() []int64 {
	return []int64{flag(p.Merged), p.At.UnixNano(), flag(!p.Open)}
}

// rank puts the job's run, the first on the branch, before any other; see Facts.run.
func (r ResultFact) rank() []int64 {
	return []int64{flag(r.Result.RunID != 0), -r.Result.RunID, int64(r.Result.Attempt), flag(r.Result.Problem != nil), r.At.UnixNano()}
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// newest returns the version that stands higher in the total order.
func newest[T any](a, b *T, rank func(T) []int64) *T {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case compare(*a, *b, rank) < 0:
		return b
	}
	return a
}

func compare[T any](a, b T, rank func(T) []int64) int {
	if c := slices.Compare(rank(a), rank(b)); c != 0 {
		return c
	}
	return strings.Compare(encoded(a), encoded(b))
}

// encoded is the canonical form of a fact; facts hold nothing that JSON cannot.
func encoded(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

// union joins two lists of facts that have a key, and sorts them by it.
func union[T any, K [2]int64](a, b []T, key func(T) K, rank func(T) []int64) []T {
	if len(a)+len(b) == 0 {
		return nil
	}
	byKey := map[K]T{}
	for _, v := range slices.Concat(a, b) {
		if old, ok := byKey[key(v)]; !ok || compare(old, v, rank) < 0 {
			byKey[key(v)] = v
		}
	}
	return slices.SortedFunc(maps.Values(byKey), func(x, y T) int {
		kx, ky := key(x), key(y)
		return cmp.Or(cmp.Compare(kx[0], ky[0]), cmp.Compare(kx[1], ky[1]))
	})
}

package webhook

import (
	"context"
	"errors"
	"fmt"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// stir is an event on which the verdict on pull requests may depend.
type stir struct {
	of []githubjobs.Name // whose pull requests; of each attempt once
	by string            // the event, for people
}

// stirOf is the stir of what happened on branches; nil where none of them is a job's.
func stirOf(by string, branches ...string) *stir {
	s := &stir{by: by}
	seen := map[githubjobs.Name]bool{}
	for _, branch := range branches {
		if of, ok := githubjobs.ParseBranch(branch); ok && !seen[of] {
			seen[of] = true
			s.of = append(s.of, of)
		}
	}
	if len(s.of) == 0 {
		return nil
	}
	return s
}

// stirred adds to a reading that pull requests are to be judged anew, those of jobs which wait
// for that. All others are judged when they come to their end.
func (r *Receiver) stirred(ctx context.Context, d store.Delivery, got reading) (reading, error) {
	for _, of := range got.stir.of {
		f, err := r.Store.Facts(ctx, r.Project, of.ID)
		if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) {
			continue
		}
		if err != nil {
			return reading{}, err
		}
		if judged, ok := f.ToJudge(r.Now()); !ok || judged.Of != of {
			continue
		}
		got.facts = append(got.facts, of.Facts(githubjobs.Facts{Stirred: &githubjobs.StirredFact{By: got.stir.by, At: d.ReceivedAt.UTC()}}))
		got.outcome += fmt.Sprintf("; the pull request of job %s is judged anew", of)
		got.judge = true
	}
	return got, nil
}

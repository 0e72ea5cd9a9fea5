package receipt

import (
	"errors"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// ErrNothing: nothing of the job came to GitHub, so that there is nothing to be proved.
var ErrNothing = errors.New("nothing of the job came to GitHub")

// ClaimsOf takes from what is known of a job, and job is Reduce of that, what its receipt
// says. repository is its address on GitHub. It returns ErrNothing where no commit of the
// job is known.
func ClaimsOf(f githubjobs.Facts, job githubjobs.Job, repository string) (Claims, error) {
	present := f.Present()
	if f.Spec == nil || len(present.Created) == 0 {
		return Claims{}, ErrNothing
	}
	e := job.Evidence
	c := Claims{
		Repository: repository, Spec: *f.Spec, SpecDigest: f.Spec.Digest(), Created: present.Created[0], Attempt: job.Attempt,
		RunID: e.RunID, RunAttempt: e.RunAttempt, Pull: e.Pull, MergeSHA: e.MergeSHA,
	}
	if r := present.Result; r != nil && r.SHA == e.ResultSHA {
		c.SetResult(r.SHA, r.Result)
	}
	for _, run := range present.Runs {
		if run.ID == c.RunID {
			c.Created = run.HeadSHA
		}
	}
	return c, nil
}

// SetResult adds a result commit, which knows its own run.
func (c *Claims) SetResult(sha string, r githubjobs.Result) {
	c.ResultSHA, c.Outcome = sha, &r
	if r.RunID != 0 {
		c.RunID, c.RunAttempt = r.RunID, r.Attempt
	}
}

package receipt

import (
	"errors"
	"fmt"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// ErrNothing: nothing of the job came to GitHub, so that there is nothing to be proved.
var ErrNothing = errors.New("nothing of the job came to GitHub")

// ClaimsOf takes from what is known of a job, and job is Reduce of that, what its receipt
// says. repository is its address on GitHub. It returns ErrNothing where no commit of the
// job is known.
func ClaimsOf(f githubjobs.Facts, job githubjobs.Job, repository string) (Claims, error) {
	c, err := commitsOf(f, job)
	if err == nil {
		c.Repository, c.SpecDigest = repository, f.Spec.Digest()
	}
	return c, err
}

// About names what a receipt of this end of a job is about: another end has another name,
// and the same end the same one, in whatever form it is told. It is empty for a job that has
// no receipt.
func About(f githubjobs.Facts, job githubjobs.Job) string {
	if !job.Terminal {
		return ""
	}
	c, err := commitsOf(f, job)
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%d %s %s %s %d.%d #%d", c.Attempt, c.Created, c.ResultSHA, c.MergeSHA, c.RunID, c.RunAttempt, c.Pull)
}

// Attested says whether GitHub may have attested the result of a job that is at its end: its
// run was to have that done. The run has ended, or the job would not be at its end.
func Attested(f githubjobs.Facts, job githubjobs.Job) bool {
	r := f.Present().Result
	return job.Terminal && r != nil && r.SHA == job.Evidence.ResultSHA && r.Result.Ran != nil && r.Result.Ran.Attest
}

// commitsOf are the claims but for what follows from the spec.
func commitsOf(f githubjobs.Facts, job githubjobs.Job) (Claims, error) {
	present := f.Present()
	if f.Spec == nil || len(present.Created) == 0 {
		return Claims{}, ErrNothing
	}
	e := job.Evidence
	c := Claims{
		Spec: *f.Spec, Created: present.Created[0], Attempt: job.Attempt,
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

package gate

import (
	"context"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// ownResult is the result that this very attempt has published.
type ownResult struct {
	githubjobs.Result
	sha string // empty when it is not known
	why string // it is not known, where somebody can tell
}

// ownResult reads the commit that publish named. Only where publish was not asked, it
// is looked for below head.
func (g *gate) ownResult(ctx context.Context, head string) (ownResult, error) {
	named := g.Result
	switch {
	case g.Voucher != nil:
		sha, why, err := g.Voucher(ctx)
		if err != nil || sha == "" {
			return ownResult{why: why}, err
		}
		named = sha
	case named == "":
		return g.onlyResult(ctx, head)
	}
	commit, err := g.Repo.ReadCommit(ctx, named)
	if err != nil {
		return ownResult{}, err
	}
	if r, ok := g.parse(commit); ok && r.Attempt == g.Attempt {
		return ownResult{Result: r, sha: named}, nil
	}
	return ownResult{}, nil
}

// maxResults bounds how many commits of a branch are read: attempts mostly leave one,
// and few jobs have more than two.
const maxResults = 20

// onlyResult goes from head down to the job. Anybody who may push can copy the line
// that makes a commit a result, so there must be nothing on the branch but results of
// this run, and only one of this attempt: the newest. A second parent is the base onto
// which a result was brought.
func (g *gate) onlyResult(ctx context.Context, head string) (ownResult, error) {
	var found ownResult
	attempt := g.Attempt + 1
	for sha, read := head, 0; sha != g.JobSHA; read++ {
		if read == maxResults {
			return ownResult{}, nil
		}
		commit, err := g.Repo.ReadCommit(ctx, sha)
		if err != nil {
			return ownResult{}, err
		}
		if len(commit.Parents) == 2 && g.isUpdate(commit) { // what it holds is looked at apart
			sha = commit.Parents[0].GetSHA()
			continue
		}
		r, ok := g.parse(commit)
		if !ok || len(commit.Parents) < 1 || len(commit.Parents) > 2 || r.Attempt >= attempt || found.sha == "" && r.Attempt != g.Attempt {
			return ownResult{}, nil
		}
		if found.sha == "" {
			found = ownResult{Result: r, sha: sha}
		}
		attempt, sha = r.Attempt, commit.Parents[0].GetSHA()
	}
	return found, nil
}

// isUpdate says whether a commit says to bring a result of the job onto its base.
func (g *gate) isUpdate(commit *github.Commit) bool {
	id, _, err := githubjobs.ParseUpdate(commit.GetMessage())
	return err == nil && id == g.Spec.ID
}

// parse reads a result of this run.
func (g *gate) parse(commit *github.Commit) (githubjobs.Result, bool) {
	r, err := githubjobs.ParseResult(commit.GetMessage())
	return r, err == nil && r.ID == g.Spec.ID && r.RunID == g.RunID
}

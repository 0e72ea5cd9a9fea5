package verify

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/agent/sigstore"
)

// workflowFile is the one whose runs do jobs.
const workflowFile = "/.github/workflows/run-job.yml"

// attested takes the statement out of a Sigstore bundle, signed by a run of a workflow. The
// error is that the check could not begin.
func (k *checker) attested(ctx context.Context) (ok bool, err error) {
	if len(k.TrustedRoot) == 0 {
		return false, errors.New("it is an attestation by GitHub, which is checked by --trusted-root: gh attestation trusted-root > trusted_root.jsonl brings that")
	}
	payload, by, err := sigstore.Verify(k.Receipt, k.TrustedRoot)
	switch {
	case errors.Is(err, sigstore.ErrRoots), errors.Is(err, sigstore.ErrLeftOut):
		return false, err
	case err != nil:
		k.wrong("signature: %s", err)
		return false, nil
	}
	s, err := receipt.ParseStatement(payload)
	if err != nil {
		k.wrong("%s", err)
		return false, nil
	}
	k.holds("the attestation is signed by %s, by the roots that you gave", by.Workflow)
	k.said, k.signer = s, &by
	return k.subjects(ctx), nil
}

// subjects makes the subjects what those of a receipt are: commits by their SHA.
func (k *checker) subjects(ctx context.Context) bool {
	var list []receipt.Resource
	for _, s := range k.said.Subject {
		name, sha, ok := receipt.AttestedCommit(s.Name)
		if !ok || s.URI != "" || s.Digest.GitCommit != "" {
			k.wrong("subject: %.80q names no commit of a job", s.Name)
			return false
		}
		raw, err := k.git.Run(ctx, "cat-file", "commit", sha)
		if err != nil {
			k.absent(name+" commit", sha, errAbsent)
			return false
		}
		if sum := sha256.Sum256([]byte(raw)); hex.EncodeToString(sum[:]) != s.Digest.SHA256 {
			k.wrong("subject[%s]: the attestation is of %s, and the commit %.12s has another SHA-256", name, s.Digest.SHA256, sha)
			return false
		}
		list = append(list, receipt.Resource{
			Name: name, URI: k.said.Predicate.BuildDefinition.ExternalParameters.Repository + "/commit/" + sha, Digest: receipt.Digest{GitCommit: sha},
		})
	}
	if k.said.Subject = list; k.said.Commit(receipt.Result) == "" {
		k.wrong("subject: no result commit is attested")
		return false
	}
	return true
}

// identity compares who has signed with who does the job: the run of its workflow, in its
// repository, from its creation commit, as it was on the base branch.
func (k *checker) identity(ctx context.Context) {
	address := k.found.Repository
	ref := "refs/heads/" + githubjobs.Name{ID: k.found.Spec.ID, Attempt: k.found.Attempt}.Branch()
	for _, c := range []struct{ what, got, want string }{
		{"the issuer of the identity", k.signer.Issuer, issuerOf(address)},
		{"the workflow", k.signer.Workflow, address + workflowFile + "@" + ref},
		{"the repository", k.signer.Repository, address},
		{"the ref of the run", k.signer.Ref, ref},
		{"the commit of the run", k.signer.Commit, k.found.Created},
		{"the run", k.signer.Run, fmt.Sprintf("%s/actions/runs/%d/attempts/%d", address, k.found.RunID, k.found.RunAttempt)},
		{"the number of the repository", k.signer.RepositoryID, k.RepositoryID},
	} {
		switch {
		case c.want == "" && c.what == "the number of the repository":
			k.note("%s, by which GitHub tells it from one that gets its name later, is %s (--repository-id compares it)", c.what, c.got)
		case !strings.EqualFold(c.got, c.want): // GitHub tells no case apart in names, and all else has one
			k.wrong("signature: %s is %q, not %q", c.what, c.got, c.want)
			return
		}
	}
	k.holds("who has signed is run %d of the job's workflow, in this repository, from the creation commit", k.found.RunID)
	k.workflow(ctx)
}

// workflow looks whether the workflow that ran is the base's: whoever may push a branch of a
// job can change it there.
func (k *checker) workflow(ctx context.Context) {
	c, err := k.read(ctx, k.found.Created)
	parent, parentErr := k.read(ctx, first(c.parents))
	base, known := k.base(ctx)
	switch {
	case err != nil || len(c.parents) != 1:
		k.wrong("resolvedDependencies[creation]: the commit %.12s does not stand on one other", k.found.Created)
	case parentErr != nil:
		k.absent("commit before the creation", first(c.parents), parentErr)
	case parent.tree != c.tree: // which was told
	case !known:
		k.unchecked("the clone does not have the branch %s, whose workflow must be the one that ran", k.found.Spec.Base)
	case !k.isAncestor(ctx, c.parents[0], base):
		k.wrong("signature: the workflow that ran may not be that of %s: the creation commit does not stand on it (if that is old: git fetch origin)", k.found.Spec.Base)
	default:
		k.holds("the workflow that ran was that of the branch %s", k.found.Spec.Base)
	}
}

// issuerOf is who gives runs their identity, on the GitHub of a repository.
func issuerOf(repository string) string {
	if rest, ok := strings.CutPrefix(repository, "https://github.com/"); ok && rest != "" {
		return "https://token.actions.githubusercontent.com"
	}
	scheme, rest, _ := strings.Cut(repository, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host + "/_services/token"
}

package verify

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
)

// compare makes the receipt anew from the commits that it names, and says where the two
// differ.
func (k *checker) compare(ctx context.Context) error {
	if !k.creation(ctx) {
		return ctx.Err()
	}
	complete := k.result(ctx)
	complete = k.merge(ctx) && complete
	k.pull(ctx)
	k.address(ctx)
	if !complete {
		return ctx.Err()
	}
	if k.signer != nil {
		k.identity(ctx)
	}
	differences, err := receipt.Differences(k.said, k.found.Statement())
	if err != nil {
		return err
	}
	for _, d := range differences {
		switch {
		case d.Got == "":
			k.wrong("%s: the receipt does not say it; by the commits it is %s", d.Field, d.Want)
		case d.Want == "":
			k.wrong("%s: the receipt says %s; the commits tell of nothing there", d.Field, d.Got)
		default:
			k.wrong("%s: the receipt says %s; by the commits it is %s", d.Field, d.Got, d.Want)
		}
	}
	if len(differences) == 0 {
		k.holds("every field of the receipt is as the commits tell it")
	}
	return ctx.Err()
}

// creation looks at the commit that carries the spec. Without it nothing else can be told.
func (k *checker) creation(ctx context.Context) bool {
	sha := k.said.Commit(receipt.Creation)
	c, err := k.read(ctx, sha)
	if err != nil {
		k.absent("creation commit", sha, err)
		return false
	}
	spec, err := githubjobs.ParseSpec(c.message)
	if err != nil {
		k.wrong("resolvedDependencies[creation]: the commit %.12s is not the creation of a job: %s", sha, err)
		return false
	}
	digest, err := githubjobs.SpecDigest(c.message)
	if err != nil {
		k.wrong("creation commit %.12s: %s", sha, err)
		return false
	}
	k.found = receipt.Claims{Spec: spec, SpecDigest: digest, Created: sha, Attempt: githubjobs.AttemptOf(c.message)}
	k.holds("the commit %.12s creates job %s: %q", sha, spec.ID, spec.Title)
	if parent, err := k.read(ctx, first(c.parents)); err == nil && parent.tree != c.tree {
		k.wrong("the creation commit %.12s changes files, which no creation of a job does", sha)
	}
	return true
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// result looks at the result commit, if the receipt names one.
func (k *checker) result(ctx context.Context) bool {
	sha := k.said.Commit(receipt.Result)
	if sha == "" {
		k.found.RunID, k.found.RunAttempt = runOf(k.said.Predicate.RunDetails.Metadata.InvocationID)
		k.note("there is no result commit, so no commit tells which run it was")
		return true
	}
	c, err := k.read(ctx, sha)
	if err != nil {
		k.absent("result commit", sha, err)
		return false
	}
	r, err := githubjobs.ParseResult(c.message)
	switch {
	case err != nil:
		k.wrong("subject[result]: the commit %.12s is not the result of a job: %s", sha, err)
		return false
	case r.ID != k.found.Spec.ID:
		k.wrong("subject[result]: the commit %.12s is the result of job %s, not of %s", sha, r.ID, k.found.Spec.ID)
		return false
	case k.isAncestor(ctx, k.found.Created, sha):
	case !k.hasBase(ctx):
		k.unchecked("whether the commit %.12s comes after the creation commit or after the base, since %s", sha, k.noBase())
		return false
	case !k.rebased(ctx, c):
		k.wrong("subject[result]: the commit %.12s does not come after the creation commit %.12s", sha, k.found.Created)
		return false
	}
	k.found.SetResult(sha, r)
	k.holds("the commit %.12s is the result of run %d, attempt %d: %s", sha, r.RunID, r.Attempt, r.Outcome)
	return true
}

// rebased says whether a result that does not come after its creation commit comes after
// the base: it was moved onto a newer one.
func (k *checker) rebased(ctx context.Context, result commit) bool {
	base, ok := k.base(ctx)
	return ok && len(result.parents) > 0 && k.isAncestor(ctx, result.parents[0], base)
}

// base is the head of the branch that the job is merged into, as the clone knows it.
func (k *checker) base(ctx context.Context) (sha string, ok bool) {
	for _, ref := range []string{"refs/remotes/origin/", "refs/heads/"} {
		out, err := k.git.Run(ctx, "rev-parse", "--verify", "--quiet", ref+k.found.Spec.Base+"^{commit}")
		if err == nil {
			return strings.TrimSpace(out), true
		}
	}
	return "", false
}

func (k *checker) hasBase(ctx context.Context) bool { _, ok := k.base(ctx); return ok }

// noBase says of a clone that lacks the base branch, as one of a single branch may, what brings it.
func (k *checker) noBase() string {
	base := k.found.Spec.Base
	return fmt.Sprintf("the clone does not have the branch %[1]s; this brings it: git fetch origin %[1]s:refs/remotes/origin/%[1]s", base)
}

var invocation = regexp.MustCompile(`/actions/runs/([0-9]+)/attempts/([0-9]+)$`)

func runOf(address string) (id int64, attempt int) {
	m := invocation.FindStringSubmatch(address)
	if m == nil {
		return 0, 0
	}
	id, _ = strconv.ParseInt(m[1], 10, 64)
	attempt, _ = strconv.Atoi(m[2])
	return id, attempt
}

var pullAddress = regexp.MustCompile(`/pull/([1-9][0-9]*)$`)

// pull finds the number of the pull request in the merge commit, or in what the clone has
// fetched of GitHub's own refs.
func (k *checker) pull(ctx context.Context) {
	address := k.said.Predicate.RunDetails.Outcome.PullURL
	said := 0
	if m := pullAddress.FindStringSubmatch(address); m != nil {
		said, _ = strconv.Atoi(m[1])
	}
	if k.found.Pull != 0 { // the merge commit told it
		return
	}
	k.found.Pull = said
	if said == 0 {
		return
	}
	out, err := k.git.Run(ctx, "rev-parse", "--verify", "--quiet", fmt.Sprintf("refs/pull/%d/head", said))
	switch head := strings.TrimSpace(out); {
	case err != nil:
		k.note("no commit tells that the pull request was #%d", said)
	case head != k.found.ResultSHA && !k.hasBase(ctx):
		k.unchecked("whether the head of #%d, %.12s, is the result on newer commits of the base, since %s", said, head, k.noBase())
	case !k.carries(ctx, head):
		k.wrong("byproducts[pull request]: the head of #%d is %.12s, not the result %.12s nor that on newer commits of the base", said, head, k.found.ResultSHA)
	default:
		k.holds("the head of pull request #%d is the result", said)
	}
}

// address takes the repository's address from the clone's remote.
func (k *checker) address(ctx context.Context) {
	said := k.said.Predicate.BuildDefinition.ExternalParameters.Repository
	out, err := k.git.Run(ctx, "config", "--get", "remote.origin.url")
	remote := normalAddress(strings.TrimSpace(out))
	if err != nil || remote == "" {
		k.found.Repository = said
		k.note("the clone has no remote that tells the repository's address; the receipt says %s", said)
		return
	}
	if k.found.Repository = remote; strings.EqualFold(remote, said) {
		k.found.Repository = said // GitHub tells no case apart
	}
}

var scp = regexp.MustCompile(`^(?:ssh://)?(?:[^@/]+@)?([^:/]+)[:/]([^/].*)$`)

// normalAddress is the address of a remote as a browser would have it; empty for one that
// is no address on a network.
func normalAddress(remote string) string {
	remote = strings.TrimSuffix(strings.TrimSuffix(remote, "/"), ".git")
	for _, scheme := range []string{"https://", "http://"} {
		if rest, ok := strings.CutPrefix(remote, scheme); ok {
			if i := strings.IndexByte(rest, '@'); i >= 0 && i < strings.IndexByte(rest+"/", '/') {
				rest = rest[i+1:]
			}
			return scheme + rest
		}
	}
	if m := scp.FindStringSubmatch(remote); m != nil && !strings.HasPrefix(remote, "/") && !strings.HasPrefix(remote, "file:") {
		return "https://" + m[1] + "/" + m[2]
	}
	return ""
}

// absent tells of a commit that can't be read, and how it can be had.
func (k *checker) absent(what, sha string, err error) {
	if !errors.Is(err, errAbsent) {
		k.wrong("gitCommit of the %s: %s", what, err)
		return
	}
	fetch := "git fetch origin " + sha
	if m := pullAddress.FindStringSubmatch(k.said.Predicate.RunDetails.Outcome.PullURL); m != nil {
		fetch = "git fetch origin refs/pull/" + m[1] + "/head"
	}
	k.unchecked("the %s %.12s is not in this clone. If GitHub still has it, this brings it: %s. If the repository does not know it, the receipt is wrong", what, sha, fetch)
}

// within says whether each of the paths is one of the others, and names one that is not.
func within(paths, others []string) (string, bool) {
	for _, path := range paths {
		if !slices.Contains(others, path) {
			return path, false
		}
	}
	return "", true
}

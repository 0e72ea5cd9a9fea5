package verify

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
)

// merge looks at the commit by which the result came onto its base branch, and for one that
// the receipt does not tell of.
func (k *checker) merge(ctx context.Context) bool {
	sha := k.said.Commit(receipt.Merge)
	base, known := k.base(ctx)
	switch {
	case sha == "" && k.signer != nil: // it was signed before anybody else could merge
		if merged := ""; known {
			if merged = k.mergeOn(ctx, base); merged != "" {
				k.note("the commit %.12s, by which the result was merged after its run had attested it, is not in the attestation; the receipt tells of it", merged)
			}
		}
		return true
	case sha == "":
		if known {
			k.found.MergeSHA = k.mergeOn(ctx, base)
		}
		return true
	}
	c, err := k.read(ctx, sha)
	if err != nil {
		k.absent("merge commit", sha, err)
		return false
	}
	if !k.belongs(ctx, sha, c) {
		return false
	}
	switch {
	case !known:
		k.unchecked("whether the commit %.12s is on the branch that the job was merged into, since %s", sha, k.noBase())
	case !k.isAncestor(ctx, sha, base):
		k.wrong("subject[merge]: the commit %.12s is not on the branch %s of this clone (if that is old: git fetch origin)", sha, k.found.Spec.Base)
	default:
		k.holds("the commit %.12s is on the branch %s", sha, k.found.Spec.Base)
	}
	k.found.MergeSHA = sha
	k.content(ctx, sha, c)
	return true
}

// mergeOn finds the commit of the merge gate for this job on the branch; empty where there
// is none.
func (k *checker) mergeOn(ctx context.Context, base string) string {
	out, err := k.git.Run(ctx, "log", "--format=%H", "--fixed-strings", "--grep=Job-Id: "+k.found.Spec.ID, base)
	if err != nil {
		return ""
	}
	for sha := range strings.FieldsSeq(out) {
		c, err := k.read(ctx, sha)
		if id, run := githubjobs.MergeOf(c.message); err == nil && id == k.found.Spec.ID && k.sameRun(run) {
			return sha
		}
	}
	return ""
}

// sameRun says whether the address of a run is that of the result.
func (k *checker) sameRun(address string) bool {
	return strings.HasSuffix(address, "/actions/runs/"+strconv.FormatInt(k.found.RunID, 10))
}

var pullNumber = regexp.MustCompile(`\(#([1-9][0-9]*)\)$|^Merge pull request #([1-9][0-9]*) `)

// belongs says whether a commit brought this job's result: by its trailers, or, where a
// person merged, by what it is made of.
func (k *checker) belongs(ctx context.Context, sha string, c commit) bool {
	title, _, _ := strings.Cut(c.message, "\n")
	if m := pullNumber.FindStringSubmatch(title); m != nil {
		k.found.Pull, _ = strconv.Atoi(m[1] + m[2])
	}
	id, run := githubjobs.MergeOf(c.message)
	switch {
	case id == "" && slices.Contains(c.parents, k.found.ResultSHA):
		k.holds("the commit %.12s merges the result; it has no trailers Job-Id and Job-Run, so it was not made by the merge gate", sha)
	case id == "" && k.copies(ctx, sha, c):
		k.holds("the commit %.12s changes what the result changes, and nothing else; it has no trailers Job-Id and Job-Run, so it was not made by the merge gate", sha)
	case id == "":
		k.wrong("subject[merge]: the commit %.12s has neither the trailers of a merged job nor its changes", sha)
		return false
	case id != k.found.Spec.ID:
		k.wrong("subject[merge]: the commit %.12s is the merge of job %s, not of %s (Job-Id)", sha, id, k.found.Spec.ID)
		return false
	case k.found.RunID != 0 && run != "" && !k.sameRun(run):
		k.wrong("subject[merge]: the commit %.12s is of the run %s, and the result of run %d (Job-Run)", sha, run, k.found.RunID)
		return false
	default:
		k.holds("the commit %.12s is the merge of job %s by its trailers; its run is %s", sha, id, run)
	}
	return true
}

// copies says whether a commit makes the same of the same paths as the result does.
func (k *checker) copies(ctx context.Context, sha string, c commit) bool {
	wanted, err := k.delivered(ctx)
	if err != nil || len(c.parents) == 0 || len(wanted) == 0 {
		return false
	}
	made, err := k.changed(ctx, c.parents[0], sha)
	return err == nil && slices.Equal(made, wanted) && len(k.other(ctx, sha, wanted)) == 0
}

// delivered are the paths that the result changed, on the commit on which it stands.
func (k *checker) delivered(ctx context.Context) ([]string, error) {
	from := k.found.Created
	if !k.isAncestor(ctx, from, k.found.ResultSHA) {
		return k.changed(ctx, k.found.ResultSHA+"^", k.found.ResultSHA)
	}
	base, err := k.onto(ctx)
	if err != nil {
		return nil, err
	}
	return k.changed(ctx, cmp.Or(base, from), k.found.ResultSHA)
}

// onto is the commit of the base branch onto which the result was brought: the second
// parent of the result, or of one of the same job below it. Empty: it stands on the
// commit from which the job began.
func (k *checker) onto(ctx context.Context) (string, error) {
	out, err := k.git.Run(ctx, "log", "--first-parent", "--format=%P", k.found.Created+".."+k.found.ResultSHA)
	for line := range strings.Lines(out) {
		if parents := strings.Fields(line); len(parents) > 1 {
			return parents[1], err
		}
	}
	return "", err
}

// maxAbove bounds how often a result was brought onto newer commits of the base.
const maxAbove = 10

// carries says whether a head is the result, or the result on newer commits of the base and
// nothing else: each commit above it is a merge of the base, and what it changes there is what
// the result changes, as it is in the result.
func (k *checker) carries(ctx context.Context, head string) bool {
	base, known := k.base(ctx)
	wanted, err := k.delivered(ctx)
	for range maxAbove {
		if head == k.found.ResultSHA || err != nil || !known {
			break
		}
		c, err := k.read(ctx, head)
		if err != nil || len(c.parents) != 2 || !k.isAncestor(ctx, c.parents[1], base) {
			return false
		}
		made, err := k.changed(ctx, c.parents[1], head)
		if _, ok := within(made, wanted); err != nil || !ok || len(k.other(ctx, head, made)) > 0 {
			return false
		}
		head = c.parents[0]
	}
	return head == k.found.ResultSHA
}

// other are those of the paths that a commit has otherwise than the result.
func (k *checker) other(ctx context.Context, sha string, paths []string) (list []string) {
	all, err := k.changed(ctx, k.found.ResultSHA, sha)
	if err != nil {
		return paths
	}
	for _, path := range paths {
		if slices.Contains(all, path) {
			list = append(list, path)
		}
	}
	return list
}

// content compares what came onto the base branch with what the result held.
func (k *checker) content(ctx context.Context, sha string, c commit) {
	wanted, err := k.delivered(ctx)
	if err != nil || len(c.parents) == 0 || k.found.ResultSHA == "" {
		return
	}
	made, err := k.changed(ctx, c.parents[0], sha)
	if err != nil {
		k.unchecked("what the merge changed can't be read: %s", err)
		return
	}
	if path, ok := within(made, wanted); !ok {
		k.wrong("subject[merge]: the commit %.12s changes %q, which the result does not", sha, path)
		return
	}
	if differs := k.other(ctx, sha, made); len(differs) > 0 {
		k.note("%d of %d files, such as %q, were merged with changes that others had made to them", len(differs), len(wanted), differs[0])
		return
	}
	k.holds("the %d files that the merge changed are those of the result, as they are there", len(made))
}

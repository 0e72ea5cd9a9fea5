package hub

import (
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// aCommit is what the runs of these tests name as their result.
const aCommit = "0123456789abcdef0123456789abcdef01234567"

// naming is a workflow that names results as the job's id says.
const naming = `n=0123456789abcdef0123456789abcdef01234567; say() { echo "::notice title=githubjobs%3A result::$1"; }; case $GITHUB_REF_NAME in ` +
	`*/one) say $n; echo "::notice title=Other::$1";; */twice) say $n; say $n;; */two) say $n; say $GITHUB_SHA;; */text) say reports;; */failed) say $n; exit 1;; */none) :;; *) say $n;; esac`

// ran is the run of a job, by its facts.
func (f *fixture) ran(id string) Ran {
	f.t.Helper()
	facts := f.facts(id)
	if len(facts.Runs) == 0 {
		f.t.Fatalf("job %s has no run", id)
	}
	run := facts.Runs[0]
	return Ran{Of: first(id), Base: "main", JobSHA: run.HeadSHA, RunID: run.ID, Attempt: run.Attempt}
}

func TestVouched(t *testing.T) {
	f := setup(t)
	f.workflow("run-job.yml", naming)
	var list []githubjobs.Spec
	for _, id := range []string{"one", "twice", "two", "text", "failed", "none"} {
		list = append(list, spec(id))
	}
	f.submit(list...)
	f.byHand("changed", f.git("rev-parse", "main"), true)
	f.byHand("aside", f.commit("main", "To be taken back"), false)
	f.git("update-ref", "refs/heads/main", "main~1")
	f.idle()
	for id, want := range map[string]string{
		"one": "", "twice": "",
		"two": "do not name one result", "text": "do not name one result", "none": "update the agent's image",
		"failed": "not come to a good end", "changed": "changes files", "aside": "does not stand on main",
	} {
		f.requests()
		sha, why, err := f.repo.Vouched(t.Context(), f.ran(id))
		if err != nil || (want == "") != (sha == aCommit) || !strings.Contains(why, want) || want == "" && why != "" {
			t.Errorf("%s: %q, %q, %v, want %q", id, sha, why, err, want)
		}
	}
	ran := f.ran("one")
	f.requests()
	if sha, _, err := f.repo.Vouched(t.Context(), ran); err != nil || sha != aCommit {
		t.Errorf("%q, %v", sha, err)
	}
	if n := len(f.requests()); n != 7 {
		t.Errorf("%d requests, want 7", n)
	}
	for name, change := range map[string]func(*Ran){
		"another job":     func(r *Ran) { r.Of.ID = "two" },
		"another commit":  func(r *Ran) { r.JobSHA = aCommit },
		"another attempt": func(r *Ran) { r.Attempt = 2 },
		"another run":     func(r *Ran) { r.RunID = 1 << 40 },
		"no base":         func(r *Ran) { r.Base = "nope" },
	} {
		other := ran
		change(&other)
		if sha, why, err := f.repo.Vouched(t.Context(), other); err != nil || sha != "" || why == "" {
			t.Errorf("%s: %q, %q, %v", name, sha, why, err)
		}
	}
}

// byHand pushes a job that was not made by the server.
func (f *fixture) byHand(id, parent string, change bool) {
	f.t.Helper()
	tree := f.git("rev-parse", parent+"^{tree}")
	if change {
		f.git("update-ref", "refs/heads/tmp", parent)
		f.addFile("tmp", "sneaked", f.blob("x"))
		tree = f.git("rev-parse", "tmp^{tree}")
		f.git("update-ref", "-d", "refs/heads/tmp")
	}
	commit, err := f.repo.Commit(tree, parent, githubjobs.FormatSpec(spec(id)), created.Add(time.Minute))
	f.must(err)
	results, err := f.repo.Push(f.t.Context(), []Update{{Ref: "refs/heads/job/" + id, New: commit.Hash().String()}}, []plumbing.EncodedObject{commit})
	f.must(err)
	f.must(results[0])
}

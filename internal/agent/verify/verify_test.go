package verify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/agent/agenttest"
)

const address = "https://github.example/me/reports"

var at = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

// world is a clone in which a job was done and merged.
type world struct {
	t                       *testing.T
	repo                    *agenttest.Repository
	spec                    githubjobs.Spec
	created, result, merged string
	key                     receipt.Key
	claims                  receipt.Claims
}

func setup(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, repo: agenttest.NewRepository(t)}
	w.repo.Commit(agenttest.Commit{Message: "Begin", Write: map[string]string{"README.md": "# Reports\n"}})
	w.repo.Git("remote", "add", "origin", "git@github.example:me/reports.git")
	w.spec = githubjobs.Spec{ID: "the-job", Kind: githubjobs.KindReport, Prompt: "Daily report for @all", Base: "main"}
	w.spec.Normalize(at)
	w.created = w.repo.Job(w.spec)
	result := githubjobs.Result{
		Version: 1, ID: "the-job", Attempt: 1, RunID: 7, Outcome: githubjobs.OutcomeSuccess, StartedAt: at.Add(time.Second), FinishedAt: at.Add(2 * time.Second),
		Ran: &githubjobs.Ran{
			Runtime: "docker", Image: "agent:v1", ImageID: "sha256:" + strings.Repeat("1", 64), Manifest: "sha256:" + strings.Repeat("2", 64), Agent: "sha256:" + strings.Repeat("3", 64),
			Workflow: "me/reports/.github/workflows/run-job.yml@refs/heads/job/the-job", WorkflowSHA: w.created,
		},
	}
	w.repo.Git("checkout", "-q", "job/the-job")
	w.result = w.repo.Commit(agenttest.Commit{Message: githubjobs.FormatResult(w.spec.Title, result), Write: map[string]string{"reports/a.md": "# A\n"}})
	w.repo.Git("checkout", "-q", "main")
	title, message := githubjobs.FormatMerge(w.spec, result, 12, address+"/actions/runs/7")
	w.merged = w.repo.Commit(agenttest.Commit{Message: title + "\n\n" + message, Write: map[string]string{"reports/a.md": "# A\n"}})
	w.repo.Commit(agenttest.Commit{Message: "Later", Write: map[string]string{"later": "x"}})
	var err error
	if w.key, err = receipt.NewKey(); err != nil {
		t.Fatal(err)
	}
	w.claims = receipt.Claims{Repository: address, Spec: w.spec, SpecDigest: w.spec.Digest(), Created: w.created, Attempt: 1, Pull: 12, MergeSHA: w.merged}
	w.claims.SetResult(w.result, result)
	return w
}

// check checks a statement, signed, in the clone.
func (w *world) check(s receipt.Statement) (Verdict, string) {
	w.t.Helper()
	e, err := w.key.Sign(s)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.envelope(e)
}

func (w *world) envelope(e receipt.Envelope) (Verdict, string) {
	w.t.Helper()
	raw, err := json.Marshal(e)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	verdict, err := Check{Receipt: raw, Keys: []receipt.Key{w.key}, Repository: w.repo.Tree, Out: &out}.Run(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return verdict, out.String()
}

func TestAReceiptThatHolds(t *testing.T) {
	t.Parallel()
	w := setup(t)
	verdict, out := w.check(w.claims.Statement())
	if verdict != Holds || !strings.Contains(out, "every field of the receipt is as the commits tell it") || !strings.Contains(out, "the 1 files that the merge changed are those of the result") {
		t.Errorf("%d\n%s", verdict, out)
	}
}

// Whatever is changed in a receipt, also by somebody with the key: the commits say which
// field it is.
func TestEveryFieldIsChecked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	raw, err := json.Marshal(w.claims.Statement())
	if err != nil {
		t.Fatal(err)
	}
	var all any
	if err := json.Unmarshal(raw, &all); err != nil {
		t.Fatal(err)
	}
	changes := 0
	each(all, "", func(path string, set func(any), value any) {
		if strings.HasSuffix(path, ".name") { // of a resource: with another name it is none that is understood
			return
		}
		for _, other := range others(value) {
			set(other)
			changed, err := json.Marshal(all)
			if err != nil {
				t.Fatal(err)
			}
			set(value)
			var s receipt.Statement
			if err := json.Unmarshal(changed, &s); err != nil {
				continue // it can't even be read
			}
			if same, _ := json.Marshal(s); string(same) == string(raw) {
				continue
			}
			changes++
			verdict, out := w.check(s)
			// A commit that nobody has can't be told from one that was not fetched, but it is named.
			named := strings.Contains(out, path[strings.LastIndexByte(path, '.')+1:]) || strings.Contains(out, "subject[") || strings.Contains(out, "resolvedDependencies[creation]") || strings.Contains(out, "is not in this clone")
			if verdict == Holds || !named {
				t.Errorf("%s = %v: %d\n%s", path, other, verdict, out)
			}
		}
	})
	if changes < 30 {
		t.Errorf("only %d changes were made", changes)
	}
}

// each visits every value of decoded JSON that is no object or list.
func each(value any, path string, visit func(path string, set func(any), value any)) {
	switch v := value.(type) {
	case map[string]any:
		for name, one := range v {
			if leaf(one) {
				visit(path+"."+name, func(x any) { v[name] = x }, one)
			} else {
				each(one, path+"."+name, visit)
			}
		}
	case []any:
		for i, one := range v {
			each(one, fmt.Sprintf("%s[%d]", path, i), visit)
		}
	}
}

func leaf(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

// others are values that one could be forged to.
func others(value any) []any {
	switch v := value.(type) {
	case float64:
		return []any{v + 1}
	case string:
		last := "x"
		if strings.HasSuffix(v, "0") || strings.HasSuffix(v, "Z") {
			last = "1"
		}
		if strings.HasSuffix(v, "Z") {
			return []any{strings.Replace(v, ":0", ":1", 1)}
		}
		hex := v[:len(v)-1] + "0"
		if v == hex {
			hex = v[:len(v)-1] + "1"
		}
		return []any{v + last, hex}
	}
	return nil
}

func TestWhatDoesNotHold(t *testing.T) {
	t.Parallel()
	stranger, err := receipt.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	w := setup(t)
	second := w.spec
	second.ID = "other-job"
	otherJob := w.repo.Job(second)
	for name, c := range map[string]struct {
		change  func(*receipt.Claims)
		verdict Verdict
		says    string
	}{
		"another merge":           {func(c *receipt.Claims) { c.MergeSHA = w.repo.Git("rev-parse", "main") }, Wrong, "has neither the trailers of a merged job nor its changes"},
		"a merge that is hidden":  {func(c *receipt.Claims) { c.MergeSHA = "" }, Wrong, "subject[merge]"},
		"another creation":        {func(c *receipt.Claims) { c.Created = otherJob }, Wrong, "is the result of job the-job, not of other-job"},
		"no creation":             {func(c *receipt.Claims) { c.Created = w.result }, Wrong, "is not the creation of a job"},
		"the creation as result":  {func(c *receipt.Claims) { c.ResultSHA = w.created }, Wrong, "is not the result of a job"},
		"a commit of nowhere":     {func(c *receipt.Claims) { c.ResultSHA = strings.Repeat("9", 40) }, Unchecked, "git fetch origin refs/pull/12/head"},
		"another spec":            {func(c *receipt.Claims) { c.SpecDigest = strings.Repeat("0", 64) }, Wrong, "externalParameters.spec.sha256"},
		"another repository":      {func(c *receipt.Claims) { c.Repository = "https://github.example/you/reports" }, Wrong, "externalParameters.repository"},
		"another pull request":    {func(c *receipt.Claims) { c.Pull = 13 }, Wrong, "byproducts[pull request]"},
		"of a second attempt":     {func(c *receipt.Claims) { c.Attempt = 2 }, Wrong, "internalParameters.attempt"},
		"a repository's capitals": {func(c *receipt.Claims) { c.Repository = strings.Replace(address, "me", "Me", 1) }, Holds, "The receipt holds."},
	} {
		t.Run(name, func(t *testing.T) {
			claims := w.claims
			c.change(&claims)
			if verdict, out := w.check(claims.Statement()); verdict != c.verdict || !strings.Contains(out, c.says) {
				t.Errorf("%d, want %d and %q\n%s", verdict, c.verdict, c.says, out)
			}
		})
	}
	e, err := stranger.Sign(w.claims.Statement())
	if err != nil {
		t.Fatal(err)
	}
	if verdict, out := w.envelope(e); verdict != Wrong || !strings.Contains(out, "not signed by a key that was given") {
		t.Errorf("by a stranger: %d\n%s", verdict, out)
	}
}

// A person may merge too, in any of GitHub's ways.
func TestMergedByAPerson(t *testing.T) {
	t.Parallel()
	for name, merge := range map[string]func(w *world){
		"squash": func(w *world) {
			w.repo.Git("merge", "-q", "--squash", w.result)
			w.repo.Git("commit", "-q", "-m", "Daily report (#12)")
		},
		"a merge commit": func(w *world) {
			w.repo.Git("merge", "-q", "--no-ff", "-m", "Merge pull request #12 from me/job/the-job", w.result)
		},
		"rebase": func(w *world) { w.repo.Git("cherry-pick", w.result) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.repo.Git("reset", "-q", "--hard", w.merged+"^")
			w.repo.Commit(agenttest.Commit{Message: "Meanwhile", Write: map[string]string{"other": "x"}})
			merge(w)
			w.claims.MergeSHA = w.repo.Git("rev-parse", "main")
			if verdict, out := w.check(w.claims.Statement()); verdict != Holds || !strings.Contains(out, "it was not made by the merge gate") && !strings.Contains(out, "so it was not made by the merge gate") {
				t.Errorf("%d\n%s", verdict, out)
			}
			w.repo.Commit(agenttest.Commit{Message: "More (#12)\n\nJob-Id: the-job\nJob-Run: " + address + "/actions/runs/7", Write: map[string]string{"reports/a.md": "# A\n", "evil": "x"}})
			w.claims.MergeSHA = w.repo.Git("rev-parse", "main")
			if verdict, out := w.check(w.claims.Statement()); verdict != Wrong || !strings.Contains(out, `changes "evil", which the result does not`) {
				t.Errorf("a merge with more: %d\n%s", verdict, out)
			}
		})
	}
}

// A clone that has only the base branch says what is to be fetched.
func TestAShallowMemory(t *testing.T) {
	t.Parallel()
	w := setup(t)
	e, err := w.key.Sign(w.claims.Statement())
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(e)
	clone := filepath.Join(t.TempDir(), "clone")
	if out, err := exec.Command("git", "clone", "-q", "--single-branch", "--branch=main", "--no-local", w.repo.Dir(), clone).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var out bytes.Buffer
	verdict, err := Check{Receipt: raw, Keys: []receipt.Key{w.key}, Repository: clone, Out: &out}.Run(t.Context())
	if err != nil || verdict != Unchecked || !strings.Contains(out.String(), "git fetch origin refs/pull/12/head") {
		t.Errorf("%d, %v\n%s", verdict, err, &out)
	}
	if _, err := (Check{Receipt: raw, Repository: t.TempDir(), Out: &out}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "is no clone") {
		t.Error(err)
	}
	if _, err := (Check{Receipt: []byte("x"), Repository: clone, Out: &out}).Run(t.Context()); err == nil {
		t.Error("what is no receipt is checked")
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, remote := range []string{
		"https://github.example/me/reports", "https://github.example/me/reports.git", "https://x:token@github.example/me/reports.git/", "git@github.example:me/reports.git", "ssh://git@github.example/me/reports",
	} {
		if got := normalAddress(remote); got != address {
			t.Errorf("%s is %s", remote, got)
		}
	}
	for _, local := range []string{"", "/srv/git/reports", "../reports", "file:///srv/reports"} {
		if got := normalAddress(local); got != "" && !slices.Contains([]string{"../reports"}, local) {
			t.Errorf("%s is %s", local, got)
		}
	}
}

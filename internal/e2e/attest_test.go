package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/agent/attesttest"
	"github.com/githubjobs/githubjobs/internal/agent/sigstore"
)

// attested is the workflow with a step in the place of the action that attests, which keeps
// in a folder what the action would get: no action can be fetched here.
func attested(t *testing.T, dir string) string {
	t.Helper()
	head, action, ok := strings.Cut(string(files.RunJobWorkflow), "        uses: actions/attest@")
	if !ok || !strings.Contains(action, "${{ runner.temp }}/githubjobs-subjects") || !strings.Contains(action, "predicate: ${{ needs.job.outputs.predicate }}") {
		t.Fatal("the workflow does not attest, or not these")
	}
	return head + `        env:
          PREDICATE: ${{ needs.job.outputs.predicate }}
        run: |
          cp "$RUNNER_TEMP/githubjobs-subjects" "` + dir + `/$GITHUB_REF_SLUG.subjects"
          printf '%s' "$PREDICATE" >"` + dir + `/$GITHUB_REF_SLUG.part"
          mv "` + dir + `/$GITHUB_REF_SLUG.part" "` + dir + `/$GITHUB_REF_SLUG.predicate"
          for i in $(seq 1200); do test -e "` + dir + `/$GITHUB_REF_SLUG.attested" && exit; sleep 0.1; done; exit 1
`
}

// TestAttestedCommits looks at what is handed to the action that attests: the commits by
// their bytes, and of their making what the server's receipt says of it. What is signed of
// that, as GitHub would, the server keeps and the agent checks.
func TestAttestedCommits(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	workflow := strings.ReplaceAll(attested(t, dir), "$GITHUB_REF_SLUG", "${GITHUB_REF##*/}")
	w := start(t, options{files: map[string]string{files.RunJobPath: workflow}})
	w.variable("GITHUBJOBS_ATTEST", "true")
	merged := w.create(`{"job": "Write", "kind": "command", "config": {"script": "mkdir -p reports; echo x > reports/a.txt"}}`)
	failed := w.create(`{"job": "Fail", "kind": "command", "config": {"script": "exit 3"}}`)
	authority := attesttest.New(t)
	for _, id := range []string{merged, failed} {
		w.until("the commits are handed over", func() bool { _, err := os.Stat(filepath.Join(dir, id+".predicate")); return err == nil })
		w.attest(authority, dir, id)
	}
	for id, status := range map[string]githubjobs.Status{merged: githubjobs.StatusMerged, failed: githubjobs.StatusFailed} {
		if got := w.wait(id); got.Status != status {
			t.Fatalf("the job is %s: %s", got.Status, got.Message)
		}
	}
	for id, names := range map[string][]string{merged: {receipt.Merge, receipt.Result}, failed: {receipt.Result}} {
		w.checkHandedOver(dir, id, names...)
		w.verifyAttestation(authority, id)
	}
}

// checkHandedOver looks whether what was handed over to be attested are these commits of the job's,
// and of their making what the server's receipt says; which it returns.
func (w *world) checkHandedOver(dir, id string, names ...string) receipt.Statement {
	w.t.Helper()
	file := filepath.Join(dir, id)
	s := w.verify(w.receipt(id), 0, "The receipt holds.")
	subjects := read(w.t, file+".subjects")
	for _, name := range names {
		raw := w.git(w.bare(), "cat-file", "commit", s.Commit(name))
		if line := fmt.Sprintf("%x  %s/%s\n", sha256.Sum256([]byte(raw)), name, s.Commit(name)); !strings.Contains(subjects, line) {
			w.t.Errorf("%s: the subjects are\n%s\nand not %s", id, subjects, line)
		}
	}
	if n := strings.Count(subjects, "/"); n != len(names) {
		w.t.Errorf("%s: %d subjects, want %d", id, n, len(names))
	}
	var predicate receipt.Provenance
	if err := json.Unmarshal([]byte(read(w.t, file+".predicate")), &predicate); err != nil || !reflect.DeepEqual(predicate, s.Predicate) {
		w.t.Errorf("%s: %v: the predicate is\n%+v\nby the receipt\n%+v", id, err, predicate, s.Predicate)
	}
	return s
}

// TestAttestedResultOnANewerBase: the base moves between publish and the gate, which brings the
// result onto it and merges that, all in one run. What is attested is the result that the run has
// made and the merge, and not the commit in between; and the receipt says the same.
func TestAttestedResultOnANewerBase(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	workflow := strings.ReplaceAll(attested(t, dir), "$GITHUB_REF_SLUG", "${GITHUB_REF##*/}")
	var moves afterPull
	w := start(t, options{files: map[string]string{files.RunJobPath: workflow, policy.Path: upToDate}, wrap: moves.wrap, noServer: true, environment: []string{"MERGE=off"}})
	moves.do = func() { w.setFile("README.md", "# Meanwhile\n") }
	w.variable("GITHUBJOBS_ATTEST", "true")
	w.startServer()
	id := w.create(writeReport)
	authority := attesttest.New(t)
	w.until("the commits are handed over", func() bool { _, err := os.Stat(filepath.Join(dir, id+".predicate")); return err == nil })
	w.attest(authority, dir, id)
	job := w.wait(id)
	if job.Status != githubjobs.StatusMerged || job.Evidence.PullHeadSHA == job.Evidence.ResultSHA || job.Evidence.ResultSHA == "" {
		t.Fatalf("the job is %s (%s): %s; %+v", job.Status, job.Reason, job.Message, job.Evidence)
	}
	s := w.checkHandedOver(dir, id, receipt.Merge, receipt.Result)
	if result, merge := s.Commit(receipt.Result), s.Commit(receipt.Merge); result != job.Evidence.ResultSHA || merge != job.Evidence.MergeSHA {
		t.Errorf("the receipt tells of the result %s and the merge %s, the job %+v", result, merge, job.Evidence)
	}
	w.verifyAttestation(authority, id)
}

// TestAttestFails: where nothing can be attested, the job is what it would be without.
func TestAttestFails(t *testing.T) {
	t.Parallel()
	w := start(t, options{})
	w.variable("GITHUBJOBS_ATTEST", "true")
	id := w.create(`{"job": "Write", "kind": "command", "config": {"script": "mkdir -p reports; echo x > reports/a.txt"}}`)
	if got := w.wait(id); got.Status != githubjobs.StatusMerged {
		t.Fatalf("the job is %s: %s", got.Status, got.Message)
	}
	none := w.create(`{"job": "Change nothing", "kind": "command", "config": {"script": "true"}}`)
	if got := w.wait(none); got.Status != githubjobs.StatusCompleted || got.Reason != githubjobs.ReasonNoChanges {
		t.Errorf("the job is %s (%s): %s", got.Status, got.Reason, got.Message)
	}
}

func (w *world) variable(name, value string) {
	w.t.Helper()
	if err := w.hub.SetVariable("demo", "reports", name, value); err != nil {
		w.t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// attest does what the action does: it makes a statement of what was handed over, has it
// signed as the run, and gives it to GitHub. Then the run ends.
func (w *world) attest(authority *attesttest.Authority, dir, id string) {
	w.t.Helper()
	var predicate receipt.Provenance
	if err := json.Unmarshal([]byte(read(w.t, filepath.Join(dir, id+".predicate"))), &predicate); err != nil {
		w.t.Fatal(err)
	}
	s := receipt.Statement{Type: receipt.StatementType, PredicateType: receipt.PredicateType, Predicate: predicate}
	for line := range strings.Lines(read(w.t, filepath.Join(dir, id+".subjects"))) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			s.Subject = append(s.Subject, receipt.Resource{Name: name, Digest: receipt.Digest{SHA256: sum}})
		}
	}
	statement, err := json.Marshal(s)
	if err != nil {
		w.t.Fatal(err)
	}
	address := w.hub.URL() + "/demo/reports"
	bundle := authority.Sign(statement, sigstore.Signer{
		Issuer: w.hub.URL() + "/_services/token", Workflow: address + "/.github/workflows/run-job.yml@refs/heads/job/" + id, Repository: address, RepositoryID: "1",
		Ref: "refs/heads/job/" + id, Commit: s.Commit(receipt.Creation), Run: predicate.RunDetails.Metadata.InvocationID,
	})
	client := w.github()
	req, err := client.NewRequest(http.MethodPost, "repos/demo/reports/attestations", map[string]any{"bundle": json.RawMessage(bundle)})
	if err == nil {
		_, err = client.Do(w.t.Context(), req, nil)
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, id+".attested"), nil, 0o644)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// verifyAttestation has the agent check what the server keeps of GitHub's attestation.
func (w *world) verifyAttestation(authority *attesttest.Authority, id string) {
	w.t.Helper()
	var bundle []byte
	w.until("the attestation is kept", func() bool {
		code, answer := w.call(http.MethodGet, "/api/jobs/"+id+"/attestation", nil)
		bundle = answer
		return code == http.StatusOK
	})
	dir, clone := w.t.TempDir(), w.clone()
	w.git(clone, "fetch", "-q", "origin", "+refs/pull/*/head:refs/pull/*/head", "+refs/heads/job/*:refs/remotes/origin/job/*")
	for name, content := range map[string][]byte{"root.jsonl": authority.Root(), "attestation.json": bundle} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(binaries, "agent"), "verify", "--trusted-root", filepath.Join(dir, "root.jsonl"), "--repository-id", "1", "--repository", clone, filepath.Join(dir, "attestation.json"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "The receipt holds.") || !strings.Contains(string(out), "the workflow that ran was that of the branch main") {
		w.t.Errorf("%s: %v\n%s", id, err, out)
	}
}

package e2e

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
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
          printf '%s' "$PREDICATE" >"` + dir + `/$GITHUB_REF_SLUG.predicate"
`
}

// TestAttestedCommits looks at what is handed to the action that attests: the commits by
// their bytes, and of their making what the server's receipt says of it.
func TestAttestedCommits(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	workflow := strings.ReplaceAll(attested(t, dir), "$GITHUB_REF_SLUG", "${GITHUB_REF##*/}")
	w := start(t, options{files: map[string]string{files.RunJobPath: workflow}})
	w.variable("GITHUBJOBS_ATTEST", "true")
	merged := w.create(`{"job": "Write", "kind": "command", "config": {"script": "mkdir -p reports; echo x > reports/a.txt"}}`)
	failed := w.create(`{"job": "Fail", "kind": "command", "config": {"script": "exit 3"}}`)
	for id, status := range map[string]githubjobs.Status{merged: githubjobs.StatusMerged, failed: githubjobs.StatusFailed} {
		if got := w.wait(id); got.Status != status {
			t.Fatalf("the job is %s: %s", got.Status, got.Message)
		}
	}
	for id, names := range map[string][]string{merged: {receipt.Merge, receipt.Result}, failed: {receipt.Result}} {
		file := filepath.Join(dir, id)
		w.until("the commits are handed over", func() bool { _, err := os.Stat(file + ".predicate"); return err == nil })
		s := w.verify(w.receipt(id), 0, "The receipt holds.")
		subjects := read(t, file+".subjects")
		for _, name := range names {
			raw := w.git(w.bare(), "cat-file", "commit", s.Commit(name))
			if line := fmt.Sprintf("%x  %s/%s\n", sha256.Sum256([]byte(raw)), name, s.Commit(name)); !strings.Contains(subjects, line) {
				t.Errorf("%s: the subjects are\n%s\nand not %s", id, subjects, line)
			}
		}
		if n := strings.Count(subjects, "/"); n != len(names) {
			t.Errorf("%s: %d subjects, want %d", id, n, len(names))
		}
		var predicate receipt.Provenance
		if err := json.Unmarshal([]byte(read(t, file+".predicate")), &predicate); err != nil || !reflect.DeepEqual(predicate, s.Predicate) {
			t.Errorf("%s: %v: the predicate is\n%+v\nby the receipt\n%+v", id, err, predicate, s.Predicate)
		}
	}
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

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/require"
)

// TestReceipts has jobs done and merged, and their receipts checked offline by the agent: in
// both runtimes, of success and failure, once more after the key was changed, and after the
// database was lost.
func TestReceipts(t *testing.T) {
	t.Parallel()
	for runtime, image := range map[string]func() string{"process": func() string { return "" }, "docker": func() string { return require.Docker(t) }} {
		t.Run(runtime, func(t *testing.T) {
			t.Parallel()
			w := start(t, options{image: image()})
			merged := w.create(`{"job": "Write it for @all, see #1", "kind": "command", "config": {"script": "mkdir -p reports; echo '<hello> & more' > reports/a.txt"}}`)
			failed := w.create(`{"job": "Fail", "kind": "command", "config": {"script": "exit 3"}}`)
			if code, answer := w.call(http.MethodGet, "/api/jobs/"+failed+"/receipt", nil); code != http.StatusConflict && code != http.StatusOK {
				t.Errorf("before the end: %d %s", code, answer)
			}
			if got := w.wait(merged); got.Status != githubjobs.StatusMerged {
				t.Fatalf("the job is %s: %s", got.Status, got.Message)
			}
			w.wait(failed)
			before := map[string]string{merged: w.receipt(merged), failed: w.receipt(failed)}
			ran := w.verify(before[merged], 0, "The receipt holds.", "every field of the receipt is as the commits tell it")
			w.verify(before[failed], 0, "The receipt holds.")
			w.checkRan(ran, runtime)
			w.verify(strings.Replace(before[merged], `"payload":"`, `"payload":"AAAA`, 1), 1, "WRONG")

			w.until("the receipts are kept", func() bool { return w.count(`SELECT count(*) FROM receipts_due`) == 0 })
			w.server.kill()
			w.changeReceiptKey()
			w.startServer()
			for id, old := range before {
				if again := w.receipt(id); again != old {
					t.Errorf("after the key was changed\n%s\nbefore\n%s", again, old)
				}
			}
			w.verify(before[merged], 0, "The receipt holds.") // its key is still published
			w.server.kill()
			w.changeReceiptKey() // back
			w.loseDatabase()
			w.startServer()
			for id, old := range before {
				w.until("the job is known again", func() bool {
					code, _ := w.call(http.MethodGet, "/api/jobs/"+id+"/receipt", nil)
					return code == http.StatusOK
				})
				if again := w.receipt(id); again != old {
					t.Errorf("after the loss of the database\n%s\nbefore\n%s", again, old)
				}
			}
		})
	}
}

// changeReceiptKey puts another key in front of the server's key of receipts, or the last
// one in front where there are two.
func (w *world) changeReceiptKey() {
	w.t.Helper()
	path := filepath.Join(w.dataDir, "receipt.key")
	keys, err := os.ReadFile(path)
	if err != nil {
		w.t.Fatal(err)
	}
	first, last, two := strings.Cut(string(keys), "\n-----BEGIN")
	if two {
		keys = []byte("-----BEGIN" + last + "\n" + first + "\n")
	} else {
		key, err := receipt.NewKey()
		if err != nil {
			w.t.Fatal(err)
		}
		private, err := key.PrivatePEM()
		if err != nil {
			w.t.Fatal(err)
		}
		keys = append(private, keys...)
	}
	if err := os.WriteFile(path, keys, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) receipt(id string) string {
	w.t.Helper()
	code, answer := w.call(http.MethodGet, "/api/jobs/"+id+"/receipt", nil)
	if code != http.StatusOK {
		w.t.Fatalf("the receipt of %s: %d %s", id, code, answer)
	}
	return string(answer)
}

// verify has the agent check a receipt in a new clone, by the keys that the server publishes.
func (w *world) verify(text string, wantCode int, says ...string) (s receipt.Statement) {
	w.t.Helper()
	dir := w.t.TempDir()
	clone := filepath.Join(dir, "clone")
	w.git("", "clone", "-q", w.hub.URL()+"/demo/reports.git", clone)
	w.git(clone, "fetch", "-q", "origin", "+refs/pull/*/head:refs/pull/*/head", "+refs/heads/job/*:refs/remotes/origin/job/*")
	_, keys := w.call(http.MethodGet, "/.well-known/githubjobs/keys", nil)
	for name, content := range map[string]string{"keys.json": string(keys), "receipt.json": text} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	cmd := exec.Command(filepath.Join(binaries, "agent"), "verify", "--key", filepath.Join(dir, "keys.json"), "--repository", clone, filepath.Join(dir, "receipt.json"))
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != wantCode {
		w.t.Fatalf("agent verify: %v, want exit code %d\n%s", err, wantCode, out)
	}
	for _, word := range says {
		if !strings.Contains(string(out), word) {
			w.t.Errorf("it does not say %q:\n%s", word, out)
		}
	}
	trusted, err := receipt.ParseKeys(keys)
	if err != nil {
		w.t.Fatal(err)
	}
	if e, err := receipt.Parse([]byte(text)); err == nil {
		s, _, _ = e.Verify(trusted)
	}
	return s
}

// checkRan looks whether a receipt says what ran.
func (w *world) checkRan(s receipt.Statement, runtime string) {
	w.t.Helper()
	digests := map[string]string{}
	for _, r := range s.Predicate.BuildDefinition.Dependencies {
		digests[r.Name] = r.Digest.SHA256 + r.Digest.GitCommit
	}
	raw, _ := json.Marshal(s)
	if s.Predicate.BuildDefinition.InternalParameters.Runtime != runtime || digests["agent"] == "" || digests["workflow"] == "" ||
		!strings.Contains(s.Predicate.RunDetails.Builder.ID, "/.github/workflows/run-job.yml@") {
		w.t.Errorf("it does not say what ran: %s", raw)
	}
	if runtime != "docker" {
		return
	}
	id, err := exec.Command("docker", "image", "inspect", "--format", "{{.Id}}", require.Docker(w.t)).Output()
	if err != nil || "sha256:"+digests["image"] != strings.TrimSpace(string(id)) {
		w.t.Errorf("the image is %q, and ran as %s (%v)", id, raw, err)
	}
}

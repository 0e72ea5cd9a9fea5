package receipt

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

var at = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func sha(c string) string { return strings.Repeat(c, 40) }

// facts are those of a job that was merged.
func facts() githubjobs.Facts {
	spec := githubjobs.Spec{ID: "the-job", Kind: githubjobs.KindReport, Prompt: "Daily report", Base: "main", CreatedAt: at}
	spec.Normalize(at)
	result := githubjobs.Result{
		Version: 1, ID: "the-job", Attempt: 1, RunID: 7, Outcome: githubjobs.OutcomeSuccess, StartedAt: at.Add(time.Second), FinishedAt: at.Add(2 * time.Second),
		Ran: &githubjobs.Ran{
			Runtime: "docker", Image: "ghcr.io/me/agent:v1", ImageID: "sha256:" + strings.Repeat("1", 64), Manifest: "sha256:" + strings.Repeat("2", 64), Agent: "sha256:" + strings.Repeat("3", 64),
			Workflow: "me/reports/.github/workflows/run-job.yml@refs/heads/job/the-job", WorkflowSHA: sha("c"),
		},
	}
	return githubjobs.Facts{
		ID: "the-job", Spec: &spec, Created: []string{sha("c")},
		Runs:   []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "success", HeadSHA: sha("c"), At: at.Add(3 * time.Second)}},
		Result: &githubjobs.ResultFact{SHA: sha("d"), Result: result, At: at.Add(2 * time.Second)},
		Pulls:  []githubjobs.PullFact{{Number: 12, Merged: true, MergedAt: at.Add(4 * time.Second), MergeSHA: sha("e"), HeadSHA: sha("d"), Base: "main", At: at.Add(4 * time.Second)}},
		Branch: &githubjobs.BranchFact{Head: sha("d"), Moved: true, At: at.Add(2 * time.Second)},
	}
}

func statement(t *testing.T, f githubjobs.Facts) Statement {
	t.Helper()
	job := githubjobs.Reduce(f, at.Add(time.Hour))
	claims, err := ClaimsOf(f, job, "https://github.com/me/reports")
	if err != nil {
		t.Fatal(err)
	}
	return claims.Statement()
}

// The form of a receipt is one that others read: it only changes with BuildType.
func TestTheStatementOfAMergedJob(t *testing.T) {
	t.Parallel()
	raw, err := json.MarshalIndent(statement(t, facts()), "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	spec := facts().Spec.Digest()
	want := fmt.Sprintf(`{
  "_type": "https://in-toto.io/Statement/v1",
  "subject": [
    {"name": "merge", "uri": "https://github.com/me/reports/commit/%[1]s", "digest": {"gitCommit": "%[1]s"}},
    {"name": "result", "uri": "https://github.com/me/reports/commit/%[2]s", "digest": {"gitCommit": "%[2]s"}}
  ],
  "predicateType": "https://slsa.dev/provenance/v1",
  "predicate": {
    "buildDefinition": {
      "buildType": "https://github.com/githubjobs/githubjobs/blob/main/docs/receipts.md#v1",
      "externalParameters": {"job_id": "the-job", "kind": "report", "spec": {"sha256": "%[4]s"}, "repository": "https://github.com/me/reports", "base": "main"},
      "internalParameters": {"attempt": 1, "runtime": "docker", "image": "ghcr.io/me/agent:v1"},
      "resolvedDependencies": [
        {"name": "creation", "uri": "https://github.com/me/reports/commit/%[3]s", "digest": {"gitCommit": "%[3]s"}},
        {"name": "workflow", "uri": "git+https://github.com/me/reports/.github/workflows/run-job.yml@refs/heads/job/the-job", "digest": {"gitCommit": "%[3]s"}},
        {"name": "image", "digest": {"sha256": "%[5]s"}},
        {"name": "image in the registry", "digest": {"sha256": "%[6]s"}},
        {"name": "agent", "digest": {"sha256": "%[7]s"}}
      ]
    },
    "runDetails": {
      "builder": {"id": "https://github.com/me/reports/.github/workflows/run-job.yml@refs/heads/job/the-job"},
      "metadata": {"invocationId": "https://github.com/me/reports/actions/runs/7/attempts/1", "startedOn": "2026-11-21T08:00:01Z", "finishedOn": "2026-11-21T08:00:02Z"},
      "byproducts": [
        {"name": "outcome", "annotations": {"status": "success", "exit_code": 0}},
        {"name": "pull request", "uri": "https://github.com/me/reports/pull/12"}
      ]
    }
  }
}`, sha("e"), sha("d"), sha("c"), spec, strings.Repeat("1", 64), strings.Repeat("2", 64), strings.Repeat("3", 64))
	if squeeze(t, string(raw)) != squeeze(t, want) {
		t.Errorf("got\n%s\nwant\n%s", raw, want)
	}
}

func squeeze(t *testing.T, text string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(value)
	return string(raw)
}

func TestReceiptsOfOtherEnds(t *testing.T) {
	t.Parallel()
	f := facts()
	f.Pulls = nil
	if s := statement(t, f); s.Commit(Merge) != "" || s.Commit(Result) != sha("d") || s.Predicate.RunDetails.Outcome.PullURL != "" {
		t.Errorf("without a pull request: %+v", s)
	}
	f.Result = nil
	if s := statement(t, f); len(s.Subject) != 1 || s.Subject[0].Name != Creation || s.Predicate.RunDetails.Outcome.Status != "" {
		t.Errorf("without a result: %+v", s)
	}
	f = facts()
	f.Result.Result.Ran = nil // of an agent that did not say
	if s := statement(t, f); len(s.Predicate.BuildDefinition.Dependencies) != 1 || s.Predicate.RunDetails.Builder.ID != "" {
		t.Errorf("of an older agent: %+v", s)
	}
	f.Created, f.Runs = nil, nil
	if _, err := ClaimsOf(f, githubjobs.Reduce(f, at), "https://github.com/me/reports"); !errors.Is(err, ErrNothing) {
		t.Errorf("nothing was pushed: %v", err)
	}
}

func key(t *testing.T) Key {
	t.Helper()
	k, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	mine, other, s := key(t), key(t), statement(t, facts())
	e, err := mine.Sign(s)
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := mine.Sign(s); again.Payload != e.Payload || again.Signatures[0] != e.Signatures[0] {
		t.Error("the same receipt is another")
	}
	got, by, err := e.Verify([]Key{other, mine})
	if d, differErr := Differences(got, s); err != nil || by.ID != mine.ID || len(d) > 0 || differErr != nil {
		t.Errorf("%v, %v, by %s", err, d, by.ID)
	}
	if _, _, err := e.Verify([]Key{other}); !errors.Is(err, ErrUnsigned) {
		t.Errorf("by a key that is not trusted: %v", err)
	}
	if _, _, err := e.Verify(nil); !errors.Is(err, ErrUnsigned) {
		t.Errorf("without keys: %v", err)
	}
	payload, _ := base64.StdEncoding.DecodeString(e.Payload)
	for i := range payload { // not one byte can be changed
		changed := append([]byte(nil), payload...)
		changed[i] ^= 1
		forged := e
		forged.Payload = base64.StdEncoding.EncodeToString(changed)
		if _, _, err := forged.Verify([]Key{mine}); !errors.Is(err, ErrForged) {
			t.Fatalf("byte %d: %v", i, err)
		}
	}
	renamed := e
	renamed.Signatures = []Signature{{"whatever", e.Signatures[0].Sig}} // the id is a hint
	if _, by, err := renamed.Verify([]Key{mine}); err != nil || by.ID != mine.ID {
		t.Errorf("under another id: %v", err)
	}
	public, err := mine.PublicPEM()
	keys, parseErr := ParseKeys([]byte(public))
	if err != nil || parseErr != nil || keys[0].Signs() || keys[0].ID != mine.ID {
		t.Fatalf("%v, %v, %+v", err, parseErr, keys)
	}
	if _, err := keys[0].Sign(s); err == nil {
		t.Error("a public key signs")
	}
}

// A statement with what this version does not know can't be checked by it.
func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	t.Parallel()
	k := key(t)
	raw, _ := json.Marshal(statement(t, facts()))
	for _, payload := range []string{
		strings.Replace(string(raw), `"_type"`, `"more":1,"_type"`, 1), strings.Replace(string(raw), `"attempt":1`, `"attempt":1,"more":1`, 1),
		strings.Replace(string(raw), `"exit_code":0`, `"exit_code":0,"more":1`, 1), strings.Replace(string(raw), `"pull request"`, `"something"`, 1), string(raw) + "{}", "[]", "",
	} {
		e := signed(k, payload)
		if _, _, err := e.Verify([]Key{k}); err == nil || errors.Is(err, ErrForged) || errors.Is(err, ErrUnsigned) {
			t.Errorf("%.200s: %v", payload, err)
		}
	}
	if _, err := Parse([]byte(`{"payloadType":"x","payload":"","signatures":[],"more":1}`)); err == nil {
		t.Error("an envelope with more is read")
	}
}

// What OpenSSL makes is a key, and others say what is wrong with them.
func TestKeys(t *testing.T) {
	t.Parallel()
	k := key(t)
	private, err := k.PrivatePEM()
	if err != nil {
		t.Fatal(err)
	}
	old, _ := key(t).PublicPEM()
	keys, err := ParseKeys([]byte(string(private) + "\n" + old))
	if err != nil || len(keys) != 2 || !keys[0].Signs() || keys[1].Signs() || keys[0].ID != k.ID {
		t.Fatalf("%v, %+v", err, keys)
	}
	published, err := Publish(keys)
	raw, _ := json.Marshal(published)
	if again, parseErr := ParseKeys(raw); err != nil || parseErr != nil || len(again) != 2 || again[0].Signs() || !published.Keys[0].Signs || published.Keys[1].Signs || strings.Contains(string(raw), "PRIVATE") {
		t.Errorf("%v, %v: %s", err, parseErr, raw)
	}
	file := filepath.Join(t.TempDir(), "key")
	if out, err := exec.Command("openssl", "genpkey", "-algorithm", "ed25519", "-out", file).CombinedOutput(); err == nil {
		out, _ = exec.Command("cat", file).Output()
		if keys, err := ParseKeys(out); err != nil || !keys[0].Signs() {
			t.Errorf("of OpenSSL: %v", err)
		}
	}
	for text, want := range map[string]string{
		"": "there is no PEM block", "abc": "there is no PEM block", string(private) + "abc": "stands behind", "{}": "there is no PEM block",
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": `"CERTIFICATE" is no key`, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n": "damaged, or of another sort",
	} {
		if _, err := ParseKeys([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// signed is an envelope of any payload.
func signed(k Key, payload string) Envelope {
	sig := ed25519.Sign(k.private, pae(PayloadType, []byte(payload)))
	return Envelope{PayloadType, base64.StdEncoding.EncodeToString([]byte(payload)), []Signature{{k.ID, base64.StdEncoding.EncodeToString(sig)}}}
}

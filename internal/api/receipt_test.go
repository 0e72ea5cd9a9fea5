package api

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/store"
)

func TestReceipt(t *testing.T) {
	t.Parallel()
	key, err := receipt.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	s := setup(t, func(o *Options) {
		o.Repository, o.ReceiptKeys = "https://github.example/me/reports", []receipt.Key{key}
	})
	res := s.do(t, "POST", "/api/create-job", `{"job":"x"}`)
	id, _, _ := strings.Cut(strings.TrimPrefix(res.body, `{"job_id":"`), `"`)
	if res := s.do(t, "GET", "/api/jobs/"+id+"/receipt", ""); res.StatusCode != 409 || !strings.Contains(res.body, `"no_receipt"`) || !strings.Contains(res.body, "it is pending (accepted)") {
		t.Errorf("before the end: %d %s", res.StatusCode, res.body)
	}
	sha := strings.Repeat("a", 40)
	result := githubjobs.Result{Version: 1, ID: id, Attempt: 1, RunID: 7, Outcome: githubjobs.OutcomeFailure, ExitCode: 3, StartedAt: now, FinishedAt: now.Add(time.Second)}
	err = s.store.MergeFacts(t.Context(), "p", githubjobs.Facts{
		ID: id, Created: []string{sha}, Branch: &githubjobs.BranchFact{Head: sha, At: now, Seen: now},
		Runs:   []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: "completed", Conclusion: "failure", HeadSHA: sha, At: now}},
		Result: &githubjobs.ResultFact{SHA: strings.Repeat("b", 40), Result: result, At: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	res = s.do(t, "GET", "/api/jobs/"+id+"/receipt", "")
	envelope, err := receipt.Parse([]byte(res.body))
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s: %v", res.StatusCode, res.body, err)
	}
	published := s.doWith(t, "GET", KeysPath, "", nil)
	keys, err := receipt.ParseKeys([]byte(published.body))
	if err != nil || published.StatusCode != 200 {
		t.Fatalf("%d %s: %v", published.StatusCode, published.body, err)
	}
	statement, _, err := envelope.Verify(keys)
	if err != nil || statement.Predicate.BuildDefinition.ExternalParameters.JobID != id || statement.Predicate.RunDetails.Outcome.ExitCode != 3 {
		t.Errorf("%v: %+v", err, statement)
	}
	if again := s.do(t, "GET", "/api/jobs/"+id+"/receipt", ""); again.body != res.body {
		t.Error("the receipt is another when it is asked for again")
	}
	s.keptReceipt(t, id, envelope)
	if res := s.do(t, "GET", "/api/jobs/nobody/receipt", ""); res.StatusCode != 404 {
		t.Errorf("of no job: %d %s", res.StatusCode, res.body)
	}
}

func TestReceiptWithoutAKey(t *testing.T) {
	t.Parallel()
	s := setup(t)
	res := s.do(t, "POST", "/api/create-job", `{"job":"x"}`)
	id, _, _ := strings.Cut(strings.TrimPrefix(res.body, `{"job_id":"`), `"`)
	if res := s.do(t, "GET", "/api/jobs/"+id+"/receipt", ""); res.StatusCode != 503 || !strings.Contains(res.body, `"no_receipt_key"`) || !strings.Contains(res.body, "Set RECEIPT_KEY") {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	var published receipt.Published
	if res := s.doWith(t, "GET", KeysPath, "", nil); json.Unmarshal([]byte(res.body), &published) != nil || len(published.Keys) != 0 {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

// keptReceipt has a receipt stored, by the name of another key, so that it is told from
// one that is made: it is answered while the job is at that end, and after it was removed.
func (s *server) keptReceipt(t *testing.T, id string, e receipt.Envelope) {
	t.Helper()
	f, err := s.store.Facts(t.Context(), "p", id)
	if err != nil {
		t.Fatal(err)
	}
	e.Signatures[0].KeyID = "earlier"
	raw, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	about := receipt.About(f, githubjobs.Reduce(f, now))
	store := func(id, about string) {
		t.Helper()
		if err := s.store.Sign(t.Context(), "p", []store.Receipt{{Job: id, About: about, SignedAt: now, Envelope: raw}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	get := func(id string, kept bool) {
		t.Helper()
		if res := s.do(t, "GET", "/api/jobs/"+id+"/receipt", ""); res.StatusCode != 200 || strings.Contains(res.body, "earlier") != kept {
			t.Errorf("%s: %d %s, want the one that is kept: %v", id, res.StatusCode, res.body, kept)
		}
	}
	store(id, "another end")
	get(id, false)
	store(id, about)
	get(id, true)
	store("removed", about)
	get("removed", true)
	for path, want := range map[string]int{id: 404, "removed": 404, "nobody": 404} {
		res := s.do(t, "GET", "/api/jobs/"+path+"/attestation", "")
		if code := map[bool]string{true: "job_not_found", false: "no_attestation"}[path == "nobody"]; res.StatusCode != want || !strings.Contains(res.body, code) {
			t.Errorf("attestation of %s: %d %s", path, res.StatusCode, res.body)
		}
	}
	s.attested(t, "removed", raw)
}

// attested has an attestation stored, which is given as it is.
func (s *server) attested(t *testing.T, id string, envelope []byte) {
	t.Helper()
	const bundle = `{"dsseEnvelope":{"payload":"e30="},"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json"}`
	if err := s.store.Sign(t.Context(), "p", []store.Receipt{{Job: id, SignedAt: now, Envelope: envelope, Attestation: []byte(bundle)}}, nil); err != nil {
		t.Fatal(err)
	}
	if res := s.do(t, "GET", "/api/jobs/"+id+"/attestation", ""); res.StatusCode != 200 || strings.TrimSpace(res.body) != bundle {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

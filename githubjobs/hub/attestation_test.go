package hub

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs/receipt"
)

// The attestation of a result is found by the bytes of its commit; one that says something
// else, or of another job, is none.
func TestAttestation(t *testing.T) {
	f := setup(t)
	sha := f.commit("main", "A result")
	find := func(want string) {
		t.Helper()
		if got, err := f.repo.Attestation(t.Context(), "the-job", sha); err != nil || string(got) != want {
			t.Errorf("%v: %s, want %q", err, got, want)
		}
	}
	find("")
	raw, err := f.repo.CommitBytes(t.Context(), sha)
	f.must(err)
	attest := func(job string) string {
		t.Helper()
		s := receipt.Statement{Type: receipt.StatementType, PredicateType: receipt.PredicateType, Subject: []receipt.Resource{{Name: "result/" + sha, Digest: receipt.Digest{SHA256: fmt.Sprintf("%x", sha256.Sum256(raw))}}}}
		s.Predicate.BuildDefinition.ExternalParameters.JobID = job
		payload, err := json.Marshal(s)
		f.must(err)
		bundle, err := json.Marshal(map[string]any{"dsseEnvelope": map[string]any{"payload": payload}})
		f.must(err)
		client := f.client("alice") // as the run does, and not the server
		req, err := client.NewRequest(http.MethodPost, "repos/"+f.repo.cfg.Owner+"/"+f.repo.cfg.Name+"/attestations", map[string]any{"bundle": json.RawMessage(bundle)})
		f.must(err)
		var made struct{ ID int64 }
		_, err = client.Do(t.Context(), req, &made)
		if f.must(err); made.ID == 0 {
			t.Error("it has no id")
		}
		return string(bundle)
	}
	attest("another")
	find("")
	find(attest("the-job"))
	f.requests()
	find(attest("the-job")) // the newest of several
	if n := len(f.requests()); n != 3 {
		t.Errorf("%d requests, want 2 after the one that attests", n)
	}
	if got, err := f.repo.Attestation(t.Context(), "the-job", strings.Repeat("a", 40)); err != nil || got != nil {
		t.Errorf("of a commit that is not there: %s, %v", got, err)
	}
}

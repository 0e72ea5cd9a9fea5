package rest

import (
	"encoding/base64"
	"encoding/json"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var attestationOperations = []Operation{
	{"POST", "/repos/{owner}/{repo}/attestations", "repos/create-attestation", Write("attestations"), createAttestation},
	{"GET", "/repos/{owner}/{repo}/attestations/{subject_digest}", "repos/list-attestations", Read("attestations"), listAttestations},
}

// createAttestation keeps a Sigstore bundle. As on GitHub, whose it is is not looked at here:
// who relies on it checks it.
func createAttestation(c *Context) (Response, error) {
	var in struct{ Bundle json.RawMessage }
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	var bundle struct{ DSSEEnvelope struct{ Payload string } }
	var statement struct {
		PredicateType string
		Subject       []struct{ Digest map[string]string }
	}
	err := json.Unmarshal(in.Bundle, &bundle)
	var payload []byte
	if err == nil {
		payload, err = base64.StdEncoding.DecodeString(bundle.DSSEEnvelope.Payload)
	}
	if err == nil {
		err = json.Unmarshal(payload, &statement)
	}
	if err != nil || len(statement.Subject) == 0 {
		return Response{}, Invalid("Invalid bundle", FieldError{Resource: "Attestation", Field: "bundle", Code: "invalid"})
	}
	a := state.Attestation{RepositoryID: c.Repo.ID, PredicateType: statement.PredicateType, Bundle: in.Bundle, CreatedAt: c.Now()}
	for _, s := range statement.Subject {
		for name, digest := range s.Digest {
			a.Digests = append(a.Digests, name+":"+digest)
		}
	}
	err = c.Update(func(tx *state.Tx, _ shape.Builder) error {
		a.ID = tx.Attestations.NextID()
		tx.Attestations.Put(a)
		return nil
	})
	return Created(shape.Object{"id": a.ID}), err
}

func listAttestations(c *Context) (Response, error) {
	digest, predicate := c.Param("subject_digest"), c.Query("predicate_type")
	list := []shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		for a := range tx.Attestations.Newest(c.Repo.ID) {
			if slices.Contains(a.Digests, digest) && (predicate == "" || predicate == a.PredicateType) {
				list = append(list, shape.Object{"bundle": a.Bundle, "repository_id": c.Repo.ID, "bundle_url": b.RepoAPI(c.Repo, "/attestations/%d", a.ID)})
			}
		}
	})
	if len(list) == 0 {
		return Response{}, NotFound()
	}
	return OK(shape.Object{"attestations": list}), nil
}

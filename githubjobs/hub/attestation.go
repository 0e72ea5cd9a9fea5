package hub

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/githubjobs/githubjobs/githubjobs/receipt"
)

// maxBundle bounds a Sigstore bundle that is kept. GitHub's have some 10 KB.
const maxBundle = 256 << 10 // bytes

// Attestation is the Sigstore bundle by which a run has attested a job's result commit, as
// GitHub keeps it; nil where there is none, or none that may be seen. It takes two REST
// calls. Whose signature it has is not looked at.
func (r *Repository) Attestation(ctx context.Context, job, sha string) ([]byte, error) {
	raw, err := r.CommitBytes(ctx, sha)
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrInvalid):
		return nil, nil
	case err != nil:
		return nil, err
	}
	var answer struct {
		Attestations []struct {
			Bundle json.RawMessage `json:"bundle"`
		} `json:"attestations"`
	}
	_, err = r.get(ctx, fmt.Sprintf("attestations/sha256:%x?predicate_type=%s", sha256.Sum256(raw), url.QueryEscape(receipt.PredicateType)), &answer)
	switch err = fail(ctx, "read the attestations of the result", err); {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrForbidden):
		return nil, nil
	case err != nil:
		return nil, err
	}
	for _, a := range answer.Attestations {
		var b struct {
			Envelope struct {
				Payload []byte `json:"payload"`
			} `json:"dsseEnvelope"`
		}
		if len(a.Bundle) > maxBundle || json.Unmarshal(a.Bundle, &b) != nil {
			continue
		}
		if s, err := receipt.ParseStatement(b.Envelope.Payload); err == nil && s.Predicate.BuildDefinition.ExternalParameters.JobID == job {
			return a.Bundle, nil
		}
	}
	return nil, nil
}

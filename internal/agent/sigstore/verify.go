//go:build !nosigstore

package sigstore

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
)

// Verify returns what was signed, which is an in-toto statement, and by whom. roots is what
// `gh attestation trusted-root` prints: a trusted_root.json on each line. The bundle must
// hold by one of them alone: a certificate of its authorities; the time of the signature by
// its timestamp authorities or its log; where it has logs, an entry in them, of the signature
// and of the certificate. Its error wraps ErrRoots, or says why the bundle does not hold.
func Verify(raw, roots []byte) (statement []byte, by Signer, err error) {
	var b bundle.Bundle
	if err := b.UnmarshalJSON(raw); err != nil {
		return nil, by, fmt.Errorf("it is no Sigstore bundle: %w", err)
	}
	var why []error
	for i, line := range bytes.Split(bytes.TrimSpace(roots), []byte("\n")) {
		trusted, err := root.NewTrustedRootFromJSON(line)
		if err != nil {
			return nil, by, fmt.Errorf("%w: line %d: %w", ErrRoots, i+1, err)
		}
		if by, err = verifyBy(&b, trusted); err == nil {
			return b.GetDsseEnvelope().GetPayload(), by, nil
		}
		why = append(why, fmt.Errorf("by root %d: %w", i+1, err))
	}
	return nil, Signer{}, errors.Join(why...)
}

func verifyBy(b *bundle.Bundle, trusted *root.TrustedRoot) (by Signer, err error) {
	options := []verify.VerifierOption{verify.WithObserverTimestamps(1)}
	if len(trusted.RekorLogs()) > 0 {
		options = append(options, verify.WithTransparencyLog(1))
	}
	if len(trusted.CTLogs()) > 0 {
		options = append(options, verify.WithSignedCertificateTimestamps(1))
	}
	verifier, err := verify.NewVerifier(trusted, options...)
	if err != nil {
		return by, err
	}
	// Who it must be, and of which artifacts, follows from what it says: the caller compares that.
	result, err := verifier.Verify(b, verify.NewPolicy(verify.WithoutArtifactUnsafe(), verify.WithoutIdentitiesUnsafe()))
	if err != nil {
		return by, err
	}
	if result.Statement == nil || result.Signature == nil || result.Signature.Certificate == nil {
		return by, errors.New("it is not a statement that was signed by a certificate")
	}
	c := result.Signature.Certificate
	return Signer{
		Issuer: c.Issuer, Workflow: c.SubjectAlternativeName, Repository: c.SourceRepositoryURI, RepositoryID: c.SourceRepositoryIdentifier,
		Ref: c.SourceRepositoryRef, Commit: c.SourceRepositoryDigest, Run: c.RunInvocationURI,
	}, nil
}

// Package sigstore checks who has signed a Sigstore bundle, as GitHub's attestations are,
// without asking anybody: by roots of trust that were given.
//
// It imports no other package of the agent. A program that is built with the tag nosigstore
// has none of Sigstore's libraries, and can't check.
package sigstore

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// Signer is who signed a bundle, by its certificate: a run of a workflow. All are empty
// where the certificate does not say them.
type Signer struct {
	Issuer       string // of the token by which the run has proved itself
	Workflow     string // address of its file, at a ref
	Repository   string // address
	RepositoryID string // number that GitHub knows it by, which no other repository gets
	Ref          string // that the run is of
	Commit       string // likewise; the workflow's file is of it too
	Run          string // address of the run's attempt
}

// ErrRoots: the roots of trust can't be read.
var ErrRoots = errors.New("the trusted root can't be read; gh attestation trusted-root > trusted_root.jsonl brings GitHub's")

// IsBundle says whether a text is a Sigstore bundle, of whatever worth.
func IsBundle(raw []byte) bool {
	var b struct {
		MediaType string `json:"mediaType"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	return d.Decode(&b) == nil && strings.HasPrefix(b.MediaType, "application/vnd.dev.sigstore.bundle")
}

// ErrLeftOut: this program can't check bundles.
var ErrLeftOut = errors.New("this agent is built without Sigstore, as that of the images is; take the agent of a release, or check with: gh attestation verify")

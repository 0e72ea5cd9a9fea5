package state

import (
	"encoding/json"
	"time"
)

// Attestation is a Sigstore bundle that a run has made. It belongs to its repository.
type Attestation struct {
	ID            int64
	RepositoryID  int64
	PredicateType string
	Digests       []string // of its subjects: algorithm:hexadecimal
	Bundle        json.RawMessage
	CreatedAt     time.Time
}

func (a Attestation) key() int64     { return a.ID }
func (a Attestation) parent() int64  { return a.RepositoryID }
func (a Attestation) unique() string { return "" }

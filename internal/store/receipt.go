package store

import (
	"context"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
)

// Receipts are what was signed of jobs at their ends. They outlive the jobs.
type Receipts interface {
	// Unsigned lists the ends of jobs of which no receipt was made, behind the given one in
	// the order in which they were stored; 0 is before all. Each is listed until it is signed.
	Unsigned(ctx context.Context, project string, after int64, limit int) ([]Unsigned, error)
	// Sign stores receipts, in place of earlier ones of their jobs, and takes ends from the
	// list, in one transaction.
	Sign(ctx context.Context, project string, receipts []Receipt, seen []Unsigned) error
	// Receipt returns the one of a job as it was signed, also when the job itself was
	// removed, or ErrNotFound.
	Receipt(ctx context.Context, project, id string) (Receipt, error)
	// SweepReceipts removes at most limit receipts of the project that were signed before the
	// given time and whose jobs were removed, the oldest first. It returns how many it removed.
	SweepReceipts(ctx context.Context, project string, before time.Time, limit int) (int, error)
}

// Receipt is one as it was signed.
type Receipt struct {
	Job      string
	About    string // see receipt.About
	SignedAt time.Time
	Envelope []byte // JSON of a receipt.Envelope
	// Attestation is GitHub's of the same result, a Sigstore bundle in JSON; empty for none.
	Attestation []byte
}

// Unsigned is an end of a job of which no receipt was made.
type Unsigned struct {
	Seq int64  // names it
	Job string // its id
}

// unsigned says whether a receipt is to be made after a write, by which it is about what is
// said: the job was not at that end before.
func unsigned(stored Stored, known githubjobs.Facts, about string, now time.Time) bool {
	return about != "" && (stored.unsigned || stored.Active || !stored.Known || about != receipt.About(known, githubjobs.Reduce(known, now)))
}

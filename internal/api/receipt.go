package api

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// KeysPath tells the keys of receipts, to whoever asks.
const KeysPath = "/.well-known/githubjobs/keys"

type receiptInput struct {
	JobID string `path:"job_id"`
}

type receiptOutput struct{ Body receipt.Envelope }

type attestationOutput struct{ Body map[string]any }

type keysOutput struct{ Body receipt.Published }

// jobReceipt tells what became of a job that is at its end, as it was signed, also after the
// job itself was removed. Until it is signed for good it is signed for each request.
func (a *api) jobReceipt(ctx context.Context, in *receiptInput) (*receiptOutput, error) {
	f, p := a.facts(ctx, in.JobID)
	if p != nil && p.Code != problem.JobNotFound {
		return nil, p
	}
	job := githubjobs.Reduce(f, a.Now())
	about := ""
	if p == nil {
		about = receipt.About(f, job)
	}
	kept, err := a.Receipts.Receipt(ctx, a.Project, in.JobID)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		a.log(ctx).Error("reading a receipt", "job_id", in.JobID, "error", err)
		return nil, problem.New(problem.StorageUnavailable, "The receipt could not be read: the server's database is unavailable.").After(storageRetry)
	case err == nil && (p != nil || kept.About == about):
		return a.keptReceipt(ctx, kept)
	case p != nil:
		return nil, p
	case len(a.ReceiptKeys) == 0:
		return nil, problem.New(problem.NoReceiptKey, "There are no receipts: the server has no key to sign them with. Set RECEIPT_KEY; a server with a PostgreSQL database makes none by itself, for all that share it must have the same.")
	case !job.Terminal:
		return nil, problem.New(problem.NoReceipt, "The job has no receipt yet: it is %s (%s), and not at its end.", job.Status, job.Reason)
	}
	claims, err := receipt.ClaimsOf(f, job, a.Repository)
	if err != nil {
		return nil, problem.New(problem.NoReceipt, "The job has no receipt: %s.", err)
	}
	envelope, err := a.ReceiptKeys[0].Sign(claims.Statement())
	if err != nil {
		a.log(ctx).Error("signing a receipt", "job_id", in.JobID, "error", err)
		return nil, problem.New(problem.Internal, "The receipt could not be signed; the server's log tells why.")
	}
	return &receiptOutput{envelope}, nil
}

func (a *api) keptReceipt(ctx context.Context, kept store.Receipt) (*receiptOutput, error) {
	envelope, err := receipt.Parse(kept.Envelope)
	if err != nil {
		a.log(ctx).Error("reading a receipt", "job_id", kept.Job, "error", err)
		return nil, problem.New(problem.Internal, "The receipt is damaged in the database; the server's log tells more.")
	}
	return &receiptOutput{envelope}, nil
}

// jobAttestation gives the Sigstore bundle that is kept with a receipt, as GitHub has given it.
func (a *api) jobAttestation(ctx context.Context, in *receiptInput) (*attestationOutput, error) {
	_, p := a.facts(ctx, in.JobID)
	if p != nil && p.Code != problem.JobNotFound {
		return nil, p
	}
	kept, err := a.Receipts.Receipt(ctx, a.Project, in.JobID)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		a.log(ctx).Error("reading an attestation", "job_id", in.JobID, "error", err)
		return nil, problem.New(problem.StorageUnavailable, "The attestation could not be read: the server's database is unavailable.").After(storageRetry)
	case err != nil && p != nil:
		return nil, p
	case len(kept.Attestation) == 0:
		return nil, problem.New(problem.NoAttestation, "No attestation by GitHub is kept of this job. One is made by the runs of a repository whose variable GITHUBJOBS_ATTEST is true, and is here some seconds after the run has ended, if the server's token may read it (Attestations: read).")
	}
	var bundle map[string]any
	if err := json.Unmarshal(kept.Attestation, &bundle); err != nil {
		a.log(ctx).Error("reading an attestation", "job_id", in.JobID, "error", err)
		return nil, problem.New(problem.Internal, "The attestation is damaged in the database; the server's log tells more.")
	}
	return &attestationOutput{bundle}, nil
}

// receiptKeys tells the public keys; none where the server has none.
func (a *api) receiptKeys(ctx context.Context, _ *struct{}) (*keysOutput, error) {
	published, err := receipt.Publish(a.ReceiptKeys)
	if err != nil {
		a.log(ctx).Error("telling the keys of receipts", "error", err)
		return nil, problem.New(problem.Internal, "The keys could not be told; the server's log tells why.")
	}
	return &keysOutput{published}, nil
}

package api

import (
	"context"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// KeysPath tells the keys of receipts, to whoever asks.
const KeysPath = "/.well-known/githubjobs/keys"

type receiptInput struct {
	JobID string `path:"job_id"`
}

type receiptOutput struct{ Body receipt.Envelope }

type keysOutput struct{ Body receipt.Published }

// jobReceipt signs what became of a job that is at its end. It is made of what is known of
// the job, anew for each request, and the same each time.
func (a *api) jobReceipt(ctx context.Context, in *receiptInput) (*receiptOutput, error) {
	f, p := a.facts(ctx, in.JobID)
	if p != nil {
		return nil, p
	}
	if len(a.ReceiptKeys) == 0 {
		return nil, problem.New(problem.NoReceiptKey, "There are no receipts: the server has no key to sign them with. Set RECEIPT_KEY; a server with a PostgreSQL database makes none by itself, for all that share it must have the same.")
	}
	job := githubjobs.Reduce(f, a.Now())
	if !job.Terminal {
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

// receiptKeys tells the public keys; none where the server has none.
func (a *api) receiptKeys(ctx context.Context, _ *struct{}) (*keysOutput, error) {
	published, err := receipt.Publish(a.ReceiptKeys)
	if err != nil {
		a.log(ctx).Error("telling the keys of receipts", "error", err)
		return nil, problem.New(problem.Internal, "The keys could not be told; the server's log tells why.")
	}
	return &keysOutput{published}, nil
}

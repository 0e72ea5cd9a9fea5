// Package notary signs the receipts of jobs that have ended and stores them, so that each is
// kept as it was signed, whatever becomes of the key or the job.
//
// Where the run of a job has had GitHub attest its result, the attestation is kept with the
// receipt. It imports githubjobs, githubjobs/receipt and internal/store.
package notary

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	page     = 200         // ends that are looked at, and receipts that are stored, together
	askAgain = time.Minute // after GitHub could not be asked for attestations
)

// Hub tells of attestations; see hub.Repository.
type Hub interface {
	Attestation(ctx context.Context, job, sha string) ([]byte, error)
}

// Store is what the package needs of the store; store.Jobs and store.Receipts describe the
// methods.
type Store interface {
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
	Unsigned(ctx context.Context, project string, after int64, limit int) ([]store.Unsigned, error)
	Receipt(ctx context.Context, project, id string) (store.Receipt, error)
	Sign(ctx context.Context, project string, receipts []store.Receipt, seen []store.Unsigned) error
}

// Notary signs the receipts of one project. The leader runs it. What it has to do stands in
// the store: whoever leads next goes on with it.
type Notary struct {
	Project    string
	Repository string        // its address on GitHub
	Keys       []receipt.Key // the first one signs; without one nothing is signed
	Hub        Hub
	Store      Store
	Every      time.Duration // between two looks: jobs that end within it share a transaction
	Log        *slog.Logger
	Now        func() time.Time

	quiet time.Time // GitHub is not asked before; used by Round alone
}

// Run signs what is to be signed until ctx ends.
func (n *Notary) Run(ctx context.Context) error {
	for len(n.Keys) > 0 {
		if err := n.Round(ctx); err != nil && ctx.Err() == nil {
			n.Log.Error("signing the receipts of jobs; it will be tried again", "error", err, "again_in", n.Every)
		}
		select {
		case <-time.After(n.Every):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// Round signs what is to be signed now.
func (n *Notary) Round(ctx context.Context) error {
	for after := int64(0); ; {
		list, err := n.Store.Unsigned(ctx, n.Project, after, page)
		if err != nil || len(list) == 0 {
			return err
		}
		after = list[len(list)-1].Seq
		if err := n.sign(ctx, list); err != nil {
			return err
		}
	}
}

// sign makes the receipts of a few ends, and stores them in one transaction.
func (n *Notary) sign(ctx context.Context, list []store.Unsigned) error {
	var seen []store.Unsigned
	var receipts []store.Receipt
	looked := map[string]bool{} // jobs, and whether they are at an end
	for _, u := range list {
		ended, again := looked[u.Job]
		if !again {
			r, is, err := n.look(ctx, u.Job)
			if err != nil {
				return fmt.Errorf("job %s: %w", u.Job, err)
			}
			if r != nil {
				receipts = append(receipts, *r)
			}
			ended, looked[u.Job] = is, is
		}
		if ended {
			seen = append(seen, u)
		}
	}
	if len(seen) == 0 {
		return nil
	}
	return n.Store.Sign(ctx, n.Project, receipts, seen)
}

// look makes the receipt of a job; nil where none is to be stored, since there is one of the
// same end or nothing to be said. done is false while something more is to come: the job is
// not at an end, or GitHub could not be asked for the attestation.
func (n *Notary) look(ctx context.Context, id string) (r *store.Receipt, done bool, err error) {
	f, err := n.Store.Facts(ctx, n.Project, id)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrDamaged) { // who mends it ends it anew
		return nil, true, nil
	} else if err != nil {
		return nil, false, err
	}
	job := githubjobs.Reduce(f, n.Now())
	about := receipt.About(f, job)
	if about == "" {
		return nil, job.Terminal, nil
	}
	kept, err := n.Store.Receipt(ctx, n.Project, id)
	same := err == nil && kept.About == about
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, false, err
	}
	if !same {
		if kept, err = n.receipt(f, job, about); err != nil {
			return nil, false, err
		}
	}
	done = true
	if receipt.Attested(f, job) && len(kept.Attestation) == 0 {
		if kept.Attestation, done = n.attestation(ctx, id, job.Evidence.ResultSHA); len(kept.Attestation) > 0 {
			same = false
		}
	}
	if same {
		return nil, done, nil
	}
	return &kept, done, nil
}

// receipt signs the receipt of a job.
func (n *Notary) receipt(f githubjobs.Facts, job githubjobs.Job, about string) (store.Receipt, error) {
	claims, err := receipt.ClaimsOf(f, job, n.Repository)
	if err != nil {
		return store.Receipt{}, err
	}
	envelope, err := n.Keys[0].Sign(claims.Statement())
	if err != nil {
		return store.Receipt{}, err
	}
	raw, err := json.Marshal(envelope)
	return store.Receipt{Job: f.ID, About: about, SignedAt: n.Now(), Envelope: raw}, err
}

// attestation asks GitHub for it, once. done is false where GitHub could not be asked, which
// holds up no receipt.
func (n *Notary) attestation(ctx context.Context, id, sha string) (bundle []byte, done bool) {
	if n.Now().Before(n.quiet) {
		return nil, false
	}
	bundle, err := n.Hub.Attestation(ctx, id, sha)
	if err != nil && ctx.Err() == nil {
		n.quiet = n.Now().Add(askAgain)
		n.Log.Warn("asking for the attestation of a result; it will be tried again", "job_id", id, "error", err, "again_in", askAgain)
	}
	return bundle, err == nil
}

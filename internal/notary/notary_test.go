package notary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// counting is a store that counts what is asked of it.
type counting struct {
	*sqlite.Store
	signs, receipts int
	err             error // of Sign
}

func (c *counting) Sign(ctx context.Context, project string, receipts []store.Receipt, seen []store.Unsigned) error {
	if c.err != nil {
		return c.err
	}
	c.signs++
	c.receipts += len(receipts)
	return c.Store.Sign(ctx, project, receipts, seen)
}

func setup(t *testing.T) (*Notary, *counting) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	c := &counting{Store: db}
	return &Notary{
		Project: "p", Repository: "https://github.example/me/reports", Keys: []receipt.Key{newKey(t)}, Store: c,
		Hub: &attesting{}, Every: time.Millisecond, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	}, c
}

func newKey(t *testing.T) receipt.Key {
	t.Helper()
	key, err := receipt.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

var created, later = strings.Repeat("a", 40), strings.Repeat("b", 40)

// job is what is known of one whose run has that attempt.
func job(id string, attempt int, status, conclusion string) githubjobs.Facts {
	at := now.Add(time.Duration(attempt) * time.Minute)
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
	spec.Normalize(now)
	return githubjobs.Facts{ID: id, Spec: &spec, Created: []string{created}, Branch: &githubjobs.BranchFact{Head: created, At: at, Seen: at},
		Runs: []githubjobs.RunFact{{ID: 7, Attempt: attempt, Status: status, Conclusion: conclusion, HeadSHA: created, At: at}}}
}

func (c *counting) merge(t *testing.T, facts ...githubjobs.Facts) {
	t.Helper()
	if err := c.MergeFacts(t.Context(), "p", facts...); err != nil {
		t.Fatal(err)
	}
}

func (n *Notary) round(t *testing.T) {
	t.Helper()
	if err := n.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// signer is who has signed the receipt of a job that is kept, and what it says.
func (c *counting) signer(t *testing.T, id string, keys ...receipt.Key) (string, receipt.Statement) {
	t.Helper()
	r, err := c.Receipt(t.Context(), "p", id)
	if err != nil {
		t.Fatal(err)
	}
	e, err := receipt.Parse(r.Envelope)
	if err != nil {
		t.Fatal(err)
	}
	s, key, err := e.Verify(keys)
	if err != nil {
		t.Fatal(err)
	}
	return key.ID, s
}

// Many jobs share a transaction, and what is signed is not looked at again.
func TestManyShareATransaction(t *testing.T) {
	t.Parallel()
	n, db := setup(t)
	var facts []githubjobs.Facts
	for i := range page + 10 {
		facts = append(facts, job(fmt.Sprint("job-", i), 1, "completed", "cancelled"))
	}
	db.merge(t, facts...)
	db.merge(t, job("goes-on", 1, "in_progress", ""))
	n.round(t)
	if db.signs != 2 || db.receipts != page+10 {
		t.Errorf("%d receipts in %d transactions, want %d in 2", db.receipts, db.signs, page+10)
	}
	_, s := db.signer(t, "job-3", n.Keys...)
	if id := s.Predicate.BuildDefinition.ExternalParameters; id.JobID != "job-3" || id.Repository != n.Repository {
		t.Errorf("%+v", id)
	}
	n.round(t)
	if db.signs != 2 {
		t.Errorf("%d transactions when nothing had ended", db.signs)
	}
}

// A receipt is kept as it was signed when the key changes or news come that change no end;
// another end is signed anew, and takes its place.
func TestKeptAsSigned(t *testing.T) {
	t.Parallel()
	n, db := setup(t)
	old := n.Keys[0]
	db.merge(t, job("a", 1, "completed", "cancelled"))
	n.round(t)
	n.Keys = []receipt.Key{newKey(t), old}
	gone := job("a", 1, "completed", "cancelled")
	gone.Branch = &githubjobs.BranchFact{Head: created, Deleted: true, At: now.Add(time.Hour), Seen: now.Add(time.Hour)}
	db.merge(t, gone)
	n.round(t)
	if id, _ := db.signer(t, "a", n.Keys...); id != old.ID {
		t.Errorf("signed by %s after the key was changed, want %s", id, old.ID)
	}
	db.merge(t, job("a", 2, "in_progress", ""))
	n.round(t)
	db.signer(t, "a", old)
	db.merge(t, job("a", 2, "completed", "cancelled"))
	n.round(t)
	id, s := db.signer(t, "a", n.Keys...)
	if run := s.Predicate.RunDetails.Metadata.InvocationID; id != n.Keys[0].ID || !strings.HasSuffix(run, "/7/attempts/2") {
		t.Errorf("signed by %s, of %s", id, run)
	}
	if db.signs != 2 {
		t.Errorf("%d transactions, want one an end", db.signs)
	}
}

// What ended while nothing could be stored is signed when it can be, and what is gone by
// then is forgotten.
func TestTriesAgain(t *testing.T) {
	t.Parallel()
	n, db := setup(t)
	db.err = errors.New("no room")
	db.merge(t, job("a", 1, "completed", "cancelled"))
	if err := n.Round(t.Context()); !errors.Is(err, db.err) {
		t.Errorf("%v", err)
	}
	db.err = nil
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if list, err := db.Unsigned(t.Context(), "p", 0, 10); err != nil || time.Now().After(deadline) {
			t.Fatalf("%v, %v", list, err)
		} else if len(list) == 0 {
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	db.signer(t, "a", n.Keys...)

	n.Keys = nil
	if err := n.Run(t.Context()); err != nil { // at once: there is nothing to sign with
		t.Error(err)
	}
}

// attesting is a GitHub that has an attestation of every result.
type attesting struct {
	asked  []string
	bundle string
	err    error
}

func (a *attesting) Attestation(_ context.Context, job, sha string) ([]byte, error) {
	a.asked = append(a.asked, job+" "+sha)
	return []byte(a.bundle), a.err
}

// GitHub is asked about the results that were to be attested, and once; that it can't be
// asked holds up no receipt.
func TestAttestations(t *testing.T) {
	t.Parallel()
	n, db := setup(t)
	github := n.Hub.(*attesting)
	at := now
	n.Now = func() time.Time { return at }
	merged := func(id string, attest bool) githubjobs.Facts {
		f := job(id, 1, "completed", "success")
		result := githubjobs.Result{Version: 1, ID: id, Attempt: 1, RunID: 7, Outcome: githubjobs.OutcomeSuccess, StartedAt: now, FinishedAt: now, FilesTotal: 1, Ran: &githubjobs.Ran{Runtime: "docker", Attest: attest}}
		f.Result = &githubjobs.ResultFact{SHA: later, Result: result, At: now}
		f.Pulls = []githubjobs.PullFact{{Number: 1, Merged: true, MergedAt: now, MergeSHA: created, HeadSHA: later, Base: "main", At: now}}
		f.Branch.Head, f.Branch.Moved = later, true
		return f
	}
	kept := func(id string) string {
		t.Helper()
		r, err := db.Receipt(t.Context(), "p", id)
		if err != nil {
			t.Fatal(err)
		}
		return string(r.Attestation)
	}
	github.err = errors.New("away")
	db.merge(t, merged("a", true), merged("plain", false), merged("b", true), job("running", 1, "in_progress", ""))
	n.round(t)
	n.round(t)
	if len(github.asked) != 1 {
		t.Errorf("asked for %q while GitHub is away, want one", github.asked)
	}
	db.signer(t, "b", n.Keys...) // all the same
	github.err, github.bundle, at = nil, `{"mediaType":"x"}`, now.Add(2*time.Hour)
	old := n.Keys[0]
	n.Keys = []receipt.Key{newKey(t), old}
	n.round(t)
	n.round(t)
	if kept("a") != github.bundle || kept("b") != github.bundle || kept("plain") != "" || len(github.asked) != 3 {
		t.Errorf("%q, %q, %q; asked for %q", kept("a"), kept("b"), kept("plain"), github.asked)
	}
	if id, _ := db.signer(t, "a", n.Keys...); id != old.ID {
		t.Error("the receipt was signed anew")
	}
	if list, err := db.Unsigned(t.Context(), "p", 0, 10); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
}

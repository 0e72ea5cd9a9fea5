// Package hooks delivers what happens in localhub's repositories to webhooks, as GitHub does: signed, on record, many at a time and in no promised order.
// What localhub had no time for before it ended, it delivers after its next start.
// It may import state, event, faults, gitrepo and shape.
package hooks

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Deliverer turns events into deliveries. Subscribe its Enqueue to the bus and call Run.
type Deliverer struct {
	Payloads Payloads
	Now      func() time.Time
	Log      *slog.Logger
	Client   *http.Client // nil: one that gives up after 10 seconds, as GitHub does
	Faults   *faults.Set  // nil: none

	mu     sync.Mutex
	events []happened
	wake   chan struct{}
	busy   int              // events and deliveries that are not done
	queues map[int64]*queue // by hook
	left   []message        // by an earlier process; of Run
	ctx    context.Context  // of Run, for deliveries

	inFlight sync.WaitGroup
}

// happened is an event with the hooks that wanted it at that time.
type happened struct {
	event.Event
	targets []target
}

// maxPayload is GitHub's cap on a payload, in bytes: larger ones are not delivered.
const maxPayload = 25 << 20

// New returns a Deliverer.
func New(p Payloads, now func() time.Time, log *slog.Logger) *Deliverer {
	client := &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{MaxIdleConnsPerHost: maxInFlight, IdleConnTimeout: 30 * time.Second},
	}
	d := &Deliverer{Payloads: p, Now: now, Log: log, Client: client, wake: make(chan struct{}, 1), queues: map[int64]*queue{}, ctx: context.Background()}
	d.left = d.unfinished()
	d.busy = len(d.left)
	return d
}

// Enqueue takes an event from the bus. It returns at once. Deliveries start in the order of the events, and may overtake each other.
func (d *Deliverer) Enqueue(e event.Event) {
	if _, ok := e.(event.Dispatch); ok {
		return // starts workflows only
	}
	targets := d.targets(e)
	if len(targets) == 0 {
		return
	}
	e.Told().Receipt.Take()
	d.mu.Lock()
	d.events = append(d.events, happened{e, targets})
	d.busy++
	d.mu.Unlock()
	select {
	case d.wake <- struct{}{}:
	default: // Run will look anyway
	}
}

// Pending returns how many events and deliveries are not done yet.
func (d *Deliverer) Pending() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.busy
}

func (d *Deliverer) done(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy -= n
}

// Run delivers until ctx ends; then deliveries on their way are broken off, and Run returns when all have ended. Those and what has not been delivered
// yet are delivered by the next start.
func (d *Deliverer) Run(ctx context.Context) error {
	defer d.inFlight.Wait()
	defer d.Client.CloseIdleConnections()
	d.mu.Lock()
	d.ctx = ctx
	d.mu.Unlock()
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	d.forget()
	if err := d.resume(); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			d.recordAll(context.WithoutCancel(ctx))
			return nil
		case <-tick.C:
			d.forget()
		case <-d.wake:
			d.recordAll(context.WithoutCancel(ctx))
		}
	}
}

// recordAll records the events that have come. It is not cut short: what was answered is delivered, be it by the next start.
func (d *Deliverer) recordAll(ctx context.Context) {
	d.mu.Lock()
	events := d.events
	d.events = nil
	d.mu.Unlock()
	for part := range slices.Chunk(events, 64) {
		d.record(ctx, part)
	}
}

// record makes and stores the deliveries of some events in one transaction, and hands them to their hooks' queues.
func (d *Deliverer) record(ctx context.Context, events []happened) {
	defer d.done(len(events))
	var all []message
	for _, e := range events {
		body, err := d.Payloads.Build(ctx, e.Event)
		if err != nil {
			d.Log.Error("webhook not delivered", "event", e.Name(), "error", err)
			continue
		}
		for _, t := range e.targets {
			if e.Told().Again && d.known(t.hook, e.Event) {
				continue
			}
			m, err := d.message(t, e.Event, body)
			if err == nil && d.struck(faults.VanishDelivery, m) {
				continue
			}
			if err != nil {
				d.Log.Error("webhook not delivered", "event", e.Name(), "hook", t.hook.ID, "error", err)
				continue
			}
			all = append(all, m)
			if d.struck(faults.DoubleDelivery, m) {
				all = append(all, m)
			}
		}
	}
	if err := d.store(all); err != nil {
		d.Log.Error("webhooks not delivered", "error", err)
		return
	}
	for _, e := range events {
		e.Told().Receipt.Give()
	}
	for _, m := range all {
		d.send(m)
	}
}

// target is a hook that wants an event, and the installation by which it does.
type target struct {
	hook           state.Hook
	installationID int64
}

// targets finds the repository's hooks and those of the installed Apps that want e.
func (d *Deliverer) targets(e event.Event) (found []target) {
	repo := e.Repo()
	d.Payloads.DB.View(func(tx *state.Tx) {
		for h := range tx.Hooks.Of(repo.ID) {
			if h.Active && wants(h.Events, e.Name()) {
				found = append(found, target{hook: h})
			}
		}
		for _, in := range tx.Installations.All() {
			covers := in.AccountID == repo.OwnerID && (in.RepositoryIDs == nil || slices.Contains(in.RepositoryIDs, repo.ID))
			if !covers || !wants(in.Events, e.Name()) {
				continue
			}
			for h := range tx.Hooks.Of(0) {
				if h.AppID == in.AppID && h.Active {
					found = append(found, target{h, in.ID})
				}
			}
		}
	})
	return found
}

func wants(events []string, name string) bool {
	return slices.Contains(events, name) || slices.Contains(events, "*")
}

// message is a delivery to be made.
type message struct {
	hook     state.Hook
	delivery state.Delivery
	body     []byte // as sent
}

func (d *Deliverer) message(t target, e event.Event, payload shape.Object) (message, error) {
	delete(payload, "installation")
	if t.installationID != 0 {
		payload["installation"] = shape.Object{"id": t.installationID, "node_id": shape.NodeID("Installation", t.installationID)}
	}
	action, _ := payload["action"].(string)
	return newMessage(t.hook, payload, state.Delivery{
		Event: e.Name(), Action: action, RepositoryID: e.Repo().ID, InstallationID: t.installationID, Change: e.Told().Change,
	})
}

// newMessage completes a delivery with a GUID and the body.
func newMessage(h state.Hook, payload shape.Object, v state.Delivery) (message, error) {
	body, err := encode(payload)
	if err != nil {
		return message{}, err
	}
	if h.ContentType == "form" {
		body = []byte(url.Values{"payload": {string(body)}}.Encode())
	}
	guid, err := uuid.NewV7() // sorts by time
	if err != nil {
		return message{}, err
	}
	v.HookID, v.GUID = h.ID, guid.String()
	return message{hook: h, body: body, delivery: v}, nil
}

func encode(payload any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(payload); err != nil {
		return nil, err
	}
	if buf.Len() > maxPayload {
		return nil, errTooLarge
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

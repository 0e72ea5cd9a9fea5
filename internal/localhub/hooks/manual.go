package hooks

import (
	"context"
	"errors"
	"fmt"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// ErrNoDelivery: the delivery or its hook is not on record any more.
var ErrNoDelivery = errors.New("no such delivery")

// Ping sends the ping event to one hook, as GitHub does when a hook is created and on request.
func (d *Deliverer) Ping(base event.Base, h state.Hook) error {
	payload := d.Payloads.base(base)
	d.Payloads.view(func(b shape.Builder) {
		payload["zen"], payload["hook_id"], payload["hook"] = "Keep it logically awesome.", h.ID, b.Hook(h, base.Repository)
	})
	m, err := newMessage(h, payload, state.Delivery{Event: "ping", RepositoryID: base.Repository.ID})
	if err != nil {
		return err
	}
	return d.storeAndSend(m)
}

// Test sends the last push to the default branch to one hook, if it listens to pushes.
func (d *Deliverer) Test(ctx context.Context, base event.Base, h state.Hook) error {
	git, err := d.Payloads.Git.Open(base.Repository.Owner, base.Repository.Name)
	if err != nil || !wants(h.Events, "push") {
		return err
	}
	ref := "refs/heads/" + base.Repository.DefaultBranch
	tip, err := git.Ref(ctx, ref)
	if err != nil {
		return fmt.Errorf("test of hook %d: %w", h.ID, err)
	}
	c, err := git.Commit(ctx, tip.Commit)
	if err != nil {
		return err
	}
	push := event.Push{Base: base, Ref: ref, Before: gitrepo.Zero, After: tip.SHA, Created: true}
	if len(c.Parents) > 0 {
		push.Before, push.Created = c.Parents[0], false
	}
	payload, err := d.Payloads.Build(ctx, push)
	if err != nil {
		return err
	}
	m, err := d.message(target{hook: h}, push, payload)
	if err != nil {
		return err
	}
	return d.storeAndSend(m)
}

// Redeliver sends a delivery again, with its GUID and body, signed by the hook's secret of now.
func (d *Deliverer) Redeliver(id int64) error {
	var m message
	found := false
	d.Payloads.DB.View(func(tx *state.Tx) {
		if m.delivery, found = tx.Deliveries.Get(id); found {
			m.hook, found = tx.Hooks.Get(m.delivery.HookID)
		}
	})
	if !found {
		return ErrNoDelivery
	}
	var err error
	if m.body, err = d.Payloads.DB.Blob(state.BlobRequest, id); err != nil {
		return err
	}
	old := m.delivery
	m.delivery = state.Delivery{HookID: old.HookID, GUID: old.GUID, Event: old.Event, Action: old.Action,
		RepositoryID: old.RepositoryID, InstallationID: old.InstallationID, Redelivery: true}
	return d.storeAndSend(m)
}

func (d *Deliverer) storeAndSend(m message) error {
	all := []message{m}
	if err := d.store(all); err != nil {
		return err
	}
	d.send(all[0])
	return nil
}

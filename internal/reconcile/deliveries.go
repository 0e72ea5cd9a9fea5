package reconcile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	// lateness is how far before the last sweep deliveries are looked at again: GitHub
	// lists a delivery when its attempt has ended.
	lateness = 3 * time.Minute
	// maxAsked bounds the redeliveries that one sweep asks for; GitHub allows 80
	// requests a minute that create something.
	maxAsked = 30
	// lookAgain is after how long webhooks are looked for again that were not found or
	// not allowed to be seen.
	lookAgain = time.Hour
	// remember is how far back GitHub's list of deliveries reaches.
	remember = 3 * 24 * time.Hour
)

// Webhooks is GitHub's record of what it delivered; see hub.Repository.
type Webhooks interface {
	Webhooks(ctx context.Context, path string) ([]hub.Webhook, error)
	FailedDeliveries(ctx context.Context, hook hub.Webhook, since time.Time) ([]hub.Delivery, error)
	Redeliver(ctx context.Context, d hub.Delivery) error
}

// received is where deliveries are found that came after all.
type received interface {
	Delivery(ctx context.Context, project, guid string) (store.Delivery, error)
}

// redelivery asks GitHub again for what its webhooks could not deliver; GitHub does
// not by itself. Reading the repository tells the same facts; this brings the events
// themselves, for the record, and sooner where there are many.
type redelivery struct {
	project string
	path    string // of our own webhook endpoint
	hub     Webhooks
	store   received
	log     *slog.Logger
	now     func() time.Time

	hooks  []hub.Webhook
	looked time.Time // when they were looked for
	warned bool
	since  time.Time            // GitHub's; until when all is asked for
	asked  map[string]time.Time // by GUID
	due    bool

	// What others may see; see Reconciler.State.
	note  string // why nothing is asked for; empty while it is
	total int    // redeliveries asked for
}

// after takes what a read came to, and sweeps if something may have been delivered
// since the last sweep. GitHub is asked nothing while the repository is quiet.
func (d *redelivery) after(ctx context.Context, began time.Time, read hub.Reading) error {
	if d.since.IsZero() {
		d.since = began
	}
	// A delivery that is under way shows in the list only later: one sweep follows.
	again := !read.Quiet()
	if !again && !d.due {
		return nil
	}
	d.due = true
	more, err := d.sweep(ctx, read.At)
	if err != nil {
		return fmt.Errorf("asking for deliveries that failed: %w", err)
	}
	d.due = again || more
	return nil
}

// sweep asks for what failed until now; more says that some is left.
func (d *redelivery) sweep(ctx context.Context, now time.Time) (more bool, err error) {
	if err := d.look(ctx); err != nil || len(d.hooks) == 0 {
		return false, err
	}
	next := now
	for _, hook := range d.hooks {
		list, err := d.hub.FailedDeliveries(ctx, hook, d.since.Add(-lateness))
		if refused(err) {
			d.hooks, d.looked = nil, time.Time{} // it was removed, or a right was
			return false, nil
		}
		if err != nil {
			return false, err
		}
		left, err := d.ask(ctx, list)
		if err != nil {
			return false, err
		}
		if len(left) > 0 {
			more = true
			if left[0].At.Before(next) {
				next = left[0].At
			}
		}
	}
	d.since = next
	return more, nil
}

// ask asks for each event once; left are those that are too many for this time.
func (d *redelivery) ask(ctx context.Context, list []hub.Delivery) (left []hub.Delivery, err error) {
	maps.DeleteFunc(d.asked, func(_ string, at time.Time) bool { return d.now().Sub(at) > remember })
	n := 0
	for i, f := range list {
		if _, known := d.asked[f.GUID]; known || f.Asked {
			continue
		}
		// The answer to it was lost, or came too late for GitHub.
		if _, err := d.store.Delivery(ctx, d.project, f.GUID); !errors.Is(err, store.ErrNotFound) {
			if err != nil {
				return nil, err
			}
			continue
		}
		if n == maxAsked {
			return list[i:], nil
		}
		n++
		switch err := d.hub.Redeliver(ctx, f); {
		case errors.Is(err, hub.ErrForbidden):
			d.off("the credentials may read the repository's webhooks, and not write them. Give them the permission \"Webhooks: read and write\"")
			d.hooks, d.looked = nil, d.now()
			return nil, nil
		case hub.Temporary(err):
			return nil, err
		case err != nil:
			d.log.Warn("GitHub does not deliver an event again; reading the repository tells what it meant", "guid", f.GUID, "error", err)
		default:
			d.total++
			d.log.Info("asked GitHub to deliver an event again", "guid", f.GUID, "event", f.Event, "status", f.Status, "code", f.Code)
		}
		d.asked[f.GUID] = d.now()
	}
	return nil, nil
}

// look finds our webhooks, if they are not known.
func (d *redelivery) look(ctx context.Context) error {
	if len(d.hooks) > 0 || d.now().Sub(d.looked) < lookAgain {
		return nil
	}
	hooks, err := d.hub.Webhooks(ctx, d.path)
	switch {
	case refused(err):
		d.off("the credentials may not read the repository's webhooks. Give them the permission \"Webhooks: read and write\"")
	case err != nil:
		return err
	case len(hooks) == 0:
		d.off("no active webhook of the repository or the GitHub App delivers to an address that ends in " + d.path)
	default:
		d.note = ""
	}
	d.hooks, d.looked = hooks, d.now()
	return nil
}

// off explains once why nothing is asked for.
func (d *redelivery) off(why string) {
	d.note = "Failed webhook deliveries are not asked for again: " + why + "."
	if !d.warned {
		d.warned = true
		d.log.Warn("failed webhook deliveries are not asked for again; reading GitHub heals what they would have told", "why", why)
	}
}

func refused(err error) bool {
	return errors.Is(err, hub.ErrForbidden) || errors.Is(err, hub.ErrNotFound)
}

package webhook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// poisoned is a store that can't finish some deliveries, whatever the reason.
type poisoned struct{ Store }

func (p *poisoned) FinishDelivery(ctx context.Context, project, guid, outcome string, facts ...githubjobs.Facts) error {
	if strings.HasPrefix(guid, "bad-") {
		return errors.New("poisoned")
	}
	return p.Store.FinishDelivery(ctx, project, guid, outcome, facts...)
}

// Deliveries that can't be processed, be they more than are processed together, keep none of those
// that come after them from being processed; they are tried again, less and less often.
func TestOneDeliveryHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	for _, bad := range []int{1, batch, 2 * batch} {
		t.Run(fmt.Sprint(bad), func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.Store = &poisoned{Store: f.Store}
			at := now
			f.Now = func() time.Time { return at }
			record := func(guid string) {
				d := store.Delivery{Project: "p", GUID: guid, Event: "star", ReceivedAt: now, Body: []byte("{}")}
				if err := f.store.RecordDelivery(t.Context(), d); err != nil {
					t.Fatal(err)
				}
			}
			for n := range bad {
				record(fmt.Sprintf("bad-%03d", n))
			}
			for n := range batch + 1 {
				record(fmt.Sprintf("good-%03d", n))
			}
			for range 6 { // without that time passes
				f.process(t.Context()) // its error is the poison
			}
			left, err := f.store.PendingDeliveries(t.Context(), "p", 1000)
			if err != nil || len(left) != bad || slices.ContainsFunc(left, func(d store.Delivery) bool { return !strings.HasPrefix(d.GUID, "bad-") }) {
				t.Fatalf("%d are left, %v; want the %d that can't be processed", len(left), err, bad)
			}
			if n, err := f.process(t.Context()); n != 0 || err != nil {
				t.Errorf("%d are tried at once again: %v", n, err)
			}
			at = at.Add(retryDelay)
			if n, err := f.process(t.Context()); n != min(bad, batch) || err == nil {
				t.Errorf("%d are tried again a second later: %v", n, err)
			}
			f.Store = f.store
			at = at.Add(retryMax)
			for range 3 {
				if _, err := f.process(t.Context()); err != nil {
					t.Error(err)
				}
			}
			if left, err = f.store.PendingDeliveries(t.Context(), "p", 1000); err != nil || len(left) != 0 || len(f.putOffs) != 0 {
				t.Errorf("%d are left, %d put off: %v", len(left), len(f.putOffs), err)
			}
		})
	}
}

package localhub

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

// pushBranches pushes main as b0, b1, …
func (h *hub) pushBranches(n int) {
	h.t.Helper()
	dir := h.clone(h.token)
	for i := range n {
		h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/b"+itoa(int64(i)))
	}
}

func (r *receiver) refs() (refs []string) {
	for _, g := range r.arrived() {
		refs = append(refs, strings.TrimPrefix(g.payload.(*github.PushEvent).GetRef(), "refs/heads/"))
	}
	return refs
}

// sorted are the refs in no promised order of arrival.
func (r *receiver) sorted() []string { return slices.Sorted(slices.Values(r.refs())) }

func testDropDelivery(t *testing.T) {
	h, r := hooked(t, "push")
	h.fault(faults.Fault{Kind: faults.DropDelivery, Event: "push", Skip: 1, Count: 1})
	h.pushBranches(3)
	h.idle()
	if got := r.sorted(); !slices.Equal(got, []string{"b0", "b2"}) {
		t.Errorf("received %v", got)
	}
	c, ctx := h.alice(), hubtest.Within(t)
	hook := r.hook(t, h)
	list, _, err := c.Repositories.ListHookDeliveries(ctx, "alice", "reports", hook, nil)
	if err != nil {
		t.Fatal(err)
	}
	failed := slices.DeleteFunc(list, func(d *github.HookDelivery) bool { return d.GetStatusCode() == 200 })
	if len(failed) != 1 || failed[0].GetStatus() != "failed to connect to host" {
		t.Fatalf("on record as failed: %v", failed)
	}
	_, _, err = c.Repositories.RedeliverHookDelivery(ctx, "alice", "reports", hook, failed[0].GetID())
	if _, accepted := errors.AsType[*github.AcceptedError](err); err != nil && !accepted {
		t.Fatal(err)
	}
	h.idle()
	if got := r.arrived(); len(got) != 3 || got[2].guid != failed[0].GetGUID() {
		t.Errorf("redelivery: %v", r.refs())
	}
}

// hook is the id of the receiver's hook.
func (r *receiver) hook(t *testing.T, h *hub) int64 {
	t.Helper()
	hooks, _, err := h.alice().Repositories.ListHooks(hubtest.Within(t), "alice", "reports", nil)
	if err != nil || len(hooks) != 1 {
		t.Fatalf("hooks: %v, %v", hooks, err)
	}
	return hooks[0].GetID()
}

func testVanishDelivery(t *testing.T) {
	h, r := hooked(t, "push")
	h.fault(faults.Fault{Kind: faults.VanishDelivery, Count: 1})
	h.pushBranches(2)
	h.idle()
	list, _, err := h.alice().Repositories.ListHookDeliveries(hubtest.Within(t), "alice", "reports", r.hook(t, h), nil)
	if err != nil || len(list) != 1 || !slices.Equal(r.refs(), []string{"b1"}) {
		t.Errorf("received %v, on record %d, %v", r.refs(), len(list), err)
	}
}

func testDoubleDelivery(t *testing.T) {
	h, r := hooked(t, "push")
	h.fault(faults.Fault{Kind: faults.DoubleDelivery, Count: 1})
	h.pushBranches(2)
	h.idle()
	got := r.all()
	if !slices.Equal(r.sorted(), []string{"b0", "b0", "b1"}) || got[0].guid != got[1].guid {
		t.Errorf("received %v", r.refs())
	}
}

func testDelayDelivery(t *testing.T) {
	h, r := hooked(t, "push")
	h.fault(faults.Fault{Kind: faults.DelayDelivery, Count: 1, Delay: faults.Duration(5 * time.Second)})
	began := time.Now()
	h.pushBranches(2)
	h.idle()
	if !slices.Equal(r.refs(), []string{"b1", "b0"}) || time.Since(began) < 5*time.Second {
		t.Errorf("received %v within %s", r.refs(), time.Since(began))
	}
}

func testReorderDelivery(t *testing.T) {
	h, r := hooked(t, "push")
	if _, err := h.Faults().Replace(7, faults.Fault{Kind: faults.ReorderDelivery, Delay: faults.Duration(3 * time.Second)}); err != nil {
		t.Fatal(err)
	}
	dir := h.clone(h.token)
	args := []string{"push", "-q", "origin"}
	for i := range 8 {
		args = append(args, "HEAD:refs/heads/b"+itoa(int64(i)))
	}
	h.git(dir, args...)
	h.idle()
	if got := r.refs(); len(got) != 8 || slices.IsSorted(got) {
		t.Errorf("received %v", got)
	}
	h.struck(1, 8)
}

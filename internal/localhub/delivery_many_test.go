package localhub

import (
	"database/sql"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

// inFlight is how many deliveries localhub makes to one hook at the same time; manyRefs are some more.
const (
	inFlight = 32
	manyRefs = inFlight + 8
)

// pushMany pushes b0, b1, … of a commit at once, and returns them sorted.
func pushMany(t *testing.T, dir, remote string) (refs []string) {
	t.Helper()
	args := []string{"push", "-q", remote}
	for i := range manyRefs {
		refs = append(refs, "b"+itoa(int64(i)))
		args = append(args, "HEAD:refs/heads/"+refs[i])
	}
	hubtest.Git(t, dir, args...)
	slices.Sort(refs)
	return refs
}

// stall makes the receiver answer nothing until it is released, at the latest when the test ends.
func (r *receiver) stall(t *testing.T) (release func()) {
	r.hold = make(chan struct{})
	release = sync.OnceFunc(func() { close(r.hold) })
	t.Cleanup(release)
	return release
}

// held waits until the receiver holds as many deliveries as it gets, and until the others are in the state of the localhub on dir.
func (r *receiver) held(t *testing.T, dir string) {
	t.Helper()
	awaitStored(t, dir, `kind='delivery' AND json LIKE '%"Event":"push"%'`, func(n int) bool { return n == manyRefs && len(r.all()) >= inFlight })
}

// awaitStored waits until as many documents are in the state of the localhub on dir as are enough.
func awaitStored(t *testing.T, dir, which string, enough func(n int) bool) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	ctx := hubtest.Within(t)
	for n := -1; !enough(n); time.Sleep(10 * time.Millisecond) {
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM doc WHERE `+which).Scan(&n); err != nil {
			t.Fatalf("%s: %d: %v", which, n, err)
		}
	}
}

// TestDeliveriesAtTheSameTime: a hook gets many at once, but not any number of them.
func TestDeliveriesAtTheSameTime(t *testing.T) {
	t.Parallel()
	h, r := hooked(t, "push")
	release := r.stall(t)
	refs := pushMany(t, h.clone(h.token), "origin")
	r.held(t, h.cfg.DataDir)
	if n := len(r.all()); n != inFlight || h.hooks.Pending() != manyRefs {
		t.Errorf("%d deliveries at the same time, want %d; %d pending", n, inFlight, h.hooks.Pending())
	}
	release()
	h.idle()
	if got := r.sorted(); !slices.Equal(got, refs) {
		t.Errorf("received %v", got)
	}
}

// TestStopLosesNoDelivery: what was not delivered when localhub was stopped, or killed, is delivered after its next start.
func TestStopLosesNoDelivery(t *testing.T) {
	t.Parallel()
	t.Run("stop", func(t *testing.T) {
		t.Parallel()
		dir, r := t.TempDir(), newReceiver(t)
		release := r.stall(t)
		h := start(t, dir)
		seed(t, h)
		if _, err := h.CreateHook("alice", "reports", r.URL, hookSecret, "push"); err != nil {
			t.Fatal(err)
		}
		refs := pushMany(t, h.clone(h.token), "origin")
		r.held(t, dir)
		h.stop()
		release()
		r.wantAllOnce(t, start(t, dir), refs)
	})
	t.Run("kill", func(t *testing.T) {
		t.Parallel()
		dir, r := t.TempDir(), newReceiver(t)
		release := r.stall(t)
		k := startKillable(t, dir)
		_, _, err := k.client.Repositories.CreateHook(hubtest.Within(t), "alice", "reports", &github.Hook{Active: github.Bool(true), Events: []string{"push"},
			Config: &github.HookConfig{URL: &r.URL, Secret: github.String(hookSecret), ContentType: github.String("json")}})
		if err != nil {
			t.Fatal(err)
		}
		clone := &hub{Server: &Server{}, t: t}
		clone.cfg.ServerURL = k.url
		refs := pushMany(t, clone.clone(k.token), "origin")
		r.held(t, dir)
		if err := k.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		k.cmd.Wait() // says that it was killed
		release()
		r.wantAllOnce(t, start(t, dir), refs)
	})
}

// wantAllOnce wants each push delivered by h under the one GUID that it has.
func (r *receiver) wantAllOnce(t *testing.T, h *hub, refs []string) {
	t.Helper()
	h.idle()
	guids := map[string]string{}
	for _, g := range r.all() {
		push, ok := g.payload.(*github.PushEvent)
		if !ok {
			continue // a ping
		}
		ref := push.GetRef()[len("refs/heads/"):]
		if guids[ref] != "" && guids[ref] != g.guid {
			t.Errorf("%s has two GUIDs", ref)
		}
		guids[ref] = g.guid
	}
	var got []string
	for ref := range guids {
		got = append(got, ref)
	}
	if slices.Sort(got); !slices.Equal(got, refs) {
		t.Errorf("received %v", got)
	}
	if n := h.hooks.Pending(); n != 0 {
		t.Errorf("%d deliveries are not done", n)
	}
}

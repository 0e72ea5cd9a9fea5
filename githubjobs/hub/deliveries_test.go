package hub

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub"
)

// endpoint takes deliveries, and answers with a status that tests set.
type endpoint struct {
	*httptest.Server
	status atomic.Int64
	taken  atomic.Int64
}

func newEndpoint(t *testing.T) *endpoint {
	t.Helper()
	e := &endpoint{}
	e.status.Store(500)
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.taken.Add(1)
		w.WriteHeader(int(e.status.Load()))
	}))
	t.Cleanup(e.Close)
	return e
}

func TestFailedDeliveriesAreFoundAndAskedForAgain(t *testing.T) {
	t.Parallel()
	f := setup(t)
	e, ctx := newEndpoint(t), t.Context()
	for _, path := range []string{"/hub/webhooks/github", "/elsewhere"} {
		_, err := f.CreateHook("alice", "reports", e.URL+path, "secret", "push")
		f.must(err)
	}
	hooks, err := f.repo.Webhooks(ctx, "/webhooks/github")
	if err != nil || len(hooks) != 1 || hooks[0].URL != e.URL+"/hub/webhooks/github" {
		t.Fatalf("webhooks %+v, %v", hooks, err)
	}
	began := time.Now().Add(-time.Minute)
	list := func() []Delivery {
		f.idle()
		list, err := f.repo.FailedDeliveries(ctx, hooks[0], began)
		f.must(err)
		return list
	}
	f.submit(specs("a", 120)...)
	failed := list()
	if len(failed) != 120 || failed[0].Asked || failed[0].Code != 500 || failed[0].Event != "push" || failed[0].GUID == "" {
		t.Fatalf("%d failed deliveries, first %+v; want 120", len(failed), failed[0])
	}
	if !slices.IsSortedFunc(failed, func(a, b Delivery) int { return a.At.Compare(b.At) }) {
		t.Error("they are not sorted")
	}
	if none, err := f.repo.FailedDeliveries(ctx, hooks[0], time.Now().Add(time.Hour)); err != nil || len(none) != 0 {
		t.Errorf("since later: %d, %v", len(none), err)
	}
	f.must(f.repo.Redeliver(ctx, failed[0])) // fails again
	f.idle()
	e.status.Store(202)
	f.must(f.repo.Redeliver(ctx, failed[1]))
	left := list()
	if len(left) != 119 || slices.ContainsFunc(left, func(d Delivery) bool { return d.GUID == failed[1].GUID }) {
		t.Errorf("%d are left, want all but the one that came through", len(left))
	}
	if at := slices.IndexFunc(left, func(d Delivery) bool { return d.GUID == failed[0].GUID }); at < 0 || !left[at].Asked {
		t.Error("what was asked for once is not marked")
	}
}

func TestAnAppAsksForItsOwnDeliveries(t *testing.T) {
	t.Parallel()
	f := setup(t)
	e, ctx := newEndpoint(t), t.Context()
	app, key, err := f.CreateApp(localhub.App{Owner: "alice", Slug: "jobs", Permissions: map[string]string{"contents": "write", "metadata": "read"},
		Events: []string{"push"}, WebhookURL: e.URL + "/webhooks/github", WebhookSecret: "secret"})
	f.must(err)
	in, err := f.InstallApp(app.ID, "alice")
	f.must(err)
	repo, err := New(Config{ServerURL: f.URL(), Owner: "alice", Name: "reports", Base: "main", App: &App{ID: app.ID, InstallationID: in.ID, PrivateKey: key}})
	f.must(err)
	hooks, err := repo.Webhooks(ctx, "/webhooks/github")
	if err != nil || len(hooks) != 1 || hooks[0].ID != 0 {
		t.Fatalf("webhooks %+v, %v", hooks, err)
	}
	f.submit(specs("a", 2)...)
	f.idle()
	failed, err := repo.FailedDeliveries(ctx, hooks[0], time.Now().Add(-time.Minute))
	f.must(err)
	if len(failed) != 2 {
		t.Fatalf("failed %+v", failed)
	}
	e.status.Store(202)
	for _, d := range failed {
		f.must(repo.Redeliver(ctx, d))
	}
	f.idle()
	if failed, err = repo.FailedDeliveries(ctx, hooks[0], time.Now().Add(-time.Minute)); err != nil || len(failed) != 0 {
		t.Errorf("failed %+v, %v", failed, err)
	}
}

func TestWebhooksNeedARight(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.CreateUser("bob")
	f.must(err)
	token, err := f.CreateToken("bob", "tests")
	f.must(err)
	repo, err := New(Config{ServerURL: f.URL(), Owner: "alice", Name: "reports", Token: token})
	f.must(err)
	if _, err := repo.Webhooks(t.Context(), "/webhooks/github"); !errors.Is(err, ErrForbidden) && !errors.Is(err, ErrNotFound) {
		t.Errorf("error %v", err)
	}
	if !strings.Contains(bare("https://u:p@host/x?token=1"), "host/x") || strings.Contains(bare("https://u:p@host/x?token=1"), "1") {
		t.Error("an address in an error shows what is secret")
	}
}

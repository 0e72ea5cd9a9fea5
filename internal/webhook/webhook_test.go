package webhook

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

const secret = "It's a Secret to Everybody"

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// watched is a hub that notes what it learns.
type watched struct {
	*hub.Repository
	mu     sync.Mutex
	learnt []string
}

func (w *watched) LearnBase(commit, tree string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.learnt = append(w.learnt, commit+" "+tree)
	w.Repository.LearnBase(commit, tree)
}

type fixture struct {
	*Receiver
	store    *sqlite.Store
	hub      *watched
	ruled    []string // branches and heads that were told
	stirred  []string // branches that were told to have moved; "" for a job
	branches []string // default branches that were told
}

func setup(t testing.TB) *fixture {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	repository, err := hub.New(hub.Config{Owner: "octo", Name: "reports", Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{store: db, hub: &watched{Repository: repository}}
	f.Receiver = New(Options{
		Project: "p", Secret: secret, Hub: f.hub, Store: db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
		Ruled: func(_ context.Context, branch, head string) {
			f.hub.mu.Lock()
			defer f.hub.mu.Unlock()
			f.ruled = append(f.ruled, branch+" "+head)
		},
		Stirred: func(branch string) {
			f.hub.mu.Lock()
			defer f.hub.mu.Unlock()
			f.stirred = append(f.stirred, branch)
		},
		DefaultBranch: func(name string) {
			f.hub.mu.Lock()
			defer f.hub.mu.Unlock()
			f.branches = append(f.branches, name)
		},
	})
	return f
}

func signed(body string) string {
	return "sha256=" + hex.EncodeToString(sign(secret, []byte(body)))
}

func (f *fixture) post(body string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest("POST", "/webhooks/github", strings.NewReader(body))
	for k, v := range map[string]string{"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": "guid-1", "X-Hub-Signature-256": signed(body)} {
		req.Header.Set(k, v)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if req.Header.Get("X-Without-Length") != "" {
		req.ContentLength = -1
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, req)
	return w
}

// GitHub's own example, from docs.github.com, "Validating webhook deliveries".
func TestSignatureOfGitHubsExample(t *testing.T) {
	t.Parallel()
	got := hex.EncodeToString(sign(secret, []byte("Hello, World!")))
	if want := "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

func TestReceive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   string
		header []string
		status int
		says   string
	}{
		"a good delivery":         {`{}`, nil, 202, "accepted"},
		"no signature":            {`{}`, []string{"X-Hub-Signature-256", ""}, 401, "bears no X-Hub-Signature-256"},
		"the old signature":       {`{}`, []string{"X-Hub-Signature-256", "", "X-Hub-Signature", "sha1=0123"}, 401, "bears no X-Hub-Signature-256"},
		"a wrong signature":       {`{}`, []string{"X-Hub-Signature-256", signed(`{ }`)}, 401, "does not fit"},
		"half a signature":        {`{}`, []string{"X-Hub-Signature-256", signed(`{}`)[:40]}, 401, "malformed"},
		"a wrong body, unsigned":  {`{`, []string{"X-Hub-Signature-256", ""}, 401, "bears no"},
		"a wrong body, signed":    {`{`, nil, 400, "not a JSON object"},
		"an empty body":           {``, nil, 400, "not a JSON object"},
		"a list":                  {`[{}]`, nil, 400, "not a JSON object"},
		"an object, seen so":      {` {"a":} `, nil, 202, "accepted"}, // see TestBrokenJSON
		"no event":                {`{}`, []string{"X-GitHub-Event", ""}, 400, "X-GitHub-Event"},
		"no GUID":                 {`{}`, []string{"X-GitHub-Delivery", ""}, 400, "X-GitHub-Delivery"},
		"a strange event":         {`{}`, []string{"X-GitHub-Event", "<script>"}, 400, "malformed"},
		"a form":                  {"payload=" + url.QueryEscape(`{"a":1}`), []string{"Content-Type", "application/x-www-form-urlencoded"}, 202, "accepted"},
		"a form without payload":  {"a=1", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400, "no field payload"},
		"an event of later times": {`{}`, []string{"X-GitHub-Event", "new_event"}, 202, "accepted"},
		"too large":               {strings.Repeat(" ", maxBody+1), nil, 413, "26214400"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			w := f.post(c.body, c.header...)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%d %s, want %d and %q", w.Code, w.Body, c.status, c.says)
			}
			list, err := f.store.PendingDeliveries(t.Context(), "p", 10)
			if err != nil || (len(list) == 1) != (c.status == 202) {
				t.Errorf("stored %d deliveries, %v", len(list), err)
			}
		})
	}
}

func TestNoSecret(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Secret = ""
	if w := f.post(`{}`); w.Code != 503 || !strings.Contains(w.Body.String(), "WEBHOOK_SECRET") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestRedelivery(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if w := f.post(`{}`); w.Code != 202 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w := f.post(`{}`); w.Code != 200 || !strings.Contains(w.Body.String(), "received before") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if c, err := f.store.Counts(t.Context(), "p"); err != nil || c.Deliveries != 1 {
		t.Errorf("counts %+v, %v", c, err)
	}
}

type fullStore struct{ Store }

func (fullStore) RecordDelivery(context.Context, store.Delivery) error { return store.ErrFull }

func TestStoreFull(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Store = fullStore{f.Store}
	if w := f.post(`{}`); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// What was stored before a crash is processed by the next process, all of it.
func TestRunProcessesWhatIsLeft(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const n = 3*batch + 5
	for i := range n {
		id := fmt.Sprint("j", i)
		body := encode(object{"ref": "refs/heads/job/" + id, "after": "abc", "created": true, "repository": ours, "head_commit": commit("abc", specMessage(id))})
		if err := f.store.RecordDelivery(t.Context(), store.Delivery{Project: "p", GUID: id, Event: "push", ReceivedAt: now, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := f.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		c, err := f.store.Counts(t.Context(), "p")
		if err != nil {
			t.Fatal(err)
		}
		if c.Deliveries == 0 && c.Active == n {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("counts %+v", c)
		}
	}
	// One that comes now is processed without waiting for another.
	body := string(encode(object{"repository": ours}))
	if w := f.post(body, "X-GitHub-Event", "star"); w.Code != 202 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		d, err := f.store.Delivery(t.Context(), "p", "guid-1")
		if err != nil {
			t.Fatal(err)
		}
		if d.Outcome == "not for us: event star" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("delivery %+v", d)
		}
	}
	cancel()
	wg.Wait()
}

func BenchmarkReceive(b *testing.B) {
	f := setup(b)
	body := string(encode(object{"ref": "refs/heads/main", "repository": ours, "padding": strings.Repeat("x", 8<<10)}))
	signature := signed(body)
	deliver := func(h http.Handler, guid string) int {
		req := httptest.NewRequest("POST", "/", strings.NewReader(body))
		req.Header = http.Header{"X-Github-Event": {"push"}, "X-Github-Delivery": {guid}, "X-Hub-Signature-256": {signature}}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code
	}
	var n int
	var mu sync.Mutex
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			mu.Lock()
			n++
			guid := fmt.Sprint(n)
			mu.Unlock()
			if code := deliver(f, "bench-"+guid); code != 202 {
				b.Errorf("%d", code)
			}
		}
	})
}

// handle processes one delivery.
func (f *fixture) handle(t *testing.T, d store.Delivery) error {
	got, err := f.read(t.Context(), d)
	return f.finish(t.Context(), d, got, err)
}

package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/apitest"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/live"
	"github.com/githubjobs/githubjobs/internal/schedule"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// server is the API over a real store.
type server struct {
	*httptest.Server
	store    *sqlite.Store
	accepted atomic.Int32
	canceled atomic.Int32
}

func setup(t testing.TB, change ...func(*Options)) *server {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	s := &server{store: db}
	o := Options{
		Project: "p", Keys: []string{"first-key", "second-key"}, DefaultKind: githubjobs.KindReport, Jobs: db, Batches: db, Schedules: db, Receipts: db,
		Room:      func(context.Context, int) (time.Duration, int) { return 0, 0 },
		Base:      func(context.Context) (string, error) { return "main", nil },
		Read:      func() bool { return true },
		Accepted:  func() { s.accepted.Add(1) },
		Full:      func(context.Context) time.Duration { return 0 },
		Canceled:  func() { s.canceled.Add(1) },
		Scheduled: func() {},
		Readiness: func(context.Context) Readiness { return Readiness{Ready: true} },
		Metrics:   http.NotFoundHandler(), Webhook: http.NotFoundHandler(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
	}
	o.Scheduler = schedule.New(schedule.Options{
		Project: o.Project, Store: db, Base: func(ctx context.Context) (string, error) { return o.Base(ctx) }, Accepted: o.Accepted, Log: o.Log, Now: o.Now,
		Admit: func(ctx context.Context, spec *githubjobs.Spec) error { return o.Admit(ctx, spec) },
	})
	o.Live = live.New(live.Options{
		Project: o.Project, Store: db, Issuer: "https://issuer.invalid", Workflow: ".github/workflows/run-job.yml", Log: o.Log, Now: o.Now,
		Repository: func(context.Context, bool) (int64, error) { return 4711, nil },
	})
	for _, c := range change {
		c(&o)
	}
	s.Server = httptest.NewServer(New(o))
	t.Cleanup(func() { s.Close(); db.Close() })
	return s
}

type answer struct {
	*http.Response
	body string
}

func (s *server) do(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	all := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		all.Set(header[i], header[i+1])
	}
	return s.doWith(t, method, path, body, all)
}

// doWith can send a header several times.
func (s *server) doWith(t testing.TB, method, path, body string, header http.Header) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", "first-key")
	maps.Copy(req.Header, header)
	res, err := apitest.Client(t).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res, strings.TrimSpace(string(raw))}
}

// problem decodes an error's answer.
func (a answer) problem(t testing.TB) problem.Error {
	t.Helper()
	var p problem.Error
	if err := json.Unmarshal([]byte(a.body), &p); err != nil || p.Message == "" {
		t.Fatalf("%d %q is no error: %v", a.StatusCode, a.body, err)
	}
	return p
}

func TestAuthentication(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, c := range map[string]struct {
		header []string
		want   int
	}{
		"the first key":        {[]string{"X-Api-Key", "first-key"}, 404},
		"the second key":       {[]string{"x-api-key", "second-key"}, 404},
		"a bearer":             {[]string{"X-Api-Key", "", "Authorization", "Bearer second-key"}, 404},
		"a bearer in capitals": {[]string{"X-Api-Key", "", "Authorization", "BEARER second-key"}, 404},
		"no key":               {[]string{"X-Api-Key", ""}, 401},
		"a wrong key":          {[]string{"X-Api-Key", "first-keys"}, 401},
		"part of a key":        {[]string{"X-Api-Key", "first"}, 401},
		"both keys":            {[]string{"X-Api-Key", "first-key,second-key"}, 401},
		"basic":                {[]string{"X-Api-Key", "", "Authorization", "Basic first-key"}, 401},
		"an empty bearer":      {[]string{"X-Api-Key", "", "Authorization", "Bearer "}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, r := range [][2]string{{"GET", "/api/jobs/status?job_id=abc"}, {"POST", "/api/create-job"}} {
				res := s.do(t, r[0], r[1], "", c.header...)
				want := c.want
				if r[0] == "POST" && want == 404 {
					want = 400 // past the key, the empty body counts
				}
				if res.StatusCode != want {
					t.Errorf("%s: %d, want %d", r[1], res.StatusCode, want)
				}
				if want == 401 && res.body != `{"error":"Unauthorized"}` {
					t.Errorf("%s: body %s", r[1], res.body)
				}
			}
		})
	}
}

func TestStatus(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var created Created
	if err := json.Unmarshal([]byte(s.do(t, "POST", "/api/create-job", `{"job":"x"}`).body), &created); err != nil {
		t.Fatal(err)
	}
	res := s.do(t, "GET", "/api/jobs/status?job_id="+created.JobID, "")
	var got map[string]any
	if err := json.Unmarshal([]byte(res.body), &got); err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	// The fields of the published contract are always there.
	for field, want := range map[string]any{"status": "pending", "branch": created.Branch, "pr_url": "", "run_url": "", "log": "", "changed_files": []any{}} {
		if !reflect.DeepEqual(got[field], want) {
			t.Errorf("%s is %v, want %v", field, got[field], want)
		}
	}
	for name, c := range map[string]struct {
		query  string
		status int
		says   string
	}{
		"unknown":   {"?job_id=abc12345", 404, `There is no job "abc12345"`},
		"missing":   {"", 400, "job_id is missing"},
		"empty":     {"?job_id=", 400, "job_id is missing"},
		"a branch":  {"?job_id=job/abc", 404, "the id is abc"},
		"no id":     {"?job_id=../../etc", 404, "An id has"},
		"bad query": {"?job_id=%zz", 400, "job_id is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			res := s.do(t, "GET", "/api/jobs/status"+c.query, "")
			if p := res.problem(t); res.StatusCode != c.status || !strings.Contains(p.Message, c.says) {
				t.Errorf("%d %s, want %d and %q", res.StatusCode, p.Message, c.status, c.says)
			}
		})
	}
}

// broken is a store that fails.
type broken struct{ err error }

func (b broken) Accept(context.Context, string, githubjobs.Spec) error { return b.err }
func (b broken) Swept(context.Context, string, string) (store.Swept, error) {
	return store.Swept{}, b.err
}
func (b broken) Facts(context.Context, string, string) (githubjobs.Facts, error) {
	return githubjobs.Facts{}, b.err
}
func (b broken) List(context.Context, string, store.Query) (store.Page, error) {
	return store.Page{}, b.err
}
func (b broken) MergeFacts(context.Context, string, ...githubjobs.Facts) error { return b.err }

func TestStoreFails(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		status int
		code   problem.Code
	}{
		{fmt.Errorf("secret detail: %w", store.ErrFull), 507, problem.StorageFull},
		{fmt.Errorf("secret detail: %w", store.ErrUnavailable), 503, problem.StorageUnavailable},
		{errors.New("secret detail"), 500, problem.Internal},
	} {
		s := setup(t, func(o *Options) { o.Jobs = broken{c.err} })
		res := s.do(t, "POST", "/api/create-job", `{"job":"x"}`)
		if p := res.problem(t); res.StatusCode != c.status || p.Code != c.code || strings.Contains(p.Message, "secret") || !strings.Contains(p.Message, "was not created") {
			t.Errorf("%v: %d %+v", c.err, res.StatusCode, p)
		}
		if c.status != 500 && res.Header.Get("Retry-After") == "" {
			t.Errorf("%v: no Retry-After", c.err)
		}
		// The contract's text, to the letter.
		if res := s.do(t, "GET", "/api/jobs/status?job_id=abc", ""); res.StatusCode != 500 || res.body != `{"error":"Failed to get job status"}` {
			t.Errorf("%v: status %d %s", c.err, res.StatusCode, res.body)
		}
	}
}

// panics is a store with a defect.
type panics struct{ Jobs }

func (panics) Facts(context.Context, string, string) (githubjobs.Facts, error) { panic("a defect") }

func TestPanicInAStatusRead(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) { o.Jobs = panics{o.Jobs} })
	if res := s.do(t, "GET", "/api/jobs/status?job_id=abc", ""); res.StatusCode != 500 || res.body != `{"error":"Failed to get job status"}` {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

func TestBaseUnknown(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) { o.Base = func(context.Context) (string, error) { return "", nil } })
	if res := s.do(t, "POST", "/api/create-job", `{"job":"x"}`); res.StatusCode != 503 || res.problem(t).Code != problem.BaseUnknown || res.Header.Get("Retry-After") != "10" {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
	if res := s.do(t, "POST", "/api/create-job", `{"job":"x","base":"main"}`); res.StatusCode != 200 {
		t.Errorf("with a base: %d %s", res.StatusCode, res.body)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) {
		o.Webhook = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") })
	})
	for _, c := range []struct {
		method, path string
		status       int
		code         problem.Code
		allow        string
	}{
		{"GET", "/", 404, problem.RouteNotFound, ""},
		{"GET", "/api/job", 404, problem.RouteNotFound, ""},
		{"POST", "/api/jobs", 405, problem.MethodNotAllowed, "GET, HEAD"},
		{"POST", "/api/jobs/status/", 404, problem.RouteNotFound, ""},
		{"GET", "/api/create-job", 405, problem.MethodNotAllowed, "POST"},
		{"DELETE", "/api/jobs/status", 405, problem.MethodNotAllowed, "GET, HEAD"},
		{"GET", "/webhooks/github", 405, problem.MethodNotAllowed, "POST"},
		{"POST", "/webhooks/github", 500, problem.Internal, ""},
	} {
		res := s.do(t, c.method, c.path, "")
		if p := res.problem(t); res.StatusCode != c.status || p.Code != c.code || res.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %d %s, Allow %q; want %d %s, %q", c.method, c.path, res.StatusCode, res.body, res.Header.Get("Allow"), c.status, c.code, c.allow)
		}
	}
	if res := s.do(t, "GET", "/healthz", ""); res.StatusCode != 200 || res.body != `{"status":"ok"}` {
		t.Errorf("healthz: %d %s", res.StatusCode, res.body)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if id := s.do(t, "GET", "/healthz", "", "X-Request-Id", "abc-1").Header.Get("X-Request-Id"); id != "abc-1" {
		t.Errorf("a caller's id became %q", id)
	}
	for _, bad := range []string{"", "a b", strings.Repeat("x", 200), `a"b`} {
		if id := s.do(t, "GET", "/healthz", "", "X-Request-Id", bad).Header.Get("X-Request-Id"); id == bad || len(id) != 36 {
			t.Errorf("%q became %q", bad, id)
		}
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) {
		o.Readiness = func(context.Context) Readiness { return Readiness{Role: "leader", Problems: []string{"it is broken"}} }
	})
	if res := s.do(t, "GET", "/readyz", ""); res.StatusCode != 503 || !strings.Contains(res.body, "it is broken") {
		t.Errorf("%d %s", res.StatusCode, res.body)
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, code := range problem.Codes() {
		if code.Status() < 400 || code.Status() > 599 {
			t.Errorf("%s has status %d", code, code.Status())
		}
	}
	if n := len(problem.Codes()); n < 15 || slices.Contains(problem.Codes(), "") {
		t.Errorf("%d codes", n)
	}
}

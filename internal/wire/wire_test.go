package wire

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const label = `{"id":1,"node_id":"x","url":"https://api.github.com/repos/o/r/labels/bug","name":"bug","description":null,"color":"ff0000","default":true}`

// What GitHub would not have sent or taken is found; what it would have is not.
func TestCheck(t *testing.T) {
	t.Parallel()
	d := Load(t)
	const labels = "/repos/o/r/labels"
	for name, c := range map[string]struct {
		exchange Exchange
		want     string // "" for no problem
	}{
		"good":                   {Exchange{Method: "GET", Path: labels, Query: url.Values{"per_page": {"5"}}, Status: 200, Answer: []byte("[" + label + "]")}, ""},
		"an empty list":          {Exchange{Method: "GET", Path: labels, Status: 200, Answer: []byte("[]")}, ""},
		"no such operation":      {Exchange{Method: "PATCH", Path: labels, Status: 200}, "GitHub describes no such operation"},
		"not in localhub":        {Exchange{Method: "PATCH", Path: labels, Status: 501}, ""},
		"an unknown parameter":   {Exchange{Method: "GET", Path: labels, Query: url.Values{"perpage": {"5"}}, Status: 200, Answer: []byte("[]")}, "request: GitHub knows no parameter perpage"},
		"a wrong parameter":      {Exchange{Method: "GET", Path: labels, Query: url.Values{"page": {"two"}}, Status: 200, Answer: []byte("[]")}, `request: parameter page="two"`},
		"a word of no enum":      {Exchange{Method: "GET", Path: "/repos/o/r/pulls", Query: url.Values{"state": {"merged"}}, Status: 200, Answer: []byte("[]")}, `request: parameter state="merged"`},
		"a wrong path":           {Exchange{Method: "GET", Path: "/repos/o/r/pulls/one", Status: 200, Answer: []byte("[]")}, `request: parameter pull_number="one"`},
		"a field missing":        {Exchange{Method: "GET", Path: labels, Status: 200, Answer: []byte(strings.Replace("["+label+"]", `"default"`, `"standard"`, 1))}, "answer: /0: missing property 'default'"},
		"an unknown field":       {Exchange{Method: "GET", Path: labels, Status: 200, Answer: []byte(strings.Replace("["+label+"]", `"id"`, `"colour":"red","id"`, 1))}, "answer: /0/colour: GitHub knows no such field"},
		"a null":                 {Exchange{Method: "GET", Path: labels, Status: 200, Answer: []byte(strings.Replace("["+label+"]", `"bug"`, `null`, 1))}, "answer: /0/name: got null, want string"},
		"a wrong type":           {Exchange{Method: "GET", Path: labels, Status: 200, Answer: []byte(strings.Replace("["+label+"]", `true`, `"yes"`, 1))}, "answer: /0/default: got string, want boolean"},
		"a wrong format":         {Exchange{Method: "GET", Path: labels, Status: 200, Answer: []byte(strings.Replace("["+label+"]", `https://`, ``, 1))}, "answer: /0/url: 'api.github.com/repos/o/r/labels/bug' is not valid uri"},
		"not JSON":               {Exchange{Method: "GET", Path: labels, Status: 200, Answer: []byte("[")}, "answer: not JSON"},
		"no body":                {Exchange{Method: "GET", Path: labels, Status: 200}, "answer: the body of status 200 is missing"},
		"another status":         {Exchange{Method: "GET", Path: labels, Status: 201, Answer: []byte("[]")}, "answer: GitHub describes no status 201"},
		"a 304":                  {Exchange{Method: "GET", Path: labels, Status: 304}, ""},
		"an error":               {Exchange{Method: "GET", Path: labels, Status: 404, Answer: []byte(`{"message":"Not Found","documentation_url":"x","status":"404"}`)}, ""},
		"an error of its own":    {Exchange{Method: "GET", Path: labels, Status: 403, Answer: []byte(`{"reason":"no"}`)}, "answer: /reason: GitHub knows no such field"},
		"a body for nothing":     {Exchange{Method: "DELETE", Path: "/repos/o/r/git/refs/heads/a/b", Status: 204, Answer: []byte(`{}`)}, "answer: status 204 has a body, and GitHub's has none"},
		"a good request":         {Exchange{Method: "POST", Path: "/repos/o/r/git/blobs", Body: []byte(`{"content":"a"}`), Status: 201, Answer: []byte(`{"url":"https://x/y","sha":"a"}`)}, ""},
		"a request without body": {Exchange{Method: "POST", Path: "/repos/o/r/git/blobs", Status: 201, Answer: []byte(`{"url":"https://x/y","sha":"a"}`)}, "request: the body is missing"},
		"an unknown wish":        {Exchange{Method: "POST", Path: "/repos/o/r/git/blobs", Body: []byte(`{"content":"a","mode":"100644"}`), Status: 201, Answer: []byte(`{"url":"https://x/y","sha":"a"}`)}, "request: /mode: GitHub knows no such field"},
		"a refused request":      {Exchange{Method: "POST", Path: "/repos/o/r/git/blobs", Body: []byte(`{}`), Status: 422, Answer: []byte(`{"message":"Validation Failed","documentation_url":"x","status":"422"}`)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.exchange.AnswerHeader = http.Header{"Content-Type": {"application/json; charset=utf-8"}}
			_, problems := d.Check(c.exchange)
			switch {
			case c.want == "" && len(problems) > 0:
				t.Errorf("problems %q", problems)
			case c.want != "" && !slices.ContainsFunc(problems, func(p string) bool { return strings.HasPrefix(p, c.want) }):
				t.Errorf("problems %q, want %q", problems, c.want)
			}
		})
	}
}

// The more specific of two operations is found, and slashes stand where GitHub takes them.
func TestOperation(t *testing.T) {
	t.Parallel()
	d := Load(t)
	for path, want := range map[string]string{
		"/repos/o/r/commits/job/a":                   "repos/get-commit",
		"/repos/o/r/commits/job/a/check-runs":        "checks/list-for-ref",
		"/repos/o/r/contents":                        "repos/get-content",
		"/repos/o/r/contents/":                       "repos/get-content",
		"/repos/o/r/contents/a/b.md":                 "repos/get-content",
		"/repos/o/r/compare/main...job%2Fa":          "repos/compare-commits-with-basehead",
		"/repos/o/r/git/matching-refs/heads/job/":    "git/list-matching-refs",
		"/repos/o/r/actions/workflows/ci.yml/runs":   "actions/list-workflow-runs",
		"/repos/o/r/actions/runs/1":                  "actions/get-workflow-run",
		"/repos/o/r/issues/comments/1":               "issues/get-comment",
		"/app/installations/1":                       "apps/get-installation",
		"/repos/o/r/actions/workflows/ci.yml/no/way": "",
	} {
		op, _, _ := d.Operation("GET", path)
		if op.ID != want {
			t.Errorf("%s is %q, want %q", path, op.ID, want)
		}
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	d := Load(t)
	for payload, want := range map[string]string{
		`{"zen":"Keep it logically awesome.","hook_id":1}`:          "",
		`{"zen":"Keep it logically awesome.","hook_id":1,"hock":2}`: "payload: /hock: GitHub knows no such field",
		`{"zen":1}`: "payload: /zen: got number, want string",
		`[]`:        "payload: json: cannot unmarshal array",
	} {
		if got := d.Webhook("ping", []byte(payload)); want == "" && len(got) > 0 || want != "" && !strings.HasPrefix(fmt.Sprint(append(got, "")[0]), want) {
			t.Errorf("%s: %q, want %q", payload, got, want)
		}
	}
	if got := d.Webhook("workflow_run", []byte(`{"action":"began"}`)); len(got) != 1 || got[0] != "payload: GitHub describes no workflow-run-began" {
		t.Errorf("%q", got)
	}
}

// failing is a test that notes its errors.
type failing struct {
	testing.TB
	errors []string
}

func (f *failing) Errorf(format string, args ...any) {
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}

// A recorder passes everything on, and tells each problem once.
func TestRecorder(t *testing.T) {
	t.Parallel()
	Load(t)
	told := &failing{TB: t}
	r := Watch(told)
	server := httptest.NewServer(r.Wrap(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, "[]")
	})))
	for range 3 {
		for _, path := range []string{"/api/v3/repos/o/r/labels", "/api/v3/repos/o/r/labels?color=red", "/o/r/labels"} {
			res, err := http.Get(server.URL + path)
			if err != nil {
				t.Fatal(err)
			}
			res.Body.Close()
		}
	}
	server.Close()
	if seen := r.Seen(); len(seen) != 6 || seen[0].Operation != "issues/list-labels-for-repo" || seen[0].Status != 200 {
		t.Errorf("seen %+v", seen)
	}
	if len(told.errors) != 1 || !strings.Contains(told.errors[0], "GitHub knows no parameter color") {
		t.Errorf("errors %q", told.errors)
	}
}

// Nobody got what a client that has gone was not sent; its request is held to the description all the same. A client that
// waits must not be answered so.
func TestGoneClient(t *testing.T) {
	t.Parallel()
	Load(t)
	for _, c := range []struct {
		gone bool
		path string
		want string
	}{
		{true, "/repos/o/r/labels", ""},
		{true, "/repos/o/r/labels?color=red", "GitHub knows no parameter color"},
		{false, "/repos/o/r/labels", "the body of status 499 is missing"},
	} {
		told := &failing{TB: t}
		ctx, cancel := context.WithCancel(t.Context())
		if c.gone {
			cancel()
		}
		handler := Watch(told).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(statusClientGone) }))
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, Prefix+c.path, nil))
		cancel()
		if all := strings.Join(told.errors, "; "); (c.want == "") != (all == "") || !strings.Contains(all, c.want) {
			t.Errorf("gone %t, %s: errors %q, want %q", c.gone, c.path, all, c.want)
		}
	}
}

// An erratum with nothing to mend would hide what it is no longer about.
func TestErrataHaveReasons(t *testing.T) {
	t.Parallel()
	Load(t) // reading refuses an erratum with nothing to mend
	for _, e := range errata {
		if e.what == "" || e.why == "" {
			t.Errorf("erratum %+v", e)
		}
	}
}

func TestUnlisted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		operation, agent string
		want             int
	}{
		{"pulls/merge", "githubjobs", 0}, {"pulls/merge", "go-github/v60.0.0", 0},
		{"repos/delete", "githubjobs", 1}, {"repos/delete", "githubjobs-agent", 1}, {"repos/delete", "go-github/v60.0.0", 0},
	} {
		if got := unlisted(c.operation, c.agent); len(got) != c.want {
			t.Errorf("%s by %s: %q", c.operation, c.agent, got)
		}
	}
}

// What is left out before the regular expressions are asked is none of what they would find.
func TestOperationLeavesNoneOut(t *testing.T) {
	t.Parallel()
	d := Load(t)
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	for _, op := range d.operations {
		path := parameter.ReplaceAllString(op.Path, "x")
		for _, path := range []string{path, path + "/y"} {
			var want Operation
			i := slices.IndexFunc(d.operations, func(o Operation) bool { return o.Method == op.Method && o.match.MatchString(path) })
			if i >= 0 {
				want = d.operations[i]
			}
			if got, _, _ := d.Operation(op.Method, path); got.ID != want.ID {
				t.Errorf("%s %s is taken for %q, and is %q", op.Method, path, got.ID, want.ID)
			}
		}
	}
}

package web

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/html/atom"
)

// asked is a handler in the API's place that notes what it is asked for.
type asked struct {
	requests []string
	status   int
}

func (a *asked) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, token, _ := r.BasicAuth()
	body, _ := io.ReadAll(r.Body) // a buffer
	a.requests = append(a.requests, fmt.Sprintf("%s %s %s %s", token, r.Method, r.URL.EscapedPath(), body))
	w.WriteHeader(a.status)
	io.WriteString(w, `{"message":"Base branch <b>was</b> modified"}`)
}

func (h *hub) post(path, token, form string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), "POST", path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if token != "" {
		r.SetBasicAuth("anyone", token)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// buttons lists the addresses of a page's forms.
func (a answer) buttons() (all []string) {
	for n := range a.root.Descendants() {
		if n.DataAtom == atom.Form {
			all = append(all, attribute(n, "action"))
		}
	}
	return all
}

func TestButtonsAreForThoseWhoMay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := &asked{}
	w.serve(api)
	for path, want := range map[string]string{
		"/demo/reports/pull/1":                    "[/demo/reports/pull/1/merge /demo/reports/pull/1/close]",
		"/demo/reports/pull/2":                    "[/demo/reports/pull/2/close]", // conflicts
		"/demo/reports/pull/3":                    "[]",                           // merged
		"/demo/reports/pull/4":                    "[/demo/reports/pull/4/close]", // a draft
		"/demo/reports/actions/runs/1":            "[/demo/reports/actions/runs/1/rerun]",
		"/demo/reports/actions/runs/1/attempts/1": "[]",
		"/demo/reports/actions/runs/2":            "[/demo/reports/actions/runs/2/cancel]",
	} {
		a := w.get(path, "right")
		if got := fmt.Sprint(a.buttons()); got != want {
			t.Errorf("%s has the forms %s, want %s", path, got, want)
		}
		for _, problem := range problems(a.Body.String(), a.root) {
			t.Errorf("GET %s: %s", path, problem)
		}
		if got := w.page(path).buttons(); len(got) != 0 {
			t.Errorf("%s has the forms %s for anybody", path, got)
		}
	}
}

func TestAButtonIsACallOfTheAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := &asked{status: 200}
	w.serve(api)
	for _, test := range []struct{ path, form, want, back string }{
		{"/demo/reports/pull/1/merge", "sha=abc&method=squash", `PUT /api/v3/repos/demo/reports/pulls/1/merge {"merge_method":"squash","sha":"abc"}`, "/demo/reports/pull/1"},
		{"/demo/reports/pull/1/close", "", `PATCH /api/v3/repos/demo/reports/pulls/1 {"state":"closed"}`, "/demo/reports/pull/1"},
		{"/demo/reports/pull/1/reopen", "", `PATCH /api/v3/repos/demo/reports/pulls/1 {"state":"open"}`, "/demo/reports/pull/1"},
		{"/demo/reports/actions/runs/1/rerun", "", `POST /api/v3/repos/demo/reports/actions/runs/1/rerun `, "/demo/reports/actions/runs/1"},
		{"/demo/reports/actions/runs/1/cancel", "", `POST /api/v3/repos/demo/reports/actions/runs/1/cancel `, "/demo/reports/actions/runs/1"},
	} {
		api.requests = nil
		a := w.post(test.path, "right", test.form)
		if a.Code != 303 || a.Header().Get("Location") != test.back || len(api.requests) != 1 || api.requests[0] != "right "+test.want {
			t.Errorf("POST %s: %d to %q, asked %q", test.path, a.Code, a.Header().Get("Location"), api.requests)
		}
	}
	api.requests = nil
	for path, want := range map[string]int{"/demo/reports/pull/1/merge": 401, "/demo/secret/pull/1/merge": 404, "/demo/reports/pull/1": 405} {
		if a := w.post(path, "", ""); a.Code != want || len(api.requests) != 0 {
			t.Errorf("POST %s without credentials: %d, asked %q", path, a.Code, api.requests)
		}
	}
	api.status = 405
	a := w.post("/demo/reports/pull/1/merge", "right", "")
	if body := a.Body.Bytes(); a.Code != 405 || !bytes.Contains(body, []byte("Base branch &lt;b&gt;was&lt;/b&gt; modified")) || !bytes.Contains(body, []byte(`href="/demo/reports/pull/1"`)) {
		t.Errorf("refused: %d\n%s", a.Code, body)
	}
}

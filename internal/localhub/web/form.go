package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path"

	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// maxForm bounds what a form may send.
const maxForm = 64 << 10

// call is an operation of the REST API on a repository.
type call struct {
	method, path string // the path is below the repository's
	body         map[string]string
}

// formCalls are the addresses below /{owner}/{repo} to which buttons post. Afterwards the browser is at the page above.
var formCalls = map[string]func(*request) call{
	"/pull/{number}/merge": func(q *request) call {
		return call{"PUT", "/pulls/" + q.PathValue("number") + "/merge", map[string]string{"sha": q.PostFormValue("sha"), "merge_method": q.PostFormValue("method")}}
	},
	"/pull/{number}/close": func(q *request) call {
		return call{"PATCH", "/pulls/" + q.PathValue("number"), map[string]string{"state": "closed"}}
	},
	"/pull/{number}/reopen": func(q *request) call {
		return call{"PATCH", "/pulls/" + q.PathValue("number"), map[string]string{"state": "open"}}
	},
	"/actions/runs/{run}/rerun":  func(q *request) call { return call{"POST", "/actions/runs/" + q.PathValue("run") + "/rerun", nil} },
	"/actions/runs/{run}/cancel": func(q *request) call { return call{"POST", "/actions/runs/" + q.PathValue("run") + "/cancel", nil} },
}

// forms answers what buttons post.
func (s *site) forms() *http.ServeMux {
	mux := http.NewServeMux()
	if s.API == nil {
		return mux
	}
	for pattern, of := range formCalls {
		mux.Handle("POST /{owner}/{repo}"+pattern, s.repositoryPage("metadata", func(q *request) error {
			if q.viewer.Anonymous() {
				askForCredentials(q.w)
				return statusError{http.StatusUnauthorized}
			}
			q.Body = http.MaxBytesReader(q.w, q.Body, maxForm)
			return q.do(of(q))
		}))
	}
	return mux
}

// refusal is why the API did not do what a form asked for.
type refusal struct {
	code    int
	message string
}

func (e refusal) Error() string { return e.message }

// do carries a call out in the viewer's name. The API decides whether the viewer may.
func (q *request) do(c call) error {
	var body []byte
	if c.body != nil {
		body, _ = json.Marshal(c.body) // strings only: can't fail
	}
	address := q.site.APIPrefix + "/repos/" + shape.EscapePath(q.repo.FullName()) + c.path
	r, err := http.NewRequestWithContext(q.Context(), c.method, address, bytes.NewReader(body))
	if err != nil {
		return errNotFound // the number in the address is none
	}
	r.Header.Set("Authorization", q.Header.Get("Authorization"))
	r.RemoteAddr = q.RemoteAddr
	a := &apiAnswer{header: http.Header{}}
	q.site.API.ServeHTTP(a, r)
	if a.status >= http.StatusBadRequest {
		var said struct{ Message string }
		if err := json.Unmarshal(a.body.Bytes(), &said); err != nil || said.Message == "" {
			return fmt.Errorf("%s %s: %d %s", c.method, address, a.status, a.body.String())
		}
		return refusal{a.status, said.Message}
	}
	q.w.Header().Set("Location", path.Dir(q.URL.EscapedPath()))
	q.w.WriteHeader(http.StatusSeeOther)
	return nil
}

// apiAnswer keeps what the API answers.
type apiAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *apiAnswer) Header() http.Header { return a.header }

func (a *apiAnswer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *apiAnswer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

// mayChange says whether the page shows buttons that need the permission.
func (q *request) mayChange(permission string) bool {
	return q.site.API != nil && !q.viewer.Anonymous() && q.viewer.Allow(q.repo, permission, "write") == nil
}

// pullForms are the addresses of a pull request's forms; empty: not now, or not for the viewer.
type pullForms struct {
	Merge, Close, Reopen string
	Methods              []string // of a merge; none: it can't be merged
}

func (q *request) pullForms(p state.Pull, page pullPage) (f pullForms) {
	address := q.link("pull", itoa(int64(p.Number)))
	if !q.mayChange("pull_requests") {
		return f
	}
	switch {
	case p.Merged:
	case p.State == "open":
		f.Close = address + "/close"
	case page.HeadURL != "":
		f.Reopen = address + "/reopen"
	}
	if p.State == "open" && !p.Draft && page.Merge.Tone != "bad" && q.mayChange("contents") {
		f.Merge = address + "/merge"
		for _, m := range []struct {
			name    string
			allowed bool
		}{{"squash", q.repo.AllowSquashMerge}, {"merge", q.repo.AllowMergeCommit}, {"rebase", q.repo.AllowRebaseMerge}} {
			if m.allowed {
				f.Methods = append(f.Methods, m.name)
			}
		}
	}
	return f
}

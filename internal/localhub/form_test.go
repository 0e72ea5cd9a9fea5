package localhub

import (
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

// browse sends a form or a body as a page of a site makes a browser do, which adds the token by itself.
func (h *hub) browse(method, path, site, body string) (status int, answer string) {
	h.t.Helper()
	req := h.newRequest(method, h.URL()+path, body)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth("alice", h.token)
	if site != "" {
		req.Header.Set("Sec-Fetch-Site", site)
	}
	res, text := h.send(req)
	return res.StatusCode, text
}

func TestMergeByButton(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dir := h.clone(h.token)
	h.git(dir, "checkout", "-q", "-b", "job/1")
	sha := h.commit(dir, "a.md", "# A\n", "Add a file")
	h.git(dir, "push", "-q", "origin", "job/1")
	if _, _, err := h.alice().PullRequests.Create(hubtest.Within(t), "alice", "reports", &github.NewPullRequest{Title: github.String("A"),
		Head: github.String("job/1"), Base: github.String("main")}); err != nil {
		t.Fatal(err)
	}
	form := url.Values{"sha": {sha}, "method": {"squash"}}.Encode()
	if status, answer := h.browse("POST", "/alice/reports/pull/1/merge", "cross-site", form); status != 403 || !strings.Contains(answer, "another site") {
		t.Errorf("from another site: %d %s", status, answer)
	}
	if status, answer := h.browse("POST", "/alice/reports/pull/1/merge", "same-origin", url.Values{"sha": {strings.Repeat("1", 40)}, "method": {"squash"}}.Encode()); status != 409 || !strings.Contains(answer, "It was not done") {
		t.Errorf("another head: %d %s", status, answer)
	}
	status, answer := h.browse("POST", "/alice/reports/pull/1/merge", "same-origin", form)
	if status != 200 || !strings.Contains(answer, "The changes are on main.") { // the page to which the browser was sent
		t.Errorf("merge: %d\n%s", status, answer)
	}
}

// TestOtherSitesChangeNothing: a browser that is signed in sends the token along with what any page makes it send.
func TestOtherSitesChangeNothing(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for site, want := range map[string]int{"cross-site": 403, "same-site": 403, "same-origin": 201, "none": 201, "": 201} {
		if status, answer := h.browse("POST", rest.Prefix+"/user/repos", site, `{"name":"from`+site+`"}`); status != want {
			t.Errorf("from %q: %d %s", site, status, answer)
		}
	}
	if status, _ := h.browse("GET", "/alice/reports", "cross-site", ""); status != 200 {
		t.Errorf("a link from another site: %d", status)
	}
	if status, _ := h.browse("POST", "/alice/reports.git/git-receive-pack", "cross-site", "0000"); status != 403 {
		t.Errorf("a push from another site: %d", status)
	}
}

func TestAddressOfAllInterfaces(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", ":0"} {
		h := start(t, t.TempDir(), func(c *Config) { c.Addr = addr })
		if !strings.HasPrefix(h.URL(), "http://127.0.0.1:") {
			t.Errorf("%s is reached at %s", addr, h.URL())
		}
		if status, _ := h.open(h.URL(), ""); status != 200 {
			t.Errorf("%s: %d", h.URL(), status)
		}
	}
}

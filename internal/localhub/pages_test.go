package localhub

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

const greet = `name: Greet
on: push
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - name: Say hello
        run: |
          echo "hello <b>world</b>"
          echo "### It **works**" >> "$GITHUB_STEP_SUMMARY"
`

// open reads an address as a browser does; token may be empty.
func (h *hub) open(address, token string) (status int, body string) {
	h.t.Helper()
	req := h.newRequest("GET", address, "")
	if token != "" {
		req.SetBasicAuth("alice", token)
	}
	res, text := h.send(req)
	return res.StatusCode, text
}

// TestPagesOpen runs a workflow, opens a pull request, and then opens every address of a page that the API's answers name.
func TestPagesOpen(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dir := h.clone(h.token)
	h.commit(dir, ".github/workflows/greet.yml", greet, "Greet")
	h.git(dir, "push", "-q", "origin", "main")
	h.git(dir, "checkout", "-q", "-b", "job/1")
	h.commit(dir, "a b/c#.md", "# C\n", "Add a file")
	h.git(dir, "push", "-q", "origin", "job/1")
	if _, _, err := h.alice().PullRequests.Create(hubtest.Within(t), "alice", "reports", &github.NewPullRequest{Title: github.String("A pull request"),
		Head: github.String("job/1"), Base: github.String("main"), Body: github.String("Made *here*")}); err != nil {
		t.Fatal(err)
	}
	if err := h.WaitIdle(hubtest.Within(t)); err != nil {
		t.Fatal(err)
	}
	opened := map[string]string{}
	for _, path := range []string{"/repos/alice/reports", "/users/alice", "/repos/alice/reports/pulls", "/repos/alice/reports/pulls/1",
		"/repos/alice/reports/pulls/1/files", "/repos/alice/reports/actions/runs", "/repos/alice/reports/actions/runs/1/jobs",
		"/repos/alice/reports/actions/workflows", "/repos/alice/reports/commits", "/repos/alice/reports/commits/job/1", "/repos/alice/reports/branches/job/1",
		"/repos/alice/reports/contents/a%20b/c%23.md?ref=job/1", "/repos/alice/reports/compare/main...job/1", "/repos/alice/reports/commits/job/1/check-runs"} {
		status, body := h.open(h.URL()+rest.Prefix+path, h.token)
		var answer any
		if err := json.Unmarshal([]byte(body), &answer); err != nil || status != 200 {
			t.Fatalf("%s: %d, %v: %s", path, status, err, body)
		}
		for _, address := range pageAddresses(h.URL(), answer) {
			if opened[address] != "" {
				continue
			}
			status, page := h.open(address, "")
			opened[address] = page
			if status != 200 {
				t.Errorf("%s names %s: %d", path, address, status)
			}
		}
	}
	for address, want := range map[string]string{"/actions/runs/1": "It <strong>works</strong>", "/actions/runs/1/job/1": "hello &lt;b&gt;world&lt;/b&gt;",
		"/pull/1": "Made <em>here</em>", "/blob/job/1/a%20b/c%23.md": "<h1 id=\"c\">C</h1>", "": "alice/reports"} {
		if page := opened[h.URL()+"/alice/reports"+address]; !strings.Contains(page, want) {
			t.Errorf("%s lacks %q (or no answer names it):\n%s", address, want, page)
		}
	}
}

// pageAddresses collects the addresses outside of the API in an answer. Apps and their owner have no page, and git am is not served.
func pageAddresses(server string, answer any) (all []string) {
	switch v := answer.(type) {
	case string:
		without := []string{server + rest.Prefix, server + "/apps/", server + "/features/", server + "/github"}
		if strings.HasPrefix(v, server+"/") && !strings.HasSuffix(v, ".patch") &&
			!slices.ContainsFunc(without, func(prefix string) bool { return strings.HasPrefix(v, prefix) }) {
			all = append(all, v)
		}
	case []any:
		for _, item := range v {
			all = append(all, pageAddresses(server, item)...)
		}
	case map[string]any:
		for _, item := range v {
			all = append(all, pageAddresses(server, item)...)
		}
	}
	return all
}

func TestPagesOfPrivateRepository(t *testing.T) {
	t.Parallel()
	h := setup(t)
	if _, err := h.CreateRepository("alice", "secret", rest.RepositoryOptions{AutoInit: true, Private: true}); err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{"": 404, h.token: 200, "wrong": 401} {
		if status, _ := h.open(h.URL()+"/alice/secret", token); status != want {
			t.Errorf("token %q: %d, want %d", token, status, want)
		}
	}
	if _, page := h.open(h.URL(), ""); strings.Contains(page, "secret") || !strings.Contains(page, "alice/reports") {
		t.Errorf("the list of repositories, for anybody:\n%s", page)
	}
}

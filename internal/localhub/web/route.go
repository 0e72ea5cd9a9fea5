package web

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// repositoryPages are the pages of a repository, below /{owner}/{repo}, with the permission that each needs.
var repositoryPages = []struct {
	pattern, permission string
	show                func(*request) error
}{
	{"", "contents", showHome},
	{"/tree/{rest...}", "contents", showTree},
	{"/blob/{rest...}", "contents", showBlob},
	{"/raw/{rest...}", "contents", serveRaw},
	{"/commits/{rest...}", "contents", showCommits},
	{"/commit/{sha}", "contents", showCommit},
	{"/compare/{rest...}", "contents", showCompare},
	{"/branches", "contents", showBranches},
	{"/pulls", "pull_requests", showPulls},
	{"/issues/{number}", "pull_requests", redirectIssue},
	{"/pull/{number}", "pull_requests", showPull},
	{"/pull/{number}/files", "pull_requests", showPullFiles},
	{"/pull/{number}/commits", "pull_requests", showPullCommits},
	{"/actions", "actions", showRuns},
	{"/actions/workflows/{file}", "actions", showRuns},
	{"/actions/workflows/{file}/badge.svg", "actions", serveBadge},
	{"/actions/runs/{run}", "actions", showRun},
	{"/actions/runs/{run}/attempts/{attempt}", "actions", showRun},
	{"/actions/runs/{run}/job/{job}", "actions", showJob},
	{"/actions/runs/{run}/job/{job}/logs", "actions", serveLog},
	{"/runs/{check}", "checks", showCheck},
	{"/settings/hooks", "repository_hooks", showHooks},
	{"/settings/hooks/{hook}", "repository_hooks", showHook},
}

// routes returns the handler of all addresses. It has two levels because /avatars/u/{id} and /{owner}/{repo}/pulls overlap.
func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/{$}", s.page(showRepositories))
	mux.Handle("/{owner}", s.page(showOwner))
	mux.Handle("/{path...}", s.page(func(*request) error { return errNotFound }))
	for _, p := range repositoryPages {
		page := s.repositoryPage(p.permission, p.show)
		mux.Handle("/{owner}/{repo}"+p.pattern, page)
		if bare, ok := strings.CutSuffix(p.pattern, "/{rest...}"); ok { // /commits is /commits/{the default branch}
			mux.Handle("/{owner}/{repo}"+bare, page)
		}
	}
	top := http.NewServeMux()
	top.Handle("/", mux)
	top.Handle("/login", s.page(login))
	top.HandleFunc("/-/style.css", serveStyle)
	top.HandleFunc("/-/icon.svg", serveIcon)
	top.Handle("/avatars/u/{id}", s.page(serveAvatar))
	return top
}

// request is one request for a page.
type request struct {
	*http.Request
	w      http.ResponseWriter
	site   *site
	viewer Viewer
	repo   state.Repository // of a repository's page
	git    *gitrepo.Repo
	tab    string // the tab that is marked as the current one
}

// page wraps what answers for one address. Its error decides between a 404 and a 500.
func (s *site) page(show func(*request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				s.fail(w, r, panicError{p})
			}
		}()
		viewer, err := s.Authenticate(r)
		if err != nil {
			askForCredentials(w)
			s.fail(w, r, statusError{http.StatusUnauthorized})
			return
		}
		if err := show(&request{Request: r, w: w, site: s, viewer: viewer}); err != nil {
			s.fail(w, r, err)
		}
	})
}

// repositoryPage finds the repository. One that the viewer may not see is not there.
func (s *site) repositoryPage(permission string, show func(*request) error) http.Handler {
	return s.page(func(q *request) (err error) {
		var found bool
		name, isClone := strings.CutSuffix(q.PathValue("repo"), ".git")
		s.DB.View(func(tx *state.Tx) {
			q.repo, found = tx.Repositories.ByName(state.RepositoryName(q.PathValue("owner"), name))
		})
		if !found || q.viewer.Allow(q.repo, permission, "read") != nil {
			return errNotFound
		}
		if isClone { // a clone address, opened in a browser
			redirect(q.w, q.Request, q.link())
			return nil
		}
		q.tab = permission
		if q.git, err = s.Git.Open(q.repo.Owner, q.repo.Name); err != nil {
			return err
		}
		return show(q)
	})
}

// login makes the browser ask for a token, which it then sends for every page; afterwards it returns to the page that sent it here.
func login(q *request) error {
	if q.viewer.Anonymous() {
		askForCredentials(q.w)
		return statusError{http.StatusUnauthorized}
	}
	to, err := url.Parse(q.FormValue("return_to"))
	if err != nil || to.IsAbs() || to.Host != "" || len(to.Path) < 1 || to.Path[0] != '/' {
		to = &url.URL{Path: "/"}
	}
	redirect(q.w, q.Request, "/"+trimSlashes(to.EscapedPath()))
	return nil
}

func askForCredentials(w http.ResponseWriter) {
	w.Header().Set("WWW-Authenticate", `Basic realm="localhub: any user name; the password is a personal access token of this localhub", charset="UTF-8"`)
}

// redirect sends the browser to a path of this server.
func redirect(w http.ResponseWriter, r *http.Request, path string) {
	if r.URL.RawQuery != "" && r.URL.Path != "/login" {
		path += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", path)
	w.WriteHeader(http.StatusFound)
}

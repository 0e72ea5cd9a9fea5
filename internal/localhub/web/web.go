// Package web serves the pages behind the addresses that localhub hands out: files, commits, pull requests, workflow runs and their logs, as plain
// HTML at GitHub's paths. It needs no JavaScript and loads nothing from elsewhere. Every page is a GET; the few buttons are forms, and each of
// those is an operation of the REST API in the name of who is signed in. Who serves the pages must refuse what other sites post
// (http.CrossOriginProtection).
//
// It may import state, gitrepo and shape. Whatever a repository, a log or a pull request contains is hostile until escaped (html/template) or
// sanitised (Markdown); the Content-Security-Policy holds the line behind that.
package web

import (
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Viewer is who asks for a page. rest.Actor is one.
type Viewer interface {
	// Allow says whether the viewer has the permission (contents, pull_requests, actions, repository_hooks) at level "read" on repo; nil: yes.
	Allow(repo state.Repository, permission, level string) error
	// Anonymous says that the request bore no credentials.
	Anonymous() bool
}

// Config is what the pages are made of.
type Config struct {
	DB  *state.DB
	Git *gitrepo.Store
	// JobLog returns the log of a workflow job as GitHub serves it for download: one line a line, each led by its time and a space
	// ("2006-01-02T15:04:05.0000000Z text"), which state.Step's LogFrom and LogTo count from 0. While the job runs it is what there is so far;
	// nil when there is none.
	JobLog func(job state.Job) ([]byte, error)
	// Authenticate finds out who sends a request; an error means wrong credentials. The browser sends Basic ones once /login has asked for them.
	Authenticate func(*http.Request) (Viewer, error)
	// API answers the REST API below APIPrefix, for the forms; nil: pages have none.
	API       http.Handler
	APIPrefix string
	ServerURL string           // without a slash at the end
	Now       func() time.Time // default time.Now
	Log       *slog.Logger     // default slog.Default()
}

// site is the handler that New makes.
type site struct {
	Config
	templates func() map[string]*template.Template
	markdown  *markdown
}

// New returns the handler of all pages: of every request that is neither for the REST API nor git's nor a service's.
func New(c Config) http.Handler {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	s := &site{Config: c, markdown: newMarkdown()}
	s.templates = sync.OnceValue(s.parseTemplates) // when the first page is asked for: most of localhub's users are programs
	routes, forms := s.routes(), s.forms()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w.Header())
		if _, form := forms.Handler(r); form != "" && r.Method == http.MethodPost {
			forms.ServeHTTP(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			s.fail(w, r, statusError{http.StatusMethodNotAllowed})
			return
		}
		if short := strings.TrimRight(r.URL.EscapedPath(), "/"); short != "" && short != r.URL.EscapedPath() {
			redirect(w, r, "/"+strings.TrimLeft(short, "/"))
			return
		}
		routes.ServeHTTP(w, r)
	})
}

// policy lets a page load only what localhub itself serves, and nothing run.
const policy = "default-src 'none'; img-src 'self' data:; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func setHeaders(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization")
}

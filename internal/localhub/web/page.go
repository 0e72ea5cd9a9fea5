package web

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
	"unicode"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// errNotFound becomes the 404 page.
var errNotFound = errors.New("not found")

// statusError becomes the page of another status.
type statusError struct{ code int }

func (e statusError) Error() string { return http.StatusText(e.code) }

// panicError is a panic of a handler; it becomes a 500.
type panicError struct{ value any }

func (e panicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, debug.Stack()) }

// page is what the layout shows around a page's own data.
type page struct {
	Title    string
	Repo     state.Repository // zero outside of a repository
	Tab      string
	Open     int  // open pull requests
	Refresh  bool // reload while something is in progress
	Login    string
	Data     any
	Home     string // address of the repository's first page
	ShowHook bool
}

// show renders a template of templates/ into the layout.
func (q *request) show(name, title string, data any) error {
	return q.showLive(name, title, data, false)
}

// showLive is show for a page that, when live, reloads itself.
func (q *request) showLive(name, title string, data any, live bool) error {
	p := page{Title: title, Repo: q.repo, Tab: q.tab, Refresh: live, Data: data}
	if q.viewer.Anonymous() {
		p.Login = "/login?return_to=" + url.QueryEscape(q.URL.EscapedPath())
	}
	if q.repo.ID != 0 {
		p.Home = q.link()
		q.site.DB.View(func(tx *state.Tx) { p.Open = tx.OpenPullCount(q.repo.ID) })
		p.ShowHook = q.viewer.Allow(q.repo, "repository_hooks", "read") == nil
	}
	return q.site.render(q.w, http.StatusOK, name, p)
}

func (s *site) render(w http.ResponseWriter, status int, name string, p page) error {
	var buf bytes.Buffer
	if err := s.templates()[name].ExecuteTemplate(&buf, "layout", p); err != nil {
		return err
	}
	text := strings.Map(visible, buf.String())
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	io.WriteString(w, text) // an error means that the client has gone
	return nil
}

// visible makes the characters visible that turn the direction of text, or are for terminals: with them a title or a line of code can look like
// another. No page needs them, for the browser finds out by itself in which direction a text is written.
func visible(r rune) rune {
	turns := r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	if turns || unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r' {
		return unicode.ReplacementChar
	}
	return r
}

// fail answers with an error page. What the viewer can't have caused is logged here.
func (s *site) fail(w http.ResponseWriter, r *http.Request, err error) {
	code, message := http.StatusInternalServerError, ""
	if e, ok := errors.AsType[statusError](err); ok {
		code = e.code
	} else if e, ok := errors.AsType[refusal](err); ok {
		code, message = e.code, e.message
	} else if errors.Is(err, errNotFound) || errors.Is(err, gitrepo.ErrNotFound) || errors.Is(err, gitrepo.ErrBadName) ||
		errors.Is(err, gitrepo.ErrWrongType) {
		code = http.StatusNotFound
	}
	if r.Context().Err() != nil {
		return // nobody is there to read it
	}
	if code == http.StatusInternalServerError && message == "" {
		s.Log.ErrorContext(r.Context(), "page failed", "path", r.URL.Path, "error", err)
	}
	p := page{Title: http.StatusText(code), Data: errorPage{Code: code, Path: r.URL.Path, Refused: message, Back: path.Dir(r.URL.EscapedPath())}}
	if code == http.StatusNotFound {
		p.Login = "/login?return_to=" + url.QueryEscape(r.URL.EscapedPath())
	}
	if err := s.render(w, code, "error", p); err != nil {
		http.Error(w, http.StatusText(code), code)
	}
}

type errorPage struct {
	Code    int
	Path    string
	Refused string // why a form did nothing, in the API's words
	Back    string // the page of the form
}

// link returns the address of a page of the repository. The parts are joined by slashes, and escaped except for the slashes in them.
func (q *request) link(parts ...string) string { return link(q.repo, parts...) }

func link(repo state.Repository, parts ...string) string {
	address := "/" + repo.FullName()
	for _, p := range parts {
		if p != "" {
			address += "/" + shape.EscapePath(p)
		}
	}
	return address
}

// number returns a wildcard of the address that is a number of 64 bits, or -1, which nothing has.
func (q *request) number(name string) int64 {
	n, err := strconv.ParseInt(q.PathValue(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func trimSlashes(s string) string { return strings.Trim(s, "/") }

// safe marks text as HTML that this package has built from escaped parts.
func safe(text string) template.HTML { return template.HTML(text) }

// escaped is text as HTML.
func escaped(text string) template.HTML { return safe(template.HTMLEscapeString(text)) }

// pre is text as it is, in HTML.
func pre(text string) template.HTML { return "<pre>" + escaped(text) + "</pre>" }

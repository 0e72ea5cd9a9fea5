// Package rest answers GitHub's REST API from localhub's state and git repositories. It may import state, event, faults, shape, gitrepo and hooks.
//
// # How to add an operation
//
// Write a handler and name it in a slice of Operation in your own file, then add that slice to Operations in table.go:
//
//	var widgetOperations = []Operation{
//		{"GET", "/repos/{owner}/{repo}/widgets/{widget_id}", "widgets/get", Read("contents"), getWidget},
//		{"POST", "/repos/{owner}/{repo}/widgets", "widgets/create", Write("contents"), createWidget},
//	}
//
//	func getWidget(c *Context) (Response, error) {
//		id, err := c.ID("widget_id")        // 404 when it is no number
//		if err != nil {
//			return Response{}, err
//		}
//		var body shape.Object
//		c.View(func(tx *state.Tx, b shape.Builder) {  // one consistent read
//			if w, ok := tx.Widgets.Get(id); ok && w.RepositoryID == c.Repo.ID {
//				body = b.Widget(w)
//			}
//		})
//		if body == nil {
//			return Response{}, NotFound()
//		}
//		return OK(body), nil
//	}
//
// The frame has already: found the actor (c.Actor), found the repository when the pattern has {owner}/{repo} (c.Repo), and checked the permission.
// It adds ETag, 304, rate-limit and request-id headers, and writes errors: return *Error (NotFound(), Forbidden(…), Invalid(…) …) for what GitHub
// would answer; every other error becomes a 500 and is logged.
//
// Changes go through one c.Update per request; publish events after it: c.Publish(event.PullRequest{Base: c.Event(), …}).
// Lists: `return OK(Paginate(c, items)), nil`, see page.go. Bodies: c.Decode(&in) answers 400 as GitHub does.
// JSON shapes that webhooks use too are built by package shape (add methods to shape.Builder in your own file there).
package rest

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/actions"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/hooks"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Prefix is the path under which the API is served, as on GitHub Enterprise Server.
const Prefix = "/api/v3"

// Operation is one operation of GitHub's REST API.
type Operation struct {
	Method     string
	Pattern    string // below Prefix, in http.ServeMux syntax with GitHub's parameter names
	ID         string // GitHub's operation id, such as pulls/merge
	Permission Permission
	Handle     func(c *Context) (Response, error)
}

// Service answers the API. Its fields must be set before Handler is called.
type Service struct {
	DB        *state.DB
	Bus       *event.Bus
	Git       *gitrepo.Store
	Hooks     *hooks.Deliverer
	Actions   *actions.Engine
	ServerURL string // without a slash at the end
	Now       func() time.Time
	Log       *slog.Logger
	Limits    Limits
	Faults    *faults.Set // nil: none

	limiter   limiter
	following sync.Mutex // see followRef
	pulls     pullWork
	journal   journal
}

// Close waits for what is computed in the background. No request may come after it.
func (s *Service) Close() {
	s.pulls.close()
	s.journal.running.Wait()
}

// Handler serves all operations under Prefix.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, op := range s.Operations() {
		mux.Handle(op.Method+" "+Prefix+op.Pattern, s.faulty(op, s.serve(op)))
	}
	mux.Handle(Prefix+"/", http.HandlerFunc(s.serveUnknown))
	return mergeRef(mux)
}

// faulty lets faults strike the requests of an operation.
func (s *Service) faulty(op Operation, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := faults.Occasion{Operation: op.ID}
		if name := r.PathValue("repo"); name != "" {
			o.Repository = r.PathValue("owner") + "/" + name
		}
		s.Faults.Serve(w, r, o, s.Now, next)
	})
}

// Context is one request to one operation.
type Context struct {
	*http.Request
	W         http.ResponseWriter // for headers; the frame writes status and body
	S         *Service
	Operation Operation
	Actor     Actor
	Repo      state.Repository // set when the pattern has {owner}/{repo}
}

// Context returns the request's context.Context.
func (c *Context) Context() context.Context { return c.Request.Context() }

// View reads the state. See state.DB.View.
func (c *Context) View(read func(tx *state.Tx, b shape.Builder)) {
	c.S.DB.View(func(tx *state.Tx) { read(tx, c.builder(tx)) })
}

// Update changes the state as one transaction. See state.DB.Update. Errors of change come back as they are.
func (c *Context) Update(change func(tx *state.Tx, b shape.Builder) error) error {
	return c.S.DB.Update(func(tx *state.Tx) error { return change(tx, c.builder(tx)) })
}

func (c *Context) builder(tx *state.Tx) shape.Builder {
	return shape.Builder{URL: c.S.ServerURL, Tx: tx}
}

// Git opens the git repository of c.Repo.
func (c *Context) Git() (*gitrepo.Repo, error) { return c.S.Git.Open(c.Repo.Owner, c.Repo.Name) }

// Now is the time of localhub's clock, UTC, in whole seconds as GitHub's times are.
func (c *Context) Now() time.Time { return c.S.now() }

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Second) }

// Publish tells subscribers what happened. Call it after the Update that made it true.
func (c *Context) Publish(events ...event.Event) { c.S.Bus.Publish(events...) }

// Event returns the base of an event that this request causes.
func (c *Context) Event() event.Base { return c.Actor.Event(c.Repo) }

package api

import (
	"context"
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// maxBody bounds the body of an API request, in bytes.
const maxBody = 1 << 20

// noStore keeps answers out of caches on the way: they are true for a moment, and for
// who has a key, which caches do not know from other headers.
var noStore = []string{"no-store"} // never changed

// observe gives each request an id, logs its end, and turns a panic into a 500.
func (a *api) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, id := time.Now(), requestID(r)
		w.Header()["X-Request-Id"] = []string{id}
		w.Header()["Cache-Control"] = noStore
		out := &response{ResponseWriter: w}
		defer func() {
			out.recovered(recover(), a.Log, id)
			if level := accessLevel(r, out.status); a.Log.Enabled(r.Context(), level) {
				a.Log.LogAttrs(r.Context(), level, "request", slog.String("request_id", id), slog.String("method", r.Method),
					slog.String("path", r.URL.Path), slog.Int("status", out.status), slog.Int64("bytes", out.bytes),
					slog.Duration("duration", time.Since(began)), slog.String("remote", r.RemoteAddr))
			}
		}()
		next.ServeHTTP(out, r.WithContext(requestContext{r.Context(), id}))
	})
}

// requestContext carries the id of a request.
type requestContext struct {
	context.Context
	id string
}

type idKey struct{}

// Value implements context.Context.
func (c requestContext) Value(key any) any {
	if _, ok := key.(idKey); ok {
		return c.id
	}
	return c.Context.Value(key)
}

// log is the logger of the request that ctx belongs to.
func (a *api) log(ctx context.Context) *slog.Logger {
	if id, ok := ctx.Value(idKey{}).(string); ok {
		return a.Log.With("request_id", id)
	}
	return a.Log
}

var sane = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,128}$`)

// requestID is the caller's id where it is harmless in a log, else a fresh one.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); id != "" && sane.MatchString(id) {
		return id
	}
	return uuid.NewString()
}

// accessLevel keeps the probes of an orchestrator out of the log.
func accessLevel(r *http.Request, status int) slog.Level {
	if strings.HasSuffix(r.URL.Path, "z") && status < 400 {
		return slog.LevelDebug
	}
	return slog.LevelInfo
}

// response notes what was answered.
type response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

// Unwrap serves http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) recovered(reason any, log *slog.Logger, id string) {
	if reason == nil {
		return
	}
	if reason == http.ErrAbortHandler {
		panic(reason)
	}
	log.Error("a request ended in a panic", "request_id", id, "panic", reason, "stack", string(debug.Stack()))
	if w.status == 0 {
		problem.New(problem.Internal, "The server made a mistake; its log tells more under the request id in X-Request-Id.").Write(w)
	}
}

// unrouted answers in the shape of all errors what no other route of the mux takes;
// the mux itself would answer in plain text.
func unrouted(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if allow := methods(mux, r); allow != "" {
			w.Header().Set("Allow", allow)
			problem.New(problem.MethodNotAllowed, "%s takes %s, not %s.", r.URL.Path, allow, r.Method).Write(w)
			return
		}
		problem.New(problem.RouteNotFound, "There is nothing at %s; /openapi.json lists what there is.", r.URL.Path).Write(w)
	})
}

// methods lists the methods that the path of a request takes.
func methods(mux *http.ServeMux, r *http.Request) string {
	var allowed []string
	for _, method := range []string{"DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"} {
		other := *r
		other.Method = method
		if _, pattern := mux.Handler(&other); pattern != "" && pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	return strings.Join(allowed, ", ")
}

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

// observe gives each request an id, logs its end, and turns a panic into a 500.
func (a *api) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, id := time.Now(), requestID(r)
		log := a.Log.With("request_id", id)
		w.Header().Set("X-Request-Id", id)
		out := &response{ResponseWriter: w}
		defer func() {
			out.recovered(recover(), log)
			log.Log(r.Context(), accessLevel(r, out.status), "request", "method", r.Method, "path", r.URL.Path, "status", out.status,
				"bytes", out.bytes, "duration", time.Since(began), "remote", r.RemoteAddr)
		}()
		next.ServeHTTP(out, r.WithContext(context.WithValue(r.Context(), logKey{}, log)))
	})
}

type logKey struct{}

// log is the logger of the request that ctx belongs to.
func (a *api) log(ctx context.Context) *slog.Logger {
	if log, ok := ctx.Value(logKey{}).(*slog.Logger); ok {
		return log
	}
	return a.Log
}

var sane = regexp.MustCompile(`^[A-Za-z0-9._:/+=-]{1,128}$`)

// requestID is the caller's id where it is harmless in a log, else a fresh one.
func requestID(r *http.Request) string {
	if id := r.Header.Get("X-Request-Id"); sane.MatchString(id) {
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

func (w *response) recovered(reason any, log *slog.Logger) {
	if reason == nil {
		return
	}
	if reason == http.ErrAbortHandler {
		panic(reason)
	}
	log.Error("a request ended in a panic", "panic", reason, "stack", string(debug.Stack()))
	if w.status == 0 {
		problem.New(problem.Internal, "The server made a mistake; its log tells more under the request id in X-Request-Id.").Write(w)
	}
}

// answerUnrouted answers in the shape of all errors what no route takes; the mux
// itself would answer in plain text.
func (a *api) answerUnrouted(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &discard{header: http.Header{}}
		h.ServeHTTP(probe, r)
		if allow := probe.header.Get("Allow"); probe.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", allow)
			problem.New(problem.MethodNotAllowed, "%s takes %s, not %s.", r.URL.Path, allow, r.Method).Write(w)
			return
		}
		problem.New(problem.RouteNotFound, "There is nothing at %s; /openapi.json lists what there is.", r.URL.Path).Write(w)
	})
}

// discard is a ResponseWriter that keeps status and header alone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

package gitrepo

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cgi"
	"path/filepath"
	"strings"
)

// Request is what a smart HTTP request asks for.
type Request struct {
	Owner, Name string // of the repository; both are ValidName
	Write       bool   // a push (git-receive-pack), else a fetch (git-upload-pack)
	Advertise   bool   // the first request of the two: info/refs
}

// ParseRequest recognises a git request by its path, /{owner}/{name}[.git]
// followed by info/refs, git-upload-pack or git-receive-pack. ok is false for
// all other paths and for names that no repository can have.
func ParseRequest(req *http.Request) (g Request, ok bool) {
	parts := strings.Split(strings.TrimPrefix(req.URL.Path, "/"), "/")
	if len(parts) < 3 || len(parts) > 4 {
		return Request{}, false
	}
	g.Owner, g.Name = parts[0], strings.TrimSuffix(parts[1], ".git")
	switch endpoint := strings.Join(parts[2:], "/"); {
	case endpoint == "info/refs" && (req.Method == http.MethodGet || req.Method == http.MethodHead):
		g.Advertise = true
		g.Write = req.URL.Query().Get("service") == "git-receive-pack"
	case endpoint == "git-receive-pack" && req.Method == http.MethodPost:
		g.Write = true
	case endpoint == "git-upload-pack" && req.Method == http.MethodPost:
	default:
		return Request{}, false
	}
	return g, ValidName(g.Owner) && ValidName(g.Name)
}

// RefChange is one ref that a push changed or wants to change.
type RefChange struct {
	Ref      string
	Old, New string // Zero when created, or deleted
}

// Created reports whether the ref did not exist before.
func (c RefChange) Created() bool { return c.Old == Zero }

// Deleted reports whether the ref is gone after.
func (c RefChange) Deleted() bool { return c.New == Zero }

// ServeOptions are the conditions of one git request; the zero value serves
// without any. Who may come in is decided before.
type ServeOptions struct {
	// RefuseWorkflows refuses refs whose new commits change workflow files, as
	// GitHub does for tokens without the workflows permission.
	RefuseWorkflows bool
	// Refuse, when set, is asked about every ref; a reason refuses that ref
	// alone, and the client reads it.
	Refuse func(ctx context.Context, c RefChange) (reason string)
	// BeforePush, when set, is told what a push asks for before git may change
	// anything; an error ends the push.
	BeforePush func(ctx context.Context, wanted []RefChange) error
	// OnPush is told which refs changed, in the order of the push, before the
	// client is answered, and not at all when none did. Its context outlives the
	// request. Another push into this repository waits until it has returned.
	OnPush func(ctx context.Context, changes []RefChange)
	// Logger gets what git complains about; nil: slog.Default.
	Logger *slog.Logger
}

func (o ServeOptions) guarded() bool { return o.RefuseWorkflows || o.Refuse != nil }

// ServeGit answers one git request through git http-backend. Pushes into one
// repository are received one after another.
func (r *Repo) ServeGit(w http.ResponseWriter, req *http.Request, g Request, o ServeOptions) {
	service := req.URL.Query().Get("service")
	switch {
	case !g.Advertise && g.Write:
		r.receive(w, req, o)
	case !g.Advertise:
		r.backend(w, req, "git-upload-pack", o)
	case service == "git-upload-pack" || service == "git-receive-pack":
		r.backend(w, req, "info/refs", o)
	default:
		http.Error(w, "Please upgrade your git client.\nDumb HTTP is not supported.", http.StatusForbidden)
	}
}

// backend runs git http-backend. Of the request's headers it sees only those
// that belong to git, so no credential gets into the environment of a process.
func (r *Repo) backend(w http.ResponseWriter, req *http.Request, endpoint string, o ServeOptions, env ...string) {
	execPath, err := installation()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	clean := req.Clone(req.Context())
	clean.Header = http.Header{}
	for _, name := range []string{"Accept", "Accept-Encoding", "Content-Encoding", "Content-Type", "Git-Protocol"} {
		if v := req.Header.Values(name); len(v) > 0 {
			clean.Header[name] = v
		}
	}
	// A body without a length is read to its end. With one, http-backend spins for
	// ever when the client goes away in the middle; and net/http/cgi refuses what
	// calls itself chunked.
	clean.TransferEncoding = nil
	if clean.ContentLength > 0 {
		clean.ContentLength = -1
	}
	var stderr bytes.Buffer
	handler := cgi.Handler{
		Path:   filepath.Join(execPath, "git-http-backend"),
		Dir:    r.dir,
		Stderr: &stderr,
		Env: append(append(environment(), env...),
			"GIT_PROJECT_ROOT="+filepath.Dir(r.dir),
			"GIT_HTTP_EXPORT_ALL=1",
			"PATH_INFO=/"+filepath.Base(r.dir)+"/"+endpoint,
			"REMOTE_USER=localhub",
		),
	}
	handler.ServeHTTP(w, clean)
	if stderr.Len() > 0 {
		o.logger().Warn("git http-backend", "dir", r.dir, "endpoint", endpoint, "said", strings.TrimSpace(stderr.String()))
	}
}

func (o ServeOptions) logger() *slog.Logger {
	if o.Logger != nil {
		return o.Logger
	}
	return slog.Default()
}

// refusal is why a ref may not be pushed, or empty.
func (r *Repo) refusal(ctx context.Context, c RefChange, o ServeOptions) string {
	if o.Refuse != nil {
		if reason := o.Refuse(ctx, c); reason != "" {
			return reason
		}
	}
	if !o.RefuseWorkflows || c.Deleted() {
		return ""
	}
	path, err := r.WorkflowChange(ctx, c.New)
	if err != nil {
		o.logger().Error("checking a push for workflow files", "dir", r.dir, "ref", c.Ref, "error", err)
		return "internal error while checking workflow files"
	}
	if path == "" {
		return ""
	}
	return WorkflowRefusal(path)
}

// WorkflowRefusal is GitHub's sentence for a token without the workflows
// permission.
func WorkflowRefusal(path string) string {
	return fmt.Sprintf("refusing to allow a GitHub App to create or update workflow `%s` without `workflows` permission", path)
}

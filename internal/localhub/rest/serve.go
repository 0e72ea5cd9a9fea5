package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// serve wraps an operation: who asks, may they, do they have quota left, and how the answer is written.
func (s *Service) serve(op Operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &Context{Request: r, W: w, S: s, Operation: op}
		w.Header().Set("X-Github-Request-Id", uuid.NewString())
		w.Header().Set("X-Github-Api-Version-Selected", "2022-11-28")
		w.Header().Set("X-Github-Media-Type", "github.v3; format=json")
		res, err := c.answer()
		if err == nil {
			err = c.write(res)
		}
		if err != nil {
			c.writeError(err)
		}
	})
}

// answer authenticates, authorises and calls the handler. A panic in it becomes an error, so that the client gets a 500.
func (c *Context) answer() (res Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if c.Actor, err = c.S.Authenticate(c.Request); err != nil {
		return Response{}, err
	}
	key, limit := c.S.budget(c.Actor, c.Request)
	budget := c.S.limiter.get(key, limit, c.S.Now(), false)
	setLimitHeaders(c.W.Header(), budget)
	if budget.Remaining() == 0 && c.Operation.ID != "rate-limit/get" {
		return Response{}, errLimited(c.Actor)
	}
	c.findRepository()
	if err := c.authorize(); err != nil {
		return Response{}, err
	}
	return c.Operation.Handle(c)
}

func (c *Context) findRepository() {
	if owner, name := c.Param("owner"), c.Param("repo"); name != "" {
		c.S.DB.View(func(tx *state.Tx) { c.Repo, _ = tx.Repositories.ByName(state.RepositoryName(owner, name)) })
	}
}

func (c *Context) authorize() error {
	err := c.Operation.Permission.check(c.Actor, c.Repo)
	if err != nil && c.Operation.Permission.name != "" {
		c.W.Header().Set("X-Accepted-Github-Permissions", c.Operation.Permission.name+"="+c.Operation.Permission.level)
	}
	return err
}

// Require checks a further permission, for operations that need more than one.
func (c *Context) Require(p Permission) error { return p.check(c.Actor, c.Repo) }

// charge takes this request from the actor's quota. A 304 is free.
func (c *Context) charge() {
	if c.Operation.ID == "rate-limit/get" {
		return
	}
	key, limit := c.S.budget(c.Actor, c.Request)
	setLimitHeaders(c.W.Header(), c.S.limiter.get(key, limit, c.S.Now(), true))
}

func (c *Context) write(res Response) error {
	body, contentType := res.Raw, res.ContentType
	if body == nil && res.Body != nil {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(res.Body); err != nil {
			return err
		}
		body, contentType = bytes.TrimSuffix(buf.Bytes(), []byte("\n")), "application/json; charset=utf-8"
	}
	if res.Status == http.StatusOK && (c.Method == http.MethodGet || c.Method == http.MethodHead) && c.notModified(body) {
		c.W.WriteHeader(http.StatusNotModified)
		return nil
	}
	c.charge()
	c.send(res.Status, contentType, body)
	return nil
}

func (c *Context) send(status int, contentType string, body []byte) {
	if contentType != "" {
		c.W.Header().Set("Content-Type", contentType)
	}
	if len(body) > 0 {
		c.W.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	c.W.WriteHeader(status)
	c.W.Write(body) // an error means that the client has gone
}

// notModified sets the ETag, which is bound to the token as GitHub's are, and says whether the client has that version.
func (c *Context) notModified(body []byte) bool {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s %s\n", c.Actor.Token.ID, c.Header.Get("Accept"), c.W.Header().Get("Link"))
	h.Write(body)
	tag := fmt.Sprintf(`"%x"`, h.Sum(nil))
	c.W.Header().Set("Etag", "W/"+tag)
	c.W.Header().Set("Vary", "Accept, Authorization, Cookie")
	c.W.Header().Set("Cache-Control", "private, max-age=60, s-maxage=60")
	for match := range strings.SplitSeq(c.Header.Get("If-None-Match"), ",") {
		if strings.TrimPrefix(strings.TrimSpace(match), "W/") == tag {
			return true
		}
	}
	return false
}

// statusClientGone stands in the log of requests for an answer that nobody was
// there to take. The number is the one that proxies use for it.
const statusClientGone = 499

// writeError writes err in GitHub's shape; what is no *Error is a 500 and logged here.
func (c *Context) writeError(err error) {
	e, ok := errors.AsType[*Error](err)
	if !ok && c.Context().Err() != nil {
		c.W.WriteHeader(statusClientGone)
		return
	}
	if !ok {
		c.S.Log.ErrorContext(c.Context(), "operation failed", "operation", c.Operation.ID, "path", c.URL.Path, "error", err)
		e = &Error{Status: http.StatusInternalServerError, Message: "Server Error"}
	}
	for k, v := range e.Header {
		c.W.Header()[k] = v
	}
	body := map[string]any{"message": e.Message, "documentation_url": docsURL, "status": strconv.Itoa(e.Status)}
	switch {
	case len(e.Fields) > 0:
		body["errors"] = e.Fields
	case len(e.Reasons) > 0:
		body["errors"] = e.Reasons
	}
	text, _ := json.Marshal(body) // strings only: can't fail
	c.charge()
	c.send(e.Status, "application/json; charset=utf-8", text)
}

package hub

import (
	"bytes"
	"cmp"
	"container/list"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of the answers that are kept for conditional requests. A page of a hundred
// pull requests has about 2 MB on GitHub.
const (
	maxKept     = 24 << 20 // bytes of all answers together
	maxKeptBody = 8 << 20  // bytes of one answer
)

// conditional is a transport that keeps the answers of reads that ask for it (see
// whenChanged) with their ETags. GitHub answers 304 while nothing has changed, which
// costs no primary quota; the caller then gets the kept answer, with the headers of
// the 304, as if it had come whole.
//
// GitHub's ETags are bound to the token, so an answer to another token than the
// present one is asked for whole and replaced: so it goes once an hour with an App.
type conditional struct {
	base http.RoundTripper

	mu    sync.Mutex
	kept  map[string]*list.Element // by address and Accept
	order list.List                // of *answered, the most recently used first
	size  int
}

// answered is an answer that is kept. It is never changed.
type answered struct {
	key, tag string
	token    [sha256.Size]byte
	header   http.Header
	body     []byte
}

func newConditional(base http.RoundTripper) *conditional {
	return &conditional{base: base, kept: map[string]*list.Element{}}
}

type whenChangedKey struct{}

// whenChanged marks reads whose answers are to be kept.
func whenChanged(ctx context.Context) context.Context {
	return context.WithValue(ctx, whenChangedKey{}, true)
}

// RoundTrip implements http.RoundTripper. It stands below the authentication.
func (c *conditional) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Context().Value(whenChangedKey{}) == nil || r.Method != http.MethodGet {
		return c.base.RoundTrip(r)
	}
	key, token := r.Header.Get("Accept")+" "+r.URL.String(), sha256.Sum256([]byte(r.Header.Get("Authorization")))
	known := c.get(key)
	if known != nil && known.token == token {
		r = r.Clone(r.Context())
		r.Header.Set("If-None-Match", known.tag)
	} else {
		known = nil
	}
	res, err := c.base.RoundTrip(r)
	switch {
	case err != nil:
		return nil, err
	case res.StatusCode == http.StatusNotModified && known != nil:
		return known.again(r, res), nil
	case res.StatusCode != http.StatusOK:
		return res, nil
	}
	return c.keep(res, key, token)
}

// again is the kept answer, brought up to date by a 304 (RFC 9110, 15.4.5).
func (a *answered) again(r *http.Request, res *http.Response) *http.Response {
	res.Body.Close()
	tally(r.Context()).unchanged.Add(1)
	header := a.header.Clone()
	for name, values := range res.Header {
		if !strings.HasPrefix(name, "Content-") {
			header[name] = values
		}
	}
	res.Status, res.StatusCode, res.Header = "200 OK", http.StatusOK, header
	res.Body, res.ContentLength = io.NopCloser(bytes.NewReader(a.body)), int64(len(a.body))
	return res
}

// keep reads an answer and remembers it, unless it is too large or has no ETag.
func (c *conditional) keep(res *http.Response, key string, token [sha256.Size]byte) (*http.Response, error) {
	tag := res.Header.Get("ETag")
	if tag == "" {
		c.put(&answered{key: key})
		return res, nil
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxKeptBody+1))
	if err != nil {
		res.Body.Close()
		return nil, err
	}
	whole := res.Body
	if len(body) > maxKeptBody {
		c.put(&answered{key: key})
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), whole), whole}
		return res, nil
	}
	whole.Close()
	c.put(&answered{key: key, tag: tag, token: token, header: res.Header.Clone(), body: body})
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

func (c *conditional) get(key string) *answered {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.kept[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(at)
	return at.Value.(*answered)
}

// put replaces what is kept under a key; an answer without ETag removes it. The
// least recently used answers make room.
func (c *conditional) put(a *answered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old, ok := c.kept[a.key]; ok {
		c.drop(old)
	}
	if a.tag == "" {
		return
	}
	c.kept[a.key] = c.order.PushFront(a)
	c.size += len(a.body)
	for c.size > maxKept {
		c.drop(c.order.Back())
	}
}

func (c *conditional) drop(at *list.Element) {
	a := c.order.Remove(at).(*answered)
	delete(c.kept, a.key)
	c.size -= len(a.body)
}

// counts are the requests of one reading.
type counts struct {
	requests, unchanged atomic.Int64
	noWorkflow          atomic.Bool
}

func (c *counts) reading(at time.Time) Reading {
	return Reading{At: at, Requests: int(c.requests.Load()), Unchanged: int(c.unchanged.Load()), NoWorkflow: c.noWorkflow.Load()}
}

type countsKey struct{}

// counted notes the requests that are made with the context.
func counted(ctx context.Context) (context.Context, *counts) {
	c := &counts{}
	return context.WithValue(ctx, countsKey{}, c), c
}

// tally is where the requests of a context are noted; what nobody counts goes nowhere.
func tally(ctx context.Context) *counts {
	c, _ := ctx.Value(countsKey{}).(*counts)
	return cmp.Or(c, &counts{})
}

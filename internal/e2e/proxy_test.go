package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// moment is a point in the passing of a request through a proxy.
type moment string

const (
	before moment = "before" // the request has arrived and is not yet passed on
	after  moment = "after"  // it was answered, and the answer is not yet passed back
)

// proxy stands between two programs and tells of each request that passes.
type proxy struct {
	*httptest.Server
	mu    sync.Mutex
	seen  map[string]int // by "METHOD path" and moment
	watch func(m moment, r *http.Request, nth int)
}

// newProxy passes requests on to target. watch may block a request, or kill a program.
func newProxy(t testing.TB, target string, watch func(m moment, r *http.Request, nth int)) *proxy {
	t.Helper()
	to, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{seen: map[string]int{}, watch: watch}
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) },
		ModifyResponse: func(r *http.Response) error {
			p.tell(after, r.Request)
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusBadGateway)
		},
	}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.tell(before, r)
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *proxy) tell(m moment, r *http.Request) {
	p.mu.Lock()
	key := string(m) + r.Method + r.URL.Path
	p.seen[key]++
	nth := p.seen[key]
	p.mu.Unlock()
	p.watch(m, r, nth)
}

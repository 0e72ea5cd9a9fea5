package load

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	var counts [2]atomic.Int64
	target := func(i int) Target {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			counts[i].Add(1)
			fmt.Fprint(w, r.URL.Path)
		}))
		t.Cleanup(s.Close)
		return Target{fmt.Sprint(i), s.Listener.Addr().String(), func(b []byte) []byte { return append(b, "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"...) }}
	}
	c, err := Compare(4, 50, target(0), target(1))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 3 {
		if err := c.Turn(50); err != nil {
			t.Fatal(err)
		}
	}
	for i, r := range c.Results() {
		if n := counts[i].Load(); n != 200 || r.Rate <= 0 || r.Median <= 0 || r.P99 < r.Median {
			t.Errorf("%d requests, %+v", n, r)
		}
	}
}

func TestCompareTellsFailures(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	_, err := Compare(1, 1, Target{"a", s.Listener.Addr().String(), func(b []byte) []byte { return append(b, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"...) }})
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("error %v", err)
	}
}

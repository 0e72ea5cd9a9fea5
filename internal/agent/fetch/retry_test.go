package fetch

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestReadsAreRepeatedWhenThatHelps(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		method   string
		answers  []int // the last one is repeated
		after    string
		want     int
		requests int
	}{
		"fine":             {"GET", []int{200}, "", 200, 1},
		"server error":     {"GET", []int{502, 200}, "", 200, 2},
		"not there":        {"GET", []int{404}, "", 404, 1},
		"forbidden":        {"GET", []int{403}, "", 403, 1},
		"secondary limit":  {"GET", []int{403, 429, 200}, "0", 200, 3},
		"long limit":       {"GET", []int{429}, "3600", 429, 1},
		"not implemented":  {"GET", []int{501}, "", 501, 1},
		"changes are once": {"POST", []int{502, 200}, "", 502, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if test.after != "" {
					w.Header().Set("Retry-After", test.after)
				}
				w.WriteHeader(test.answers[min(requests, len(test.answers)-1)])
				requests++
			}))
			t.Cleanup(server.Close)
			req, err := http.NewRequestWithContext(t.Context(), test.method, server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := (&retry{next: http.DefaultTransport}).RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != test.want || requests != test.requests {
				t.Errorf("status %d after %d requests, want %d after %d", resp.StatusCode, requests, test.want, test.requests)
			}
		})
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (&retry{next: http.DefaultTransport}).RoundTrip(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

package api

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func rawHammer(b *testing.B, target string, conns int, key string) {
	u, _ := url.Parse(target)
	req := []byte("GET " + u.RequestURI() + " HTTP/1.1\r\nHost: x\r\nX-Api-Key: " + key + "\r\n\r\n")
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range conns {
		c, err := net.Dial("tcp", u.Host)
		if err != nil {
			b.Fatal(err)
		}
		wg.Go(func() {
			defer c.Close()
			r := bufio.NewReaderSize(c, 16<<10)
			for left.Add(-1) >= 0 {
				c.Write(req)
				n := -1
				for {
					line, err := r.ReadSlice('\n')
					if err != nil {
						b.Error(err)
						return
					}
					if len(line) <= 2 {
						break
					}
					if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
						n, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
					}
				}
				if n < 0 {
					b.Error("no length")
					return
				}
				r.Discard(n)
			}
		})
	}
	wg.Wait()
}

func BenchmarkRaw(b *testing.B) {
	s := setup(b)
	result := githubjobs.Result{ID: "a", Attempt: 1, Outcome: githubjobs.OutcomeSuccess, StartedAt: now, FinishedAt: now, ChangedFiles: []string{"reports/a.md"}, FilesTotal: 1}
	spec := githubjobs.Spec{ID: "a", Kind: githubjobs.KindReport, Prompt: "Daily report", Base: "main"}
	spec.Normalize(now)
	if err := s.store.MergeFacts(b.Context(), "p", githubjobs.Facts{
		ID: "a", Spec: &spec, Branch: &githubjobs.BranchFact{Head: "abc", At: now},
		Runs:   []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: "success", At: now}},
		Pulls:  []githubjobs.PullFact{{Number: 1, Merged: true, At: now}},
		Result: &githubjobs.ResultFact{SHA: "abc", Result: result, Log: strings.Repeat("a line of the log\n", 50), At: now},
	}); err != nil {
		b.Fatal(err)
	}
	res := s.do(b, "GET", "/api/jobs/status?job_id=a", "")
	fmt.Println(len(res.body))
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, res.body)
	}))
	defer bare.Close()
	b.Run("bare", func(b *testing.B) { rawHammer(b, bare.URL, 64, "first-key") })
	b.Run("health", func(b *testing.B) { rawHammer(b, s.URL+"/healthz", 64, "first-key") })
	b.Run("status", func(b *testing.B) { rawHammer(b, s.URL+"/api/jobs/status?job_id=a", 64, "first-key") })
	b.Run("facts", func(b *testing.B) {
		for b.Loop() {
			s.store.Facts(b.Context(), "p", "a")
		}
	})
	b.Run("facts parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				s.store.Facts(b.Context(), "p", "a")
			}
		})
	})
}

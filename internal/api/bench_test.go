package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// BenchmarkStatus compares a status read with a bare handler that returns the same
// bytes, both over HTTP.
func BenchmarkStatus(b *testing.B) {
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
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, res.body)
	}))
	defer bare.Close()
	for name, url := range map[string]string{"bare handler": bare.URL, "status": s.URL + "/api/jobs/status?job_id=a"} {
		b.Run(name, func(b *testing.B) { hammer(b, "GET", url, "") })
	}
}

func BenchmarkCreate(b *testing.B) {
	s := setup(b)
	hammer(b, "POST", s.URL+"/api/create-job", `{"job":"Daily activity report","kind":"report"}`)
}

// hammer makes requests from 32 callers for each processor.
func hammer(b *testing.B, method, url, body string) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			req, _ := http.NewRequest(method, url, strings.NewReader(body))
			req.Header.Set("X-Api-Key", "first-key")
			if err := discardAnswer(client.Do(req)); err != nil {
				b.Error(err)
			}
		}
	})
}

func discardAnswer(res *http.Response, err error) error {
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", res.StatusCode)
	}
	return nil
}

// BenchmarkReduce is the part of a status read that is neither HTTP nor the store.
func BenchmarkReduce(b *testing.B) {
	f := githubjobs.Facts{ID: "a", Runs: []githubjobs.RunFact{{ID: 1, Attempt: 1, Status: "completed", Conclusion: "success", At: now}}}
	for b.Loop() {
		if _, err := json.Marshal(githubjobs.Reduce(f, now)); err != nil {
			b.Fatal(err)
		}
	}
}

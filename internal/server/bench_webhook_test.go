package server

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// BenchmarkIntake posts signed deliveries, each of them new, to whole servers, which
// store them durably and process them beside. The ratio is to a bare handler that
// checks the signature.
func BenchmarkIntake(b *testing.B) {
	body := pushOfOurs(b)
	head := fmt.Sprintf("POST /webhooks/github HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"+
		"X-GitHub-Event: push\r\nX-Hub-Signature-256: sha256=%s\r\nX-GitHub-Delivery: ", len(body), hex.EncodeToString(signature(body)))
	deliver := func(b []byte) []byte {
		b = append(b, head...)
		b = fmt.Appendf(b, "%016x%016x\r\n\r\n", rand.Uint64(), rand.Uint64())
		return append(b, body...)
	}
	for _, database := range databases() {
		b.Run(database.name, func(b *testing.B) {
			server := startServer(b, startGitHub(b), database.new(b, 0))
			bare := startBare(b, []byte(`{"status":"accepted"}`))
			compare(b, 256, 3000, []process{bare, server}, bare.target("bare", deliver), server.target("intake", deliver))
			server.tellMemory(b)
		})
	}
}

// pushOfOurs is GitHub's example of a push, of our repository, so that it is read to
// its end; without white space, as GitHub sends it.
func pushOfOurs(b *testing.B) []byte {
	b.Helper()
	example, err := os.ReadFile("../webhook/testdata/github/push.json")
	check(b, err)
	var body bytes.Buffer
	check(b, json.Compact(&body, bytes.ReplaceAll(example, []byte("Codertocat/Hello-World"), []byte("demo/reports"))))
	return body.Bytes()
}

// eventsPerSecond is how many deliveries BenchmarkVisible posts, whatever becomes of
// those before.
const eventsPerSecond = 200

// BenchmarkVisible posts signed deliveries of pushes at a steady rate, each of a new
// job, and measures the time from before the post until a status read shows the job.
// An iteration is a second.
func BenchmarkVisible(b *testing.B) {
	for _, database := range databases() {
		b.Run(database.name, func(b *testing.B) {
			server := startServer(b, startGitHub(b), database.new(b, 0))
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
			defer client.CloseIdleConnections()
			var mu sync.Mutex
			var took []time.Duration
			failed := 0
			var events sync.WaitGroup
			event := func() {
				d, err := visible(client, server)
				mu.Lock()
				defer mu.Unlock()
				if took = append(took, d); err != nil {
					if failed++; failed == 1 {
						b.Error(err)
					}
				}
			}
			tick := time.NewTicker(time.Second / eventsPerSecond)
			defer tick.Stop()
			began := time.Now()
			for b.Loop() {
				for range eventsPerSecond {
					<-tick.C
					events.Go(event)
				}
			}
			rate := float64(eventsPerSecond*b.N) / time.Since(began).Seconds()
			events.Wait()
			if failed > 0 {
				b.Fatalf("%d of %d events failed", failed, len(took))
			}
			slices.Sort(took)
			at := func(part float64) float64 { return float64(took[int(part*float64(len(took)-1))].Microseconds()) / 1000 }
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(rate, "events/s")
			b.ReportMetric(at(0.5), "ms-median")
			b.ReportMetric(at(0.99), "ms-p99")
			b.ReportMetric(at(1), "ms-max")
		})
	}
}

// visible pushes a new job's branch, and asks for its status until there is one.
func visible(client *http.Client, server process) (time.Duration, error) {
	now := time.Now()
	spec := githubjobs.Spec{ID: githubjobs.NewID(now), Kind: githubjobs.KindReport, Prompt: "Daily activity report", Base: "main"}
	spec.Normalize(now)
	sha := fmt.Sprintf("%016x%016x%08x", rand.Uint64(), rand.Uint64(), rand.Uint32())
	commit := map[string]any{"id": sha, "message": githubjobs.FormatSpec(spec), "timestamp": now.UTC().Format(time.RFC3339)}
	body, err := json.Marshal(map[string]any{"ref": "refs/heads/" + githubjobs.Branch(spec.ID), "after": sha, "created": true, "head_commit": commit,
		"commits": []any{commit}, "repository": map[string]any{"full_name": "demo/reports", "default_branch": "main"}})
	if err != nil {
		return 0, err
	}
	began := time.Now()
	post, err := http.NewRequest("POST", "http://"+server.addr+"/webhooks/github", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "X-GitHub-Event": "push", "X-GitHub-Delivery": spec.ID, "X-Hub-Signature-256": "sha256=" + hex.EncodeToString(signature(body))} {
		post.Header.Set(name, value)
	}
	if status, err := answerTo(client, post); err != nil || status != http.StatusAccepted {
		return 0, fmt.Errorf("delivery: status %d, %w", status, err)
	}
	for time.Since(began) < 10*time.Second {
		read, err := http.NewRequest("GET", "http://"+server.addr+"/api/jobs/status?job_id="+spec.ID, nil)
		if err != nil {
			return 0, err
		}
		read.Header.Set("X-Api-Key", key)
		switch status, err := answerTo(client, read); {
		case err != nil:
			return 0, err
		case status == http.StatusOK:
			return time.Since(began), nil
		}
		// The figure is exact to a twentieth; asking more often would slow down what is waited for.
		time.Sleep(max(time.Millisecond, time.Since(began)/20))
	}
	return 0, fmt.Errorf("job %s was not visible within 10 s", spec.ID)
}

func answerTo(client *http.Client, req *http.Request) (status int, err error) {
	res, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

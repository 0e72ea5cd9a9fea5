package server

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// BenchmarkVisibleFromLocalhub creates the branch of a new job on localhub at a steady
// rate, and measures the time from when localhub has answered, and so the event has
// happened, until a status read shows the job. localhub delivers to a webhook one event
// after the other. An iteration is a second.
func BenchmarkVisibleFromLocalhub(b *testing.B) {
	for _, perSecond := range []int{50, eventsPerSecond} {
		b.Run(fmt.Sprint(perSecond), func(b *testing.B) { benchmarkFromLocalhub(b, perSecond) })
	}
}

func benchmarkFromLocalhub(b *testing.B, perSecond int) {
	hub := startGitHub(b)
	server := startServer(b, hub, "DATABASE_PATH="+filepath.Join(b.TempDir(), "visible.db"))
	check(b, second(hub.CreateHook("demo", "reports", "http://"+server.addr+"/webhooks/github", secret, "push")))
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var took []time.Duration
	var events sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(perSecond))
	defer tick.Stop()
	tree, parent := hub.git(b, "rev-parse", "main^{tree}"), hub.git(b, "rev-parse", "main")
	var busy time.Duration
	began := time.Now()
	for b.Loop() {
		b.StopTimer()
		prepared := time.Now()
		ids, shas := make([]string, perSecond), make([]string, perSecond)
		for i := range ids {
			now := time.Now()
			spec := githubjobs.Spec{ID: githubjobs.NewID(now), Kind: githubjobs.KindReport, Prompt: "Daily activity report", Base: "main"}
			spec.Normalize(now)
			file := filepath.Join(b.TempDir(), "message")
			check(b, os.WriteFile(file, []byte(githubjobs.FormatSpec(spec)), 0o600))
			ids[i], shas[i] = spec.ID, hub.git(b, "-c", "user.name=x", "-c", "user.email=x@example.com", "commit-tree", tree, "-p", parent, "-F", file)
		}
		busy += time.Since(prepared)
		b.StartTimer()
		for i := range ids {
			<-tick.C
			events.Go(func() {
				d, err := visibleFromLocalhub(client, hub, server, ids[i], shas[i])
				mu.Lock()
				defer mu.Unlock()
				if took = append(took, d); err != nil {
					b.Error(err)
				}
			})
		}
	}
	events.Wait()
	slices.Sort(took)
	at := func(part float64) float64 { return float64(took[int(part*float64(len(took)-1))].Microseconds()) / 1000 }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(took))/(time.Since(began)-busy).Seconds(), "events/s")
	b.ReportMetric(at(0.5), "ms-median")
	b.ReportMetric(at(0.99), "ms-p99")
}

func visibleFromLocalhub(client *http.Client, hub *github, server process, id, sha string) (time.Duration, error) {
	req, err := http.NewRequest("POST", hub.URL()+"/api/v3/repos/demo/reports/git/refs", strings.NewReader(fmt.Sprintf(`{"ref":"refs/heads/job/%s","sha":%q}`, id, sha)))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+hub.token)
	if status, err := answerTo(client, req); err != nil || status != http.StatusCreated {
		return 0, fmt.Errorf("creating the branch: status %d, %w", status, err)
	}
	began := time.Now()
	for time.Since(began) < 10*time.Second {
		read, err := http.NewRequest("GET", "http://"+server.addr+"/api/jobs/status?job_id="+id, nil)
		if err != nil {
			return 0, err
		}
		read.Header.Set("X-Api-Key", key)
		if status, err := answerTo(client, read); err != nil || status == http.StatusOK {
			return time.Since(began), err
		}
		time.Sleep(max(time.Millisecond, time.Since(began)/20))
	}
	return 0, fmt.Errorf("job %s was not visible within 10 s", id)
}

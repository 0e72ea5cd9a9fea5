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
// happened, until a status read shows the job. An iteration is a second.
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
	var busy time.Duration
	began := time.Now()
	for b.Loop() {
		b.StopTimer()
		prepared := time.Now()
		ids, shas := newJobs(b, hub, perSecond)
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

// newJobs writes the creation commits of n jobs, which have no branch yet: into one pack, since making a file for each costs more than an event.
func newJobs(b *testing.B, hub *github, n int) (ids, shas []string) {
	parent, now := hub.git(b, "rev-parse", "main"), time.Now()
	var in strings.Builder
	for range n {
		spec := githubjobs.Spec{ID: githubjobs.NewID(now), Kind: githubjobs.KindReport, Prompt: "Daily activity report", Base: "main"}
		spec.Normalize(now)
		message := githubjobs.FormatSpec(spec)
		fmt.Fprintf(&in, "commit refs/prepared\nmark :%d\ncommitter x <x@example.com> %d +0000\ndata %d\n%s\nfrom %s\n", len(ids)+1, now.Unix(), len(message), message, parent)
		ids = append(ids, spec.ID)
	}
	marks := filepath.Join(b.TempDir(), "marks")
	hub.gitInput(b, in.String(), "-c", "fastimport.unpackLimit=1", "fast-import", "--quiet", "--force", "--export-marks="+marks)
	made, err := os.ReadFile(marks)
	check(b, err)
	shas = make([]string, n)
	for line := range strings.Lines(string(made)) {
		var i int
		var sha string
		check(b, second(fmt.Sscanf(line, ":%d %s", &i, &sha)))
		shas[i-1] = sha
	}
	return ids, shas
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

package e2e

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/require"
)

// BenchmarkPostToMerged takes the time from POST /api/create-job to the status
// merged, for jobs one after another, and beside it, in the same run, what the
// workflow engine alone takes for a workflow of four steps that do nothing.
func BenchmarkPostToMerged(b *testing.B) {
	b.Run("process", func(b *testing.B) { benchmarkPostToMerged(b, "") })
	b.Run("docker", func(b *testing.B) { benchmarkPostToMerged(b, require.Docker(b)) })
}

// bareWorkflow has as many steps as run-job.yml has that start the agent.
const bareWorkflow = "on: push\njobs:\n  bare:\n    runs-on: ubuntu-latest\n    steps:\n      - run: 'true'\n      - run: 'true'\n      - run: 'true'\n      - run: 'true'\n"

func benchmarkPostToMerged(b *testing.B, image string) {
	w := start(b, options{image: image})
	w.addBareRepository()
	var jobs, engine []time.Duration
	for n := 0; b.Loop(); n++ {
		begun := time.Now()
		id := w.create(fmt.Sprintf(`{"job": "Job %d", "kind": "command", "config": {"script": "mkdir -p reports && echo %d > reports/%d.txt"}}`, n, n, n))
		if job := w.wait(id); job.Status != githubjobs.StatusMerged {
			b.Fatalf("job %d is %s/%s: %s", n, job.Status, job.Reason, job.Message)
		}
		jobs = append(jobs, time.Since(begun))
		w.idle()
		engine = append(engine, w.runBareWorkflow(n))
	}
	job, bare := median(jobs), median(engine)
	b.ReportMetric(job.Seconds(), "s/job(median)")
	b.ReportMetric(bare.Seconds(), "s/engine(median)")
	b.ReportMetric(job.Seconds()/bare.Seconds(), "x-engine")
	b.ReportMetric(0, "ns/op") // the mean says less than the median, and counts the engine in
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func (w *world) addBareRepository() {
	w.t.Helper()
	if _, err := w.hub.CreateRepository("demo", "bare", rest.RepositoryOptions{AutoInit: true}); err != nil {
		w.t.Fatal(err)
	}
	w.putFile(".github/workflows/bare.yml", bareWorkflow)
	w.idle()
}

// putFile commits a file to the bare repository through the API, which starts its workflow.
func (w *world) putFile(path, text string) {
	w.t.Helper()
	_, _, err := w.github().Repositories.CreateFile(context.Background(), "demo", "bare", path, &github.RepositoryContentFileOptions{
		Message: github.String("Add " + path), Content: []byte(text),
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// runBareWorkflow returns the time from a push to the end of the run that it starts.
func (w *world) runBareWorkflow(n int) time.Duration {
	w.t.Helper()
	begun := time.Now()
	w.putFile(fmt.Sprintf("%d.txt", n), "x\n")
	w.idle()
	return time.Since(begun)
}

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

// The chaos test takes these from the environment:
//
//	CHAOS_JOBS   how many jobs (60)
//	CHAOS_SEED   of the faults (1); the log names it
const (
	chaosJobs = 60
	chaosSeed = 1
)

// settleTime is how long the server may take, once GitHub has nothing left to do, to know all of it; faults go on meanwhile.
const settleTime = 2 * time.Minute

// chaosFaults are the faults of the chaos test: 30 % of deliveries dropped, 20 % doubled, all reordered, 5 % of requests failing in mixed ways.
func chaosFaults() []faults.Fault {
	second := faults.Duration(time.Second)
	all := []faults.Fault{
		{Kind: faults.DropDelivery, Probability: 0.3},
		{Kind: faults.DoubleDelivery, Probability: 0.2},
		{Kind: faults.ReorderDelivery, Delay: second},
	}
	for _, operation := range []string{"*/*", "git-*"} {
		status := 403
		if operation == "git-*" {
			status = 429 // a 403 to git means that it may not, whatever the text
		}
		all = append(all,
			faults.Fault{Kind: faults.CutBefore, Operation: operation, Probability: 0.01},
			faults.Fault{Kind: faults.CutAfter, Operation: operation, Probability: 0.01},
			faults.Fault{Kind: faults.ServerError, Operation: operation, Probability: 0.01},
			faults.Fault{Kind: faults.ServerError, Operation: operation, Probability: 0.005, Status: 503},
			faults.Fault{Kind: faults.SecondaryLimit, Operation: operation, Probability: 0.01, Status: status, RetryAfter: second},
			faults.Fault{Kind: faults.PrimaryLimit, Operation: operation, Probability: 0.005, Status: status, Delay: second},
		)
	}
	return all
}

// chaosJob is one job of the test, and what comes of it where no fault keeps it from that.
type chaosJob struct {
	id     string
	path   string // that it writes; empty: nothing
	want   githubjobs.Reason
	end    githubjobs.Status // the first terminal one that was seen
	latest githubjobs.Job
}

// chaosJobOf is the nth job: of ten, six are merged.
func chaosJobOf(n int) (chaosJob, string) {
	write := func(path string) string {
		return fmt.Sprintf("mkdir -p $(dirname %[1]s) && echo %[2]d > %[1]s", path, n)
	}
	job, timeout := chaosJob{path: fmt.Sprintf("reports/%d.txt", n), want: githubjobs.ReasonMerged}, 60
	script := write(job.path)
	switch n % 10 {
	case 1:
		job.path, job.want, script = "", githubjobs.ReasonTaskFailed, "echo no >&2; exit 3"
	case 3:
		job.path, job.want, script = "", githubjobs.ReasonNoChanges, "true"
	case 5:
		job.path, job.want = fmt.Sprintf("src/%d.txt", n), githubjobs.ReasonMergeBlocked
		script = write(job.path)
	case 7:
		job.path, job.want, script, timeout = "", githubjobs.ReasonTimedOut, "sleep 60", 1
	}
	body, err := json.Marshal(map[string]any{"job": fmt.Sprint("Job ", n), "kind": "command", "timeout_seconds": timeout, "config": map[string]string{"script": script}})
	if err != nil {
		panic(err) // strings and numbers always encode
	}
	return job, string(body)
}

// TestChaos sends many jobs through a GitHub that loses, doubles and reorders its deliveries and fails one request in twenty, and holds the server's word on
// every job against what localhub has on record: none wrong, none lost, none double, and no end taken back.
func TestChaos(t *testing.T) {
	t.Parallel()
	n, seed := fromEnvironment(t, "CHAOS_JOBS", chaosJobs), fromEnvironment(t, "CHAOS_SEED", chaosSeed)
	t.Logf("CHAOS_JOBS=%d CHAOS_SEED=%d", n, seed)
	// One server and one GITHUB_TOKEN would reach GitHub's hourly limits, which the faults stand for.
	w := start(t, options{runners: 4, limits: rest.Limits{Personal: 1e6, Run: 1e6}})
	w.idle()
	if _, err := w.hub.Faults().Replace(uint64(seed), chaosFaults()...); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var jobs []*chaosJob
	for i := range n {
		job, body := chaosJobOf(i)
		job.id = w.create(body)
		jobs = append(jobs, &job)
	}
	accepted := time.Since(began)
	w.watchUntilTerminal(jobs)
	took := time.Since(began)
	t.Logf("%d jobs were accepted within %s, and had all ended after %s", n, accepted.Round(time.Second), took.Round(time.Second))
	w.idle()
	struck, _ := w.hub.Faults().List()
	r := w.records()
	w.settle(jobs, r)
	settled := time.Since(began)
	w.hub.Faults().Clear()
	w.checkRecords(jobs, r)
	t.Logf("all were known as GitHub has them after %s\n%s", settled.Round(time.Second), chaosFigures(jobs, struck))
}

func fromEnvironment(t *testing.T, name string, standard int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return standard
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		t.Fatalf("%s=%q is no number", name, text)
	}
	return n
}

// watchUntilTerminal polls all jobs until each has ended. It gives up when none of them has moved for long.
func (w *world) watchUntilTerminal(jobs []*chaosJob) {
	w.t.Helper()
	for end := time.Now().Add(deadline); ; time.Sleep(max(100*time.Millisecond, time.Duration(len(jobs))*time.Millisecond)) {
		open := 0
		for _, job := range jobs {
			if job.end != "" {
				continue
			}
			before := job.latest.Reason
			if w.watch(job); job.latest.Reason != before {
				end = time.Now().Add(deadline)
			}
			if job.end == "" {
				open++
			}
		}
		if open == 0 {
			return
		}
		if time.Now().After(end) {
			r := w.records()
			for _, job := range jobs {
				if job.end == "" {
					status, reason := r.proves(job.id)
					w.t.Errorf("job %s never ended: %s/%s: %s\n%+v\nGitHub has it %s/%s; head %s", job.id, job.latest.Status, job.latest.Reason, job.latest.Message,
						job.latest.Evidence, status, reason, r.heads[githubjobs.Branch(job.id)])
				}
			}
			w.t.FailNow()
		}
	}
}

// watch reads the status of a job. An end must not be taken back.
func (w *world) watch(job *chaosJob) {
	w.t.Helper()
	now := w.status(job.id)
	if now == nil {
		w.t.Fatal("the server does not answer")
	}
	if job.end != "" && now.Status != job.end {
		w.t.Errorf("job %s was %s/%s, and then %s/%s", job.id, job.latest.Status, job.latest.Reason, now.Status, now.Reason)
	}
	if job.latest = *now; now.Terminal {
		job.end = now.Status
	}
}

// settle polls until the server says of every job what the records prove.
func (w *world) settle(jobs []*chaosJob, r records) {
	w.t.Helper()
	var wrong []string
	for end := time.Now().Add(settleTime); ; time.Sleep(200 * time.Millisecond) {
		wrong = nil
		for _, job := range jobs {
			w.watch(job)
			status, reason := r.proves(job.id)
			if job.latest.Status != status || job.latest.Reason != reason {
				wrong = append(wrong, fmt.Sprintf("job %s (%s) is %s/%s, and GitHub has it %s/%s", job.id, job.want, job.latest.Status, job.latest.Reason, status, reason))
			}
		}
		if len(wrong) == 0 {
			return
		}
		if w.t.Failed() || time.Now().After(end) {
			w.t.Fatalf("%d jobs are wrong:\n%s", len(wrong), strings.Join(wrong, "\n"))
		}
	}
}

// chaosFigures tell what happened.
func chaosFigures(jobs []*chaosJob, struck []faults.Fault) string {
	var b strings.Builder
	reasons, spoilt := map[githubjobs.Reason]int{}, 0
	for _, job := range jobs {
		reasons[job.latest.Reason]++
		if job.latest.Reason != job.want {
			spoilt++
		}
	}
	var names []string
	for reason, n := range reasons {
		names = append(names, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(names)
	fmt.Fprintf(&b, "ends: %s; %d jobs ended otherwise than without faults\n", strings.Join(names, ", "), spoilt)
	for _, f := range struck {
		fmt.Fprintf(&b, "%-17s %-6s %4d of %d\n", f.Kind, f.Operation, f.Struck, f.Matched)
	}
	return b.String()
}

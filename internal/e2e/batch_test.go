package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// How large a batch TestBatchTakesFewPushes creates where BATCH_JOBS says nothing.
const batchJobs = 1_000

// counts is what the API tells of a batch.
type counts struct {
	ID       string         `json:"batch_id"`
	Total    int            `json:"total"`
	Counts   map[string]int `json:"counts"`
	Missing  int            `json:"missing"`
	Terminal bool           `json:"terminal"`
	Failures int            `json:"failures"`
	Stopped  bool           `json:"stopped"`
}

// batch creates a batch, and returns its id.
func (w *world) batch(body string) counts {
	w.t.Helper()
	status, answer := w.call(http.MethodPost, "/api/batches", []byte(body))
	var b counts
	if err := json.Unmarshal(answer, &b); err != nil || status != http.StatusCreated && status != http.StatusOK {
		w.t.Fatalf("creating a batch answered %d %.2000s", status, answer)
	}
	return b
}

func (w *world) readBatch(id string) (b counts, found bool) {
	w.t.Helper()
	status, answer := w.call(http.MethodGet, "/api/batches/"+id, nil)
	if err := json.Unmarshal(answer, &b); err != nil || status != http.StatusOK && status != http.StatusNotFound {
		w.t.Fatalf("reading batch %s answered %d %s", id, status, answer)
	}
	return b, status == http.StatusOK
}

// batchResult is what the API tells of a job of a batch.
type batchResult struct {
	Index        int
	ID           string `json:"job_id"`
	Status       githubjobs.Status
	Reason       githubjobs.Reason
	Message      string
	PullURL      string   `json:"pr_url"`
	ChangedFiles []string `json:"changed_files"`
}

// results reads the results of a batch, page by page.
func (w *world) results(id string) (all []batchResult) {
	w.t.Helper()
	for from := 0; ; {
		status, answer := w.call(http.MethodGet, fmt.Sprintf("/api/batches/%s/results?from=%d&limit=1000", id, from), nil)
		var page struct {
			Results []batchResult
			Next    *int
		}
		if err := json.Unmarshal(answer, &page); err != nil || status != http.StatusOK {
			w.t.Fatalf("the results of %s: %d %.2000s", id, status, answer)
		}
		if all = append(all, page.Results...); page.Next == nil {
			return all
		}
		from = *page.Next
	}
}

// inputs are those of a batch with a script for each job.
func inputs(scripts ...string) string {
	list := make([]map[string]any, len(scripts))
	for i, script := range scripts {
		list[i] = map[string]any{"title": fmt.Sprint("Job ", i), "config": map[string]string{"script": script}}
	}
	raw, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings are always JSON
	}
	return `{"template":{"job":"Work","kind":"command"},"inputs":` + string(raw)
}

// TestBatchTakesFewPushes: a batch is on GitHub after few pushes and no call to the REST API, and its results are told by
// index. It logs how long that takes; BATCH_JOBS=10000 does it with the largest one.
func TestBatchTakesFewPushes(t *testing.T) {
	t.Parallel()
	n := fromEnvironment(t, "BATCH_JOBS", batchJobs)
	w := start(t, options{files: map[string]string{files.RunJobPath: ""}, environment: []string{"RECONCILE_INTERVAL=1h", fmt.Sprint("REFS_PER_10_SECONDS=", max(500, n/5))}})
	id := w.create(`{"job":"The first one","kind":"command","config":{"script":"true"}}`) // what is learnt once
	w.until("it is pushed", func() bool { return w.status(id).Reason == githubjobs.ReasonPushed })
	w.idle()
	w.until("the server reads the schedules of .githubjobs.yml", func() bool {
		return slices.ContainsFunc(w.hub.Requests(), func(r localhub.Request) bool { return strings.Contains(r.Path, "/git/blobs/") })
	})
	w.until("the server has read GitHub, which it does at its start", func() bool { return w.reads() > 0 })
	w.hub.ResetRequests()
	began := time.Now()
	b := w.batch(inputs(slices.Repeat([]string{"true"}, n)...) + "}")
	accepted := time.Since(began)
	for end := time.Now().Add(5 * deadline); len(w.jobBranches()) < n+1; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d branches", len(w.jobBranches()))
		}
	}
	t.Logf("%d jobs: accepted after %s, on GitHub %s later", n, accepted.Round(time.Millisecond), (time.Since(began) - accepted).Round(time.Millisecond))
	pushes := 0
	for _, r := range w.hub.Requests() {
		switch {
		case r.Kind == localhub.RequestGit && r.Method == http.MethodPost:
			pushes++
		case r.Kind == localhub.RequestREST:
			t.Errorf("it took a call to the REST API: %s %s", r.Method, r.Path)
		}
	}
	if most := max(3, n*25/10_000); pushes > most {
		t.Errorf("%d jobs took %d pushes, want %d at most", n, pushes, most)
	}
	t.Logf("%d pushes", pushes)
	all := w.results(b.ID)
	for i, r := range all {
		if r.Index != i || r.ID != githubjobs.MemberID(b.ID, i) || r.Status != githubjobs.StatusPending {
			t.Fatalf("result %d: %+v", i, r)
		}
	}
	if len(all) != n || b.Total != n {
		t.Errorf("%d results, of a batch of %d", len(all), b.Total)
	}
}

// TestBatch brings the jobs of a batch all the way.
func TestBatch(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 2})
	b := w.batch(inputs("mkdir -p reports && echo 0 > reports/0", "true", "exit 3", "mkdir -p reports && echo 3 > reports/3") + `,"labels":["nightly"]}`)
	w.until("all jobs have ended", func() bool { b, _ = w.readBatch(b.ID); return b.Terminal })
	if want := fmt.Sprint(map[string]int{"pending": 0, "running": 0, "completed": 1, "failed": 1, "merged": 2}); fmt.Sprint(b.Counts) != want || b.Failures != 1 || b.Stopped {
		t.Errorf("batch %+v, want %s", b, want)
	}
	var got []string
	for _, r := range w.results(b.ID) {
		got = append(got, fmt.Sprint(r.Index, " ", r.Reason, " ", r.ChangedFiles, " ", r.PullURL != ""))
	}
	if want := []string{"0 merged [reports/0] true", "1 no_changes [] false", "2 task_failed [] false", "3 merged [reports/3] true"}; !slices.Equal(got, want) {
		t.Errorf("results %q, want %q", got, want)
	}
	// A batch is its jobs: it is told the same when they are all that is left of it.
	_, before := w.call(http.MethodGet, "/api/batches/"+b.ID, nil)
	w.server.kill()
	w.loseDatabase()
	w.startServer()
	var after []byte
	for end := time.Now().Add(deadline); string(before) != string(after); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("before the database was lost\n%s\nafter it\n%s", before, after)
		}
		_, after = w.call(http.MethodGet, "/api/batches/"+b.ID, nil)
	}
}

// TestBatchStops: when too many jobs have failed the others are cancelled, those that run too, and the words say why.
func TestBatchStops(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 2})
	b := w.batch(inputs("exit 1", "sleep 600", "exit 1", "sleep 600", "sleep 600", "sleep 600") + `,"max_failures":1}`)
	w.until("all jobs have ended", func() bool { b, _ = w.readBatch(b.ID); return b.Terminal })
	if b.Counts["failed"] != 6 || b.Failures != 2 || !b.Stopped {
		t.Errorf("batch %+v", b)
	}
	for i, r := range w.results(b.ID) {
		failed := i == 0 || i == 2
		if failed != (r.Reason == githubjobs.ReasonTaskFailed) || !failed && (r.Reason != githubjobs.ReasonCanceled || !strings.Contains(r.Message, "failed jobs of the batch: 2, more than its max_failures of 1")) {
			t.Errorf("result %+v", r)
		}
	}
}

// TestBatchCancelledBeforeItsPush: of a batch that is cancelled while it waits nothing is ever pushed.
func TestBatchCancelledBeforeItsPush(t *testing.T) {
	t.Parallel()
	n := fromEnvironment(t, "BATCH_JOBS", batchJobs)
	w := start(t, options{files: map[string]string{files.RunJobPath: ""}})
	b := w.batch(fmt.Sprintf(`{"template":{"job":"Later","delay_until":%q},"inputs":[{}%s]}`, time.Now().Add(time.Hour).Format(time.RFC3339), strings.Repeat(",{}", n-1)))
	began := time.Now()
	status, answer := w.call(http.MethodPost, "/api/batches/"+b.ID+"/cancel", []byte(`{"reason":"not wanted any more"}`))
	if want := fmt.Sprintf(`"asked":%d,`, n); status != http.StatusAccepted || !strings.Contains(string(answer), want) {
		t.Fatalf("%d %s", status, answer)
	}
	answered := time.Since(began)
	w.until("all jobs have ended", func() bool { b, _ = w.readBatch(b.ID); return b.Terminal })
	t.Logf("%d jobs: answered after %s, all ended after %s", n, answered.Round(time.Millisecond), time.Since(began).Round(time.Millisecond))
	if b.Counts["failed"] != n || b.Failures != 0 || len(w.jobBranches()) != 0 {
		t.Errorf("batch %+v, branches %v", b, w.jobBranches())
	}
}

// TestBatchAfterTheDatabaseIsLost: a repeat of the key means the same jobs, of which those on GitHub are not pushed again.
func TestBatchAfterTheDatabaseIsLost(t *testing.T) {
	t.Parallel()
	const n, pushed = 40, 25
	w := start(t, options{files: map[string]string{files.RunJobPath: ""}})
	w.recordMoves()
	later := time.Now().Add(time.Hour).Format(time.RFC3339)
	body := fmt.Sprintf(`{"template":{"job":"Work"},"inputs":[{}%s%s],"idempotency_key":"nightly","max_failures":3}`, strings.Repeat(`,{}`, pushed-1), strings.Repeat(fmt.Sprintf(`,{"delay_until":%q}`, later), n-pushed))
	b := w.batch(body)
	w.until("the jobs are pushed that are not delayed", func() bool { return len(w.jobBranches()) == pushed })
	w.server.kill()
	w.loseDatabase()
	w.startServer()
	if again := w.batch(body); again.ID != b.ID || again.Total != n || again.Missing != 0 {
		t.Errorf("batch %+v", again)
	}
	w.until("the server has read GitHub", func() bool {
		return w.status(githubjobs.MemberID(b.ID, 0)).Reason == githubjobs.ReasonPushed && w.status(githubjobs.MemberID(b.ID, pushed-1)).Reason == githubjobs.ReasonPushed
	})
	if got := w.batch(body); got.Counts["pending"] != n {
		t.Errorf("batch %+v", got)
	}
	for i := range n {
		id := githubjobs.MemberID(b.ID, i)
		if reason := w.status(id).Reason; (reason == githubjobs.ReasonDelayed) != (i >= pushed) {
			t.Errorf("job %d is %s", i, reason)
		}
		if i < pushed && w.moves(githubjobs.Branch(id)) != 1 {
			t.Errorf("the branch of job %d was made or moved %d times", i, w.moves(githubjobs.Branch(id)))
		}
	}
}

// dieWithBatch lets the server die while it takes a batch: all of its jobs are there then, or none.
func dieWithBatch(w *world, point string) {
	w.t.Helper()
	const n = 300
	body := fmt.Sprintf(`{"template":{"job":"Work"},"inputs":[{}%s],"idempotency_key":%q}`, strings.Repeat(`,{}`, n-1), point)
	id := githubjobs.KeyedBatchID("demo-reports", point)
	before := len(w.jobBranches())
	w.dieAt(point, func() { w.call(http.MethodPost, "/api/batches", []byte(body)) })
	w.startServer()
	if b, found := w.readBatch(id); found != (point == "batch/accepted") || found && (b.Total != n || b.Missing != 0) {
		w.t.Errorf("%s: after the start the batch is %+v", point, b)
	}
	if b := w.batch(body); b.ID != id || b.Total != n || b.Missing != 0 {
		w.t.Errorf("%s: %+v", point, b)
	}
	w.until("all jobs are pushed", func() bool { return len(w.jobBranches()) == before+n })
	for i := range n {
		if moves := w.moves(githubjobs.Branch(githubjobs.MemberID(id, i))); moves != 1 {
			w.t.Errorf("%s: the branch of job %d was made or moved %d times", point, i, moves)
		}
	}
}

// dieWhileStopping lets the server die while it ends a batch of which too many jobs have failed.
func dieWhileStopping(w *world, point string) {
	w.t.Helper()
	const n = 400
	w.startServer()
	b := w.batch(fmt.Sprintf(`{"template":{"job":"Later","delay_until":%q},"inputs":[{"base":"nowhere"}%s],"max_failures":0}`, time.Now().Add(time.Hour).Format(time.RFC3339), strings.Repeat(",{}", n-1)))
	w.server.kill()
	w.sql(`UPDATE jobs SET facts = json_set(facts, '$.spec.delay_until', ?), due_at = 1 WHERE id = ?`, time.Now().Format(time.RFC3339), githubjobs.MemberID(b.ID, 0))
	w.dieAt(point, func() {})
	w.startServer()
	w.until("all jobs have ended", func() bool { b, _ = w.readBatch(b.ID); return b.Terminal })
	if b.Counts["failed"] != n || b.Failures != 1 || !b.Stopped || len(w.jobBranches()) != 0 {
		w.t.Errorf("%s: %+v, branches %v", point, b, w.jobBranches())
	}
	for _, r := range w.results(b.ID)[1:] {
		if r.Reason != githubjobs.ReasonCanceled || !strings.Contains(r.Message, "failed jobs of the batch: 1, more than its max_failures of 0") {
			w.t.Fatalf("%s: %+v", point, r)
		}
	}
}

// TestBatchInOrder: jobs of a batch name each other; each begins when those that it depends on are done.
func TestBatchInOrder(t *testing.T) {
	t.Parallel()
	w := start(t, options{runners: 2})
	b := w.batch(`{"template":{"job":"Work","kind":"command"},"max_failures":1,"inputs":[
		{"name":"last","depends_on":["write"],"config":{"script":"test -f reports/first && echo 2 > reports/last"}},
		{"name":"write","config":{"script":"sleep 1; mkdir -p reports && echo 1 > reports/first"}},
		{"name":"broken","config":{"script":"exit 1"}},
		{"depends_on":["broken"],"config":{"script":"true"}},
		{"depends_on":["broken","last"],"on_dependency_failure":"skip","config":{"script":"true"}}]}`)
	w.until("all jobs have ended", func() bool { b, _ = w.readBatch(b.ID); return b.Terminal })
	var got []string
	for _, r := range w.results(b.ID) {
		got = append(got, fmt.Sprint(r.Reason, " ", r.ChangedFiles))
	}
	if want := []string{"merged [reports/last]", "merged [reports/first]", "task_failed []", "dependency_failed []", "skipped []"}; !slices.Equal(got, want) || b.Failures != 1 || b.Stopped {
		t.Errorf("results %q, want %q; %+v", got, want, b)
	}
}

// TestBatchIsWholeOrNot kills the server while it takes batches: after the next start, each is there with all of its jobs, or not at all.
func TestBatchIsWholeOrNot(t *testing.T) {
	t.Parallel()
	const n, rounds = 2_000, 8
	w := start(t, options{noServer: true, files: map[string]string{files.RunJobPath: ""}})
	later := time.Now().Add(time.Hour).Format(time.RFC3339)
	inputs := "[{}" + strings.Repeat(",{}", n-1) + "]"
	w.startServer()
	began := time.Now()
	w.batch(fmt.Sprintf(`{"template":{"job":"Later","delay_until":%q},"inputs":%s}`, later, inputs))
	takes := time.Since(began)
	there := 0
	for i := range rounds {
		key := fmt.Sprint("round ", i)
		answered := make(chan int, 1)
		go func() {
			status, _ := w.call(http.MethodPost, "/api/batches", fmt.Appendf(nil, `{"template":{"job":"Later","delay_until":%q},"inputs":%s,"idempotency_key":%q}`, later, inputs, key))
			answered <- status
		}()
		time.Sleep(takes * time.Duration(i+2) / rounds)
		w.server.kill()
		status := <-answered
		w.startServer()
		b, found := w.readBatch(githubjobs.KeyedBatchID("demo-reports", key))
		if found && (b.Total != n || b.Missing != 0) || !found && status != 0 {
			t.Errorf("killed at %d/%d, answered %d: %+v", i+2, rounds, status, b)
		}
		if found {
			there++
		}
	}
	t.Logf("of %d batches that were under way when the server was killed, %d are there", rounds, there)
}

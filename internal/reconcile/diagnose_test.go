package reconcile_test

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/reconcile"
	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// later is when the jobs of these tests are looked at: ten minutes after they were
// submitted.
const later = 10 * time.Minute

// world is a localhub with one runner and the repository alice/reports, and a server
// that reads it: hub, store, reconciler and diagnoser.
type world struct {
	*localhub.Server
	t      *testing.T
	api    *github.Client
	token  string
	repo   *hub.Repository
	db     *sqlite.Store
	dir    string // of the database
	gate   string // runs of the workflow "hold" go on while this file is missing
	doctor *reconcile.Diagnoser
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server, err := localhub.New(localhub.Config{DataDir: t.TempDir(), Runners: 1, Logger: slog.New(slog.DiscardHandler), Wrap: wire.Watch(t).Wrap})
	must(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	w := &world{Server: server, t: t, gate: filepath.Join(t.TempDir(), "gate")}
	t.Cleanup(func() {
		must(t, os.WriteFile(w.gate, nil, 0o644))
		cancel()
		must(t, <-ended)
		must(t, server.Close())
	})
	_, err = server.CreateUser("alice")
	must(t, err)
	_, err = server.CreateRepository("alice", "reports", rest.RepositoryOptions{AutoInit: true})
	must(t, err)
	w.token, err = server.CreateToken("alice", "tests")
	must(t, err)
	w.api, err = github.NewClient(nil).WithAuthToken(w.token).WithEnterpriseURLs(server.URL(), server.URL())
	must(t, err)
	w.dir = t.TempDir()
	w.open()
	t.Cleanup(func() { must(t, w.db.Close()) })
	w.as(hub.Config{Token: w.token})
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// open opens the database.
func (w *world) open() {
	w.t.Helper()
	var err error
	w.db, err = sqlite.Open(w.t.Context(), filepath.Join(w.dir, "test.db"), time.Now)
	must(w.t, err)
	w.newDoctor()
}

// as makes the server use other credentials.
func (w *world) as(cfg hub.Config) {
	cfg.ServerURL, cfg.Owner, cfg.Name = w.URL(), "alice", "reports"
	repo, err := hub.New(cfg)
	must(w.t, err)
	w.repo = repo
	w.newDoctor()
}

func (w *world) newDoctor() {
	w.doctor = reconcile.NewDiagnoser(reconcile.DiagnoserOptions{Project: "p", Hub: w.repo, Store: w.db, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Now().Add(later) }})
}

// put commits a file to main through the API.
func (w *world) put(path, text string) {
	w.t.Helper()
	_, _, err := w.api.Repositories.CreateFile(w.t.Context(), "alice", "reports", path, &github.RepositoryContentFileOptions{Message: github.String("Add " + path), Content: []byte(text)})
	must(w.t, err)
}

const workflowFile = ".github/workflows/run-job.yml"

func (w *world) workflow(runsOn string) {
	w.t.Helper()
	w.put(workflowFile, "on:\n  push:\n    branches: ['job/**']\njobs:\n  job:\n    runs-on: "+runsOn+"\n    steps:\n      - run: 'true'\n")
}

// hold occupies the runner, and returns the token of the run that does.
func (w *world) hold() string {
	w.t.Helper()
	token := filepath.Join(w.t.TempDir(), "token")
	w.put(".github/workflows/hold.yml", "on:\n  push:\n    branches: [main]\npermissions: {contents: write, actions: read, pull-requests: read, checks: read}\njobs:\n  hold:\n    runs-on: ubuntu-latest\n    steps:\n"+
		"      - run: 'echo \"$TOKEN\" >"+token+".new; mv "+token+".new "+token+"; until [ -e "+w.gate+" ]; do sleep 0.02; done'\n        env: {TOKEN: '${{ github.token }}'}\n")
	var raw []byte
	w.eventually("the runner is taken", func() (err error) { raw, err = os.ReadFile(token); return err })
	return strings.TrimSpace(string(raw))
}

func (w *world) eventually(what string, try func() error) {
	w.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("not within 20 s: %s: %v", what, err)
		}
	}
}

func spec(id string) githubjobs.Spec {
	s := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "Daily report", Base: "main"}
	s.Normalize(time.Now())
	return s
}

func (w *world) submit(id string) {
	w.t.Helper()
	got, err := w.repo.Submit(w.t.Context(), []githubjobs.Spec{spec(id)})
	must(w.t, err)
	must(w.t, got[0].Err)
}

// byHand makes a job's branch with a message of its own; told says whether GitHub
// hears of it.
func (w *world) byHand(id, message string, told bool) {
	w.t.Helper()
	bare, err := w.RepositoryPath("alice", "reports")
	must(w.t, err)
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", bare}, args...)...).Output()
		must(w.t, err)
		return strings.TrimSpace(string(out))
	}
	base, tree := git("rev-parse", "main"), git("rev-parse", "main^{tree}")
	commit, err := w.repo.Commit(tree, base, message, time.Now())
	must(w.t, err)
	ref, sha := "refs/heads/job/"+id, commit.Hash().String()
	if !told {
		ref = "refs/heads/tmp"
	}
	refs, err := w.repo.Push(w.t.Context(), []hub.Update{{Ref: ref, New: sha}}, []plumbing.EncodedObject{commit})
	must(w.t, err)
	must(w.t, refs[0])
	if !told {
		git("update-ref", "refs/heads/job/"+id, sha)
	}
}

// read reads GitHub, and then looks up what keeps stuck jobs.
func (w *world) read() {
	w.t.Helper()
	must(w.t, w.reconciler().Once(w.t.Context()))
	_, err := w.doctor.Once(w.t.Context())
	must(w.t, err)
}

func (w *world) job(id string, after time.Duration) githubjobs.Job {
	w.t.Helper()
	f, err := w.db.Facts(w.t.Context(), "p", id)
	must(w.t, err)
	return githubjobs.Reduce(f, time.Now().Add(after))
}

func codes(j githubjobs.Job) (list []githubjobs.DiagnosisCode) {
	for _, d := range j.Diagnosis {
		list = append(list, d.Code)
	}
	return list
}

// heard notes a webhook delivery of now, so that webhooks do not count as silent.
func (w *world) heard() {
	w.t.Helper()
	must(w.t, w.db.RecordDelivery(w.t.Context(), store.Delivery{Project: "p", GUID: "g", Event: "ping", ReceivedAt: time.Now(), Body: []byte("{}")}))
}

// TestDiagnoses makes each thing go wrong that localhub can let go wrong, and reads
// what a job says of it that was submitted meanwhile.
func TestDiagnoses(t *testing.T) {
	t.Parallel()
	silent := githubjobs.DiagnosisWebhooksSilent
	setActions := func(w *world, enabled bool) {
		_, _, err := w.api.Repositories.EditActionsPermissions(w.t.Context(), "alice", "reports", github.ActionsPermissionsRepository{Enabled: &enabled})
		must(w.t, err)
	}
	for name, c := range map[string]struct {
		make func(*world)
		want []githubjobs.DiagnosisCode
		says string
		at   time.Duration // when the status is read; later, where zero
	}{
		"missing workflow":      {func(w *world) { w.heard(); w.submit("a") }, []githubjobs.DiagnosisCode{githubjobs.DiagnosisWorkflowMissing}, workflowFile, 0},
		"the same, a day later": {func(w *world) { w.heard(); w.submit("a") }, []githubjobs.DiagnosisCode{githubjobs.DiagnosisWorkflowMissing}, "base branch", 25 * time.Hour},
		"silent webhooks":       {func(w *world) { w.workflow("x"); setActions(w, false); w.submit("a") }, []githubjobs.DiagnosisCode{githubjobs.DiagnosisActionsDisabled, silent}, "WEBHOOK_SECRET", 0},
		"Actions disabled":      {func(w *world) { w.heard(); w.workflow("x"); setActions(w, false); w.submit("a") }, []githubjobs.DiagnosisCode{githubjobs.DiagnosisActionsDisabled}, "Settings → Actions", 0},
		"workflow disabled": {func(w *world) {
			w.heard()
			w.workflow("x")
			w.eventually("the workflow is known", func() error {
				_, err := w.api.Actions.DisableWorkflowByFileName(w.t.Context(), "alice", "reports", "run-job.yml")
				return err
			})
			w.submit("a")
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisWorkflowDisabled}, "disabled_manually", 0},
		"invalid workflow": {func(w *world) {
			w.heard()
			w.put(workflowFile, "on: [push\n")
			w.submit("a")
			must(w.t, w.WaitIdle(w.t.Context()))
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisWorkflowInvalid}, "/actions/runs/", 0},
		"skipped by its message": {func(w *world) {
			w.heard()
			w.workflow("x")
			w.byHand("a", "Run this [skip ci]\n\n"+githubjobs.FormatSpec(spec("a")), true)
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisSkippedByMessage}, "", 0},
		"dropped by GitHub": {func(w *world) {
			w.heard()
			w.workflow("x")
			w.byHand("a", githubjobs.FormatSpec(spec("a")), false)
			w.submit("b")
			must(w.t, w.WaitIdle(w.t.Context()))
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisRunLimit}, "500 runs", 0},
		"pushed with the token of a run": {func(w *world) {
			w.heard()
			w.workflow("x")
			w.as(hub.Config{Token: w.hold()})
			w.submit("a")
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisActionsToken}, "personal access token", 0},
		"settings that the token may not see": {func(w *world) {
			w.heard()
			w.workflow("x")
			setActions(w, false)
			app, key, err := w.CreateApp(localhub.App{Slug: "server", Owner: "alice", Permissions: map[string]string{"contents": "write", "pull_requests": "read", "checks": "read", "actions": "read", "metadata": "read"}})
			must(w.t, err)
			in, err := w.InstallApp(app.ID, "alice")
			must(w.t, err)
			w.as(hub.Config{App: &hub.App{ID: app.ID, InstallationID: in.ID, PrivateKey: key}})
			w.submit("a")
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisNotVisible}, "whether Actions is enabled (GitHub answered 403)", 0},
		"no runner": {func(w *world) {
			w.heard()
			w.hold()
			w.workflow("[self-hosted, gpu]")
			w.submit("a")
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisNoRunner}, "self-hosted, gpu", 0},
		"all runners busy": {func(w *world) {
			w.heard()
			w.hold()
			w.workflow("[self-hosted, " + strings.ToUpper(runtime.GOOS) + "]")
			w.submit("a")
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisRunnersBusy}, "All 1 runners", 0},
		"queued for longer than GitHub lets": {func(w *world) {
			w.heard()
			w.hold()
			w.workflow("x")
			w.submit("a")
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisZombieRun}, "force-cancel", 25 * time.Hour},
		"in progress for longer than GitHub lets": {func(w *world) {
			w.heard()
			w.put(workflowFile, "on:\n  push:\n    branches: ['job/**']\njobs:\n  job:\n    runs-on: x\n    steps:\n      - run: 'until [ -e "+w.gate+" ]; do sleep 0.02; done'\n")
			w.submit("a")
			w.eventually("in progress", func() error {
				runs, _, err := w.api.Actions.ListRepositoryWorkflowRuns(w.t.Context(), "alice", "reports", &github.ListWorkflowRunsOptions{Status: "in_progress"})
				if err == nil && runs.GetTotalCount() == 0 {
					err = os.ErrNotExist
				}
				return err
			})
		}, []githubjobs.DiagnosisCode{githubjobs.DiagnosisZombieRun}, "in progress for 7h0m0s", 7 * time.Hour},
		"nothing": {func(w *world) {
			w.heard()
			w.workflow("x")
			w.submit("a")
			must(w.t, w.WaitIdle(w.t.Context()))
		}, nil, "", time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c.make(w)
			// The run of a push begins after the push is answered.
			w.eventually("the diagnosis", func() error {
				w.read()
				j := w.job("a", max(c.at, time.Minute))
				if c.at == 0 {
					j = w.job("a", later)
				}
				if !slices.Equal(codes(j), c.want) {
					return &mismatch{j, c.want}
				}
				for _, d := range j.Diagnosis {
					if strings.Contains(d.Message+d.Mend+d.URL, c.says) {
						return nil
					}
				}
				if c.says != "" {
					return &mismatch{j, c.want}
				}
				return nil
			})
		})
	}
}

type mismatch struct {
	job  githubjobs.Job
	want []githubjobs.DiagnosisCode
}

func (m *mismatch) Error() string {
	b := strings.Builder{}
	for _, d := range m.job.Diagnosis {
		b.WriteString("\n" + string(d.Code) + ": " + d.Message + " " + d.Mend)
	}
	return string(m.job.Reason) + b.String()
}

// TestDiagnosesCostLittle counts what GitHub is asked for many stuck jobs, and for none.
func TestDiagnosesCostLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("README.txt", "no workflow here")
	var specs []githubjobs.Spec
	for _, c := range "abcdefghijklmnopqrstuvwxyz" {
		specs = append(specs, spec("job-"+string(c)))
	}
	_, err := w.repo.Submit(t.Context(), specs)
	must(t, err)
	w.heard()
	w.read()
	for _, want := range []int{14, 14, 10, 4, 4} { // four, ten commits and one tree; whose the token is, is asked once
		w.ResetRequests()
		stuck, err := w.doctor.Once(t.Context())
		must(t, err)
		if n := len(w.Requests()); stuck != len(specs) || n > want {
			t.Errorf("%d stuck jobs cost %d requests, want at most %d", stuck, n, want)
		}
	}
	for _, s := range specs {
		if j := w.job(s.ID, later); !slices.Equal(codes(j), []githubjobs.DiagnosisCode{githubjobs.DiagnosisWorkflowMissing}) {
			t.Errorf("%s: %v", s.ID, codes(j))
		}
	}
	w.doctor.Now = time.Now // the jobs have just been pushed
	w.ResetRequests()
	if stuck, err := w.doctor.Once(t.Context()); stuck != 0 || err != nil || len(w.Requests()) != 0 {
		t.Errorf("no job is stuck: %d, %v, %d requests", stuck, err, len(w.Requests()))
	}
}

// clinic notes when it was asked.
type clinic struct {
	reads []time.Time
	facts []githubjobs.Facts
	saved int
	fail  error
}

func (c *clinic) Active(_ context.Context, _, after string, _ int) ([]githubjobs.Facts, error) {
	if after != "" {
		return nil, nil
	}
	return c.facts, nil
}

func (c *clinic) Counts(context.Context, string) (store.Counts, error) { return store.Counts{}, nil }

func (c *clinic) MergeFacts(_ context.Context, _ string, facts ...githubjobs.Facts) error {
	c.saved += len(facts)
	return nil
}

func (c *clinic) Diagnose(_ context.Context, questions []githubjobs.Question) (map[string]githubjobs.Findings, error) {
	c.reads = append(c.reads, time.Now())
	return map[string]githubjobs.Findings{questions[0].ID: {Actions: githubjobs.No}}, c.fail
}

// GitHub is asked at most every five minutes, however often the diagnoser is woken,
// and what was found twice is stored once.
func TestDiagnosesAreRare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		c := &clinic{facts: []githubjobs.Facts{{ID: "a", Branch: &githubjobs.BranchFact{Head: "x", At: began.Add(-time.Hour)}}}}
		d := reconcile.NewDiagnoser(reconcile.DiagnoserOptions{Project: "p", Hub: c, Store: c, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()
		for range 60 {
			d.Wake()
			time.Sleep(15 * time.Second)
		}
		synctest.Wait()
		if len(c.reads) != 3 || c.reads[1].Sub(c.reads[0]) != 5*time.Minute || c.saved != 1 {
			t.Errorf("asked at %v, stored %d times", c.reads, c.saved)
		}
		c.fail = &hub.Error{Kind: hub.ErrRateLimited, RetryAfter: 30 * time.Minute}
		for range 60 {
			d.Wake()
			time.Sleep(15 * time.Second)
		}
		synctest.Wait()
		if len(c.reads) != 4 {
			t.Errorf("asked %d times while GitHub wants to be left alone", len(c.reads)-3)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

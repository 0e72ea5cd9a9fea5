package reconcile_test

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/reconcile"
	"github.com/githubjobs/githubjobs/internal/store"
)

// later is when the jobs of these tests are looked at: ten minutes after they were
// submitted.
const later = 10 * time.Minute

func codes(j githubjobs.Job) (list []githubjobs.DiagnosisCode) {
	for _, d := range j.Diagnosis {
		list = append(list, d.Code)
	}
	return list
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
	_, err := w.repo.Submit(t.Context(), githubjobs.NewOrders(specs...))
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

package server

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

const report = `{"job":"Daily activity report"}`

func TestJobReachesGitHub(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s := start(t, g.config(t))
	g.hook(t, s)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })

	id := s.create(t, report)
	eventually(t, "the push's webhook is in the status", func() bool { return s.status(t, id).Evidence.BranchSHA != "" })
	j := s.status(t, id)
	if j.Status != githubjobs.StatusPending || j.Reason != githubjobs.ReasonPushed || j.Title != "Daily activity report" || j.Kind != githubjobs.KindReport {
		t.Errorf("job %+v", j)
	}
	if sha := g.git(t, "rev-parse", "job/"+id); sha != j.Evidence.BranchSHA {
		t.Errorf("branch at %s, evidence %s", sha, j.Evidence.BranchSHA)
	}
	if spec, err := githubjobs.ParseSpec(g.git(t, "log", "-1", "--format=%B", "job/"+id)); err != nil || spec.ID != id || spec.Base != "main" {
		t.Errorf("spec %+v, %v", spec, err)
	}
	if a, b := g.git(t, "rev-parse", "main^{tree}"), g.git(t, "rev-parse", "job/"+id+"^{tree}"); a != b {
		t.Errorf("the job's tree is %s, that of its base %s", b, a)
	}
}

func TestCostOfJobs(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.ReconcileInterval = time.Hour
	s := start(t, cfg)
	g.hook(t, s)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	first := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, first).Reason == githubjobs.ReasonPushed })

	g.ResetRequests()
	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	for range 50 {
		s.status(t, id)
	}
	if git, rest := g.CountRequests(localhub.RequestGit), g.CountRequests(localhub.RequestREST); git != 2 || rest != 0 {
		t.Errorf("a job and 50 reads of its status cost %d git and %d REST requests, want 2 and 0", git, rest)
	}
}

func TestManyJobsRideTogether(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s := start(t, g.config(t))
	const n = 200
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			for range n / 20 {
				s.create(t, report)
			}
		})
	}
	wg.Wait()
	eventually(t, "all pushed", func() bool { return s.Readiness(t.Context()).WaitingJobs == 0 })
	if got := len(g.jobBranches(t)); got != n {
		t.Errorf("%d branches, want %d", got, n)
	}
	pushes := 0
	for _, r := range g.Requests() {
		if r.Kind == localhub.RequestGit && r.Method == http.MethodPost {
			pushes++
		}
	}
	if pushes > n/4 {
		t.Errorf("%d jobs took %d pushes", n, pushes)
	}
}

func TestAcceptedWhileGitHubIsDown(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	first := start(t, cfg)
	eventually(t, "ready", func() bool { return first.Readiness(t.Context()).Ready })
	first.stop()

	down := cfg
	down.GitHubServerURL = "http://127.0.0.1:1"
	s := start(t, down)
	id := s.create(t, report) // on the default branch that the first server learnt
	if j := s.status(t, id); j.Reason != githubjobs.ReasonAccepted {
		t.Errorf("job %+v", j)
	}
	eventually(t, "readiness tells of the failure", func() bool {
		r := s.Readiness(t.Context())
		return len(r.Warnings) > 0 && strings.Contains(r.Warnings[0], "fails since") && r.WaitingJobs == 1
	})
	s.stop()

	s = start(t, cfg)
	eventually(t, "pushed after all", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	if got := g.jobBranches(t); !slices.Equal(got, []string{"job/" + id}) {
		t.Errorf("branches %v", got)
	}
}

func TestReconcileFindsWhatNoWebhookTold(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	s := start(t, cfg)
	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	s.stop()
	// While the server is down the branch is deleted; the database is lost, too.
	g.git(t, "update-ref", "-d", "refs/heads/job/"+id)
	s = start(t, cfg)
	eventually(t, "the deletion is known", func() bool { return s.status(t, id).Reason == githubjobs.ReasonCanceled })
}

func TestDatabaseLost(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s := start(t, g.config(t))
	id := s.create(t, report)
	eventually(t, "pushed", func() bool { return s.status(t, id).Evidence.BranchSHA != "" })
	before := s.status(t, id)
	s.stop()
	s = start(t, g.config(t)) // with an empty database
	eventually(t, "the job is found on GitHub", func() bool {
		return call(t, "GET", s.URL()+"/api/jobs/status?job_id="+id, "", nil).StatusCode == 200
	})
	if after := s.status(t, id); fmt.Sprintf("%+v", after) != fmt.Sprintf("%+v", before) {
		t.Errorf("after the loss %+v\nbefore         %+v", after, before)
	}
}

func TestUnknownBaseFailsTheJob(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s := start(t, g.config(t))
	id := s.create(t, `{"job":"x","base":"no-such-branch"}`)
	eventually(t, "refused", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushRefused })
	if j := s.status(t, id); !j.Terminal || !strings.Contains(j.Message, `no branch "no-such-branch"`) {
		t.Errorf("job %+v", j)
	}
}

func TestWrongToken(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.Token, cfg.BaseBranch = "ghp_wrong", "main"
	s := start(t, cfg)
	id := s.create(t, report)
	var r api.Readiness
	eventually(t, "readiness tells of the token", func() bool {
		res := call(t, "GET", s.URL()+"/readyz", "", &r)
		return res.StatusCode == 503 && strings.Contains(fmt.Sprint(r.Problems), "Pushing jobs") && strings.Contains(fmt.Sprint(r.Problems), "Reading GitHub")
	})
	if !strings.Contains(fmt.Sprint(r.Problems), "does not accept the credentials") {
		t.Errorf("problems %q", r.Problems)
	}
	if j := s.status(t, id); j.Reason != githubjobs.ReasonAccepted {
		t.Errorf("the job waits for a good token, and is %s", j.Reason)
	}
}

func TestBaseBranchThatIsNotThere(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.BaseBranch = "nope"
	s := start(t, cfg)
	eventually(t, "readiness tells of the branch", func() bool {
		var r api.Readiness
		res := call(t, "GET", s.URL()+"/readyz", "", &r)
		return res.StatusCode == 503 && strings.Contains(fmt.Sprint(r.Problems), `no branch "nope"`)
	})
}

func TestSecondServerOnOneDatabase(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	start(t, cfg)
	s, err := New(t.Context(), cfg, NewLogger(cfg, t.Output()))
	if err == nil {
		s.Close()
		t.Fatal("a second server took the database")
	}
	if !strings.Contains(err.Error(), "in use by another server process") || !strings.Contains(err.Error(), "DATABASE_PATH") {
		t.Errorf("error %q", err)
	}
}

func TestPortTaken(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	first := start(t, g.config(t))
	cfg := g.config(t)
	cfg.ListenAddr = strings.TrimPrefix(first.URL(), "http://")
	if s, err := New(t.Context(), cfg, NewLogger(cfg, t.Output())); err == nil {
		s.Close()
		t.Fatal("two servers on one port")
	} else if !strings.Contains(err.Error(), "LISTEN_ADDR") {
		t.Errorf("error %q", err)
	}
}

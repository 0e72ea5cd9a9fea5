package server

import (
	"encoding/json"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// statusContract is the answer of GET /api/jobs/status as the published contract has it:
// six fields, each always there and of its type.
type statusContract struct {
	Status       *string   `json:"status"`
	Branch       *string   `json:"branch"`
	PullURL      *string   `json:"pr_url"`
	RunURL       *string   `json:"run_url"`
	Log          *string   `json:"log"`
	ChangedFiles *[]string `json:"changed_files"`
}

// poll asks once, as a caller does who knows the contract alone.
func (s *running) poll(t *testing.T, id string) statusContract {
	t.Helper()
	var c statusContract
	if res := call(t, "GET", s.URL()+"/api/jobs/status?job_id="+id, "", &c); res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("%s %s", res.Status, res.Header.Get("Content-Type"))
	}
	if c.Status == nil || c.Branch == nil || c.PullURL == nil || c.RunURL == nil || c.Log == nil || c.ChangedFiles == nil || *c.ChangedFiles == nil {
		raw, _ := json.Marshal(c)
		t.Fatalf("a field is missing or null: %s", raw)
	}
	return c
}

// The contract's own polling loop ends, with what the contract promises for the end.
func TestStatusContract(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	s := start(t, g.config(t))
	g.hook(t, s)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	agent, err := hub.New(hub.Config{ServerURL: g.URL(), Owner: "demo", Name: "reports", Token: g.token})
	check(t, err)

	id := s.create(t, report)
	c := s.poll(t, id)
	if *c.Status != "pending" || *c.Branch != "job/"+id || *c.PullURL != "" || *c.RunURL != "" || *c.Log != "" || len(*c.ChangedFiles) != 0 {
		t.Errorf("right after its creation: %+v", s.status(t, id))
	}
	eventually(t, "pushed", func() bool { return s.status(t, id).Reason == githubjobs.ReasonPushed })
	pull, head := g.deliver(t, agent, id)
	_, err = agent.MergePull(t.Context(), hub.MergeRequest{Number: pull, SHA: head, Method: "squash", Title: "Report"})
	check(t, err)
	eventually(t, "the loop ends", func() bool {
		switch *s.poll(t, id).Status {
		case "completed", "failed", "merged":
			return true
		}
		return false
	})
	c = s.poll(t, id)
	if *c.Status != "merged" || *c.Branch != "job/"+id || *c.PullURL != g.URL()+"/demo/reports/pull/1" || *c.Log != "written" || len(*c.ChangedFiles) != 1 || (*c.ChangedFiles)[0] != "report.md" {
		t.Errorf("at its end: %+v", s.status(t, id))
	}

	for name, header := range map[string][]string{"a wrong key": {"x-api-key", "wrong"}, "no key": {"x-api-key", ""}} {
		var refused map[string]string
		res := call(t, "GET", s.URL()+"/api/jobs/status?job_id="+id, "", &refused, header...)
		if res.StatusCode != 401 || len(refused) != 1 || refused["error"] != "Unauthorized" {
			t.Errorf("%s: %d %v", name, res.StatusCode, refused)
		}
	}
}

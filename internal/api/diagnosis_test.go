package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// What keeps a stuck job stands in its status; of one that gets on nothing does.
func TestStatusSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for id, pushed := range map[string]time.Time{"stuck": now.Add(-time.Hour), "fine": now.Add(-time.Minute)} {
		err := s.store.MergeFacts(t.Context(), "p", githubjobs.Facts{
			ID: id, Spec: &githubjobs.Spec{ID: id, CreatedAt: pushed}, Branch: &githubjobs.BranchFact{Head: "abc", At: pushed},
			Findings: &githubjobs.Findings{Actions: githubjobs.No, At: now},
		})
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Diagnosis []map[string]string
		}
		body := s.do(t, "GET", "/api/jobs/status?job_id="+id, "").body
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		switch d := got.Diagnosis; {
		case id == "fine" && d != nil:
			t.Errorf("a job that gets on: %s", body)
		case id == "stuck" && (len(d) != 1 || d[0]["code"] != "actions_disabled" || d[0]["message"] == "" || d[0]["mend"] == ""):
			t.Errorf("%s", body)
		}
	}
}

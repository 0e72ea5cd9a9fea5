package actions_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func TestWorkflowDispatch(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.push("name: By hand\nrun-name: 'Hello ${{ inputs.who }}'\non:\n  workflow_dispatch:\n    inputs:\n      who: {required: true}\n      loud: {type: boolean, default: 'false'}\n" +
		"jobs:\n  a: {runs-on: x, steps: [{run: 'echo \"hi ${{ inputs.who }} ${{ inputs.loud }} $GITHUB_REF\"'}]}\n")
	h.idle()
	list, _, err := h.Actions.ListWorkflows(hubtest.Within(t), "alice", "reports", nil)
	h.must(err)
	if list.GetTotalCount() != 1 || list.Workflows[0].GetName() != "By hand" || list.Workflows[0].GetState() != "active" {
		t.Fatalf("workflows %v", list)
	}
	dispatch := func(ref string, inputs map[string]any) error {
		return second(h.Actions.CreateWorkflowDispatchEventByFileName(hubtest.Within(t), "alice", "reports", "ci.yml", github.CreateWorkflowDispatchEventRequest{Ref: ref, Inputs: inputs}))
	}
	hubtest.WantStatus(t, dispatch("nowhere", nil), http.StatusUnprocessableEntity, "No ref found")
	hubtest.WantStatus(t, dispatch("main", nil), http.StatusUnprocessableEntity, "Required input 'who'")
	hubtest.WantStatus(t, dispatch("main", map[string]any{"who": "x", "what": "y"}), http.StatusUnprocessableEntity, "Unexpected inputs")
	h.must(dispatch("main", map[string]any{"who": "mona"}))
	h.idle()
	run := h.only()
	if run.GetEvent() != "workflow_dispatch" || run.GetDisplayTitle() != "Hello mona" || run.GetConclusion() != "success" {
		t.Errorf("run %+v", run)
	}
	if log := h.log(h.jobs(run)["a"]); !strings.Contains(log, "\nhi mona false refs/heads/main\n") {
		t.Errorf("log:\n%s", log)
	}
	h.must(second(h.Actions.DisableWorkflowByFileName(hubtest.Within(t), "alice", "reports", "ci.yml")))
	hubtest.WantStatus(t, dispatch("main", map[string]any{"who": "x"}), http.StatusUnprocessableEntity, "disabled")
	h.must(second(h.Actions.EnableWorkflowByID(hubtest.Within(t), "alice", "reports", list.Workflows[0].GetID())))
	h.must(dispatch("main", map[string]any{"who": "x"}))
	h.idle()
}

func TestRepositoryDispatch(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.push("on: {repository_dispatch: {types: [deploy]}}\njobs:\n  a: {runs-on: x, steps: [{run: 'echo ${{ github.event.action }} ${{ github.event.client_payload.to }}'}]}\n")
	for _, kind := range []string{"other", "deploy"} {
		payload := json.RawMessage(`{"to":"moon"}`)
		_, _, err := h.Repositories.Dispatch(hubtest.Within(t), "alice", "reports", github.DispatchRequestOptions{EventType: kind, ClientPayload: &payload})
		h.must(err)
	}
	h.idle()
	if log := h.log(h.jobs(h.only())["a"]); !strings.Contains(log, "\ndeploy moon\n") {
		t.Errorf("log:\n%s", log)
	}
}

func TestPullRequest(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.push("on: pull_request\njobs:\n  a: {runs-on: x, steps: [{uses: actions/checkout@v4}, {run: 'echo $GITHUB_HEAD_REF to $GITHUB_BASE_REF of ${{ github.event.number }} at $GITHUB_REF'}]}\n")
	h.commit("Change", map[string]string{"a.txt": "a"})
	h.git("push", "-q", "origin", "HEAD:refs/heads/topic")
	_, _, err := h.PullRequests.Create(hubtest.Within(t), "alice", "reports", &github.NewPullRequest{Title: github.String("A change"), Head: github.String("topic"), Base: github.String("main")})
	h.must(err)
	h.idle()
	run := h.only()
	if run.GetEvent() != "pull_request" || run.GetHeadBranch() != "topic" || run.GetConclusion() != "success" || len(run.PullRequests) != 1 {
		t.Errorf("run %+v", run)
	}
	if log := h.log(h.jobs(run)["a"]); !strings.Contains(log, "\ntopic to main of 1 at refs/pull/1/merge\n") {
		t.Errorf("log:\n%s", log)
	}
}

func TestPullRequestOpenedByARun(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.must(h.Configure("alice", "reports", func(r *state.Repository) { r.Actions.CanApprovePullRequestReviews = true }))
	token := filepath.Join(t.TempDir(), "token")
	h.commit("Workflows", map[string]string{
		".github/workflows/pr.yml": "on: pull_request\njobs:\n  a: {runs-on: x, steps: [{run: 'true'}]}\n",
		".github/workflows/job.yml": "on: {push: {branches: ['job/**']}}\npermissions: {contents: write, pull-requests: write}\njobs:\n  a:\n    runs-on: x\n    steps:\n" +
			"    - env: {T: '${{ github.token }}'}\n      run: 'printf %s $T > " + token + "; while [ -e " + token + " ]; do sleep 0.02; done'\n",
	})
	h.git("push", "-q", "origin", "HEAD:main")
	h.commit("Change", map[string]string{"a.txt": "a"})
	h.git("push", "-q", "origin", "HEAD:refs/heads/job/1")
	until(t, "token", func() bool { text, _ := os.ReadFile(token); return len(text) > 20 })
	secret, err := os.ReadFile(token)
	h.must(err)
	_, _, err = h.client(string(secret)).PullRequests.Create(hubtest.Within(t), "alice", "reports", &github.NewPullRequest{Title: github.String("By a run"), Head: github.String("job/1"), Base: github.String("main")})
	h.must(err)
	h.must(os.Remove(token))
	h.idle()
	run := h.runs()[0]
	if run.GetConclusion() != "action_required" || run.GetEvent() != "pull_request" {
		t.Fatalf("run %+v", run)
	}
	req, err := h.Client.NewRequest("POST", "repos/alice/reports/actions/runs/2/approve", nil)
	h.must(err)
	h.must(second(h.Do(hubtest.Within(t), req, nil)))
	h.idle()
	if run := h.runs()[0]; run.GetConclusion() != "success" || run.GetRunAttempt() != 1 {
		t.Errorf("approved run %+v", run)
	}
}

func TestOIDC(t *testing.T) {
	t.Parallel()
	h := setup(t)
	out := filepath.Join(t.TempDir(), "token.json")
	h.push("on: push\npermissions: {id-token: write}\njobs:\n  a:\n    runs-on: x\n    steps:\n    - run: 'curl -sf -H \"Authorization: bearer $ACTIONS_ID_TOKEN_REQUEST_TOKEN\" \"$ACTIONS_ID_TOKEN_REQUEST_URL&audience=githubjobs\" > " + out + "'\n" +
		"  b: {permissions: {contents: read}, runs-on: x, steps: [{run: 'test -z \"$ACTIONS_ID_TOKEN_REQUEST_URL\"'}]}\n")
	h.idle()
	run := h.only()
	if run.GetConclusion() != "success" {
		t.Fatalf("%q\n%s", h.conclusions(run), h.log(h.jobs(run)["a"]))
	}
	text, err := os.ReadFile(out)
	h.must(err)
	var answer struct{ Value string }
	h.must(json.Unmarshal(text, &answer))
	provider, err := oidc.NewProvider(hubtest.Within(t), h.URL()+"/_services/token")
	h.must(err)
	token, err := provider.Verifier(&oidc.Config{ClientID: "githubjobs"}).Verify(hubtest.Within(t), answer.Value)
	h.must(err)
	claims := map[string]any{}
	h.must(token.Claims(&claims))
	for name, want := range map[string]string{
		"sub": "repo:alice/reports:ref:refs/heads/main", "repository": "alice/reports", "repository_id": "1", "ref": "refs/heads/main", "run_id": "1",
		"run_attempt": "1", "actor": "alice", "event_name": "push", "sha": run.GetHeadSHA(), "job_workflow_ref": "alice/reports/.github/workflows/ci.yml@refs/heads/main",
	} {
		if claims[name] != want {
			t.Errorf("%s is %v, want %s", name, claims[name], want)
		}
	}
	res, err := http.Get(h.URL() + "/_services/token/request?api-version=2.0")
	h.must(err)
	defer res.Body.Close()
	if res.StatusCode != http.StatusUnauthorized {
		t.Errorf("without a request token: %s", res.Status)
	}
}

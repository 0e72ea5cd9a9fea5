package actions_test

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
	"golang.org/x/crypto/nacl/box"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

func TestVariables(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.must(second(h.Actions.CreateRepoVariable(hubtest.Within(t), "alice", "reports", &github.ActionsVariable{Name: "mode", Value: "fast"})))
	_, err := h.Actions.CreateRepoVariable(hubtest.Within(t), "alice", "reports", &github.ActionsVariable{Name: "MODE", Value: "x"})
	hubtest.WantStatus(t, err, http.StatusConflict, "Already exists")
	_, err = h.Actions.CreateRepoVariable(hubtest.Within(t), "alice", "reports", &github.ActionsVariable{Name: "GITHUB_X", Value: "x"})
	hubtest.WantStatus(t, err, http.StatusUnprocessableEntity, "GITHUB_")
	h.must(second(h.Actions.UpdateRepoVariable(hubtest.Within(t), "alice", "reports", &github.ActionsVariable{Name: "MODE", Value: "slow"})))
	v, _, err := h.Actions.GetRepoVariable(hubtest.Within(t), "alice", "reports", "Mode")
	h.must(err)
	list, _, err := h.Actions.ListRepoVariables(hubtest.Within(t), "alice", "reports", nil)
	h.must(err)
	if v.Name != "MODE" || v.Value != "slow" || list.TotalCount != 1 {
		t.Errorf("%+v, %d in all", v, list.TotalCount)
	}
	h.must(second(h.Actions.DeleteRepoVariable(hubtest.Within(t), "alice", "reports", "MODE")))
	_, _, err = h.Actions.GetRepoVariable(hubtest.Within(t), "alice", "reports", "MODE")
	hubtest.WantStatus(t, err, http.StatusNotFound, "Not Found")
	_, _, err = github.NewClient(nil).WithAuthToken("").Actions.ListRepoVariables(hubtest.Within(t), "alice", "reports", nil)
	if err == nil {
		t.Error("anybody reads the variables")
	}
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	h := setup(t)
	key, _, err := h.Actions.GetRepoPublicKey(hubtest.Within(t), "alice", "reports")
	h.must(err)
	public, err := base64.StdEncoding.DecodeString(key.GetKey())
	h.must(err)
	sealed, err := box.SealAnonymous(nil, []byte("hush-hush"), (*[32]byte)(public), rand.Reader)
	h.must(err)
	put := func(keyID string, sealed []byte) error {
		return second(h.Actions.CreateOrUpdateRepoSecret(hubtest.Within(t), "alice", "reports", &github.EncryptedSecret{Name: "pass", KeyID: keyID, EncryptedValue: base64.StdEncoding.EncodeToString(sealed)}))
	}
	h.must(put(key.GetKeyID(), sealed))
	hubtest.WantStatus(t, put("other", sealed), http.StatusUnprocessableEntity, "key_id")
	hubtest.WantStatus(t, put(key.GetKeyID(), []byte("not sealed")), http.StatusUnprocessableEntity, "decrypted")
	list, _, err := h.Actions.ListRepoSecrets(hubtest.Within(t), "alice", "reports", nil)
	h.must(err)
	if list.TotalCount != 1 || list.Secrets[0].Name != "PASS" {
		t.Errorf("%+v", list)
	}
	h.push("on: push\njobs:\n  a: {runs-on: x, env: {P: '${{ secrets.PASS }}'}, steps: [{run: 'echo \"$P\" has ${#P}'}]}\n")
	h.idle()
	if log := h.log(h.jobs(h.only())["a"]); !strings.Contains(log, "\n*** has 9\n") {
		t.Errorf("log:\n%s", log)
	}
	h.must(second(h.Actions.DeleteRepoSecret(hubtest.Within(t), "alice", "reports", "PASS")))
	_, _, err = h.Actions.GetRepoSecret(hubtest.Within(t), "alice", "reports", "PASS")
	hubtest.WantStatus(t, err, http.StatusNotFound, "Not Found")
}

func TestPermissionsAndRunners(t *testing.T) {
	t.Parallel()
	h := setup(t)
	_, _, err := h.Repositories.EditDefaultWorkflowPermissions(hubtest.Within(t), "alice", "reports", github.DefaultWorkflowPermissionRepository{
		DefaultWorkflowPermissions: github.String("write"), CanApprovePullRequestReviews: github.Bool(true)})
	h.must(err)
	got, _, err := h.Repositories.GetDefaultWorkflowPermissions(hubtest.Within(t), "alice", "reports")
	h.must(err)
	if got.GetDefaultWorkflowPermissions() != "write" || !got.GetCanApprovePullRequestReviews() {
		t.Errorf("%+v", got)
	}
	enabled, _, err := h.Repositories.GetActionsPermissions(hubtest.Within(t), "alice", "reports")
	h.must(err)
	if !enabled.GetEnabled() || enabled.GetAllowedActions() != "all" {
		t.Errorf("%+v", enabled)
	}
	runners, _, err := h.Actions.ListRunners(hubtest.Within(t), "alice", "reports", nil)
	h.must(err)
	if runners.TotalCount != 4 || runners.Runners[0].GetBusy() || runners.Runners[0].GetStatus() != "online" {
		t.Errorf("%+v", runners)
	}
	h.must(second(h.Actions.SetRepoOIDCSubjectClaimCustomTemplate(hubtest.Within(t), "alice", "reports", &github.OIDCSubjectClaimCustomTemplate{
		UseDefault: github.Bool(false), IncludeClaimKeys: []string{"repo", "actor"}})))
	template, _, err := h.Actions.GetRepoOIDCSubjectClaimCustomTemplate(hubtest.Within(t), "alice", "reports")
	h.must(err)
	if template.GetUseDefault() || len(template.IncludeClaimKeys) != 2 {
		t.Errorf("%+v", template)
	}
}

func TestListRuns(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.push("on: push\njobs:\n  a: {runs-on: x, steps: [{run: 'test $GITHUB_REF_NAME = main'}]}\n")
	sha := h.commit("Other", nil)
	h.git("push", "-q", "origin", "HEAD:refs/heads/other")
	h.idle()
	soon, past := time.Now().Add(time.Hour).UTC().Format(time.RFC3339), time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	tests := map[string]struct {
		github.ListWorkflowRunsOptions
		want int
	}{
		"all":           {github.ListWorkflowRunsOptions{}, 2},
		"branch":        {github.ListWorkflowRunsOptions{Branch: "other"}, 1},
		"no branch":     {github.ListWorkflowRunsOptions{Branch: "oth"}, 0},
		"actor":         {github.ListWorkflowRunsOptions{Actor: "Alice"}, 2},
		"other actor":   {github.ListWorkflowRunsOptions{Actor: "bob"}, 0},
		"event":         {github.ListWorkflowRunsOptions{Event: "workflow_dispatch"}, 0},
		"status":        {github.ListWorkflowRunsOptions{Status: "completed"}, 2},
		"conclusion":    {github.ListWorkflowRunsOptions{Status: "failure"}, 1},
		"commit":        {github.ListWorkflowRunsOptions{HeadSHA: sha}, 1},
		"since":         {github.ListWorkflowRunsOptions{Created: ">=" + past}, 2},
		"future":        {github.ListWorkflowRunsOptions{Created: ">" + soon}, 0},
		"window":        {github.ListWorkflowRunsOptions{Created: past + ".." + soon}, 2},
		"open window":   {github.ListWorkflowRunsOptions{Created: "*.." + past}, 0},
		"today":         {github.ListWorkflowRunsOptions{Created: ">=" + time.Now().UTC().Format(time.DateOnly)}, 2},
		"a page of one": {github.ListWorkflowRunsOptions{ListOptions: github.ListOptions{PerPage: 1}}, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			list, res, err := h.Actions.ListRepositoryWorkflowRuns(hubtest.Within(t), "alice", "reports", &test.ListWorkflowRunsOptions)
			h.must(err)
			if len(list.WorkflowRuns) != test.want {
				t.Errorf("%d runs, want %d", len(list.WorkflowRuns), test.want)
			}
			if test.PerPage == 1 && (res.NextPage != 2 || list.GetTotalCount() != 2) {
				t.Errorf("next page %d, total %d", res.NextPage, list.GetTotalCount())
			}
		})
	}
	_, _, err := h.Actions.ListRepositoryWorkflowRuns(hubtest.Within(t), "alice", "reports", &github.ListWorkflowRunsOptions{Created: "yesterday"})
	hubtest.WantStatus(t, err, http.StatusUnprocessableEntity, "Validation Failed")
	byFile, _, err := h.Actions.ListWorkflowRunsByFileName(hubtest.Within(t), "alice", "reports", "ci.yml", nil)
	h.must(err)
	if byFile.GetTotalCount() != 2 {
		t.Errorf("%d runs of the workflow", byFile.GetTotalCount())
	}
}

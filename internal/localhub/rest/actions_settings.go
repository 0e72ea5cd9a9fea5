package rest

import (
	"github.com/githubjobs/githubjobs/internal/localhub/actions"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var actionsSettingOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/actions/permissions", "actions/get-github-actions-permissions-repository", Read("administration"), getActionsPermissions},
	{"PUT", "/repos/{owner}/{repo}/actions/permissions", "actions/set-github-actions-permissions-repository", Write("administration"), setActionsPermissions},
	{"GET", "/repos/{owner}/{repo}/actions/permissions/workflow", "actions/get-github-actions-default-workflow-permissions-repository", Read("administration"), getWorkflowPermissions},
	{"PUT", "/repos/{owner}/{repo}/actions/permissions/workflow", "actions/set-github-actions-default-workflow-permissions-repository", Write("administration"), setWorkflowPermissions},
	{"GET", "/repos/{owner}/{repo}/actions/runners", "actions/list-self-hosted-runners-for-repo", Read("administration"), listRunners},
	{"GET", "/repos/{owner}/{repo}/actions/runners/{runner_id}", "actions/get-self-hosted-runner-for-repo", Read("administration"), getRunner},
	{"GET", "/repos/{owner}/{repo}/actions/oidc/customization/sub", "actions/get-custom-oidc-sub-claim-for-repo", Read("actions"), getOIDCSubject},
	{"PUT", "/repos/{owner}/{repo}/actions/oidc/customization/sub", "actions/set-custom-oidc-sub-claim-for-repo", Write("actions"), setOIDCSubject},
}

func getActionsPermissions(c *Context) (Response, error) {
	if !c.Repo.Actions.Enabled {
		return OK(shape.Object{"enabled": false}), nil
	}
	return OK(shape.Object{"enabled": true, "allowed_actions": "all", "sha_pinning_required": false}), nil
}

func setActionsPermissions(c *Context) (Response, error) {
	var in struct {
		Enabled        *bool   `json:"enabled"`
		AllowedActions *string `json:"allowed_actions"`
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.Enabled == nil {
		return Response{}, Invalid("Invalid request.\n\n\"enabled\" wasn't supplied.")
	}
	if in.AllowedActions != nil && *in.AllowedActions != "all" {
		return Response{}, Invalid("localhub knows only \"all\" for allowed_actions")
	}
	return c.changeActions(func(s *state.ActionsSettings) { s.Enabled = *in.Enabled })
}

// changeActions changes the repository's settings for Actions.
func (c *Context) changeActions(change func(*state.ActionsSettings)) (Response, error) {
	err := c.Update(func(tx *state.Tx, _ shape.Builder) error {
		repo, ok := tx.Repositories.Get(c.Repo.ID)
		if !ok {
			return NotFound()
		}
		change(&repo.Actions)
		tx.Repositories.Put(repo)
		return nil
	})
	return NoContent(), err
}

func getWorkflowPermissions(c *Context) (Response, error) {
	s := c.Repo.Actions
	level := "read"
	if s.DefaultPermissions == "write" {
		level = "write"
	}
	return OK(shape.Object{"default_workflow_permissions": level, "can_approve_pull_request_reviews": s.CanApprovePullRequestReviews}), nil
}

func setWorkflowPermissions(c *Context) (Response, error) {
	var in struct {
		Default    *string `json:"default_workflow_permissions"`
		CanApprove *bool   `json:"can_approve_pull_request_reviews"`
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.Default != nil && *in.Default != "read" && *in.Default != "write" {
		return Response{}, Invalid("Invalid request.\n\n\"default_workflow_permissions\" must be read or write.")
	}
	return c.changeActions(func(s *state.ActionsSettings) {
		set(&s.DefaultPermissions, in.Default)
		set(&s.CanApprovePullRequestReviews, in.CanApprove)
	})
}

func runner(r actions.Runner) shape.Object {
	labels := []shape.Object{}
	for i, name := range []string{"self-hosted", r.OS} {
		labels = append(labels, shape.Object{"id": i + 1, "name": name, "type": "read-only"})
	}
	return shape.Object{"id": r.ID, "name": r.Name, "os": r.OS, "status": "online", "busy": r.Busy, "labels": labels}
}

func listRunners(c *Context) (Response, error) {
	list := []shape.Object{}
	for _, r := range c.S.Actions.Runners() {
		list = append(list, runner(r))
	}
	total := len(list)
	return OK(shape.Object{"total_count": total, "runners": Paginate(c, list)}), nil
}

func getRunner(c *Context) (Response, error) {
	id, err := c.ID("runner_id")
	if err != nil {
		return Response{}, err
	}
	for _, r := range c.S.Actions.Runners() {
		if r.ID == id {
			return OK(runner(r)), nil
		}
	}
	return Response{}, NotFound()
}

func getOIDCSubject(c *Context) (Response, error) {
	keys := c.Repo.Actions.OIDCSubjectClaims
	body := shape.Object{"use_default": keys == nil}
	if keys != nil {
		body["include_claim_keys"] = keys
	}
	return OK(body), nil
}

func setOIDCSubject(c *Context) (Response, error) {
	var in struct {
		UseDefault *bool    `json:"use_default"`
		Keys       []string `json:"include_claim_keys"`
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.UseDefault == nil {
		return Response{}, Invalid("Invalid request.\n\n\"use_default\" wasn't supplied.")
	}
	if *in.UseDefault {
		in.Keys = nil
	}
	answer, err := c.changeActions(func(s *state.ActionsSettings) { s.OIDCSubjectClaims = in.Keys })
	if err != nil {
		return answer, err
	}
	return Created(shape.Object{}), nil
}

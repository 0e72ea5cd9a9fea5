package actions

import (
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// claimNames are the claims of GitHub's tokens.
var claimNames = []string{
	"sub", "aud", "exp", "iat", "iss", "jti", "nbf", "ref", "sha", "repository", "repository_id", "repository_owner", "repository_owner_id",
	"repository_visibility", "run_id", "run_number", "run_attempt", "actor", "actor_id", "workflow", "workflow_ref", "workflow_sha", "head_ref", "base_ref",
	"event_name", "ref_type", "ref_protected", "job_workflow_ref", "job_workflow_sha", "runner_environment", "check_run_id",
}

// claims are those of a job.
func (e *Engine) claims(live *liveJob, spec workflow.Job, g executor.GitHub) grant {
	var repo state.Repository
	e.cfg.DB.View(func(tx *state.Tx) { repo, _ = tx.Repositories.Get(live.run.repositoryID) })
	visibility := "public"
	if repo.Private {
		visibility = "private"
	}
	claims := jwt.MapClaims{
		"ref": g.Ref, "sha": g.SHA, "repository": g.Repository, "repository_id": g.RepositoryID, "repository_owner": g.RepositoryOwner,
		"repository_owner_id": g.RepositoryOwnerID, "repository_visibility": visibility, "run_id": g.RunID, "run_number": g.RunNumber,
		"run_attempt": g.RunAttempt, "actor": g.Actor, "actor_id": g.ActorID, "workflow": g.Workflow, "workflow_ref": g.WorkflowRef,
		"workflow_sha": g.WorkflowSHA, "head_ref": g.HeadRef, "base_ref": g.BaseRef, "event_name": g.EventName, "ref_type": g.RefType,
		"ref_protected": "false", "job_workflow_ref": g.WorkflowRef, "job_workflow_sha": g.WorkflowSHA, "runner_environment": "self-hosted",
		"check_run_id": fmt.Sprint(live.id),
	}
	claims["sub"] = subject(claims, repo.Actions.OIDCSubjectClaims)
	return grant{jobID: live.id, owner: g.RepositoryOwner, claims: claims}
}

// subject is the `sub` of a token: GitHub's default, or the claims that the repository has chosen.
func subject(claims jwt.MapClaims, keys []string) string {
	context := fmt.Sprintf("ref:%v", claims["ref"])
	if claims["event_name"] == "pull_request" {
		context = "pull_request"
	}
	if len(keys) == 0 {
		keys = []string{"repo", "context"}
	}
	var parts []string
	for _, key := range keys {
		switch key {
		case "repo":
			parts = append(parts, fmt.Sprintf("repo:%v", claims["repository"]))
		case "context":
			parts = append(parts, context)
		default:
			parts = append(parts, fmt.Sprintf("%s:%v", key, claims[key]))
		}
	}
	return strings.Join(parts, ":")
}

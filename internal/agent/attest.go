//go:build unix

package agent

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/agent/actions"
	"github.com/githubjobs/githubjobs/internal/agent/publish"
)

// maxPredicate bounds what is handed to the job that attests: GitHub takes 1 MiB of outputs of
// a job (docs.github.com, "Workflow syntax", jobs.<job_id>.outputs).
const maxPredicate = 256 << 10 // bytes

// attestResult hands over what the workflow's next job attests, if the repository wants that:
// the result commit, and how it was made.
func (j job) attestResult(report publish.Report) error {
	if !j.config.Attest {
		return nil
	}
	claims := receipt.Claims{
		Repository: j.config.ServerURL + "/" + j.config.Repository, Spec: j.spec, SpecDigest: j.spec.Digest(),
		Created: j.config.SHA, Attempt: j.config.Job().Attempt, Pull: report.Pull,
	}
	claims.SetResult(report.SHA, report.Result)
	predicate, err := json.Marshal(claims.Statement().Predicate)
	if err != nil {
		return err
	}
	if len(predicate) > maxPredicate {
		actions.To(j.Stdout).Warning("The result is not attested", fmt.Sprintf("What is to be attested of it has %d bytes, and at most %d may be handed over.", len(predicate), maxPredicate))
		return nil
	}
	if err := actions.SetOutput(j.config.Output, "predicate", string(predicate)); err != nil {
		return err
	}
	return actions.SetOutput(j.config.Output, "attest", receipt.Checksum(receipt.Result, report.SHA, report.Raw))
}

// attestMerge hands over the commit by which the result was merged, too.
func (j job) attestMerge(ctx context.Context, repo *hub.Repository, sha string) error {
	if !j.config.Attest || sha == "" {
		return nil
	}
	raw, err := repo.CommitBytes(ctx, sha)
	if err != nil {
		return err
	}
	return actions.SetOutput(j.config.Output, "attest", receipt.Checksum(receipt.Merge, sha, raw))
}

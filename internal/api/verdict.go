package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/gate"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/gatekeeper"
)

// Gate asks GitHub about the pull request of a job, as gatekeeper.Gatekeeper does.
type Gate interface {
	Verdict(ctx context.Context, f githubjobs.Facts, instead *policy.Policy) (gate.Judgement, error)
	Undo(ctx context.Context, f githubjobs.Facts) (gatekeeper.Undone, error)
}

// Verdict says whether a job's pull request would be merged now.
type Verdict struct {
	JobID   string `json:"job_id"`
	Pull    int    `json:"pull_request"`
	PullURL string `json:"pr_url"`
	Allowed bool   `json:"allowed"`
	// Message is one sentence, Explanation Markdown.
	Message     string        `json:"message"`
	Explanation string        `json:"explanation,omitempty"`
	Rules       []RuleVerdict `json:"rules"`
	HeadSHA     string        `json:"head_sha"`
	Method      string        `json:"method,omitempty"`
	Base        string        `json:"base"`
	PolicySHA   string        `json:"policy_sha,omitempty"`
	JudgedAt    time.Time     `json:"judged_at"`
}

// RuleVerdict is what one rule says.
type RuleVerdict struct {
	Rule       string `json:"rule"`
	State      string `json:"state"`
	Why        string `json:"why,omitempty"`
	Adjustable bool   `json:"adjustable,omitempty"`
	Awaits     string `json:"awaits,omitempty"`
	// OpensAt is when the merge window opens next.
	OpensAt time.Time `json:"opens_at,omitzero"`
}

// What a rule may say.
const (
	rulePassed  = "passed"
	ruleFailed  = "failed"
	ruleWaiting = "waiting"
)

var (
	ruleStates = []any{rulePassed, ruleFailed, ruleWaiting}
	ruleAwaits = policy.Awaits()
)

type verdictInput struct {
	JobID string `path:"job_id"`
}

type verdictOutput struct{ Body Verdict }

// mergeVerdict judges by the policy of the base branch.
func (a *api) mergeVerdict(ctx context.Context, in *verdictInput) (*verdictOutput, error) {
	return a.judge(ctx, in.JobID, nil)
}

// DryRunRequest is the body of dry-run-merge as JSON. The policy may be the text of a file, or
// its content as an object.
type DryRunRequest struct {
	Policy any `json:"policy" doc:"The policy: the text of a .githubjobs.yml, or its content as an object"`
}

const dryRunExample = `{"policy": {"merge": {"enabled": true, "paths": {"allow": ["reports/**"]}}}}`

// dryRunMerge judges by another policy, and changes nothing.
func (a *api) dryRunMerge(ctx context.Context, in *controlInput) (*verdictOutput, error) {
	raw, err := readBody(in.body)
	if err != nil {
		return nil, err
	}
	p, err := readPolicy(raw)
	if err != nil {
		return nil, err
	}
	return a.judge(ctx, in.JobID, &p)
}

// readPolicy reads a policy: a JSON object with the one field policy, or else a YAML document.
func readPolicy(raw []byte) (policy.Policy, error) {
	document := raw
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err == nil && fields["policy"] != nil {
		for name := range fields {
			if name != "policy" {
				return policy.Policy{}, problem.New(problem.UnknownField, "There is no field %q. The only field is policy, as in %s", shown(name), dryRunExample).OfField(shown(name))
			}
		}
		document = fields["policy"] // JSON is YAML
		var text string
		if json.Unmarshal(document, &text) == nil {
			document = []byte(text)
		}
	}
	if len(bytes.TrimSpace(document)) == 0 {
		return policy.Policy{}, problem.New(problem.InvalidPolicy, "There is no policy. Send the content of a %s as the body, or a JSON object such as %s", policy.Path, dryRunExample).OfField("policy")
	}
	p, err := policy.Parse(document)
	if err != nil {
		return p, problem.New(problem.InvalidPolicy, "The policy is not valid. %s. docs/policy.md of githubjobs explains every key.", err).OfField("policy")
	}
	return p, nil
}

func (a *api) judge(ctx context.Context, id string, instead *policy.Policy) (*verdictOutput, error) {
	f, p := a.facts(ctx, id)
	if p != nil {
		return nil, p
	}
	j, err := a.Gate.Verdict(ctx, f, instead)
	if errors.Is(err, gatekeeper.ErrNothingToJudge) {
		return nil, nothingToJudge(githubjobs.Reduce(f, a.Now()))
	}
	if err != nil {
		return nil, a.gateProblem(ctx, id, err)
	}
	v := Verdict{
		JobID: id, Pull: j.Pull, PullURL: j.PullURL, Allowed: j.Allowed, Message: j.Title, Explanation: j.Explain, Rules: []RuleVerdict{},
		HeadSHA: j.HeadSHA, Method: string(j.Verdict.Method), Base: f.Spec.Base, PolicySHA: j.PolicySHA, JudgedAt: j.At.UTC(),
	}
	for _, r := range j.Verdict.Findings {
		v.Rules = append(v.Rules, ruleVerdict(r))
	}
	return &verdictOutput{v}, nil
}

func ruleVerdict(f policy.Finding) RuleVerdict {
	state := ruleFailed
	switch {
	case f.Passed:
		state = rulePassed
	case f.Awaits != policy.AwaitNothing:
		state = ruleWaiting
	}
	return RuleVerdict{Rule: string(f.Rule), State: state, Why: f.Why, Adjustable: f.Adjustable, Awaits: string(f.Awaits), OpensAt: f.Opens.UTC()}
}

// nothingToJudge says what to do about a job that has no pull request to judge.
func nothingToJudge(j githubjobs.Job) *problem.Error {
	mend := "Ask again when the job has ended: until then its own run judges."
	switch {
	case j.Status == githubjobs.StatusMerged:
		mend = "It is merged already; POST …/undo takes that back."
	case j.Reason == githubjobs.ReasonPRClosed:
		mend = "Reopen the pull request on GitHub, or attempt the job again."
	case j.Reason == githubjobs.ReasonNoChanges || j.Reason == githubjobs.ReasonSkipped:
		mend = "There is nothing to merge."
	case j.Status == githubjobs.StatusFailed:
		mend = "A job that failed is never merged; POST …/retry attempts it again."
	case j.Terminal:
		mend = "GitHub shows no open pull request of it any more; its status follows."
	}
	return problem.New(problem.NothingToJudge, "There is no pull request to judge: the job is %s (%s). %s", j.Status, j.Reason, mend)
}

// gateProblem says why GitHub has not answered.
func (a *api) gateProblem(ctx context.Context, id string, err error) *problem.Error {
	if errors.Is(err, gatekeeper.ErrBusy) {
		return problem.New(problem.TooManyVerdicts, "More is asked than the server asks GitHub for: a verdict takes some twelve requests. Ask again later.").After(gatekeeper.Busy)
	}
	if ctx.Err() == nil {
		a.log(ctx).Error("asking GitHub for a caller", "job_id", id, "error", err)
	}
	if hub.Temporary(err) || errors.Is(err, context.DeadlineExceeded) {
		return problem.New(problem.GitHubUnavailable, "%s", hub.Public(err)).After(max(hub.RetryAfter(err), storageRetry))
	}
	return problem.New(problem.GitHubRefused, "%s", hub.Public(err))
}

package api

import (
	"context"
	"net/http"
	"time"
)

type healthOutput struct {
	Body struct {
		Status string `json:"status" example:"ok"`
	}
}

// health says that the process lives; it looks at nothing else, so that an
// orchestrator restarts the process only when a restart helps.
func (a *api) health(context.Context, *struct{}) (*healthOutput, error) {
	out := &healthOutput{}
	out.Body.Status = "ok"
	return out, nil
}

// Readiness says whether jobs are taken and get on.
type Readiness struct {
	Ready bool `json:"ready"`
	// Problems are the reasons why not, each with its mend.
	Problems []string `json:"problems"`
	// Warnings are what a person should see to, while jobs still get on.
	Warnings          []string  `json:"warnings"`
	Role              string    `json:"role" enum:"leader,reserve" doc:"leader: this server pushes jobs and reads GitHub; reserve: another one on the same database does"`
	WaitingJobs       int       `json:"waiting_jobs" doc:"Accepted and not pushed yet"`
	WaitingSince      time.Time `json:"waiting_since,omitzero"`
	ActiveJobs        int       `json:"active_jobs" doc:"Not at an end, the waiting ones included"`
	PendingDeliveries int       `json:"pending_deliveries" doc:"Webhooks received and not processed"`
	LastWebhook       time.Time `json:"last_webhook,omitzero"`
	LastReconcile     time.Time `json:"last_reconcile,omitzero" doc:"When GitHub was last read completely"`
	NextReconcile     time.Time `json:"next_reconcile,omitzero" doc:"When GitHub is read next, unless something happens before"`
	StaleSeconds      int       `json:"stale_seconds" doc:"How long ago the read began that was the last to tell everything; webhooks tell sooner"`
	LastGitHubAnswer  time.Time `json:"last_github_answer,omitzero" doc:"When GitHub last answered a push or a read"`
}

type readyOutput struct {
	Status int
	Body   Readiness
}

func (a *api) ready(ctx context.Context, _ *struct{}) (*readyOutput, error) {
	out := &readyOutput{Status: http.StatusOK, Body: a.Readiness(ctx)}
	// A list is never null.
	out.Body.Problems = append([]string{}, out.Body.Problems...)
	out.Body.Warnings = append([]string{}, out.Body.Warnings...)
	if !out.Body.Ready {
		out.Status = http.StatusServiceUnavailable
	}
	return out, nil
}

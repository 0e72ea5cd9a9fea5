package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// WebhookPath takes GitHub's webhook deliveries.
const WebhookPath = "/webhooks/github"

// MetricsPath tells figures in Prometheus' text format.
const MetricsPath = "/metrics"

// routes is the whole route table. /openapi.json describes it.
func (a *api) routes() *http.ServeMux {
	mux := http.NewServeMux()
	config := openAPI()
	h := humago.New(mux, config)

	route(h, a.public("GET", "/healthz", "health", "Says that the process lives"), a.health)
	route(h, a.public("GET", "/readyz", "readiness", "Says whether jobs are taken and get on, and if not, why"), a.ready)

	route(h, a.keyed("POST", "/api/create-job", "create-job", "Creates a job",
		problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.MissingField, problem.InvalidBody, problem.BodyTooLarge,
		problem.KeyReused, problem.QueueFull, problem.BaseUnknown, problem.StorageFull, problem.StorageUnavailable), a.createJob)
	plain[statusInput, statusOutput](mux, config, a.keyed("GET", "/api/jobs/status", "job-status", "Says where a job stands",
		problem.MissingField, problem.JobNotFound, problem.StatusFailed), a.withKey(a.jobStatus))
	plain[listInput, listOutput](mux, config, a.keyed("GET", "/api/jobs", "list-jobs", "Lists jobs, the newest first",
		problem.InvalidField, problem.UnknownField, problem.StorageUnavailable), a.withKey(a.listJobs))
	route(h, a.keyed("POST", "/api/jobs/{job_id}/cancel", "cancel-job", "Cancels a job",
		problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.InvalidBody, problem.BodyTooLarge,
		problem.JobNotFound, problem.JobEnded, problem.StorageFull, problem.StorageUnavailable), a.cancelJob)
	describe(h.OpenAPI())

	mux.Handle("POST "+WebhookPath, a.Webhook)
	mux.Handle("GET "+MetricsPath, a.Metrics)
	mux.Handle("/", unrouted(mux))
	return mux
}

// public describes an operation that needs no key.
func (a *api) public(method, path, id, summary string, codes ...problem.Code) huma.Operation {
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary,
		Responses: errorResponses(append(codes, problem.Internal)),
		// The endpoints judge their parameters themselves, to say it in their own words.
		SkipValidateParams: true, SkipValidateBody: true,
	}
}

// keyed describes an operation that needs an API key.
func (a *api) keyed(method, path, id, summary string, codes ...problem.Code) huma.Operation {
	op := a.public(method, path, id, summary, append(codes, problem.Unauthorized)...)
	op.Security = []map[string][]string{{"apiKey": {}}, {"bearer": {}}}
	op.Middlewares = huma.Middlewares{a.authenticate}
	return op
}

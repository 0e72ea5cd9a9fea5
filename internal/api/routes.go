package api

import (
	"net/http"
	"slices"

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
		problem.DependencyNotFound, problem.DependencyUnknown, problem.NoModelKey, problem.InvalidPolicy, problem.AddressNotAllowed, problem.SecretNotAllowed, problem.SecretNotSet, problem.KeyReused, problem.QueueFull, problem.BaseUnknown, problem.StorageFull, problem.StorageUnavailable), a.createJob)
	plain[statusInput, statusOutput](mux, config, a.keyed("GET", "/api/jobs/status", "job-status", "Says where a job stands",
		problem.MissingField, problem.JobNotFound, problem.StatusFailed), a.withKey(a.jobStatus))
	plain[listInput, listOutput](mux, config, a.keyed("GET", "/api/jobs", "list-jobs", "Lists jobs, the newest first",
		problem.InvalidField, problem.UnknownField, problem.StorageUnavailable), a.withKey(a.listJobs))
	route(h, a.keyed("POST", "/api/jobs/{job_id}/cancel", "cancel-job", "Cancels a job",
		problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.InvalidBody, problem.BodyTooLarge,
		problem.JobNotFound, problem.JobEnded, problem.StorageFull, problem.StorageUnavailable), a.cancelJob)
	route(h, a.keyed("POST", "/api/jobs/{job_id}/retry", "retry-job", "Attempts a job once more, whatever its retry says",
		problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.InvalidBody, problem.BodyTooLarge,
		problem.JobNotFound, problem.NotRetryable, problem.StorageFull, problem.StorageUnavailable), a.retryJob)
	route(h, a.keyed("POST", "/api/jobs/{job_id}/replay", "replay-job", "Creates a job like one that there is, with what is said otherwise",
		problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.MissingField, problem.InvalidBody, problem.BodyTooLarge,
		problem.JobNotFound, problem.NoModelKey, problem.InvalidPolicy, problem.AddressNotAllowed, problem.SecretNotAllowed, problem.SecretNotSet, problem.KeyReused, problem.QueueFull, problem.BaseUnknown, problem.StorageFull, problem.StorageUnavailable), a.replayJob)
	route(h, a.keyed("GET", "/api/jobs/{job_id}/receipt", "job-receipt", "Signs what became of a job that is at its end, as an in-toto statement",
		problem.JobNotFound, problem.NoReceipt, problem.NoReceiptKey, problem.StorageUnavailable), a.jobReceipt)
	route(h, a.keyed("GET", "/api/jobs/{job_id}/attestation", "job-attestation", "Gives GitHub's attestation of the result of a job, a Sigstore bundle, where its run has made one",
		problem.JobNotFound, problem.NoAttestation, problem.StorageUnavailable), a.jobAttestation)
	route(h, a.public("GET", KeysPath, "receipt-keys", "Tells the keys by which receipts are checked"), a.receiptKeys)
	a.liveRoutes(mux, config)
	a.gateRoutes(h)
	a.scheduleRoutes(h)
	a.batchRoutes(h, mux, config)
	describe(h.OpenAPI())

	mux.Handle("POST "+WebhookPath, a.Webhook)
	mux.Handle("GET "+MetricsPath, a.Metrics)
	mux.Handle("/", unrouted(mux))
	return mux
}

// liveRoutes are those of what runs tell of themselves. A run proves itself by its token,
// and then by the capability that it got for that.
func (a *api) liveRoutes(mux *http.ServeMux, config huma.Config) {
	bodies := []problem.Code{problem.InvalidJSON, problem.InvalidBody, problem.BodyTooLarge, problem.AttemptOver, problem.TooManyEvents, problem.StorageFull, problem.StorageUnavailable}
	plain[liveTokenInput, liveTokenOutput](mux, config, a.public("POST", "/api/live/token", "live-token", "Trades the token of a run for a capability to tell of itself",
		append(bodies, problem.MissingField, problem.InvalidIdentity, problem.IdentityUnavailable, problem.JobNotFound)...), a.liveToken)
	add := a.public("POST", "/api/live/{job_id}/events", "add-events", "Adds events to the attempt of a capability", append(bodies, problem.InvalidField, problem.InvalidCapability)...)
	add.Security = []map[string][]string{{"capability": {}}}
	plain[addEventsInput, addEventsOutput](mux, config, add, a.addEvents)
	plain[eventsInput, eventsOutput](mux, config, a.keyed("GET", "/api/jobs/{job_id}/events", "job-events", "Tells what the attempts of a job tell of themselves, as a page or as server-sent events",
		problem.InvalidField, problem.UnknownField, problem.JobNotFound, problem.TooManyListeners, problem.StorageUnavailable), a.withKey(a.jobEvents))
}

// gateRoutes are the routes that ask GitHub about the pull request of a job.
func (a *api) gateRoutes(h huma.API) {
	const verdict = "/api/jobs/{job_id}/merge-verdict"
	asked := []problem.Code{problem.JobNotFound, problem.NothingToJudge, problem.TooManyVerdicts, problem.GitHubUnavailable, problem.GitHubRefused, problem.StorageUnavailable}
	route(h, a.keyed("GET", verdict, "merge-verdict", "Says whether a job's pull request would be merged now, rule by rule", slices.Clone(asked)...), a.mergeVerdict)
	route(h, a.keyed("POST", verdict, "dry-run-merge", "Says the same by another policy, and changes nothing",
		append(slices.Clone(asked), problem.InvalidPolicy, problem.UnknownField, problem.InvalidBody, problem.BodyTooLarge)...), a.dryRunMerge)
	route(h, a.keyed("POST", "/api/jobs/{job_id}/undo", "undo-job", "Opens the pull request that takes back what a job has merged",
		problem.InvalidJSON, problem.UnknownField, problem.InvalidBody, problem.BodyTooLarge,
		problem.JobNotFound, problem.NotMerged, problem.NothingToUndo, problem.UndoConflict, problem.TooManyVerdicts, problem.GitHubUnavailable, problem.GitHubRefused, problem.StorageUnavailable), a.undoJob)
}

// scheduleRoutes are the routes of schedules.
func (a *api) scheduleRoutes(h huma.API) {
	const one = "/api/schedules/{name}"
	stored := []problem.Code{problem.ScheduleNotFound, problem.StorageUnavailable}
	changed := []problem.Code{problem.ScheduleNotFound, problem.ScheduleFromFile, problem.StorageFull, problem.StorageUnavailable}
	refused := []problem.Code{problem.NoModelKey, problem.InvalidPolicy, problem.AddressNotAllowed, problem.SecretNotAllowed, problem.SecretNotSet}
	bare := []problem.Code{problem.InvalidJSON, problem.UnknownField, problem.InvalidBody, problem.BodyTooLarge}
	route(h, a.keyed("GET", "/api/schedules", "schedules", "Lists the schedules", problem.StorageUnavailable), a.listSchedules)
	route(h, a.keyed("GET", one, "schedule", "Says what a schedule is and how it gets on", stored...), a.getSchedule)
	route(h, a.keyed("PUT", one, "put-schedule", "Makes or changes a schedule",
		append(slices.Clone(refused), problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.MissingField, problem.InvalidBody, problem.BodyTooLarge,
			problem.ScheduleFromFile, problem.TooManySchedules, problem.StorageFull, problem.StorageUnavailable)...), a.putSchedule)
	route(h, a.keyed("DELETE", one, "delete-schedule", "Removes a schedule; its jobs go on", changed...), a.deleteSchedule)
	route(h, a.keyed("POST", one+"/pause", "pause-schedule", "Starts no job any more, until the schedule is resumed", slices.Concat(bare, changed)...), a.pauseSchedule)
	route(h, a.keyed("POST", one+"/resume", "resume-schedule", "Starts jobs again; ticks that came meanwhile do not count", slices.Concat(bare, changed)...), a.resumeSchedule)
	route(h, a.keyed("POST", one+"/trigger", "trigger-schedule", "Starts a job of a schedule now, paused or not",
		append(slices.Clone(refused), problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.InvalidBody, problem.BodyTooLarge,
			problem.ScheduleNotFound, problem.ScheduleBusy, problem.QueueFull, problem.BaseUnknown, problem.StorageFull, problem.StorageUnavailable)...), a.triggerSchedule)
}

// batchRoutes are the routes of batches.
func (a *api) batchRoutes(h huma.API, mux *http.ServeMux, config huma.Config) {
	const all, one = "/api/batches", "/api/batches/{batch_id}"
	read := []problem.Code{problem.InvalidField, problem.UnknownField, problem.StorageUnavailable}
	cancel := []problem.Code{problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.InvalidBody, problem.BodyTooLarge, problem.BatchNotFound, problem.StorageFull, problem.StorageUnavailable}
	route(h, a.keyed("POST", all, "create-batch", "Creates up to 10,000 jobs, all of them or none",
		problem.InvalidJSON, problem.InvalidField, problem.UnknownField, problem.MissingField, problem.InvalidBody, problem.BodyTooLarge, problem.BatchTooLarge,
		problem.DependencyNotFound, problem.DependencyUnknown, problem.NoModelKey, problem.InvalidPolicy, problem.AddressNotAllowed, problem.SecretNotAllowed, problem.SecretNotSet, problem.KeyReused, problem.QueueFull, problem.TooManyBatches, problem.BaseUnknown, problem.StorageFull, problem.StorageUnavailable), a.createBatch)
	plain[listBatchesInput, listBatchesOutput](mux, config, a.keyed("GET", all, "list-batches", "Lists batches, the newest first", read...), a.withKey(answerWith(a.listBatches)))
	plain[readBatchInput, readBatchOutput](mux, config, a.keyed("GET", one, "batch", "Says how the jobs of a batch stand", append(read, problem.BatchNotFound)...), a.withKey(answerWith(a.readBatchCounts)))
	plain[resultsInput, resultsOutput](mux, config, a.keyed("GET", one+"/results", "batch-results", "Tells what came of the jobs of a batch, by index",
		append(read, problem.BatchNotFound, problem.BatchNotIndexed)...), a.withKey(answerWith(a.batchResults)))
	route(h, a.keyed("POST", one+"/cancel", "cancel-batch", "Cancels the jobs of a batch", cancel...), a.cancelBatch)
	route(h, a.keyed("POST", "/api/jobs/cancel", "cancel-jobs", "Cancels the jobs with some labels, or of a batch", append(cancel, problem.MissingField)...), a.cancelJobs)
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

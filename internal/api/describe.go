package api

import (
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// describe completes what structs cannot say of the API: the closed sets of words,
// what is never null, the other statuses of an endpoint, and the endpoints that
// have no structs.
func describe(doc *huma.OpenAPI) {
	describeBodies(doc)
	put := doc.Paths["/api/schedules/{name}"].Put.Responses
	put["200"].Description = "The schedule was changed, or says that already."
	put["201"] = &huma.Response{Description: "The schedule is new.", Content: put["200"].Content}
	ready := doc.Paths["/readyz"].Get.Responses
	ready["200"].Description = "Jobs are taken and get on."
	ready["503"] = &huma.Response{Description: "Something keeps jobs from getting on; problems says what, and how to mend it.", Content: ready["200"].Content}
	canceled := doc.Paths["/api/jobs/{job_id}/cancel"].Post.Responses
	canceled["200"].Description = "The job was cancelled before."
	canceled["202"] = &huma.Response{Description: "The job is being cancelled; its status says when it has ended.", Content: canceled["200"].Content}
	describeGate(doc)
	describeBatches(doc)
	describeLive(doc)
	retried := doc.Paths["/api/jobs/{job_id}/retry"].Post.Responses
	retried["202"] = &huma.Response{Description: "Another attempt waits for its push; the status says how it gets on.", Content: retried["200"].Content}
	delete(retried, "200")
	doc.AddOperation(webhookOperation())
	doc.AddOperation(textOperation(MetricsPath, "metrics", "Tells figures of the server in Prometheus' text format", "text/plain", &huma.Schema{Type: huma.TypeString}))
	doc.AddOperation(textOperation("/openapi.json", "openapi", "Describes this API", "application/openapi+json", &huma.Schema{Type: huma.TypeObject}))
	describeSchemas(doc.Components.Schemas.Map())
}

// describeBatches completes the description of batches.
func describeBatches(doc *huma.OpenAPI) {
	created := doc.Paths["/api/batches"].Post.Responses
	created["200"].Description = "The idempotency key named the batch already."
	created["201"] = &huma.Response{Description: "The jobs are created.", Content: created["200"].Content}
	for _, path := range []string{"/api/jobs/cancel", "/api/batches/{batch_id}/cancel"} {
		canceled := doc.Paths[path].Post.Responses
		canceled["200"].Description = "No job is left that had to be asked."
		canceled["202"] = &huma.Response{Description: "Jobs are being cancelled; their status says when they have ended.", Content: canceled["200"].Content}
	}
	enum(doc.Components.Schemas.Map()["BatchResult"].Properties["reason"], githubjobs.Reasons())
}

// describeLive completes the description of what runs tell of themselves.
func describeLive(doc *huma.OpenAPI) {
	events := doc.Paths["/api/jobs/{job_id}/events"].Get.Responses["200"]
	events.Description = "A page; with Accept: text/event-stream the events as they come, until the job is at an end: each with its id, its type as event, and as data what a page tells of it. Besides, without an id, status tells where the job stands."
	events.Content["text/event-stream"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	for _, name := range []string{"EventsRequest", "LiveEvent"} {
		optional(doc.Components.Schemas.Map()[name])
	}
}

func describeSchemas(schemas map[string]*huma.Schema) {
	// huma has these for its own errors, of which none is ever answered.
	delete(schemas, "ErrorModel")
	delete(schemas, "ErrorDetail")
	for name, s := range schemas {
		if strings.HasSuffix(name, "Request") { // what is sent must be as it is described
			continue
		}
		s.AdditionalProperties = nil // a later version may tell more
		for _, field := range s.Properties {
			field.Nullable = false
		}
	}
	job := schemas["Job"].Properties
	enum(job["status"], githubjobs.Statuses())
	enum(job["reason"], githubjobs.Reasons())
	enum(job["kind"], append(githubjobs.Kinds(), ""))
	enum(schemas["Attempt"].Properties["reason"], githubjobs.Reasons())
	listed := schemas["ListedJob"].Properties
	enum(listed["reason"], githubjobs.Reasons())
	enum(listed["kind"], githubjobs.Kinds())
	enum(schemas["Schedule"].Properties["concurrency_policy"], store.Concurrencies())
	enum(schemas["Schedule"].Properties["catch_up"], store.CatchUps())
	enum(schemas["Schedule"].Properties["source"], store.Sources())
	enum(schemas["Tick"].Properties["outcome"], store.Outcomes())
	enum(job["phase"], githubjobs.Phases())
	enum(schemas["Told"].Properties["type"], githubjobs.EventTypes())
	enum(schemas["Diagnosis"].Properties["code"], githubjobs.DiagnosisCodes())
	codes := slices.DeleteFunc(problem.Codes(), func(c problem.Code) bool { return problem.New(c, "").Code == "" })
	slices.Sort(codes)
	enum(schemas["Error"].Properties["code"], codes)
	for schema, fields := range meanings {
		for field, text := range fields {
			schemas[schema].Properties[field].Description = text
		}
	}
}

func enum[T ~string](s *huma.Schema, words []T) {
	s.Enum = nil
	for _, w := range words {
		s.Enum = append(s.Enum, string(w))
	}
}

// describeBodies adds the bodies of create-job and cancel-job to the description. The
// endpoints read them themselves, whatever their content type: `curl -d` calls JSON a
// form. Fields that may be left out may also be null.
func describeBodies(doc *huma.OpenAPI) {
	describeBody[CreateRequest](doc, doc.Paths["/api/create-job"].Post, true)
	describeBody[CancelRequest](doc, doc.Paths["/api/jobs/{job_id}/cancel"].Post, false)
	describeBody[CancelRequest](doc, doc.Paths["/api/jobs/{job_id}/retry"].Post, false)
	doc.Components.Schemas.Schema(reflect.TypeFor[ReplayRequest](), true, "ReplayRequest")
	doc.Components.Schemas.Map()["ReplayRequest"].Required = nil // what is left out stays as it was
	describeBody[ReplayRequest](doc, doc.Paths["/api/jobs/{job_id}/replay"].Post, false)
	optional(doc.Components.Schemas.Map()["RetryRequest"])
	optional(doc.Components.Schemas.Map()["PullRequest"])
	describeBody[ScheduleRequest](doc, doc.Paths["/api/schedules/{name}"].Put, true)
	describeBody[BatchRequest](doc, doc.Paths["/api/batches"].Post, true)
	describeBody[CancelRequest](doc, doc.Paths["/api/batches/{batch_id}/cancel"].Post, false)
	describeBody[TokenRequest](doc, doc.Paths["/api/live/token"].Post, true)
	describeBody[EventsRequest](doc, doc.Paths["/api/live/{job_id}/events"].Post, true)
	describeBody[CancelJobsRequest](doc, doc.Paths["/api/jobs/cancel"].Post, true)
	optional(doc.Components.Schemas.Map()["JobRequest"])
	entry := doc.Components.Schemas.Map()["BatchJobRequest"]
	delete(entry.Properties, "batch_id")
	optional(entry)
}

func describeBody[T any](doc *huma.OpenAPI, op *huma.Operation, required bool) {
	t := reflect.TypeFor[T]()
	schema := doc.Components.Schemas.Schema(t, true, t.Name())
	op.RequestBody = &huma.RequestBody{
		Required: required, Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
	}
	optional(doc.Components.Schemas.Map()[t.Name()])
}

// optional describes that what may be left out of a request may be null.
func optional(s *huma.Schema) {
	for name, field := range s.Properties {
		if field.Nullable = !slices.Contains(s.Required, name); field.Nullable && field.Enum != nil {
			field.Enum = append(field.Enum, nil)
		}
	}
	for name, text := range map[string]string{
		"retry":        "When the job is attempted again by itself, after an attempt has failed; never by default",
		"pull_request": "What the pull request is to be like",
	} {
		if field := s.Properties[name]; field != nil && field.Ref != "" {
			*field = huma.Schema{AnyOf: []*huma.Schema{{Ref: field.Ref}, {Type: "null"}}, Description: text}
		}
	}
	if kind := s.Properties["kind"]; kind != nil && kind.Enum != nil {
		enum(kind, githubjobs.Kinds())
		kind.Enum = append(kind.Enum, nil)
	}
	if config := s.Properties["config"]; config != nil {
		*config = huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Nullable: true, Description: config.Description}
	}
}

func textOperation(path, id, summary, contentType string, schema *huma.Schema) *huma.Operation {
	return &huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: id, Summary: summary,
		Responses: map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{contentType: {Schema: schema}}}},
	}
}

// webhookOperation describes what the package webhook answers.
func webhookOperation() *huma.Operation {
	header := func(name, text, pattern string) *huma.Param {
		return &huma.Param{Name: name, In: "header", Required: true, Description: text, Schema: &huma.Schema{Type: huma.TypeString, Pattern: pattern}}
	}
	status := func(word, text string) *huma.Response {
		return &huma.Response{Description: text, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type: huma.TypeObject, Required: []string{"status"}, Properties: map[string]*huma.Schema{"status": {Type: huma.TypeString, Enum: []any{word}}},
		}}}}
	}
	responses := errorResponses([]problem.Code{
		problem.InvalidSignature, problem.InvalidDelivery, problem.InvalidJSON, problem.InvalidBody, problem.DeliveryTooLarge,
		problem.WebhooksDisabled, problem.TooManyDeliveries, problem.StorageUnavailable, problem.Internal,
	})
	responses["200"] = status("received before", "The delivery is stored already.")
	responses["202"] = status("accepted", "The delivery is stored, and processed right after.")
	payload := &huma.Schema{Type: huma.TypeObject, Description: "The payload of the event, as GitHub documents it"}
	return &huma.Operation{
		Method: http.MethodPost, Path: WebhookPath, OperationID: "webhook", Summary: "Takes GitHub's webhook deliveries",
		Security: []map[string][]string{{"githubSignature": {}}},
		Parameters: []*huma.Param{
			header("X-GitHub-Event", "The name of the event", "^[a-z0-9_]{1,64}$"),
			header("X-GitHub-Delivery", "The GUID of the delivery; one that was received before is not processed again", "^[A-Za-z0-9-]{1,64}$"),
		},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: payload},
			"application/x-www-form-urlencoded": {Schema: &huma.Schema{
				Type: huma.TypeObject, Required: []string{"payload"}, Properties: map[string]*huma.Schema{"payload": {Type: huma.TypeString}}}},
		}},
		Responses: responses,
	}
}

// describeGate completes the description of verdicts.
func describeGate(doc *huma.OpenAPI) {
	op := doc.Paths["/api/jobs/{job_id}/merge-verdict"].Post
	describeBody[DryRunRequest](doc, op, true)
	doc.Components.Schemas.Map()["DryRunRequest"].Properties["policy"] = &huma.Schema{
		Description: "The policy: the text of a .githubjobs.yml, or its content as an object", AnyOf: []*huma.Schema{{Type: huma.TypeString}, {Type: huma.TypeObject}},
	}
	op.RequestBody.Content["application/yaml"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "The text of a .githubjobs.yml"}}
	undone := doc.Paths["/api/jobs/{job_id}/undo"].Post.Responses
	undone["200"].Description = "The pull request was there before."
	undone["201"] = &huma.Response{Description: "The pull request is opened.", Content: undone["200"].Content}
	rule := doc.Components.Schemas.Map()["RuleVerdict"].Properties
	rule["state"].Enum = ruleStates
	enum(rule["awaits"], ruleAwaits)
}

// meanings says what the fields mean whose structs do not.
var meanings = map[string]map[string]string{
	"Created": {
		"job_id": "Names the job in every other request", "branch": "The branch that carries the job, job/{job_id}; where the idempotency key names a job that has had several attempts, that of the newest",
	},
	"Error":            {"code": "Names the sort of error, for programs; left out of 401, and where a status could not be read"},
	"HealthOutputBody": {"status": "ok, while the process lives"},
	"Readiness": {
		"ready": "Whether jobs are taken and get on", "problems": "Why not, each with its mend", "warnings": "What a person should see to, while jobs still get on",
		"waiting_since": "Since when the oldest of the waiting jobs waits; left out when none does", "last_webhook": "When GitHub last delivered; left out before it has",
	},
	"Diagnosis": {
		"code": "Names what is wrong, for programs", "message": "What is wrong", "mend": "What to do about it", "url": "Where to look or to do it, if there is a place",
	},
	"Job": {
		"job_id": "The id that create-job returned", "status": "Where the job stands", "reason": "Why the job has its status; each reason belongs to one status",
		"terminal": "Whether polling may stop: nothing more happens by itself", "message": "The reason in words, with what to do where somebody can act",
		"diagnosis": "What is wrong with a job that is stuck or failed, the cause first; left out where nothing is known",
		"branch":    "The branch that carries the present attempt: job/{job_id}, and from the second on job/{job_id}.{attempt}", "pr_url": "The pull request; empty until there is one",
		"run_url": "The workflow run; empty until there is one", "log": "The last of the task's log; until the task has ended what is known of it, which is nothing where no run tells of itself",
		"phase": "What the agent is about; left out unless the job is running and its run tells of itself", "heartbeat_at": "When the run was last heard of, likewise",
		"progress": "How far the task says that it is; left out where it says nothing", "metadata": "What else the task says of itself, by key, likewise",
		"usage":   "What the task used of a language model, as it tells; left out where none was used",
		"summary": "What the task says that it did, in Markdown; empty until it has ended", "changed_files": "The files that the task changed; cut where there are very many",
		"changed_files_total": "How many files the task changed, also where the list was cut", "exit_code": "Of the task; left out until it has ended",
		"attempt": "The attempt that the rest speaks of, from 1: the newest", "next_attempt_at": "When the next attempt begins; left out unless the job waits for it",
		"attempts": "Every attempt that is known, where there is more than one", "replay_of": "The job that this one repeats; left out of all others",
		"schedule": "The schedule that started the job; left out of all others",
		"batch_id": "The batch that the job is of; left out of all others", "batch_index": "Its place in the batch, from 0; left out where callers named the batch job by job",
		"depends_on": "The jobs that must be done before this one is pushed; left out where there are none", "concurrency_key": "Of the jobs with the same key one at a time is on GitHub; left out where there is none",
		"kind": "The sort of task; empty while only the branch is known", "title": "One line; empty while only the branch is known",
		"created_at": "When the job was accepted; left out while only the branch is known", "started_at": "When the task was started; left out until then",
		"finished_at": "When the job came to its end; left out until then", "evidence": "The facts that the status stands on; those that are not known are left out", "undo": "What takes back the merge; left out where nobody has asked for that",
	},
	"Usage": {
		"engine": "The coding agent", "provider": "Whose API it spoke", "model": "The model that it used", "input_tokens": "All tokens that the model read", "cached_tokens": "The part of them that came from the provider's cache",
		"output_tokens": "The tokens that the model wrote", "turns": "The answers of the model", "cost_usd": "In US dollars, as the engine reckons; left out where it does not",
	},
	"Undone": {"job_id": "The job", "undo": "What takes it back", "message": "Whether it is merged, and if not, why"},
	"Undo": {
		"pull_request": "The pull request's number", "pr_url": "The pull request", "open": "Whether it is open", "merged": "Whether it is merged: what the job has brought is taken back",
		"merge_sha": "The commit that the merge made; left out until then",
	},
	"Verdict": {
		"job_id": "The job", "pull_request": "Its pull request's number", "pr_url": "Its pull request", "allowed": "Whether the gate would merge it now", "message": "Why, in one sentence",
		"explanation": "What that means and what to do about it, in Markdown; left out where there is nothing to say", "rules": "What each rule says; none where the policy can't be read",
		"head_sha": "The commit that was judged, and the only one that would be merged", "method": "How it would be merged: squash, merge or rebase; left out where the policy can't be read",
		"base": "The branch that it is for, whose policy counts", "policy_sha": "The commit of that branch whose policy it was; left out of a dry run", "judged_at": "When GitHub was read",
	},
	"RuleVerdict": {
		"rule": "The rule, for people", "state": "What it says; waiting is one that may pass by itself, or when somebody has done what awaits names",
		"awaits": "What may make it pass, without a change of the pull request or of the policy; left out where waiting does not help", "opens_at": "When the merge window opens next; left out where it is open or there is none",
		"why":        "What failed and how to mend it; left out where it passed",
		"adjustable": "Whether it is a bound of the policy's which its owner may want to widen; left out where it is not",
	},
	"Attempt": {
		"attempt": "Its number, from 1", "branch": "The branch that carries it: job/{job_id}, and from the second on job/{job_id}.{attempt}", "reason": "Where it stands, or how it ended",
		"run_url": "Its workflow run; empty until there is one", "pr_url": "Its pull request; empty until there is one",
		"started_at": "When its task was started; left out until then", "finished_at": "When it came to its end; left out until then",
	},
	"Progress": {"done": "How much is done", "total": "How much there is to do", "text": "Of what; left out where the task does not say"},
	"Told": {
		"id": "Grows from event to event of a job", "attempt": "The attempt of the job that has told it, from 1", "seq": "Its number in that attempt of a run", "type": "What it tells of",
		"at": "When it happened, by the clock of the runner", "text": "The line of the log, the phase, what the progress is of, or the value", "key": "Of a value of the metadata",
		"done": "How much is done; left out where that is 0", "total": "How much there is to do", "count": "How many events are missing here",
	},
	"Evidence": {
		"branch_sha": "The branch's last known head", "branch_deleted": "The branch is gone", "run_id": "The workflow run", "run_attempt": "Its attempt, from 1",
		"run_status": "Its status, in GitHub's words", "run_conclusion": "Its conclusion, in GitHub's words", "result_sha": "The commit that closed the attempt",
		"pull_request": "The pull request's number", "pull_request_head_sha": "The pull request's head", "merge_sha": "The commit that the merge made",
		"observed_at": "When the newest of these facts was true",
	},
}

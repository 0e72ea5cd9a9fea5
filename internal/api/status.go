package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

// statusInput and statusOutput describe the endpoint in /openapi.json.
type statusInput struct {
	JobID string `query:"job_id" required:"true" doc:"The id that create-job returned"`
}

type statusOutput struct{ Body githubjobs.Job }

// jobStatus answers from the projection alone. Callers poll it, so it is a plain
// handler: decoding and encoding by reflection would take longer than the answer.
func (a *api) jobStatus(w http.ResponseWriter, r *http.Request) {
	job, err := a.readJob(r, jobIDOf(r.URL.RawQuery))
	if err == nil {
		err = writeJob(w, job)
	}
	if p, ok := errors.AsType[*problem.Error](err); ok {
		p.Write(w)
	} else if err != nil {
		a.log(r.Context()).Error("encoding the status of a job", "job_id", job.ID, "error", err)
		problem.New(problem.StatusFailed, "Failed to get job status").Write(w)
	}
}

// readJob returns an error that is a problem.Error.
func (a *api) readJob(r *http.Request, id string) (githubjobs.Job, error) {
	if id == "" {
		return githubjobs.Job{}, problem.New(problem.MissingField, "job_id is missing; ask for /api/jobs/status?job_id=… with the id that create-job returned.").OfField("job_id")
	}
	// A text that can be no id names no job, and is answered as such: for a caller
	// who polls, both mean the same.
	if !githubjobs.ValidID(id) {
		return githubjobs.Job{}, problem.New(problem.JobNotFound, "There is no job %q. %s", shown(id), idHelp(id)).OfField("job_id")
	}
	facts, err := a.Jobs.Facts(r.Context(), a.Project, id)
	if errors.Is(err, store.ErrNotFound) {
		return githubjobs.Job{}, problem.New(problem.JobNotFound, "There is no job %q.", id).OfField("job_id")
	}
	if err != nil {
		a.log(r.Context()).Error("reading the status of a job", "job_id", id, "error", err)
		return githubjobs.Job{}, problem.New(problem.StatusFailed, "Failed to get job status")
	}
	return githubjobs.Reduce(facts, a.Now()), nil
}

// jobIDOf is the parameter job_id. The one that every poll has is not parsed.
func jobIDOf(query string) string {
	if id, ok := strings.CutPrefix(query, "job_id="); ok && !strings.ContainsAny(id, "&;%+") {
		return id
	}
	values, err := url.ParseQuery(query)
	if err != nil && len(values) == 0 {
		return ""
	}
	return values.Get("job_id")
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// maxBuffer is what a buffer may have grown to, in bytes, to be kept for the next answer.
const maxBuffer = 64 << 10

func writeJob(w http.ResponseWriter, job githubjobs.Job) error {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	defer func() {
		if buf.Cap() <= maxBuffer {
			buffers.Put(buf)
		}
	}()
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(job); err != nil {
		return err
	}
	w.Header()["Content-Type"] = jsonType
	w.Header()["Content-Length"] = []string{strconv.Itoa(buf.Len())}
	// An error here is the caller's connection, on which nobody can be told of it.
	_, _ = w.Write(buf.Bytes())
	return nil
}

var jsonType = []string{"application/json"} // never changed

func idHelp(s string) string {
	if id, ok := githubjobs.ParseBranch(s); ok {
		return "That is the name of its branch; the id is " + id + "."
	}
	return "An id has 1 to 63 of the characters a–z, 0–9 and '-'."
}

// shown cuts a text of the caller's that is repeated to him.
func shown(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

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
	answer, p := a.readStatus(r.Context(), jobIDOf(r.URL.RawQuery))
	if p != nil {
		p.Write(w)
		return
	}
	w.Header()["Content-Type"] = jsonType
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(answer))}
	// An error here is the caller's connection, on which nobody can be told of it.
	_, _ = w.Write(answer)
}

var jsonType = []string{"application/json"} // never changed

// noJob answers for an id that the store does not have.
func (a *api) noJob(id string) *problem.Error {
	if a.JobRetention == 0 {
		return problem.New(problem.JobNotFound, "There is no job %q.", id).OfField("job_id")
	}
	return problem.New(problem.JobNotFound, "There is no job %q. The server forgets jobs %s after they have ended (JOB_RETENTION); GitHub may still know it: its pull request would be of the branch %s.",
		id, inWords(a.JobRetention), githubjobs.Branch(id)).OfField("job_id")
}

// inWords tells a duration in days where it is some.
func inWords(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d%day == 0 && d > day:
		return fmt.Sprintf("%d days", d/day)
	case d%time.Hour == 0:
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return d.String()
}

// readStatus returns a job in JSON. Whatever goes wrong, a panic too, has the answer that
// the contract gives it.
func (a *api) readStatus(ctx context.Context, id string) (answer []byte, p *problem.Error) {
	defer func() {
		if reason := recover(); reason != nil {
			a.log(ctx).Error("reading the status of a job ended in a panic", "job_id", id, "panic", reason, "stack", string(debug.Stack()))
			answer, p = nil, problem.New(problem.StatusFailed, "Failed to get job status")
		}
	}()
	if id == "" {
		return nil, problem.New(problem.MissingField, "job_id is missing; ask for /api/jobs/status?job_id=… with the id that create-job returned.").OfField("job_id")
	}
	// A text that can be no id names no job, and is answered as such: for a caller
	// who polls, both mean the same.
	if !githubjobs.ValidID(id) {
		return nil, problem.New(problem.JobNotFound, "There is no job %q. %s", shown(id), idHelp(id)).OfField("job_id")
	}
	facts, err := a.Jobs.Facts(ctx, a.Project, id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, a.noJob(id)
	}
	if err == nil {
		answer, err = a.encode(ctx, facts.Spec, githubjobs.Reduce(facts, a.Now()))
	}
	if err != nil {
		a.log(ctx).Error("reading the status of a job", "job_id", id, "error", err)
		return nil, problem.New(problem.StatusFailed, "Failed to get job status")
	}
	return answer, nil
}

// encode returns the JSON of a job that was computed from facts with this spec, and of what
// its attempt tells of itself. That changes while the job is running; then the encoding
// is not kept.
func (a *api) encode(ctx context.Context, spec *githubjobs.Spec, job githubjobs.Job) ([]byte, error) {
	goes := job.Status == githubjobs.StatusRunning
	told := false
	if goes {
		job, told = a.Live.Show(ctx, job)
	}
	if !told {
		if kept := a.answers.get(spec, job); kept != nil {
			return kept, nil
		}
	}
	if !goes {
		job, _ = a.Live.Show(ctx, job)
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(job); err != nil {
		return nil, err
	}
	if !told {
		a.answers.put(spec, job, body.Bytes())
	}
	return body.Bytes(), nil
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

func idHelp(s string) string {
	if of, ok := githubjobs.ParseBranch(s); ok {
		return "That is the name of its branch; the id is " + of.ID + "."
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

package rest

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/actions"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var runOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/actions/runs", "actions/list-workflow-runs-for-repo", Read("actions"), listRuns},
	{"GET", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs", "actions/list-workflow-runs", Read("actions"), listRunsOfWorkflow},
	{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}", "actions/get-workflow-run", Read("actions"), getRun},
	{"DELETE", "/repos/{owner}/{repo}/actions/runs/{run_id}", "actions/delete-workflow-run", Write("actions"), deleteRun},
	{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}", "actions/get-workflow-run-attempt", Read("actions"), getAttempt},
	{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/logs", "actions/download-workflow-run-logs", Read("actions"), getRunLogs},
	{"GET", "/repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/logs", "actions/download-workflow-run-attempt-logs", Read("actions"), getRunLogs},
	{"DELETE", "/repos/{owner}/{repo}/actions/runs/{run_id}/logs", "actions/delete-workflow-run-logs", Write("actions"), deleteRunLogs},
	{"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel", "actions/cancel-workflow-run", Write("actions"), cancelRun},
	{"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/force-cancel", "actions/force-cancel-workflow-run", Write("actions"), cancelRun},
	{"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun", "actions/re-run-workflow", Write("actions"), rerun},
	{"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/rerun-failed-jobs", "actions/re-run-workflow-failed-jobs", Write("actions"), rerun},
	{"POST", "/repos/{owner}/{repo}/actions/runs/{run_id}/approve", "actions/approve-workflow-run", Write("actions"), approveRun},
}

// maxFiltered is how many runs GitHub lists when there is a filter.
const maxFiltered = 1000

func listRuns(c *Context) (Response, error) { return c.runs(func(state.Run) bool { return true }) }

func listRunsOfWorkflow(c *Context) (Response, error) {
	w, err := c.workflow()
	if err != nil {
		return Response{}, err
	}
	return c.runs(func(r state.Run) bool { return r.WorkflowID == w.ID })
}

// runs answers with the runs that of keeps and that the query asks for, newest first.
func (c *Context) runs(of func(state.Run) bool) (Response, error) {
	matches, filtered, err := c.runFilter()
	if err != nil {
		return Response{}, err
	}
	var found []state.Run
	list := []shape.Object{}
	page := c.Page()
	c.View(func(tx *state.Tx, b shape.Builder) {
		for run := range tx.Runs.Newest(c.Repo.ID) {
			if of(run) && matches(tx, run) {
				found = append(found, run)
			}
		}
		shown := found
		if filtered {
			shown = found[:min(len(found), maxFiltered)]
		}
		from, to := page.Range(len(shown))
		for _, run := range shown[from:to] {
			list = append(list, c.run(b, run))
		}
		c.SetLink(page, len(shown))
	})
	return OK(shape.Object{"total_count": len(found), "workflow_runs": list}), nil
}

// run is a run as this request wants it.
func (c *Context) run(b shape.Builder, run state.Run) shape.Object {
	o := b.WorkflowRun(c.Repo, run)
	if c.Query("exclude_pull_requests") == "true" {
		o["pull_requests"] = []shape.Object{}
	}
	return o
}

// runFilter reads the filters of the query; filtered tells whether there is one.
func (c *Context) runFilter() (matches func(*state.Tx, state.Run) bool, filtered bool, err error) {
	q := c.URL.Query()
	created, err := parseTimeRange(q.Get("created"))
	if err != nil {
		return nil, false, Invalid("Validation Failed", FieldError{Resource: "WorkflowRun", Field: "created", Code: "invalid", Message: err.Error()})
	}
	suite, _ := strconv.ParseInt(q.Get("check_suite_id"), 10, 64)
	is := func(name, value string) bool { return q.Get(name) == "" || q.Get(name) == value }
	for _, name := range []string{"actor", "branch", "event", "status", "created", "head_sha", "check_suite_id"} {
		filtered = filtered || q.Get(name) != ""
	}
	return func(tx *state.Tx, r state.Run) bool {
		actor, _ := tx.Users.Get(r.ActorID)
		return is("branch", r.HeadBranch) && is("event", r.Event) && is("head_sha", r.HeadSHA) && (suite == 0 || suite == r.SuiteID) &&
			(is("status", r.Status) || is("status", r.Conclusion)) && created.contains(r.CreatedAt) &&
			(q.Get("actor") == "" || strings.EqualFold(q.Get("actor"), actor.Login))
	}, filtered, nil
}

// timeRange is a range of GitHub's search syntax, ends included. A zero end is open.
type timeRange struct{ from, to time.Time }

func (r timeRange) contains(t time.Time) bool {
	t = t.Truncate(time.Second)
	return (r.from.IsZero() || !t.Before(r.from)) && (r.to.IsZero() || !t.After(r.to))
}

// parseTimeRange reads >=T, >T, <=T, <T, T..T, *..T, T..* and T; T is a time or a day.
// https://docs.github.com/en/search-github/getting-started-with-searching-on-github/understanding-the-search-syntax#query-for-dates
func parseTimeRange(text string) (r timeRange, err error) {
	if text == "" {
		return r, nil
	}
	if from, to, ok := strings.Cut(text, ".."); ok {
		var errFrom, errTo error
		if from != "*" {
			r.from, _, errFrom = parseMoment(from)
		}
		if to != "*" {
			_, r.to, errTo = parseMoment(to)
		}
		return r, errors.Join(errFrom, errTo)
	}
	operator := text[:len(text)-len(strings.TrimLeft(text, "<>="))]
	first, last, err := parseMoment(text[len(operator):])
	switch operator {
	case ">=":
		r.from = first
	case ">":
		r.from = last.Add(time.Second)
	case "<=":
		r.to = last
	case "<":
		r.to = first.Add(-time.Second)
	case "":
		r.from, r.to = first, last
	default:
		err = errors.New("created: unknown operator " + operator)
	}
	return r, err
}

// parseMoment returns the first and the last second that text means.
func parseMoment(text string) (first, last time.Time, err error) {
	text = strings.ReplaceAll(text, " ", "+") // a plus that nobody escaped
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day, day.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, t.Truncate(time.Second), nil
		}
	}
	return first, last, errors.New("created: " + text + " is neither a day nor a time")
}

// findRun is the run that the address names.
func (c *Context) findRun() (run state.Run, err error) {
	id, err := c.ID("run_id")
	if err != nil {
		return run, err
	}
	c.View(func(tx *state.Tx, _ shape.Builder) { run, _ = tx.Runs.Get(id) })
	if run.ID == 0 || run.RepositoryID != c.Repo.ID {
		return run, NotFound()
	}
	return run, nil
}

func getRun(c *Context) (Response, error) {
	run, err := c.findRun()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = c.run(b, run) })
	return OK(body), nil
}

// attempt is the attempt that the address names, or else the run's current one.
func (c *Context) attempt(run state.Run) (int, error) {
	if c.Param("attempt_number") == "" {
		return run.Attempt, nil
	}
	n, err := c.ID("attempt_number")
	known := int(n) == run.Attempt || slices.ContainsFunc(run.Previous, func(a state.Attempt) bool { return a.Attempt == int(n) })
	if err != nil || !known {
		return 0, NotFound()
	}
	return int(n), nil
}

// findAttempt is the run that the address names, and which attempt of it.
func (c *Context) findAttempt() (run state.Run, n int, err error) {
	if run, err = c.findRun(); err == nil {
		n, err = c.attempt(run)
	}
	return run, n, err
}

func getAttempt(c *Context) (Response, error) {
	run, n, err := c.findAttempt()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body, _ = b.WorkflowRunAttempt(c.Repo, run, n) })
	return OK(body), nil
}

func getRunLogs(c *Context) (Response, error) {
	run, n, err := c.findAttempt()
	if err != nil {
		return Response{}, err
	}
	url, err := c.S.Actions.RunLogURL(run.ID, n)
	if err != nil {
		return Response{}, actionsError(err)
	}
	return c.Redirect(url), nil
}

func deleteRunLogs(c *Context) (Response, error) {
	return c.changeRun(NoContent(), c.S.Actions.DeleteLogs)
}

func deleteRun(c *Context) (Response, error) { return c.changeRun(NoContent(), c.S.Actions.Delete) }

// changeRun does something to the run that the address names.
func (c *Context) changeRun(answer Response, change func(runID int64) error) (Response, error) {
	run, err := c.findRun()
	if err != nil {
		return Response{}, err
	}
	if err := change(run.ID); err != nil {
		return Response{}, actionsError(err)
	}
	return answer, nil
}

func cancelRun(c *Context) (Response, error) {
	force := c.Operation.ID == "actions/force-cancel-workflow-run"
	return c.changeRun(Accepted(shape.Object{}), func(id int64) error { return c.S.Actions.Cancel(id, c.Actor.User.ID, force) })
}

func rerun(c *Context) (Response, error) {
	onlyFailed := c.Operation.ID == "actions/re-run-workflow-failed-jobs"
	return c.changeRun(Created(shape.Object{}), func(id int64) error {
		return c.S.Actions.Rerun(c.Context(), id, c.Actor.User.ID, onlyFailed)
	})
}

func approveRun(c *Context) (Response, error) {
	run, err := c.findRun()
	if err != nil {
		return Response{}, err
	}
	if run.Conclusion != "action_required" || c.Actor.ByRun() {
		return Response{}, Forbidden("This run is not waiting for approval")
	}
	return c.changeRun(Created(shape.Object{}), func(id int64) error { return c.S.Actions.Rerun(c.Context(), id, c.Actor.User.ID, false) })
}

// actionsError is the engine's error in GitHub's words.
func actionsError(err error) error {
	switch {
	case errors.Is(err, actions.ErrCompleted):
		return Conflict("Cannot cancel a workflow run that is completed.")
	case errors.Is(err, actions.ErrZombie):
		return Conflict("Cannot cancel a workflow run that is not in progress.")
	case errors.Is(err, actions.ErrNotCompleted):
		return Forbidden("This workflow is already running")
	case errors.Is(err, actions.ErrBroken):
		return Forbidden(err.Error())
	case errors.Is(err, actions.ErrNotFound), errors.Is(err, actions.ErrNoLog):
		return &Error{Status: http.StatusNotFound, Message: "Not Found"}
	}
	return err
}

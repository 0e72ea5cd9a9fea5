package rest

import (
	"cmp"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// checkInput is the body of checks/create and checks/update; what is absent stays.
type checkInput struct {
	Name        *string
	HeadSHA     string     `json:"head_sha"`
	DetailsURL  *string    `json:"details_url"`
	ExternalID  *string    `json:"external_id"`
	Status      *string    `json:"status"`
	Conclusion  *string    `json:"conclusion"`
	StartedAt   *time.Time `json:"started_at"`
	CompletedAt *time.Time `json:"completed_at"`
	Output      *struct {
		Title       *string
		Summary     *string
		Text        *string
		Annotations []struct {
			Path        string
			StartLine   int    `json:"start_line"`
			EndLine     int    `json:"end_line"`
			StartColumn int    `json:"start_column"`
			EndColumn   int    `json:"end_column"`
			Level       string `json:"annotation_level"`
			Message     string
			Title       string
			RawDetails  string `json:"raw_details"`
		}
	}
}

// GitHub's caps on a check run.
const (
	maxAnnotations = 50 // in one request
	maxCheckText   = 65535
)

func createCheckRun(c *Context) (Response, error) {
	app, err := c.checksApp()
	if err != nil {
		return Response{}, err
	}
	var in checkInput
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	switch {
	case in.Name == nil || *in.Name == "":
		return Response{}, MissingField("CheckRun", "name")
	case in.HeadSHA == "":
		return Response{}, MissingField("CheckRun", "head_sha")
	}
	sha, err := c.commitNamed(in.HeadSHA)
	if err != nil {
		return Response{}, err
	}
	run := state.CheckRun{RepositoryID: c.Repo.ID, AppID: app, HeadSHA: sha, Status: "queued"}
	if err := in.apply(&run, c.Now()); err != nil {
		return Response{}, err
	}
	run.StartedAt = cmp.Or(run.StartedAt, c.Now())
	body, err := c.storeCheckRun(&run)
	return Created(body), err
}

// checksApp is the App in whose name checks are written: only Apps may. 0 stands for GitHub Actions.
func (c *Context) checksApp() (int64, error) {
	if !c.Actor.Limited() {
		return 0, Forbidden("You must authenticate via a GitHub App.")
	}
	return c.Actor.Installation.AppID, nil
}

func updateCheckRun(c *Context) (Response, error) {
	app, err := c.checksApp()
	if err != nil {
		return Response{}, err
	}
	run, err := c.checkRun()
	if err != nil {
		return Response{}, err
	}
	if run.AppID != app {
		return Response{}, Forbidden(fmt.Sprintf("Invalid app_id `%d` - check run can only be modified by the GitHub App that created it.", app))
	}
	var in checkInput
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if run.JobID != 0 && (in.Status != nil || in.Conclusion != nil) {
		return Response{}, Forbidden("Check run status cannot be changed because the check suite is owned by a workflow run.")
	}
	if err := in.apply(&run, c.Now()); err != nil {
		return Response{}, err
	}
	body, err := c.storeCheckRun(&run)
	return OK(body), err
}

// apply changes run as asked, or says what is wrong.
func (in checkInput) apply(run *state.CheckRun, now time.Time) error {
	invalid := func(field, message string) error {
		return Invalid("Validation Failed", FieldError{Resource: "CheckRun", Field: field, Code: "invalid", Message: message})
	}
	set(&run.Name, in.Name)
	set(&run.DetailsURL, in.DetailsURL)
	set(&run.ExternalID, in.ExternalID)
	set(&run.StartedAt, in.StartedAt)
	if in.Status != nil {
		if !oneOf(*in.Status, "queued in_progress completed waiting requested pending") || *in.Status == "" {
			return invalid("status", fmt.Sprintf("`%s` is not a status", *in.Status))
		}
		if run.Status = *in.Status; run.Status != "completed" {
			run.Conclusion, run.CompletedAt = "", time.Time{}
		}
	}
	if in.Conclusion != nil {
		if !oneOf(*in.Conclusion, "action_required cancelled failure neutral success skipped timed_out") {
			return invalid("conclusion", fmt.Sprintf("`%s` is not a conclusion", *in.Conclusion))
		}
		// A conclusion completes, whatever the status says.
		if run.Conclusion = *in.Conclusion; run.Conclusion != "" {
			run.Status, run.CompletedAt = "completed", now
		}
	}
	if run.Status == "completed" && run.Conclusion == "" {
		return invalid("conclusion", "a completed check run needs a conclusion")
	}
	if run.Status == "completed" {
		set(&run.CompletedAt, in.CompletedAt)
	}
	return in.applyOutput(run, invalid)
}

func (in checkInput) applyOutput(run *state.CheckRun, invalid func(field, message string) error) error {
	if in.Output == nil {
		return nil
	}
	set(&run.Title, in.Output.Title)
	set(&run.Summary, in.Output.Summary)
	set(&run.Text, in.Output.Text)
	switch {
	case run.Title == "" && run.Summary != "":
		return MissingField("CheckRun", "output.title")
	case len(run.Summary) > maxCheckText || len(run.Text) > maxCheckText:
		return invalid("output", fmt.Sprintf("summary and text are limited to %d characters", maxCheckText))
	case len(in.Output.Annotations) > maxAnnotations:
		return invalid("output", fmt.Sprintf("no more than %d annotations in one request", maxAnnotations))
	}
	notes := run.Annotations[:len(run.Annotations):len(run.Annotations)]
	for _, a := range in.Output.Annotations {
		if !oneOf(a.Level, "notice warning failure") || a.Level == "" || a.Path == "" || a.Message == "" {
			return invalid("output.annotations", "an annotation needs path, message and annotation_level notice, warning or failure")
		}
		notes = append(notes, state.Annotation{
			Path: a.Path, StartLine: a.StartLine, EndLine: a.EndLine, StartColumn: a.StartColumn, EndColumn: a.EndColumn,
			Level: a.Level, Message: a.Message, Title: a.Title, RawDetails: a.RawDetails,
		})
	}
	run.Annotations = notes
	return nil
}

// storeCheckRun writes the check run with its suite, and tells.
func (c *Context) storeCheckRun(run *state.CheckRun) (body shape.Object, err error) {
	var events []event.Event
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		before, existed := tx.CheckRuns.Get(run.ID)
		if !existed {
			run.ID = tx.CheckRuns.NextID()
			run.SuiteID = c.suiteOf(tx, *run)
			events = append(events, event.CheckRun{Base: c.Event(), Action: "created", Run: *run})
		}
		if run.Status == "completed" && before.Status != "completed" {
			events = append(events, event.CheckRun{Base: c.Event(), Action: "completed", Run: *run})
		}
		tx.CheckRuns.Put(*run)
		if run.JobID == 0 {
			suite := c.concludeSuite(tx, run.SuiteID)
			if suite.Status == "completed" && before.Status != "completed" {
				events = append(events, event.CheckSuite{Base: c.Event(), Action: "completed", Suite: suite})
			}
		}
		body = b.CheckRun(c.Repo, *run)
		return nil
	})
	if err == nil {
		c.Publish(events...)
	}
	return body, err
}

// suiteOf is the App's check suite on the commit that is not a workflow run's; it is made when there is none.
func (c *Context) suiteOf(tx *state.Tx, run state.CheckRun) int64 {
	workflow := map[int64]bool{}
	for r := range tx.CheckRuns.Of(c.Repo.ID) {
		if r.JobID != 0 {
			workflow[r.SuiteID] = true
		}
	}
	for s := range tx.CheckSuites.Newest(c.Repo.ID) {
		if s.HeadSHA == run.HeadSHA && s.AppID == run.AppID && s.Before == "" && !workflow[s.ID] {
			return s.ID
		}
	}
	s := state.CheckSuite{
		ID: tx.CheckSuites.NextID(), RepositoryID: c.Repo.ID, AppID: run.AppID, HeadSHA: run.HeadSHA, After: run.HeadSHA, Status: "queued",
		CreatedAt: c.Now(), UpdatedAt: c.Now(),
	}
	for p := range tx.OpenPulls(c.Repo.ID) {
		if p.HeadSHA == run.HeadSHA {
			s.HeadBranch = p.HeadRef
		}
	}
	tx.CheckSuites.Put(s)
	return s.ID
}

// concludeSuite sums up the check runs of a suite, as GitHub does: the worst conclusion counts.
func (c *Context) concludeSuite(tx *state.Tx, id int64) state.CheckSuite {
	s, ok := tx.CheckSuites.Get(id)
	if !ok {
		return s
	}
	rank := map[string]int{"success": 1, "neutral": 2, "skipped": 2, "cancelled": 3, "timed_out": 4, "action_required": 5, "failure": 6}
	s.Status, s.Conclusion, s.UpdatedAt = "completed", "", c.Now()
	for run := range tx.CheckRuns.Of(c.Repo.ID) {
		if run.SuiteID != id {
			continue
		}
		if run.Status != "completed" {
			s.Status = run.Status
		}
		if rank[run.Conclusion] > rank[s.Conclusion] {
			s.Conclusion = run.Conclusion
		}
	}
	if s.Status != "completed" {
		s.Conclusion = ""
	}
	tx.CheckSuites.Put(s)
	return s
}

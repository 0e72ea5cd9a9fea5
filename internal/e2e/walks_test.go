package e2e

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"
	_ "modernc.org/sqlite"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// walks are all ways through the server, by name. Together they pass every failpoint.
func walks() map[string]walk {
	noRuns := options{files: map[string]string{files.RunJobPath: ""}}
	return map[string]walk{
		"create":    {points: []string{"create/accept", "create/accepted", "sqlite/commit:9", "sqlite/committed:9"}, die: dieOnTheWay},
		"batch":     {points: []string{"batch/accept", "batch/accepted"}, options: noRuns, die: dieWithBatch},
		"stop":      {points: []string{"batch/ask:2", "batch/asked", "batch/stop", "batch/stopped"}, options: noRuns, die: dieWhileStopping},
		"dispatch":  {points: []string{"dispatch/push", "dispatch/pushed", "dispatch/stored"}, die: dieOnTheWay},
		"webhook":   {points: []string{"webhook/record:2", "webhook/recorded", "webhook/finish:3", "webhook/finished:2"}, die: dieOnTheWay},
		"reconcile": {points: []string{"reconcile/found:2", "reconcile/merged:2", "reconcile/concluded:2", "reconcile/complete:2"}, options: options{environment: []string{"RECONCILE_INTERVAL=100ms"}}, die: dieOnTheWay},
		"cancel":    {points: []string{"cancel/ask", "cancel/asked", "control/ask", "control/store", "control/stored"}, die: dieWhileCancelling},
		"drop":      {points: []string{"dispatch/drop", "dispatch/dropped"}, options: noRuns, die: dieWhileDropping},
		"hold":      {points: []string{"hold/store", "hold/stored:2", "hold/looked"}, die: dieWhileHolding},
		"schedule":  {points: []string{"schedule/save", "schedule/saved", "schedule/start", "schedule/started"}, options: noRuns, die: dieAtSchedule},
		"file":      {points: []string{"file/save", "file/saved"}, options: noRuns, die: dieAtFile},
		"diagnose":  {points: []string{"diagnose/found", "diagnose/stored"}, options: noRuns, die: dieWhileDiagnosing},
		"rebuild":   {points: []string{"rebuild/read"}, options: noRuns, die: dieWhileRebuilding},
		"sweep":     {points: []string{"sweep/deliveries", "sweep/deliveries-gone"}, options: noRuns, die: dieWhileSweeping},
		"forget":    {points: []string{"sweep/jobs", "sweep/jobs-gone"}, options: options{files: noRuns.files, environment: []string{"JOB_RETENTION=1h"}}, die: dieWhileForgetting},
		"keep":      {points: []string{"keep/retire", "keep/retired", "keep/deleted", "keep/stored"}, options: options{environment: []string{"BRANCH_TTL=1s", "KEY_TTL=1s"}}, die: dieWhileKeeping},
		"gate":      {points: []string{"gatekeeper/judge", "gatekeeper/judged"}, options: options{files: map[string]string{policy.Path: mergesDocs}}, die: dieWhileJudging},
		"undo":      {points: []string{"undo/opened"}, options: options{files: map[string]string{policy.Path: mergesUndo}}, die: dieWhileUndoing},
		"postgres":  {points: []string{"postgres/commit:5", "postgres/committed:5"}, options: noRuns, die: dieWithPostgres},
	}
}

// keyed is the body of a job with an idempotency key, and its id.
func keyed(key, script string) (body, id string) {
	raw, err := json.Marshal(map[string]any{"job": "Work", "kind": "command", "idempotency_key": key, "config": map[string]string{"script": script}})
	if err != nil {
		panic(err) // strings are always JSON
	}
	return string(raw), githubjobs.KeyedID("demo-reports", key)
}

// file is a file that the job of a failpoint writes.
func file(point string) string {
	return "reports/" + strings.NewReplacer("/", "-", ":", "-").Replace(point)
}

// dieOnTheWay lets the server die on a job's way from its creation to its merge.
func dieOnTheWay(w *world, point string) {
	w.t.Helper()
	body, id := keyed(point, "mkdir -p reports && echo 1 > "+file(point))
	w.dieAt(point, func() { w.call(http.MethodPost, "/api/create-job", []byte(body)) })
	w.startServer()
	if got := w.create(body); got != id {
		w.t.Fatalf("%s: the key names job %s, and before the server died %s", point, got, id)
	}
	job := w.wait(id)
	if job.Status != githubjobs.StatusMerged || !slices.Equal(job.ChangedFiles, []string{file(point)}) {
		w.t.Errorf("%s: the job is %s/%s with %v: %s", point, job.Status, job.Reason, job.ChangedFiles, job.Message)
	}
	w.checkAgainstGitHub(job)
	w.checkOneRun(point, job)
	if n := strings.Count(w.git(w.bare(), "log", "--format=%B", "main"), "Job-Id: "+id); n != 1 {
		w.t.Errorf("%s: the job was merged %d times", point, n)
	}
}

// checkOneRun holds that a job had one run, and at most one pull request.
func (w *world) checkOneRun(point string, job githubjobs.Job) {
	w.t.Helper()
	client, ctx := w.github(), context.Background()
	runs, _, err := client.Actions.ListRepositoryWorkflowRuns(ctx, "demo", "reports", &github.ListWorkflowRunsOptions{Branch: job.Branch})
	if err != nil || runs.GetTotalCount() != 1 {
		w.t.Errorf("%s: there are %d runs of %s (%v), want 1", point, runs.GetTotalCount(), job.Branch, err)
	}
	pulls, _, err := client.PullRequests.List(ctx, "demo", "reports", &github.PullRequestListOptions{State: "all", Head: "demo:" + job.Branch})
	if err != nil || len(pulls) > 1 {
		w.t.Errorf("%s: there are %d pull requests of %s (%v)", point, len(pulls), job.Branch, err)
	}
}

// bare is the folder of localhub's repository.
func (w *world) bare() string {
	w.t.Helper()
	dir, err := w.hub.RepositoryPath("demo", "reports")
	if err != nil {
		w.t.Fatal(err)
	}
	return dir
}

// jobBranches are the ids of the jobs that have a branch.
func (w *world) jobBranches() []string {
	w.t.Helper()
	return strings.Fields(w.git(w.bare(), "for-each-ref", "--format=%(refname:lstrip=3)", "refs/heads/job/"))
}

// dieWhileCancelling lets the server die between a caller's wish and the end of a run.
func dieWhileCancelling(w *world, point string) {
	w.t.Helper()
	body, id := keyed(point, "sleep 600")
	w.startServer()
	w.create(body)
	w.until("the job runs", func() bool { return w.status(id).Reason == githubjobs.ReasonRunning })
	w.server.kill()
	ask := func() { w.call(http.MethodPost, "/api/jobs/"+id+"/cancel", []byte(`{"reason":"not wanted any more"}`)) }
	w.dieAt(point, ask)
	w.startServer()
	ask()
	job := w.wait(id)
	if job.Reason != githubjobs.ReasonCanceled || !strings.Contains(job.Message, "not wanted any more") || job.Evidence.RunConclusion != "cancelled" {
		w.t.Errorf("%s: the job is %s: %s; its run %s", point, job.Reason, job.Message, job.Evidence.RunConclusion)
	}
	w.checkOneRun(point, job)
}

// dieWhileDropping lets the server die while it ends a job that is never to be pushed.
func dieWhileDropping(w *world, point string) {
	w.t.Helper()
	w.startServer()
	id := w.create(fmt.Sprintf(`{"job":"Later","kind":"command","config":{"script":"true"},"delay_until":%q}`, time.Now().Add(time.Hour).Format(time.RFC3339)))
	w.server.kill()
	w.dieAt(point, func() { w.call(http.MethodPost, "/api/jobs/"+id+"/cancel", nil) })
	w.startServer()
	if job := w.wait(id); job.Reason != githubjobs.ReasonCanceled {
		w.t.Errorf("%s: the job is %s: %s", point, job.Reason, job.Message)
	}
	if branches := w.jobBranches(); len(branches) != 0 {
		w.t.Errorf("%s: the cancelled job was pushed: %v", point, branches)
	}
}

// dieAtSchedule lets the server die while it stores a schedule, or starts the job of a late tick.
func dieAtSchedule(w *world, point string) {
	w.t.Helper()
	name := strings.NewReplacer("/", "-").Replace(point)
	put := func() {
		w.call(http.MethodPut, "/api/schedules/"+name, []byte(`{"cron":"0 0 * * *","job":{"job":"Work","kind":"command","config":{"script":"true"}}}`))
	}
	if strings.HasPrefix(point, "schedule/save") {
		w.dieAt(point, put)
		w.startServer()
		put()
	} else {
		w.startServer()
		put()
		w.server.kill()
		w.sql(`UPDATE schedules SET body = json_set(body, '$.since', ?) WHERE name = ?`, time.Now().Add(-72*time.Hour).Format(time.RFC3339), name)
		w.dieAt(point, func() {})
		w.startServer()
		w.until("the late tick has its job on GitHub", func() bool { return slices.Contains(w.jobBranches(), w.schedule(name).LastJobID) })
	}
	kept := w.schedule(name)
	jobs := slices.DeleteFunc(w.jobBranches(), func(id string) bool { return w.status(id).Schedule != name })
	switch started := strings.HasPrefix(point, "schedule/start"); {
	case !started && (kept.Source != "api" || len(jobs) > 0):
		w.t.Errorf("%s: the schedule is %+v, its jobs %v", point, kept, jobs)
	case started && (kept.LastTick.Outcome != "started" || !slices.Equal(jobs, []string{kept.LastJobID})):
		w.t.Errorf("%s: the schedule is %+v, its jobs %v, want one", point, kept, jobs)
	}
}

// kept is what the API tells of a schedule.
type kept struct {
	Name, Source string
	LastTick     struct{ Outcome string } `json:"last_tick"`
	LastJobID    string                   `json:"last_job_id"`
}

func (w *world) schedule(name string) (s kept) {
	w.t.Helper()
	code, answer := w.call(http.MethodGet, "/api/schedules/"+name, nil)
	if err := json.Unmarshal(answer, &s); err != nil || code != http.StatusOK {
		w.t.Fatalf("the schedule %s is %d %s, %v", name, code, answer, err)
	}
	return s
}

// dieAtFile lets the server die while it takes a schedule from the repository's file.
func dieAtFile(w *world, point string) {
	w.t.Helper()
	name := strings.NewReplacer("/", "-").Replace(point)
	w.pushMain(map[string]string{policy.Path: allowReports + "schedules:\n  - name: " + name + "\n    cron: \"30 6 * * 1-5\"\n    job: {job: Daily, kind: report}\n"})
	w.dieAt(point, func() {})
	w.startServer()
	w.until("the schedule of the file is the only one", func() bool {
		code, answer := w.call(http.MethodGet, "/api/schedules", nil)
		var list struct{ Schedules []kept }
		return code == http.StatusOK && json.Unmarshal(answer, &list) == nil && len(list.Schedules) == 1 && list.Schedules[0].Name == name && list.Schedules[0].Source == "file"
	})
}

// dieWhileDiagnosing lets the server die while it stores why a job is stuck: it was pushed an hour ago, and there is no workflow.
func dieWhileDiagnosing(w *world, point string) {
	w.t.Helper()
	repository, err := hub.New(hub.Config{ServerURL: w.hub.URL(), Owner: "demo", Name: "reports", Token: w.token})
	if err != nil {
		w.t.Fatal(err)
	}
	_, id := keyed(point, "")
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "Report", Base: "main"}
	spec.Normalize(time.Now().Add(-time.Hour))
	if got, err := repository.Submit(context.Background(), githubjobs.NewOrders(spec)); err != nil || got[0].Err != nil {
		w.t.Fatalf("%v, %+v", err, got)
	}
	w.dieAt(point, func() {})
	w.startServer()
	w.until("it is told why the job is stuck", func() bool {
		job := w.status(id)
		return job != nil && len(job.Diagnosis) > 0 && job.Diagnosis[0].Code == githubjobs.DiagnosisWorkflowMissing
	})
}

// dieWhileRebuilding lets the rebuild of a lost database die when everything was read once.
func dieWhileRebuilding(w *world, point string) {
	w.t.Helper()
	w.startServer()
	before := map[string]githubjobs.Job{}
	for i := range 3 {
		body, id := keyed(fmt.Sprint(point, i), "true")
		w.create(body)
		before[id] = githubjobs.Job{}
	}
	for id := range before {
		w.until("the job is on GitHub", func() bool { return w.status(id).Reason == githubjobs.ReasonPushed })
		before[id] = *w.status(id)
	}
	w.server.kill()
	w.loseDatabase()
	w.dieAt(point, func() {}, "rebuild")
	w.startServer()
	for id, job := range before {
		if got := w.status(id); got == nil || got.Reason != job.Reason || got.Evidence.BranchSHA != job.Evidence.BranchSHA {
			w.t.Errorf("%s: rebuilt %+v, lost %+v", point, got, job)
		}
		if n := w.moves(githubjobs.Branch(id)); n != 1 {
			w.t.Errorf("%s: %s was created or moved %d times", point, id, n)
		}
	}
}

// loseDatabase removes the database of a server that is down.
func (w *world) loseDatabase() {
	w.t.Helper()
	list, err := filepath.Glob(filepath.Join(w.dataDir, "jobs.db*"))
	if err != nil || len(list) == 0 {
		w.t.Fatalf("no database: %v", err)
	}
	for _, f := range list {
		if err := os.Remove(f); err != nil {
			w.t.Fatal(err)
		}
	}
}

// dieWithPostgres lets one of two servers die around a commit.
func dieWithPostgres(w *world, point string) {
	w.t.Helper()
	variable, _ := postgresSchema(w.t.(*testing.T))
	before := slices.Clone(w.env)
	defer func() { w.env = before }()
	w.env = append(w.env, "DATABASE_PATH=", variable(0))
	body, id := keyed(point, "true")
	w.dieAt(point, func() { w.call(http.MethodPost, "/api/create-job", []byte(body)) })
	w.startServer()
	if got := w.create(body); got != id {
		w.t.Fatalf("%s: the key names job %s, and before the server died %s", point, got, id)
	}
	w.until("the job is on GitHub", func() bool {
		return slices.Contains(w.jobBranches(), id) && w.status(id).Reason != githubjobs.ReasonAccepted
	})
	if n := w.moves(githubjobs.Branch(id)); n != 1 {
		w.t.Errorf("%s: the branch was created or moved %d times", point, n)
	}
}

// sql changes the database of a server that is down.
func (w *world) sql(statement string, args ...any) {
	w.t.Helper()
	db := w.database()
	defer db.Close()
	if _, err := db.Exec(statement, args...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) count(query string) (n int) {
	w.t.Helper()
	db := w.database()
	defer db.Close()
	if err := db.QueryRow(query).Scan(&n); err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) database() *sql.DB {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dataDir, "jobs.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		w.t.Fatal(err)
	}
	return db
}

// moves is how often a branch was created or moved, by git's own record; see world.recordMoves.
func (w *world) moves(branch string) int {
	w.t.Helper()
	record, err := os.ReadFile(filepath.Join(w.bare(), "logs", "refs", "heads", branch))
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Count(string(record), "\n")
}

// recordMoves lets git record how branches move.
func (w *world) recordMoves() {
	w.t.Helper()
	w.git(w.bare(), "config", "core.logAllRefUpdates", "always")
}

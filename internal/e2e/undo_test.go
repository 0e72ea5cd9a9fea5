package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

const mergesUndo = mergesReports + "undo: {merge: true}\n"

// undo asks to take a job back.
func (w *world) undo(id string) (status int, u githubjobs.Undo, text string) {
	w.t.Helper()
	status, raw := w.call(http.MethodPost, "/api/jobs/"+id+"/undo", nil)
	var answer struct {
		Undo    githubjobs.Undo
		Message string
		Error   string
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		w.t.Fatalf("%s: %v", raw, err)
	}
	return status, answer.Undo, answer.Message + answer.Error
}

// filesOfMain are the paths of the files on main.
func (w *world) filesOfMain() string {
	w.t.Helper()
	tree, _, err := w.github().Git.GetTree(context.Background(), "demo", "reports", w.mainHead(), true)
	if err != nil {
		w.t.Fatal(err)
	}
	var list []string
	for _, e := range tree.Entries {
		list = append(list, e.GetPath())
	}
	return strings.Join(list, " ")
}

// TestUndo takes a merged job back by a pull request that a person merges; once, however often
// it is asked for, and also when the database is lost.
func TestUndo(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesReports}})
	id := w.create(writeReport)
	if status, _, text := w.undo(id); status != 409 || !strings.Contains(text, "Only a job that is merged") {
		t.Errorf("before the merge: %d %s", status, text)
	}
	job := w.wait(id)
	if job.Status != githubjobs.StatusMerged {
		t.Fatalf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
	}
	w.setFile("README.md", "# Later\n")
	status, u, text := w.undo(id)
	if status != 201 || !u.Open || u.Merged || !strings.Contains(text, "set undo.merge: true") {
		t.Fatalf("%d %+v %s", status, u, text)
	}
	if status, again, _ := w.undo(id); status != 200 || again != u {
		t.Errorf("again: %d %+v, want %+v", status, again, u)
	}
	if now := w.status(id); now.Status != githubjobs.StatusMerged || now.Undo == nil || *now.Undo != u {
		t.Errorf("the job is %s, undo %+v", now.Status, now.Undo)
	}
	if _, _, err := w.github().PullRequests.Merge(context.Background(), "demo", "reports", u.Pull, "", &github.PullRequestOptions{MergeMethod: "squash"}); err != nil {
		t.Fatal(err)
	}
	w.until("the status tells the merge", func() bool { now := w.status(id); return now.Undo != nil && now.Undo.Merged })
	if files := w.filesOfMain(); strings.Contains(files, "reports/a.txt") || !strings.Contains(files, "README.md") {
		t.Errorf("main has %s", files)
	}
	before := w.status(id)
	w.server.kill()
	w.loseDatabase()
	w.startServer()
	w.until("the database tells the same again", func() bool {
		status, _ := w.call(http.MethodGet, "/api/jobs/status?job_id="+id, nil)
		return status == 200 && reflect.DeepEqual(w.status(id), before)
	})
	if status, again, _ := w.undo(id); status != 200 || !again.Merged {
		t.Errorf("after the loss: %d %+v", status, again)
	}
}

// TestUndoIsMergedByPolicy, and says of what was changed since which files these are.
func TestUndoIsMergedByPolicy(t *testing.T) {
	t.Parallel()
	w := start(t, options{files: map[string]string{policy.Path: mergesUndo}})
	id := w.create(writeReport)
	w.wait(id)
	status, u, text := w.undo(id)
	if status != 201 || !u.Merged || u.MergeSHA != w.mainHead() || strings.Contains(w.filesOfMain(), "reports/a.txt") {
		t.Errorf("%d %+v %s; main has %s", status, u, text, w.filesOfMain())
	}
	if now := w.status(id); now.Status != githubjobs.StatusMerged || now.Undo == nil || !now.Undo.Merged {
		t.Errorf("the job is %s, undo %+v", now.Status, now.Undo)
	}
	other := w.wait(w.create(`{"job": "Other", "kind": "command", "config": {"script": "mkdir -p reports && echo 2 > reports/b.txt"}}`))
	w.setFile("reports/b.txt", "by hand\n")
	if status, _, text := w.undo(other.ID); status != 409 || !strings.Contains(text, "reports/b.txt") || !strings.Contains(text, other.Evidence.MergeSHA) {
		t.Errorf("in conflict: %d %s", status, text)
	}
	if now := w.status(other.ID); now.Undo != nil {
		t.Errorf("undo %+v", now.Undo)
	}
}

// dieWhileUndoing lets the server die after it has opened the pull request.
func dieWhileUndoing(w *world, point string) {
	w.t.Helper()
	body, id := keyed(point, "mkdir -p reports && echo "+point+" > "+file(point))
	w.startServer()
	w.create(body)
	w.wait(id)
	w.server.kill()
	w.dieAt(point, func() { w.call(http.MethodPost, "/api/jobs/"+id+"/undo", nil) })
	w.startServer()
	w.until("it is taken back", func() bool { status, u, _ := w.undo(id); return status == 200 && u.Merged })
	if files := w.filesOfMain(); strings.Contains(files, filepath.Base(file(point))) {
		w.t.Errorf("%s: main has %s", point, files)
	}
}

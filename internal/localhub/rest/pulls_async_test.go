package rest_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

type asyncResult struct {
	Status  string
	Details struct{ Message, UUID, SHA string }
}

func (h *hub) async(method, path string, body any) (r asyncResult, status int) {
	h.t.Helper()
	req, err := h.alice.NewRequest(method, "repos/alice/reports/pulls/1/merge-async"+path, body)
	if err != nil {
		h.t.Fatal(err)
	}
	res, err := h.alice.Do(hubtest.Within(h.t), req, &r)
	if res == nil {
		h.t.Fatal(err)
	}
	return r, res.StatusCode
}

func (h *hub) mergeQueued() error {
	h.t.Helper()
	var r state.Repository
	h.DB.View(func(tx *state.Tx) { r, _ = tx.Repositories.ByName("alice/reports") })
	return h.MergeQueued(h.t.Context(), r, 1)
}

func TestMergeQueue(t *testing.T) {
	t.Parallel()
	h := setup(t)
	head := h.branch("job/1", "a", "1\n")
	h.open("job/1", "A report")
	h.protect(state.Protection{MergeQueue: true})
	_, err := h.merge(h.alice, 1, "", nil)
	hubtest.WantStatus(t, err, 405, "Changes must be made through the merge queue")
	if err := h.mergeQueued(); err == nil {
		t.Error("what is in no queue is merged by it")
	}
	if r, status := h.async("PUT", "", map[string]string{"sha": "0000000000000000000000000000000000000000"}); status != http.StatusBadRequest || r.Status != "" {
		t.Errorf("another head: %d %+v", status, r)
	}
	_, status := h.async("PUT", "", map[string]string{"sha": head, "merge_action": "merge_queue"})
	again, other := h.async("PUT", "", nil)
	if status != http.StatusAccepted || other != http.StatusOK || again.Status != "enqueued" {
		t.Errorf("%d, again %d %+v", status, other, again)
	}
	_, err = h.merge(h.alice, 1, "", nil)
	hubtest.WantStatus(t, err, 405, "Pull Request is in the merge queue")
	if p := h.pull(1); p.GetMerged() || p.GetState() != "open" {
		t.Error("what is enqueued is merged")
	}
	if err := h.mergeQueued(); err != nil {
		t.Fatal(err)
	}
	sha, _ := h.tip()
	if p := h.pull(1); !p.GetMerged() || p.GetMergeCommitSHA() != sha {
		t.Errorf("merged %t as %s", p.GetMerged(), p.GetMergeCommitSHA())
	}
	if r, _ := h.async("PUT", "", nil); r.Status != "merged" || r.Details.SHA != sha {
		t.Errorf("%+v", r)
	}
	for _, want := range []string{"pull_request enqueued #1", "pull_request dequeued #1", "pull_request closed #1"} {
		if !slices.Contains(h.seen(), want) {
			t.Errorf("events %q lack %q", h.seen(), want)
		}
	}
}

// A push takes a pull request out of the queue.
func TestAPushLeavesTheMergeQueue(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("job/1", "a", "1\n")
	h.open("job/1", "A report")
	h.protect(state.Protection{MergeQueue: true})
	h.async("PUT", "", nil)
	dir := h.clone()
	h.git(dir, "checkout", "-q", "job/1")
	h.commit(dir, "b", "2\n", "more")
	h.git(dir, "push", "-q", "origin", "job/1")
	if err := h.mergeQueued(); err == nil || h.pull(1).GetMerged() {
		t.Errorf("merged: %v", err)
	}
}

func TestMergeAsyncWithoutAQueue(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.branch("job/1", "a", "1\n")
	h.open("job/1", "A report")
	h.configure(func(r *state.Repository) { r.AllowMergeCommit = false })
	if _, status := h.async("PUT", "", map[string]string{"merge_method": "merge"}); status != http.StatusAccepted {
		t.Errorf("%d", status)
	}
	var id string
	h.DB.View(func(tx *state.Tx) {
		r, _ := tx.Repositories.ByName("alice/reports")
		p, _ := tx.Pulls.ByName(state.PullName(r.ID, 1))
		id = p.Async.UUID
	})
	if r, _ := h.async("GET", "/"+id, nil); r.Status != "failed" || r.Details.Message != "Merge commits are not allowed on this repository." {
		t.Errorf("%+v", r)
	}
	if _, status := h.async("GET", "/another", nil); status != http.StatusNotFound {
		t.Errorf("another: %d", status)
	}
	if _, status := h.async("PUT", "", map[string]string{"merge_method": "squash", "merge_action": "direct_merge"}); status != http.StatusAccepted || !h.pull(1).GetMerged() {
		t.Errorf("%d", status)
	}
	_, _, err := h.alice.PullRequests.Merge(hubtest.Within(t), "alice", "reports", 1, "", &github.PullRequestOptions{MergeMethod: "squash"})
	hubtest.WantStatus(t, err, 405, "not mergeable")
}

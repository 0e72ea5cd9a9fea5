package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// mergeAsync takes a merge that is done later. Where the branch has a merge queue the pull request gets into it, and is merged when the queue says so
// (see Service.MergeQueued); else it is merged before the answer is read again.
func mergeAsync(c *Context) (Response, error) {
	in := struct {
		mergeRequest
		Action string `json:"merge_action"`
	}{}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if !slices.Contains([]string{"", "default", "direct_merge", "merge_queue"}, in.Action) {
		return Response{}, Invalid("Validation Failed", FieldError{Resource: "PullRequest", Field: "merge_action", Code: "invalid"})
	}
	release, err := c.S.pulls.turn(c.Context(), c.Repo.ID)
	if err != nil {
		return Response{}, err
	}
	defer release()
	p, err := c.pull("pull_number")
	if err != nil {
		return Response{}, err
	}
	if p.Merged || p.Enqueued() {
		return OK(asyncResult(p)), nil
	}
	a := state.AsyncMerge{
		UUID: uuid.NewString(), Method: cmp.Or(in.Method, "default"), Action: cmp.Or(in.Action, "default"), SHA: cmp.Or(in.SHA, p.HeadSHA), Title: in.CommitTitle, Message: in.CommitMessage,
		ByID: c.Actor.User.ID, Status: "pending",
	}
	if why := cannotBegin(p, a); why != "" {
		return Response{Status: http.StatusBadRequest, Body: shape.Object{"status": "failed", "details": shape.Object{"message": why}}}, nil
	}
	p.Async = &a
	accepted := Accepted(asyncResult(p))
	if a.Action != "direct_merge" && c.Repo.Protections[p.BaseRef].MergeQueue {
		return accepted, c.enqueue(p, a)
	}
	return accepted, c.S.mergeNow(c, p, a)
}

func cannotBegin(p state.Pull, a state.AsyncMerge) string {
	switch {
	case p.State != "open":
		return "Pull Request is closed"
	case p.Draft:
		return "Pull Request is still a draft"
	case a.SHA != p.HeadSHA:
		return headMoved
	}
	return ""
}

// asyncResult is how a pull request's asynchronous merge stands.
func asyncResult(p state.Pull) shape.Object {
	a := state.AsyncMerge{}
	if p.Async != nil {
		a = *p.Async
	}
	switch {
	case p.Merged:
		return shape.Object{"status": "merged", "details": shape.Object{"message": "Pull Request successfully merged", "sha": p.MergeCommitSHA}}
	case a.Status == "enqueued":
		return shape.Object{"status": a.Status, "details": shape.Object{"message": "Pull Request is in the merge queue"}}
	case a.Status == "failed":
		return shape.Object{"status": a.Status, "details": shape.Object{"message": a.Why}}
	}
	return shape.Object{"status": "pending", "details": shape.Object{
		"message": "Merge request accepted", "uuid": a.UUID, "merge_method": a.Method, "merge_action": a.Action, "expected_head_sha": a.SHA,
	}}
}

func getMergeAsync(c *Context) (Response, error) {
	p, err := c.pull("pull_number")
	if err != nil {
		return Response{}, err
	}
	if p.Async == nil || p.Async.UUID != c.Param("uuid") {
		return Response{}, NotFound()
	}
	return OK(asyncResult(p)), nil
}

// enqueue puts p into the merge queue.
func (c *Context) enqueue(p state.Pull, a state.AsyncMerge) error {
	a.Status = "enqueued"
	if err := c.S.setAsync(p.ID, a); err != nil {
		return err
	}
	p.Async = &a
	c.Publish(event.PullRequest{Base: c.Event(), Action: "enqueued", Pull: p})
	return nil
}

func (s *Service) setAsync(id int64, a state.AsyncMerge) error {
	return s.DB.Update(func(tx *state.Tx) error {
		if p, ok := tx.Pulls.Get(id); ok {
			p.Async = &a
			tx.Pulls.Put(p)
		}
		return nil
	})
}

// mergeNow does what was asked for; what GitHub would refuse is the result and no error. The caller has the turn.
func (s *Service) mergeNow(c *Context, p state.Pull, a state.AsyncMerge) error {
	git, err := c.Git()
	if err != nil {
		return err
	}
	method := a.Method
	if method == "default" {
		method = "merge"
	}
	m := merge{c: c, git: git, p: p, in: mergeRequest{CommitTitle: a.Title, CommitMessage: a.Message, SHA: a.SHA, Method: method}}
	err = c.methodAllowed(method)
	if err == nil && a.SHA != p.HeadSHA {
		err = Conflict(headMoved)
	}
	if err == nil {
		_, err = m.do()
	}
	a.Status = "merged"
	if refused, ok := errors.AsType[*Error](err); ok {
		a.Status, a.Why, err = "failed", refused.Message, nil
	}
	return errors.Join(err, s.setAsync(p.ID, a))
}

// MergeQueued lets the merge queue of a branch come to a pull request: it is merged, or thrown out of the queue where it can't be. It is no operation of
// GitHub's API: GitHub's queue comes to it when the checks of the group have passed.
func (s *Service) MergeQueued(ctx context.Context, repo state.Repository, number int) error {
	release, err := s.pulls.turn(ctx, repo.ID)
	if err != nil {
		return err
	}
	defer release()
	var p state.Pull
	var by state.User
	s.DB.View(func(tx *state.Tx) {
		p, _ = tx.Pulls.ByName(state.PullName(repo.ID, number))
		if p.Enqueued() {
			by, _ = tx.Users.Get(p.Async.ByID)
		}
	})
	if !p.Enqueued() {
		return fmt.Errorf("pull request #%d is not in the merge queue", number)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.ServerURL, nil)
	if err != nil {
		return err
	}
	c := &Context{Request: r, S: s, Actor: Actor{User: by}, Repo: repo}
	if err := s.mergeNow(c, p, *p.Async); err != nil {
		return err
	}
	s.DB.View(func(tx *state.Tx) { p, _ = tx.Pulls.Get(p.ID) })
	s.Bus.Publish(event.PullRequest{Base: c.Event(), Action: "dequeued", Pull: p})
	return nil
}

package rest

import (
	"net/http"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func listReviews(c *Context) (Response, error) {
	p, err := c.pull("pull_number")
	if err != nil {
		return Response{}, err
	}
	list := []shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		hidden := func(v state.Review) bool { return v.State == "PENDING" && v.AuthorID != c.Actor.User.ID }
		for _, v := range Paginate(c, slices.DeleteFunc(slices.Collect(tx.Reviews.Of(p.ID)), hidden)) {
			list = append(list, b.Review(c.Repo, p, v))
		}
	})
	return OK(list), nil
}

// review finds the review that the path names, and what it is of. What is not submitted is shown to its author alone.
func (c *Context) review() (p state.Pull, v state.Review, err error) {
	if p, err = c.pull("pull_number"); err != nil {
		return p, v, err
	}
	id, err := c.ID("review_id")
	if err != nil {
		return p, v, err
	}
	c.View(func(tx *state.Tx, _ shape.Builder) { v, _ = tx.Reviews.Get(id) })
	if v.PullID != p.ID || v.State == "PENDING" && v.AuthorID != c.Actor.User.ID {
		return p, v, NotFound()
	}
	return p, v, nil
}

func getReview(c *Context) (Response, error) {
	p, v, err := c.review()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Review(c.Repo, p, v) })
	return OK(body), nil
}

// reviewStates is what the event of a new review makes of it.
var reviewStates = map[string]string{"": "PENDING", "APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}

type newReview struct {
	Body     string
	Event    string
	CommitID string `json:"commit_id"`
}

func createReview(c *Context) (Response, error) {
	p, err := c.pull("pull_number")
	if err != nil {
		return Response{}, err
	}
	if err := c.mayComment("pull_requests"); err != nil {
		return Response{}, err
	}
	var in newReview
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if err := c.checkReview(p, in); err != nil {
		return Response{}, err
	}
	v := state.Review{RepositoryID: c.Repo.ID, PullID: p.ID, AuthorID: c.Actor.User.ID, Body: in.Body, State: reviewStates[in.Event], CommitID: in.CommitID}
	if v.CommitID == "" {
		v.CommitID = p.HeadSHA
	}
	if in.Event != "" {
		v.SubmittedAt = c.Now()
	}
	var body shape.Object
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		v.ID = tx.Reviews.NextID()
		tx.Reviews.Put(v)
		body = b.Review(c.Repo, p, v)
		return nil
	})
	if err == nil && in.Event != "" {
		c.Publish(event.PullRequestReview{Base: c.Event(), Action: "submitted", Pull: p, Review: v})
	}
	return OK(body), err
}

// dismissReview takes a review that approves or asks for changes away.
func dismissReview(c *Context) (Response, error) {
	p, v, err := c.review()
	if err != nil {
		return Response{}, err
	}
	var in struct{ Message, Event string }
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	switch {
	case in.Message == "":
		return Response{}, unprocessable("Message can't be blank")
	case !slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED"}, v.State):
		return Response{}, unprocessable("Can not dismiss a review that is neither an approval nor asks for changes")
	}
	var body shape.Object
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		v.State = "DISMISSED"
		tx.Reviews.Put(v)
		body = b.Review(c.Repo, p, v)
		return nil
	})
	if err == nil {
		c.Publish(event.PullRequestReview{Base: c.Event(), Action: "dismissed", Pull: p, Review: v})
	}
	return OK(body), err
}

func (c *Context) checkReview(p state.Pull, in newReview) error {
	_, known := reviewStates[in.Event]
	judges := in.Event == "APPROVE" || in.Event == "REQUEST_CHANGES"
	switch {
	case !known:
		return unprocessable("Variable $event of type PullRequestReviewEvent was provided invalid value")
	case in.Event == "APPROVE" && c.Actor.ByRun() && !c.Repo.Actions.CanApprovePullRequestReviews:
		return Forbidden("GitHub Actions is not permitted to create or approve pull requests.")
	case judges && p.AuthorID == c.Actor.User.ID:
		words := map[string]string{"APPROVE": "approve", "REQUEST_CHANGES": "request changes on"}
		return unprocessable("Can not " + words[in.Event] + " your own pull request")
	case in.Body == "" && (in.Event == "COMMENT" || in.Event == "REQUEST_CHANGES"):
		return unprocessable("Body can't be blank")
	}
	return nil
}

// unprocessable is the 422 of reviews, which says in a sentence what is wrong.
func unprocessable(reason string) *Error {
	return &Error{Status: http.StatusUnprocessableEntity, Message: "Unprocessable Entity", Reasons: []string{reason}}
}

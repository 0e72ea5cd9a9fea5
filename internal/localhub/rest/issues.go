package rest

import (
	"net/http"
	"slices"

	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// The issues here are pull requests: GitHub counts those as issues too.
var issueOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/issues/{issue_number}", "issues/get", Read("issues"), getIssue},
	{"GET", "/repos/{owner}/{repo}/issues/{issue_number}/{part}", "issues/list-comments", Read("issues"), getIssuePart},
	{"POST", "/repos/{owner}/{repo}/issues/{issue_number}/comments", "issues/create-comment", Read("issues"), createComment},
	{"PATCH", "/repos/{owner}/{repo}/issues/comments/{comment_id}", "issues/update-comment", Read("issues"), updateComment},
	{"DELETE", "/repos/{owner}/{repo}/issues/comments/{comment_id}", "issues/delete-comment", Read("issues"), deleteComment},
	{"POST", "/repos/{owner}/{repo}/issues/{issue_number}/labels", "issues/add-labels", Read("issues"), addLabels},
	{"DELETE", "/repos/{owner}/{repo}/issues/{issue_number}/labels/{name}", "issues/remove-label", Read("issues"), removeLabel},
	{"GET", "/repos/{owner}/{repo}/labels", "issues/list-labels-for-repo", Read("metadata"), listLabels},
	{"POST", "/repos/{owner}/{repo}/labels", "issues/create-label", Write("issues"), createLabel},
}

// getIssuePart answers issues/list-comments, issues/list-labels-on-issue and issues/get-comment: to http.ServeMux the patterns of
// issues/{issue_number}/comments and issues/comments/{comment_id} are in conflict.
func getIssuePart(c *Context) (Response, error) {
	number, part := c.Param("issue_number"), c.Param("part")
	switch {
	case number == "comments":
		c.Operation.ID = "issues/get-comment"
		c.SetPathValue("comment_id", part)
		return getComment(c)
	case part == "comments":
		return listComments(c)
	case part == "labels":
		c.Operation.ID = "issues/list-labels-on-issue"
		return listPullLabels(c)
	}
	return Response{}, &Error{Status: http.StatusNotImplemented, Message: "localhub does not have GET /issues/{issue_number}/" + part}
}

func getIssue(c *Context) (Response, error) {
	p, err := c.pull("issue_number")
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Issue(c.Repo, p) })
	return OK(body), nil
}

// mayComment: whoever can see the repository may comment; a limited token needs one of the permissions.
func (c *Context) mayComment(permissions ...string) error {
	if c.Actor.Anonymous() {
		return errRequiresAuthentication()
	}
	if !c.Actor.Limited() {
		return nil
	}
	return c.requireOne(permissions)
}

// requireOne asks for the right to write one of these.
func (c *Context) requireOne(permissions []string) (err error) {
	for _, name := range permissions {
		if err = c.Require(Write(name)); err == nil {
			return nil
		}
	}
	return err
}

// comment finds the comment that the path names, and what it is on.
func (c *Context) comment() (m state.Comment, p state.Pull, err error) {
	id, err := c.ID("comment_id")
	if err != nil {
		return m, p, err
	}
	found := false
	c.View(func(tx *state.Tx, _ shape.Builder) {
		m, found = tx.Comments.Get(id)
		p, _ = tx.Pulls.Get(m.PullID)
	})
	if !found || m.RepositoryID != c.Repo.ID {
		return m, p, NotFound()
	}
	return m, p, nil
}

func listComments(c *Context) (Response, error) {
	p, err := c.pull("issue_number")
	if err != nil {
		return Response{}, err
	}
	list := []shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		for _, m := range Paginate(c, slices.Collect(tx.Comments.Of(p.ID))) {
			list = append(list, b.Comment(c.Repo, p, m))
		}
	})
	return OK(list), nil
}

func getComment(c *Context) (Response, error) {
	m, p, err := c.comment()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Comment(c.Repo, p, m) })
	return OK(body), nil
}

// commentBody reads the text of a comment from the request.
func (c *Context) commentBody() (string, error) {
	var in struct{ Body *string }
	if err := c.Decode(&in); err != nil {
		return "", err
	}
	switch {
	case in.Body == nil || *in.Body == "":
		return "", MissingField("IssueComment", "body")
	case len([]rune(*in.Body)) > 65536:
		return "", Invalid("Validation Failed", FieldError{Resource: "IssueComment", Field: "data", Code: "unprocessable",
			Message: "Body is too long (maximum is 65536 characters)"})
	}
	return *in.Body, nil
}

func createComment(c *Context) (Response, error) {
	p, err := c.pull("issue_number")
	if err != nil {
		return Response{}, err
	}
	if err := c.mayComment("issues", "pull_requests"); err != nil {
		return Response{}, err
	}
	text, err := c.commentBody()
	if err != nil {
		return Response{}, err
	}
	m := state.Comment{RepositoryID: c.Repo.ID, PullID: p.ID, AuthorID: c.Actor.User.ID, Body: text, CreatedAt: c.Now(), UpdatedAt: c.Now()}
	var body shape.Object
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		m.ID = tx.Comments.NextID()
		tx.Comments.Put(m)
		body = b.Comment(c.Repo, p, m)
		return touchPull(tx, p.ID, c)
	})
	return Created(body), err
}

func updateComment(c *Context) (Response, error) {
	m, p, err := c.comment()
	if err != nil {
		return Response{}, err
	}
	if err := c.mayEdit(m.AuthorID, "issues", "pull_requests"); err != nil {
		return Response{}, err
	}
	text, err := c.commentBody()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		m.Body, m.UpdatedAt = text, c.Now()
		tx.Comments.Put(m)
		body = b.Comment(c.Repo, p, m)
		return touchPull(tx, p.ID, c)
	})
	return OK(body), err
}

func deleteComment(c *Context) (Response, error) {
	m, _, err := c.comment()
	if err != nil {
		return Response{}, err
	}
	if err := c.mayEdit(m.AuthorID, "issues", "pull_requests"); err != nil {
		return Response{}, err
	}
	return NoContent(), c.Update(func(tx *state.Tx, _ shape.Builder) error {
		tx.Comments.Delete(m.ID)
		return nil
	})
}

// touchPull notes that something happened on a pull request.
func touchPull(tx *state.Tx, id int64, c *Context) error {
	if p, ok := tx.Pulls.Get(id); ok {
		p.UpdatedAt = c.Now()
		tx.Pulls.Put(p)
	}
	return nil
}

package rest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// labelColor is what GitHub gives to a label that is made by being put on an issue.
const labelColor = "ededed"

// listLabels is for whoever may read issues, or pull requests.
func listLabels(c *Context) (Response, error) {
	if c.Require(Read("pull_requests")) != nil {
		if err := c.Require(Read("issues")); err != nil {
			return Response{}, err
		}
	}
	list := []shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		for _, l := range Paginate(c, slices.Collect(tx.Labels.Of(c.Repo.ID))) {
			list = append(list, b.Label(c.Repo, l))
		}
	})
	return OK(list), nil
}

// createLabel makes a label of the repository. GitHub gives it a colour of chance where none is named; here that is always the same.
func createLabel(c *Context) (Response, error) {
	var in struct{ Name, Color, Description string }
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if strings.TrimSpace(in.Name) == "" || len([]rune(in.Name)) > 50 {
		return Response{}, Invalid("Validation Failed", FieldError{Resource: "Label", Field: "name", Code: "invalid"})
	}
	var body shape.Object
	err := c.Update(func(tx *state.Tx, b shape.Builder) error {
		if _, known := tx.Labels.ByName(state.LabelName(c.Repo.ID, in.Name)); known {
			return Invalid("Validation Failed", FieldError{Resource: "Label", Field: "name", Code: "already_exists"})
		}
		l := state.Label{ID: tx.Labels.NextID(), RepositoryID: c.Repo.ID, Name: in.Name, Color: cmp.Or(in.Color, labelColor), Description: in.Description}
		tx.Labels.Put(l)
		body = b.Label(c.Repo, l)
		return nil
	})
	return Created(body), err
}

func listPullLabels(c *Context) (Response, error) {
	p, err := c.pull("issue_number")
	if err != nil {
		return Response{}, err
	}
	var list []shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { list = Paginate(c, b.PullLabels(c.Repo, p)) })
	return OK(list), nil
}

// labelNames reads ["a"], {"labels": ["a"]} or {"labels": [{"name": "a"}]}: GitHub takes all three.
func (c *Context) labelNames() ([]string, error) {
	var raw json.RawMessage
	if err := c.Decode(&raw); err != nil {
		return nil, err
	}
	var outer struct{ Labels json.RawMessage }
	if json.Unmarshal(raw, &outer) == nil && outer.Labels != nil {
		raw = outer.Labels
	}
	var names []string
	var objects []struct{ Name string }
	if json.Unmarshal(raw, &names) != nil {
		if err := json.Unmarshal(raw, &objects); err != nil {
			return nil, Invalid("Invalid request.\n\nFor 'properties/labels', a list of names is needed.")
		}
		for _, o := range objects {
			names = append(names, o.Name)
		}
	}
	for _, name := range names {
		if strings.TrimSpace(name) == "" || len([]rune(name)) > 50 {
			return nil, Invalid("Validation Failed", FieldError{Resource: "Label", Field: "name", Code: "invalid"})
		}
	}
	return names, nil
}

func addLabels(c *Context) (Response, error) {
	p, err := c.pull("issue_number")
	if err != nil {
		return Response{}, err
	}
	if err := c.mayEdit(0, "issues", "pull_requests"); err != nil {
		return Response{}, err
	}
	names, err := c.labelNames()
	if err != nil {
		return Response{}, err
	}
	if err := c.mayMakeLabels(names); err != nil {
		return Response{}, err
	}
	var list []shape.Object
	var events []event.Event
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		p, _ = tx.Pulls.Get(p.ID)
		p.UpdatedAt = c.Now()
		for _, name := range names {
			l := labelNamed(tx, c.Repo.ID, name)
			if slices.Contains(p.Labels, l.ID) {
				continue
			}
			p.Labels = append(slices.Clone(p.Labels), l.ID)
			events = append(events, event.PullRequest{Base: c.Event(), Action: "labeled", Pull: p, Label: l})
		}
		tx.Pulls.Put(p)
		list = b.PullLabels(c.Repo, p)
		return nil
	})
	if err == nil {
		c.Publish(events...)
	}
	return OK(list), err
}

// mayMakeLabels: a limited token that may write pull requests alone puts labels on them, and makes none.
func (c *Context) mayMakeLabels(names []string) error {
	unknown := false
	c.View(func(tx *state.Tx, _ shape.Builder) {
		unknown = slices.ContainsFunc(names, func(name string) bool {
			_, known := tx.Labels.ByName(state.LabelName(c.Repo.ID, name))
			return !known
		})
	})
	if !unknown || !c.Actor.Limited() {
		return nil
	}
	return c.Require(Write("issues"))
}

// labelNamed finds a label of the repository, or makes it.
func labelNamed(tx *state.Tx, repositoryID int64, name string) state.Label {
	l, ok := tx.Labels.ByName(state.LabelName(repositoryID, name))
	if !ok {
		l = state.Label{ID: tx.Labels.NextID(), RepositoryID: repositoryID, Name: name, Color: labelColor}
		tx.Labels.Put(l)
	}
	return l
}

func removeLabel(c *Context) (Response, error) {
	p, err := c.pull("issue_number")
	if err != nil {
		return Response{}, err
	}
	if err := c.mayEdit(0, "issues", "pull_requests"); err != nil {
		return Response{}, err
	}
	var list []shape.Object
	var removed state.Label
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		p, _ = tx.Pulls.Get(p.ID)
		removed, _ = tx.Labels.ByName(state.LabelName(c.Repo.ID, c.Param("name")))
		at := slices.Index(p.Labels, removed.ID)
		if at < 0 {
			return &Error{Status: 404, Message: "Label does not exist"}
		}
		p.Labels, p.UpdatedAt = slices.Delete(slices.Clone(p.Labels), at, at+1), c.Now()
		tx.Pulls.Put(p)
		list = b.PullLabels(c.Repo, p)
		return nil
	})
	if err == nil {
		c.Publish(event.PullRequest{Base: c.Event(), Action: "unlabeled", Pull: p, Label: removed})
	}
	return OK(list), err
}

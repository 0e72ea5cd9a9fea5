package rest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

type pullEdit struct {
	Title               *string
	Body                *string
	State               *string
	Base                *string
	MaintainerCanModify *bool `json:"maintainer_can_modify"`
}

func updatePull(c *Context) (Response, error) {
	p, git, err := c.pullAndGit()
	if err != nil {
		return Response{}, err
	}
	if err := c.mayEdit(p.AuthorID, "pull_requests"); err != nil {
		return Response{}, err
	}
	var in pullEdit
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	tips, err := c.editTips(git, p, in)
	if err != nil {
		return Response{}, err
	}
	var events []event.Event
	err = c.Update(func(tx *state.Tx, _ shape.Builder) error {
		p, _ = tx.Pulls.Get(p.ID)
		p.UpdatedAt = c.Now() // before the events take their copies
		events, err = c.edit(tx, &p, in, tips)
		tx.Pulls.Put(p)
		return err
	})
	if err != nil {
		return Response{}, err
	}
	c.S.pulls.pointPullRefs(c.Context(), git, events, c.S.Log)
	c.Publish(events...)
	return c.showPull(git, p)
}

// mayEdit: authors edit what is theirs, others need write access; a limited token needs one of the permissions in any case.
func (c *Context) mayEdit(authorID int64, permissions ...string) error {
	if !c.Actor.Limited() && !c.Actor.Anonymous() && c.Actor.User.ID == authorID {
		return nil
	}
	return c.requireOne(permissions)
}

// editTips are the commits that an edit needs: of the new base, and of a head that is to be opened again ("" when the branch is gone).
type editTips struct{ base, head string }

func (c *Context) editTips(git *gitrepo.Repo, p state.Pull, in pullEdit) (t editTips, err error) {
	if in.Base != nil && *in.Base != p.BaseRef {
		if t.base, err = c.pullTip(git, *in.Base, "base"); err != nil {
			if _, bad := errors.AsType[*Error](err); bad {
				return t, invalidPull(fmt.Sprintf("Proposed base branch '%s' was not found", *in.Base))
			}
			return t, err
		}
		if err := c.checkAhead(git, t.base, p.HeadSHA, *in.Base, p.HeadRef); err != nil {
			return t, err
		}
	}
	if in.State != nil && *in.State == "open" && p.State == "closed" {
		ref, err := git.Ref(c.Context(), "refs/heads/"+p.HeadRef)
		if err != nil && !errors.Is(err, gitrepo.ErrNotFound) {
			return t, err
		}
		t.head = ref.Commit
		if p.HeadRepositoryID != c.Repo.ID {
			t.head = p.HeadSHA
		}
	}
	return t, nil
}

// edit changes p and returns what to tell.
func (c *Context) edit(tx *state.Tx, p *state.Pull, in pullEdit, tips editTips) (events []event.Event, err error) {
	changes := map[string]map[string]any{}
	if in.Title != nil && *in.Title != p.Title {
		if strings.TrimSpace(*in.Title) == "" {
			return nil, MissingField("PullRequest", "title")
		}
		changes["title"] = map[string]any{"from": p.Title}
		p.Title = *in.Title
	}
	if in.Body != nil && *in.Body != p.Body {
		changes["body"] = map[string]any{"from": p.Body}
		p.Body = *in.Body
	}
	if tips.base != "" {
		if p.State != "open" {
			return nil, invalidPull("Cannot change base branch of closed pull request.")
		}
		changes["base"] = map[string]any{"ref": map[string]any{"from": p.BaseRef}, "sha": map[string]any{"from": p.BaseSHA}}
		p.BaseRef, p.BaseSHA = *in.Base, tips.base
	}
	if in.MaintainerCanModify != nil {
		p.MaintainerCanModify = *in.MaintainerCanModify
	}
	if in.State != nil {
		action, err := c.setState(tx, p, *in.State, tips.head)
		if err != nil {
			return nil, err
		}
		if action != "" {
			events = append(events, event.PullRequest{Base: c.Event(), Action: action, Pull: *p})
		}
	}
	if len(changes) > 0 {
		events = slices.Insert(events, 0, event.Event(event.PullRequest{Base: c.Event(), Action: "edited", Pull: *p, Changes: changes}))
	}
	return events, nil
}

// setState closes or reopens p; action is "" when it was so already.
func (c *Context) setState(tx *state.Tx, p *state.Pull, want, headTip string) (action string, err error) {
	refuse := func(format string, a ...any) error {
		return Invalid("Validation Failed", FieldError{Resource: "PullRequest", Field: "state", Code: "invalid",
			Message: "state cannot be changed. " + fmt.Sprintf(format, a...)})
	}
	switch {
	case want != "open" && want != "closed":
		return "", invalidField("state")
	case want == p.State:
		return "", nil
	case want == "closed":
		p.State, p.ClosedAt = "closed", c.Now()
		return "closed", nil
	case p.Merged:
		return "", refuse("The pull request has already been merged.")
	case headTip == "":
		return "", refuse("The %s branch has been deleted.", p.HeadRef)
	}
	if _, exists := openPullOf(tx, p.RepositoryID, p.HeadRepositoryID, p.HeadRef, p.BaseRef); exists {
		return "", refuse("There is already an open pull request from %s to %s.", p.HeadRef, p.BaseRef)
	}
	p.State, p.HeadSHA = "open", headTip
	p.ClosedAt = time.Time{}
	return "reopened", nil
}

package api

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// PullRequest says what the pull request of a job is to be like.
type PullRequest struct {
	Draft  bool     `json:"draft,omitempty" doc:"Opens it as a draft, which nothing merges before somebody marks it as ready for review" default:"false"`
	Labels []string `json:"labels,omitempty" doc:"Labels of GitHub's that are put on it, of at most 50 characters each" maxItems:"100"`
}

// pullRequest is a wish as a caller writes it; nil for none.
func pullRequest(p *githubjobs.PullRequest) *PullRequest {
	if p == nil {
		return nil
	}
	return &PullRequest{p.Draft, p.Labels}
}

const pullExample = `{"draft": true, "labels": ["report"]}`

// pullFields are the fields of pull_request, each with the way it is read.
var pullFields = map[string]func(json.RawMessage, *githubjobs.PullRequest) error{
	"draft":  func(raw json.RawMessage, p *githubjobs.PullRequest) error { return yesOrNo(raw, &p.Draft) },
	"labels": func(raw json.RawMessage, p *githubjobs.PullRequest) error { return texts(raw, &p.Labels) },
}

// readPull reads what a pull request is to be like, strictly.
func readPull(raw json.RawMessage, into **githubjobs.PullRequest) error {
	if typeOf(raw) != "an object" {
		return fmt.Errorf("must be an object such as %s, not %s", pullExample, typeOf(raw))
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return err
	}
	var p githubjobs.PullRequest
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		read, ok := pullFields[name]
		if !ok {
			return unknownField(name, slices.Sorted(maps.Keys(pullFields)))
		}
		if string(fields[name]) == "null" {
			continue
		}
		if err := read(fields[name], &p); err != nil {
			return inField(name, err)
		}
	}
	*into = &p
	return nil
}

func yesOrNo(raw json.RawMessage, into *bool) error {
	if typeOf(raw) != "true or false" {
		return fmt.Errorf("must be true or false, not %s", typeOf(raw))
	}
	return json.Unmarshal(raw, into)
}

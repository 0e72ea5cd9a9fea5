package publish

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/leak"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
	"github.com/githubjobs/githubjobs/internal/agent/tasklog"
)

// given is one secret that the task was given.
type given struct {
	name    string
	telling tasklog.Mask
}

// givenSecrets are those of the set, by name. What is too short to be told from ordinary
// text is not looked for.
func givenSecrets(set secret.Set) (list []given) {
	for _, name := range slices.Sorted(maps.Keys(set)) {
		list = append(list, given{name, tasklog.Telling(set[name])})
	}
	return list
}

// givenRule is what a finding of such a secret is named; leak's own rules have no blanks.
const givenRule = "the secret "

// findGiven finds the secrets that the task was given, in every form that is masked in its
// log: they are wrong in a repository whatever they look like.
func (p *publisher) findGiven(content []byte) (found []leak.Finding) {
	for _, g := range p.given {
		if at := g.telling.Find(content); at >= 0 {
			found = append(found, leak.Finding{Rule: givenRule + githubjobs.SecretPrefix + g.name, Line: 1 + bytes.Count(content[:at], []byte("\n")), Secret: g.name})
		}
	}
	return found
}

// find is the finder of everything that must not be published.
func (p *publisher) find(ctx context.Context, content []byte) ([]leak.Finding, error) {
	found := p.findGiven(content)
	if p.AllowSecrets {
		return found, nil
	}
	more, err := leak.Find(ctx, content)
	return append(found, more...), err
}

// judgeGiven says whether the task's changes can be searched for the secrets that it got,
// and refuses names of files that hold one.
func (p *publisher) judgeGiven() {
	for _, c := range p.scan.changes {
		for _, found := range p.findGiven([]byte(c.path)) {
			p.scan.refused = append(p.scan.refused, refusedPath{p.mask.Text(c.path), "its name holds " + found.Rule})
		}
	}
}

// unsearched is the problem of changes that can't be searched; nil when they can.
func (p *publisher) unsearched() *githubjobs.Problem {
	if p.SecretsMissing == nil {
		return nil
	}
	return &githubjobs.Problem{Reason: githubjobs.ReasonPolicyDenied,
		Message: fmt.Sprintf("The task succeeded, but nothing of its changes was published: they can't be searched for the secrets that it got. In the step that publishes, %s.", p.SecretsMissing)}
}

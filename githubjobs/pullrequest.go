package githubjobs

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of the labels of a pull request. They are GitHub's.
const (
	MaxPullLabels     = 100
	MaxPullLabelRunes = 50
)

// PullRequest says what the pull request of a job is to be like. It says nothing about
// whether there is one: that follows from what the task has changed.
type PullRequest struct {
	// Draft opens it as a draft, which nothing merges until a person says that it is ready.
	Draft bool `json:"draft,omitempty"`
	// Labels are put on it, sorted. GitHub makes those that the repository does not have.
	Labels []string `json:"labels,omitempty"`
}

// Pull is what the job's pull request is to be like; its zero value where nothing was said.
func (s Spec) Pull() PullRequest {
	if s.PullRequest == nil {
		return PullRequest{}
	}
	return *s.PullRequest
}

// normal gives one form to one wish: to GitHub labels that differ only in case are the same.
func (p *PullRequest) normal() *PullRequest {
	if p == nil || !p.Draft && len(p.Labels) == 0 {
		return nil
	}
	n := PullRequest{Draft: p.Draft, Labels: normalSet(p.Labels)}
	seen := map[string]bool{}
	n.Labels = slices.DeleteFunc(n.Labels, func(label string) bool {
		fold := strings.ToLower(label)
		defer func() { seen[fold] = true }()
		return seen[fold]
	})
	return &n
}

func (p *PullRequest) validate() (errs []error) {
	if p == nil {
		return nil
	}
	if len(p.Labels) > MaxPullLabels {
		return append(errs, fieldErrorf("pull_request.labels", "are %d; GitHub puts at most %d on a pull request", len(p.Labels), MaxPullLabels))
	}
	for i, label := range p.Labels {
		if why := badPullLabel(label); why != "" {
			errs = append(errs, fieldErrorf(fmt.Sprintf("pull_request.labels[%d]", i), "%.80q %s", label, why))
		}
	}
	return errs
}

// badPullLabel says why GitHub takes no such label, or would store another; empty when it does.
func badPullLabel(label string) string {
	switch {
	case label == "" || strings.TrimSpace(label) != label:
		return "must not be blank, nor begin or end with white space"
	case !utf8.ValidString(label) || strings.ContainsFunc(label, unicode.IsControl):
		return "must be one line of valid UTF-8"
	case utf8.RuneCountInString(label) > MaxPullLabelRunes:
		return fmt.Sprintf("has %d characters; a label of GitHub's has at most %d", utf8.RuneCountInString(label), MaxPullLabelRunes)
	}
	return ""
}

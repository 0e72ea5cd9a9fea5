package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// makeLabels makes the labels that the job asks for and the repository does not have. Where the
// run may not, the result says so, and the others are put on the pull request: GitHub would else
// put on none. It is delivered without them.
func (p *publisher) makeLabels(ctx context.Context) {
	p.labels = p.job.spec.Pull().Labels
	if len(p.labels) == 0 {
		return
	}
	var lacking []string
	err := p.retry(ctx, func() (err error) {
		lacking, err = p.Repo.MakeLabels(ctx, p.labels)
		return err
	})
	if err != nil {
		p.Logger.Warn("whether the repository has the labels is not known", "error", err)
		return
	}
	if len(lacking) == 0 {
		return
	}
	p.labels = slices.DeleteFunc(slices.Clone(p.labels), func(name string) bool { return slices.Contains(lacking, name) })
	p.result.Lacks = fmt.Sprintf("It lacks the labels %q, which the repository does not have and the run may not create: create them on GitHub, or give run-job.yml \"issues: write\" in its permissions.", lacking)
	p.report.Warnings = append(p.report.Warnings, "About the pull request: "+p.result.Lacks)
}

// label puts the labels on the pull request. It is delivered without them too, and the report
// says so.
func (p *publisher) label(ctx context.Context) {
	if len(p.labels) == 0 {
		return
	}
	err := p.retry(ctx, func() error { return p.Repo.AddLabels(ctx, p.report.Pull, p.labels) })
	if err == nil {
		return
	}
	p.report.Warnings = append(p.report.Warnings, fmt.Sprintf("Pull request #%d lacks the labels %q: %s Put them on it on GitHub.", p.report.Pull, p.labels, inFull(hub.Public(err))))
	p.Logger.Warn("the pull request is not labelled", "pull", p.report.Pull, "error", err)
}

// inFull ends a sentence.
func inFull(s string) string { return strings.TrimSuffix(s, ".") + "." }

package publish

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/githubjobs/githubjobs/internal/agent/leak"
)

// finder lists the credentials in a content; see leak.Find.
type finder func(ctx context.Context, content []byte) ([]leak.Finding, error)

// leaked is a file in which there are credentials.
type leaked struct {
	path  string
	old   plumbing.Hash // what the file was before; zero for a new one
	found []leak.Finding
}

// look searches a content that is not on the base yet, under whatever name.
func (s *scanner) look(p string, old, hash plumbing.Hash, content []byte) error {
	if s.find == nil {
		return nil
	}
	found, err := s.find(s.ctx, content)
	if err != nil {
		return fmt.Errorf("%s: look for credentials: %w", p, err)
	}
	if len(found) == 0 {
		return nil
	}
	there, err := s.contents()
	if err != nil {
		return err
	}
	if !there[hash] {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.found.leaks = append(s.found.leaks, leaked{p, old, found})
	}
	return nil
}

// judgeLeaks refuses the files into which the task has brought credentials. Those that
// a file had before are told already; GitHub is asked for it only where there are some.
func (p *publisher) judgeLeaks(ctx context.Context) error {
	for _, l := range p.scan.leaks {
		told := map[string]bool{}
		if !l.old.IsZero() {
			var old []byte
			if err := p.retry(ctx, func() (err error) { old, err = p.Repo.Blob(ctx, l.old.String()); return err }); err != nil {
				return fmt.Errorf("%s: compare its credentials with those it had: %w", l.path, err)
			}
			before, err := p.find(ctx, old)
			if err != nil {
				return err
			}
			for _, f := range before {
				told[f.Secret] = true
			}
		}
		for _, f := range l.found {
			if !told[f.Secret] {
				p.scan.refused = append(p.scan.refused, refusedPath{l.path, whyLeaked(f)})
				break
			}
		}
	}
	slices.SortFunc(p.scan.refused, func(a, b refusedPath) int { return strings.Compare(a.path, b.path) })
	return nil
}

func whyLeaked(f leak.Finding) string {
	if strings.HasPrefix(f.Rule, givenRule) {
		return fmt.Sprintf("line %d holds %s, which the task was given. If its value is no secret, make it a variable of the repository", f.Line, f.Rule)
	}
	return fmt.Sprintf("line %d looks like a credential (%s). If it is none, or is meant to be there, set the repository's variable GITHUBJOBS_SECRET_SCAN to false", f.Line, f.Rule)
}

func (p *publisher) finder() finder {
	if p.AllowSecrets && len(p.given) == 0 {
		return nil
	}
	return p.find
}

// redact takes credentials out of what the result commit tells of the task for good.
func (p *publisher) redact(ctx context.Context) {
	for _, text := range []*string{&p.result.Log, &p.result.Summary, &p.result.Error} {
		*text = p.mask.Text(*text)
		if p.AllowSecrets {
			continue
		}
		clean, err := leak.Redact(ctx, *text)
		if err != nil { // the run is being ended
			p.Logger.Warn("the task's words are left out: they could not be searched for credentials", "error", err)
			clean = ""
		}
		*text = clean
	}
}

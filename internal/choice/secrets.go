package choice

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// Names lists the secrets of the repository; see hub.Repository.
type Names interface {
	SecretNames(ctx context.Context) ([]string, error)
}

// Secrets knows which secrets of the repository are set, as far as the server may see that.
// It asks GitHub when somebody wants to know, and keeps the answer for a while. It may be
// used from several goroutines.
type Secrets struct {
	Hub Names
	Log *slog.Logger
	Now func() time.Time

	mu    sync.Mutex // keeps a second reader waiting for the first
	names []string
	known bool      // names are those of the last read
	read  time.Time // when GitHub was last asked
	next  time.Time // when it is asked again
}

// afterRefusal is how long it is believed that the server may not see names of secrets.
const afterRefusal = 10 * time.Minute

// Unset lists those of the names, which are without githubjobs.SecretPrefix, of which it is
// certain that no secret is set: GitHub was asked within the last two seconds. It is none
// where the server may not see names of secrets, and while GitHub is out of reach.
func (s *Secrets) Unset(ctx context.Context, names []string) []string {
	if len(names) == 0 {
		return nil
	}
	if missing := s.missing(ctx, names, fresh); len(missing) == 0 {
		return nil
	}
	return s.missing(ctx, names, tooFresh) // Perhaps it has been set since.
}

// missing lists the names that are not set by an answer of GitHub's of at most this age.
func (s *Secrets) missing(ctx context.Context, names []string, age time.Duration) (missing []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.Now(); !(s.known && now.Sub(s.read) < age) && !(!s.known && now.Before(s.next)) {
		s.ask(ctx, now)
	}
	if !s.known {
		return nil
	}
	for _, name := range names {
		if !slices.Contains(s.names, githubjobs.SecretPrefix+name) {
			missing = append(missing, name)
		}
	}
	return missing
}

// ask asks GitHub. Others ask for the same: it is read to its end, also when this caller has gone.
func (s *Secrets) ask(ctx context.Context, now time.Time) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	names, err := s.Hub.SecretNames(ctx)
	s.names, s.known, s.read = nil, err == nil, now
	switch {
	case err == nil:
		for _, name := range names {
			s.names = append(s.names, strings.ToUpper(name)) // GitHub tells no case apart
		}
	case errors.Is(err, hub.ErrForbidden), errors.Is(err, hub.ErrNotFound):
		s.next = now.Add(afterRefusal)
		s.Log.Debug("the server may not see which secrets are set; jobs are taken for which the policy allows one", "error", err)
	default:
		s.next = now.Add(max(afterError, hub.RetryAfter(err)))
		s.Log.Warn("which secrets are set could not be read; jobs are taken for which the policy allows one", "error", err)
	}
}

package choice

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// repository has secrets that can be changed.
type repository struct {
	names []string
	err   error
	reads int
}

func (r *repository) SecretNames(ctx context.Context) ([]string, error) {
	r.reads++
	return r.names, errors.Join(r.err, ctx.Err())
}

func secrets(names ...string) (*repository, *Secrets, *time.Time) {
	r, at := &repository{names: names}, time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	return r, &Secrets{Hub: r, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return at }}, &at
}

func TestUnset(t *testing.T) {
	t.Parallel()
	r, s, at := secrets("AGENT_A", "agent_b", "C")
	unset := func(reads int, want []string, names ...string) {
		t.Helper()
		if got := s.Unset(t.Context(), names); !slices.Equal(got, want) || r.reads != reads {
			t.Errorf("unset are %q after %d reads; want %q after %d", got, r.reads, want, reads)
		}
	}
	unset(0, nil)
	for range 10 { // what is set costs a read in a minute
		unset(1, nil, "A", "B")
		*at = at.Add(5 * time.Second)
	}
	unset(2, []string{"C", "D"}, "A", "C", "D") // what is not is asked for once more
	unset(2, []string{"D"}, "D")
	*at = at.Add(tooFresh)
	r.names = append(r.names, "AGENT_D")
	unset(3, nil, "D")
	*at = at.Add(fresh)
	r.names = nil
	unset(4, []string{"D"}, "D")
}

// Who may not see the names trusts the policy, and asks seldom.
func TestUnsetIsNotKnown(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{hub.ErrForbidden, hub.ErrNotFound} {
		r, s, at := secrets()
		r.err = refusal
		for range 9 {
			if got := s.Unset(t.Context(), []string{"A"}); got != nil || r.reads != 1 {
				t.Errorf("%q after %d reads", got, r.reads)
			}
			*at = at.Add(time.Minute)
		}
		r.err = nil
		*at = at.Add(time.Minute)
		if got := s.Unset(t.Context(), []string{"A"}); len(got) != 1 || r.reads != 2 {
			t.Errorf("since the right was given: %q after %d reads", got, r.reads)
		}
	}
}

// While GitHub is out of reach, nothing is certain, whatever was known before.
func TestUnsetWithoutGitHub(t *testing.T) {
	t.Parallel()
	r, s, at := secrets()
	if got := s.Unset(t.Context(), []string{"A"}); len(got) != 1 {
		t.Errorf("%q", got)
	}
	*at = at.Add(tooFresh)
	r.err = hub.ErrUnavailable
	for range 5 {
		if got := s.Unset(t.Context(), []string{"A"}); got != nil || r.reads != 2 {
			t.Errorf("%q after %d reads", got, r.reads)
		}
		*at = at.Add(5 * time.Second)
	}
	r.err = nil
	*at = at.Add(afterError)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := s.Unset(ctx, []string{"A"}); len(got) != 1 || r.reads != 3 {
		t.Errorf("for a caller who has gone: %q after %d reads", got, r.reads)
	}
}

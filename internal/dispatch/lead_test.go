package dispatch

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Who has lost the lead pushes nothing any more; who takes it again begins with a read,
// since somebody else may have pushed meanwhile.
func TestLeadLostAndTakenAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, m, r := &github{}, &memory{facts: map[string]githubjobs.Facts{}}, &reader{}
		d := New(Options{Project: "p", Hub: g, Store: m, Reader: r, Pace: GitHubsPace, Log: slog.New(slog.DiscardHandler), Now: time.Now})
		r.done = d.Wake
		ended := make(chan error)
		go func() { ended <- d.Run(t.Context(), m.lead()) }()
		time.Sleep(time.Second)
		m.lost = store.ErrLost
		m.add("a")
		d.Wake()
		if err := <-ended; !errors.Is(err, store.ErrLost) || len(g.pushes) != 0 || d.State().Running {
			t.Fatalf("error %v, pushes %+v, state %+v", err, g.pushes, d.State())
		}
		m.lost = errors.New("the database does not answer")
		time.Sleep(time.Minute)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { ended <- d.Run(ctx, m.lead()) }()
		time.Sleep(time.Second)
		synctest.Wait()
		if r.reads != 1 || len(g.pushes) != 0 || d.State().Problem == nil {
			t.Errorf("%d reads, pushes %+v, state %+v", r.reads, g.pushes, d.State())
		}
		m.mu.Lock()
		m.lost = nil
		m.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(g.pushes) != 1 || d.State().Problem != nil {
			t.Errorf("pushes %+v, state %+v", g.pushes, d.State())
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

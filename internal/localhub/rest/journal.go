package rest

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// journal takes changes of refs off the state, where they stand from before git makes them until all have been told: webhooks have their deliveries on
// record, and workflows their runs. So a localhub that is killed at any moment loses none. The zero value is ready.
type journal struct {
	mu      sync.Mutex
	settled []int64 // to be taken off
	busy    bool    // somebody does that
	running sync.WaitGroup
}

// Moving is a push or an operation that changes refs, with the ids of its changes in the state.
type Moving struct {
	s    *Service
	base event.Base
	ids  map[gitrepo.RefChange]int64 // not told yet
}

// Moving writes down that refs are about to be changed. Afterwards call Made for those that were, and then End.
func (s *Service) Moving(base event.Base, changes ...gitrepo.RefChange) (*Moving, error) {
	m := s.moving(base)
	err := s.DB.Update(func(tx *state.Tx) error {
		m.write(tx, changes...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (s *Service) moving(base event.Base) *Moving {
	return &Moving{s: s, base: base, ids: map[gitrepo.RefChange]int64{}}
}

func (m *Moving) write(tx *state.Tx, changes ...gitrepo.RefChange) {
	first := int64(0)
	for _, c := range changes {
		if c.Old == c.New {
			continue
		}
		id := tx.RefChanges.NextID()
		first = cmp.Or(first, id)
		m.ids[c] = id
		tx.RefChanges.Put(state.RefChange{ID: id, Push: first, RepositoryID: m.base.Repository.ID, Ref: c.Ref, Old: c.Old, New: c.New,
			SenderID: m.base.Sender.ID, ByRunToken: m.base.ByRunToken, InstallationID: m.base.InstallationID})
	}
}

// tells returns what the events of a change have in common, and leaves it to those whom they concern to take it off the journal.
func (m *Moving) tells(c gitrepo.RefChange) event.Base {
	base, id := m.base, m.ids[c]
	if id != 0 {
		delete(m.ids, c)
		base.Change, base.Receipt = id, event.NewReceipt(func() { m.s.settle(id) })
	}
	return base
}

// End forgets the changes that git has not made.
func (m *Moving) End() { m.s.settle(slices.Collect(maps.Values(m.ids))...) }

// updateRef makes one change of a ref, in the journal and in git, whose error it returns. Without one, call Made.
func (s *Service) updateRef(ctx context.Context, git *gitrepo.Repo, base event.Base, c gitrepo.RefChange) (*Moving, error) {
	m, err := s.Moving(base, c)
	if err != nil {
		return nil, err
	}
	if err = git.UpdateRefs(ctx, gitrepo.RefUpdate{Ref: c.Ref, New: c.New, Old: c.Old}); err != nil {
		m.End()
	}
	return m, err
}

// settle takes changes off the journal, together with others that come meanwhile. It does not wait for that.
func (s *Service) settle(ids ...int64) {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.settled = append(s.journal.settled, ids...)
	if len(s.journal.settled) > 0 && !s.journal.busy {
		s.journal.busy = true
		s.journal.running.Go(s.clearJournal)
	}
}

func (s *Service) clearJournal() {
	for {
		s.journal.mu.Lock()
		ids := s.journal.settled
		s.journal.settled, s.journal.busy = nil, len(ids) > 0
		s.journal.mu.Unlock()
		if len(ids) == 0 {
			return
		}
		err := s.DB.Update(func(tx *state.Tx) error {
			for _, id := range ids {
				tx.RefChanges.Delete(id)
			}
			return nil
		})
		if err != nil {
			s.Log.Error("changes of refs not taken off the journal", "error", err)
		}
	}
}

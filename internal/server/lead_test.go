package server

import (
	"bytes"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api"
)

func (s *running) readiness(t testing.TB) (r api.Readiness) {
	t.Helper()
	call(t, "GET", s.URL()+"/readyz", "", &r)
	return r
}

// One of two servers leads. The other one takes jobs meanwhile, which the leader pushes
// at once, and leads when that one ends. Nothing that needs the repository for itself
// runs beside them.
func TestLeaderAndReserve(t *testing.T) {
	t.Parallel()
	hub := startGitHub(t)
	cfg := hub.config(t)
	cfg.DatabasePath, cfg.DatabaseURL = "", postgresDatabase(t)
	leader := start(t, cfg)
	eventually(t, "the first server leads", func() bool { r := leader.readiness(t); return r.Role == roleLeader && r.Ready })
	reserve := start(t, cfg)
	eventually(t, "the second server stands in reserve, and knows when GitHub was read", func() bool {
		r := reserve.readiness(t)
		return r.Role == roleReserve && r.Ready && !r.LastReconcile.IsZero()
	})
	first := reserve.create(t, `{"job":"taken by the reserve"}`) // which knows the base from the leader
	eventually(t, "the leader pushes it", func() bool { return leader.status(t, first).Reason == githubjobs.ReasonPushed })
	if n := reserve.dispatcher.State().Pushes; n != 0 {
		t.Errorf("the reserve has pushed %d times", n)
	}
	var out bytes.Buffer
	if err := Rebuild(t.Context(), cfg, leader.log, true, &out); err == nil || !strings.Contains(err.Error(), "a server runs on postgres://") {
		t.Errorf("rebuilding beside servers: %v\n%s", err, out.String())
	}
	leader.stop()
	eventually(t, "the reserve leads", func() bool { r := reserve.readiness(t); return r.Role == roleLeader && r.Ready })
	second := reserve.create(t, `{"job":"taken by the new leader"}`)
	eventually(t, "it pushes", func() bool { return reserve.status(t, second).Reason == githubjobs.ReasonPushed })
}

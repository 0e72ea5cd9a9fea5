package e2e

import (
	"encoding/json"
	"net/http"
	"syscall"
	"testing"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs"
)

// role is what a server says of itself; empty while it does not answer.
func (f *fleet) role(i int) string {
	f.w.addr = f.members[i].addr
	_, answer := f.w.call(http.MethodGet, "/readyz", nil)
	var ready struct{ Role string }
	if json.Unmarshal(answer, &ready) != nil {
		return ""
	}
	return ready.Role
}

// TestFrozenLeader: a leader that hangs, and neither ends nor lets go of its connections, is replaced. When it goes on it
// finds itself in reserve, and pushes nothing.
func TestFrozenLeader(t *testing.T) {
	t.Parallel()
	variable, _ := postgresSchema(t)
	w := start(t, options{noServer: true, files: map[string]string{files.RunJobPath: ""}})
	f := w.startFleet(1, variable)
	w.until("the first server leads", func() bool { return f.role(0) == "leader" })
	f.members = append(f.members, &member{addr: freeAddr(t)})
	f.start(1)
	w.until("the second one stands in reserve", func() bool { return f.role(1) == "reserve" })
	frozen := f.members[0].process.cmd.Process
	if err := frozen.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	w.addr = f.members[1].addr
	id := w.create(`{"job":"x","kind":"command","config":{"script":"true"}}`)
	w.until("the second server leads", func() bool { return f.role(1) == "leader" })
	w.until("it pushes", func() bool { return w.status(id).Reason != githubjobs.ReasonAccepted })
	if err := frozen.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	w.until("the first one stands in reserve", func() bool { return f.role(0) == "reserve" })
	if role := f.role(1); role != "leader" {
		t.Errorf("the second server is %s", role)
	}
}

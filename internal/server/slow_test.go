package server

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Clients that announce deliveries and do not send them keep neither GitHub's deliveries
// nor callers out; one without GitHub's headers is told so before it has sent its body.
func TestSlowWebhookClients(t *testing.T) {
	t.Parallel()
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.ReconcileInterval = time.Hour
	s := start(t, cfg)
	g.hook(t, s)
	eventually(t, "ready", func() bool { return s.Readiness(t.Context()).Ready })
	dial := func(header string) net.Conn {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "http://"))
		check(t, err)
		t.Cleanup(func() { conn.Close() })
		_, err = fmt.Fprintf(conn, "POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Length: 26000000\r\n%s\r\n{", header)
		check(t, err)
		return conn
	}
	for i := range 100 {
		dial(fmt.Sprintf("X-GitHub-Event: push\r\nX-GitHub-Delivery: slow-%d\r\nX-Hub-Signature-256: sha256=%064d\r\n", i, i))
	}
	id := s.create(t, report)
	eventually(t, "the push's webhook is in the status", func() bool { return s.status(t, id).Evidence.BranchSHA != "" })
	if j := s.status(t, id); j.Reason != githubjobs.ReasonPushed {
		t.Errorf("job %+v", j)
	}

	conn := dial("X-GitHub-Event: push\r\n")
	check(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	answer, err := io.ReadAll(conn) // to the end of the connection, which is not kept for the body
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 401 ") {
		t.Errorf("%s, %v", answer, err)
	}
}

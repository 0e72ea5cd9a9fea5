package require_test

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/internal/require"
)

// The agent's image is what the workflow counts on: an ordinary user, the task's tools, and all of it without
// capabilities on a read-only file system.
func TestDockerImage(t *testing.T) {
	t.Parallel()
	image := require.Docker(t)
	script := "id -u; for tool in agent bash curl git jq; do command -v $tool >/dev/null || echo no $tool; done; " +
		"touch /usr/x 2>/dev/null && echo writable; touch /tmp/x || echo no tmp"
	out, err := exec.CommandContext(t.Context(), "docker", "run", "--rm", "--network", "none", "--cap-drop", "ALL",
		"--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp", "--entrypoint", "bash", image,
		"-c", script).CombinedOutput()
	if err != nil || string(out) != "10001\n" {
		t.Errorf("the image says %q, %v; want only its user 10001", out, err)
	}
}

func TestPostgresTakesASchema(t *testing.T) {
	t.Parallel()
	conn, err := pgx.Connect(t.Context(), require.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	const script = `CREATE SCHEMA require_test; CREATE TABLE require_test.t (id int); DROP SCHEMA require_test CASCADE`
	if _, err := conn.Exec(t.Context(), script); err != nil {
		t.Error(err)
	}
}

func TestChromiumShowsAPage(t *testing.T) {
	t.Parallel()
	path := require.Chromium(t)
	page := "data:text/html,<p id=p></p><script>p.textContent=6*7</script>"
	out, err := exec.CommandContext(t.Context(), path, "--headless", "--no-sandbox", "--disable-gpu",
		"--user-data-dir="+t.TempDir(), "--dump-dom", page).Output()
	if err != nil || !strings.Contains(string(out), `<p id="p">42</p>`) {
		t.Errorf("the browser shows %q, %v", out, err)
	}
}

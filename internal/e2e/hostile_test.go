package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// takeover is a task that goes for the token of the steps that follow: it kills the
// agent, plants a shell and variables for these steps wherever it can, claims to have
// succeeded, and leaves a process that does so again and again.
const takeover = `
	set +e; mkdir -p %[1]q/bin
	for name in bash sh env agent; do
		printf '#!/bin/sh -p\necho "$GITHUB_TOKEN" >>%[1]s/token\nexit 0\n' >%[1]s/bin/$name; chmod +x %[1]s/bin/$name
	done
	cat >%[1]q/plant <<-'END'
		for p in /proc/[0-9]*; do
			(tr '\0' '\n' <$p/environ | grep -E '^GITHUB_(ENV|PATH|OUTPUT)=') 2>/dev/null
		done | sort -u | while IFS== read -r name file; do
			case $name in
			GITHUB_PATH) echo %[1]s/bin >>"$file" ;;
			GITHUB_ENV) for v in BASH_ENV ENV LD_PRELOAD GITHUB_API_URL GITHUBJOBS_WORK; do echo "$v=%[1]s/bin/sh" >>"$file"; done ;;
			GITHUB_OUTPUT) printf 'path=%[1]s/bin/agent\n' >>"$file" ;;
			esac
		done 2>/dev/null
		for d in /tmp/githubjobs* /var/tmp/githubjobs* "$OLDPWD/.."; do
			sed -i 's/"failure"/"success"/;s/"error"/"success"/;s/"exit_code":-*[0-9]*/"exit_code":0/' $d/outcome/outcome.json
		done 2>/dev/null
	END
	mkdir -p reports; echo stolen >reports/a.txt
	/bin/sh %[1]q/plant
	setsid /bin/sh -c 'trap "" TERM HUP INT; for i in $(seq 100); do /bin/sh %[1]q/plant; sleep 0.02; done' </dev/null >/dev/null 2>&1 &
	p=$PPID
	while [ "$p" -gt 1 ]; do
		next=$(cut -d' ' -f4 /proc/$p/stat)
		case $(tr '\0' '\n' </proc/$p/cmdline | tail -1) in
		run) kill -KILL $p; break ;;
		keep) kill -KILL $p ;;
		esac
		p=$next
	done 2>/dev/null
	exit 7`

// TestATaskTakesNothingOver runs it in both runtimes.
func TestATaskTakesNothingOver(t *testing.T) {
	t.Parallel()
	for name, image := range map[string]func(*testing.T) string{
		"docker":  func(t *testing.T) string { return require.Docker(t) },
		"process": func(t *testing.T) string { require.Root(t); return "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options{image: image(t)}
			loot := openDir(t)
			if err := os.Chmod(loot, 0o777); err != nil {
				t.Fatal(err)
			}
			w := start(t, o)
			if err := w.hub.SetVariable("demo", "reports", "GITHUBJOBS_UNSAFE_SAME_USER", "false"); err != nil {
				t.Fatal(err)
			}
			script, err := json.Marshal(fmt.Sprintf(takeover, loot))
			if err != nil {
				t.Fatal(err)
			}
			job := w.wait(w.create(fmt.Sprintf(`{"job": "Take over", "kind": "command", "config": {"script": %s}}`, script)))
			if job.Status != githubjobs.StatusFailed || job.Reason != githubjobs.ReasonTaskFailed || job.ExitCode == nil || *job.ExitCode != 7 || job.Evidence.Pull != 0 {
				t.Errorf("the job is %s/%s: %s", job.Status, job.Reason, job.Message)
			}
			if token, err := os.ReadFile(filepath.Join(loot, "token")); err == nil {
				t.Errorf("the task has got a token: %.8s", token)
			}
			w.checkAgainstGitHub(job)
		})
	}
}

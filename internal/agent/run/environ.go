//go:build unix

package run

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/githubjobs/githubjobs/internal/agent/live"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// forbidden are the variables that this step must not have: what runs here could
// write to the repository with them, or has no right to them.
var forbidden = []string{"GITHUB_TOKEN", "GH_TOKEN", "GITHUB_PAT", secret.Variable}

// RefuseTokens says whether the environment holds a token of GitHub's, or the repository's
// secrets.
func RefuseTokens(environ []string) error {
	for _, name := range forbidden {
		if lookup(environ, name) != "" {
			return fmt.Errorf("%s is set in the step that runs the task, which could read it; remove it from the `env` of the step, its job and its workflow", name)
		}
	}
	return refuseIdentity(environ)
}

// passed are the variables of the step that the task gets as they are.
var passed = []string{
	"GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_REF_NAME", "GITHUB_SERVER_URL", "GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT",
	"RUNNER_OS", "RUNNER_ARCH",
}

// taskEnviron is the environment of the task, apart from PATH, without anything
// that is not named here.
func (s Step) taskEnviron(dir work.Dir, temp string) []string {
	env := []string{
		"HOME=" + dir.Home(), "TMPDIR=" + temp, "LANG=C.UTF-8", "TZ=UTC", "CI=true",
		"JOB_ID=" + s.Spec.ID, "JOB_KIND=" + string(s.Spec.Kind), "JOB_TITLE=" + s.Spec.Title,
		"JOB_PROMPT=" + s.Spec.Prompt, "JOB_BASE=" + s.Spec.Base, live.Variable + "=" + s.mark,
	}
	for _, name := range passed {
		if value := lookup(s.Environ, name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	if lookup(s.Environ, "RUNNER_OS") == "" {
		env = append(env, "RUNNER_OS="+strings.ToUpper(runtime.GOOS[:1])+runtime.GOOS[1:])
	}
	return env
}

func lookup(environ []string, name string) string {
	for _, variable := range environ {
		if value, ok := strings.CutPrefix(variable, name+"="); ok {
			return value
		}
	}
	return ""
}

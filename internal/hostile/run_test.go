package hostile

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/config"
	"github.com/githubjobs/githubjobs/internal/agent/work"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

const policy = "merge:\n  enabled: true\n  paths:\n    allow: ['reports/**']\n"

// password is one that the run step knows and the task is not told.
const password = "the-runners+password/2026"

// run is a case in one runtime: a repository with one job, and a runner.
type run struct {
	*testing.T
	attack
	hub         github
	repository  string
	runner, out string
	mark        string
	environ     map[string]string
	before      string // main
	said        map[string]string
}

func newRun(t *testing.T, hub github, a attack, runtime, image string) *run {
	t.Helper()
	runner := t.TempDir()
	if err := os.Chmod(filepath.Dir(runner), 0o755); err != nil { // as on many runners
		t.Fatal(err)
	}
	number := 1_000_000 + rand.Int64N(1e12)
	r := &run{T: t, attack: a, hub: hub, repository: fmt.Sprint(a.name, "-", runtime), runner: runner, out: filepath.Join(runner, "out"),
		mark: fmt.Sprint("mark-", number), said: map[string]string{}}
	r.furnish()
	sha, message := r.seed()
	r.environ = map[string]string{
		"PATH": os.Getenv("PATH"), "HOME": runner, "RUNNER_TEMP": runner, "RUNNER_OS": "Linux", "GITHUB_ACTIONS": "true",
		"GITHUB_SERVER_URL": hub.URL(), "GITHUB_REPOSITORY": "demo/" + r.repository, "GITHUB_SHA": sha, "GITHUB_REF_NAME": "job/the-job",
		"GITHUB_EVENT_NAME": "push", "GITHUB_EVENT_PATH": filepath.Join(runner, "event.json"), "GITHUB_RUN_ID": fmt.Sprint(number), "GITHUB_RUN_ATTEMPT": "1",
		"GITHUBJOBS_RUNTIME": "process", "GITHUBJOBS_GRACE": "500ms",
	}
	if image != "" {
		r.environ["GITHUBJOBS_RUNTIME"], r.environ["GITHUBJOBS_IMAGE"] = "docker", image
	}
	for _, name := range commandFiles {
		r.environ[name] = filepath.Join(runner, strings.ToLower(name))
		r.write(r.environ[name], "")
	}
	r.environ[summaryFile] = filepath.Join(runner, strings.ToLower(summaryFile))
	r.write(r.environ[summaryFile], "")
	for name, value := range a.settings {
		r.environ[name] = r.fill(value)
	}
	event, err := json.Marshal(map[string]any{
		"ref": "refs/heads/" + r.environ["GITHUB_REF_NAME"], "created": true, "after": sha, "head_commit": map[string]any{"id": sha, "message": message},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.write(r.environ["GITHUB_EVENT_PATH"], string(event))
	t.Cleanup(func() {
		if dir, err := r.dir(); err == nil {
			os.RemoveAll(string(dir))
		}
	})
	return r
}

// commandFiles are those through which a step sets variables for the next ones.
var commandFiles = []string{"GITHUB_ENV", "GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_STATE"}

// summaryFile is that to which a step adds what GitHub shows on the page of the run.
const summaryFile = "GITHUB_STEP_SUMMARY"

// furnish puts into the runner's folder what a task may be after.
func (r *run) furnish() {
	r.Helper()
	for _, dir := range []string{r.out, filepath.Join(r.runner, ".docker")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			r.Fatal(err)
		}
	}
	r.write(filepath.Join(r.out, "untouched"), "untouched\n")
	for _, name := range []string{".netrc", ".git-credentials", ".docker/config.json"} {
		path := filepath.Join(r.runner, name)
		r.write(path, "the-credentials-of-the-runner\n")
		if err := os.Chmod(path, 0o600); err != nil {
			r.Fatal(err)
		}
	}
}

// seed makes the repository and the job's branch, and returns the creation commit.
func (r *run) seed() (sha, message string) {
	r.Helper()
	if _, err := r.hub.CreateRepository("demo", r.repository, rest.RepositoryOptions{}); err != nil {
		r.Fatal(err)
	}
	tree := filepath.Join(r.runner, "seed")
	files := map[string]string{"README.md": "# Demo\n", "src/main.go": "package main\n", "reports/old.md": "old\n", ".githubjobs.yml": policy}
	for path, text := range r.base {
		files[path] = text
	}
	for path, text := range files {
		full := filepath.Join(tree, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			r.Fatal(err)
		}
		r.write(full, text)
	}
	r.git(tree, "init", "-q", "-b", "main")
	r.git(tree, "add", "-A")
	r.git(tree, "commit", "-q", "-m", "Begin")
	message = githubjobs.FormatSpec(r.spec())
	sha = r.git(tree, "commit-tree", "main^{tree}", "-p", "main", "-m", message)
	r.git(tree, "push", "-q", r.hub.remote(r.repository), "main", sha+":refs/heads/job/the-job")
	r.before = r.git(tree, "rev-parse", "main")
	return sha, message
}

func (r *run) spec() githubjobs.Spec {
	r.Helper()
	raw, err := json.Marshal(githubjobs.CommandConfig{Script: r.fill(r.task)})
	if err != nil {
		r.Fatal(err)
	}
	spec := githubjobs.Spec{ID: "the-job", Kind: githubjobs.KindCommand, Title: "A title", Prompt: "Do it", Config: raw, Base: "main", TimeoutSeconds: 120}
	if r.job != nil {
		if err := json.Unmarshal([]byte(r.fill(string(r.job))), &spec); err != nil {
			r.Fatal(err)
		}
	}
	spec.Normalize(time.Now().UTC().Truncate(time.Second))
	return spec
}

// do does the steps of the workflow. Merge is tried whatever came before, which the workflow does not.
func (r *run) do() {
	r.Helper()
	if code := r.step("fetch"); code != 0 || len(r.want.fetch) > 0 {
		r.wantIn("fetch", r.said["fetch"], r.want.fetch)
		if code == 0 || len(r.want.fetch) == 0 {
			r.Errorf("fetch ended with %d:\n%s", code, r.said["fetch"])
		}
		r.checkMain()
		return
	}
	r.step("run")
	r.checkRun()
	r.step("publish")
	r.wantIn("publish", r.said["publish"], r.want.publish)
	r.handOver()
	if r.beforeMerge != "" {
		r.interfere()
	}
	r.step("merge")
	r.wantIn("merge", r.said["merge"], r.want.merge)
	r.checkMain()
	r.checkAfter()
}

func (r *run) step(name string) (code int) {
	r.Helper()
	cmd := exec.Command(program, name)
	for key, value := range r.environ {
		cmd.Env = append(cmd.Env, key+"="+value)
	}
	if name == "run" {
		cmd.Env = append(cmd.Env, "REGISTRY_PASSWORD="+password)
	} else {
		cmd.Env = append(cmd.Env, "GITHUB_TOKEN="+r.hub.token)
	}
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		r.Fatalf("agent %s: %v", name, err)
	}
	r.said[name] = string(out)
	r.checkCommands(name)
	r.checkSummary(name)
	return cmd.ProcessState.ExitCode()
}

// handOver passes on what publish has set for merge, as the workflow does.
func (r *run) handOver() {
	for line := range strings.Lines(r.read(r.environ["GITHUB_OUTPUT"])) {
		switch name, value, _ := strings.Cut(strings.TrimSpace(line), "="); name {
		case "result", "pull":
			r.environ["GITHUBJOBS_"+strings.ToUpper(name)] = value
		}
	}
}

// interfere is a person who may push to the branches of jobs.
func (r *run) interfere() {
	r.Helper()
	clone := filepath.Join(r.runner, "clone")
	r.git(r.runner, "clone", "-q", "-b", "job/the-job", r.hub.remote(r.repository), clone)
	cmd := exec.Command("bash", "-e", "-c", r.fill(r.beforeMerge))
	cmd.Dir, cmd.Env = clone, gitEnviron()
	if out, err := cmd.CombinedOutput(); err != nil {
		r.Fatalf("before the merge: %v\n%s", err, out)
	}
}

func (r *run) dir() (work.Dir, error) {
	c, err := config.Load(r.environ)
	if err != nil {
		return "", err
	}
	return c.Dir()
}

func gitEnviron() []string {
	return append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
}

func (r *run) git(dir string, args ...string) string {
	r.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Env = dir, gitEnviron()
	out, err := cmd.CombinedOutput()
	if err != nil {
		r.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (r *run) write(path, text string) {
	r.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.Fatal(err)
	}
}

func (r *run) read(path string) string {
	r.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	return string(raw)
}

func (r *run) wantIn(what, text string, want []string) {
	r.Helper()
	for _, w := range want {
		if w = r.fill(w); !strings.Contains(text, w) {
			r.Errorf("%s does not say %q:\n%.4000s", what, w, text)
		}
	}
}

func sorted(list []string) []string { return slices.Sorted(slices.Values(list)) }

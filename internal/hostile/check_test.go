package hostile

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// checkRun checks what stands when the run step has ended.
func (r *run) checkRun() {
	r.Helper()
	dir, err := r.dir()
	if err != nil {
		r.Fatal(err)
	}
	o, err := dir.Load()
	if err != nil {
		r.Fatalf("%v\n%s", err, r.said["run"])
	}
	if string(o.Result.Outcome) != r.want.outcome {
		r.Errorf("the outcome is %q, want %q: %s\n%.4000s", o.Result.Outcome, r.want.outcome, o.Result.Error, o.Result.Log)
	}
	r.wantIn("the reason", o.Result.Error, r.want.errors)
	r.wantIn("the log", o.Result.Log, r.want.log)
	for _, text := range r.want.noLog {
		if text = r.fill(text); strings.Contains(o.Result.Log, text) || strings.Contains(r.said["run"], text) {
			r.Errorf("the log says %q:\n%.4000s", text, r.said["run"])
		}
	}
	for _, name := range commandFiles {
		if text := r.read(r.environ[name]); text != "" {
			r.Errorf("%s holds %q", name, text)
		}
	}
	r.checkNothingRuns()
	for _, secret := range []string{r.hub.token, password, "the-credentials-of-the-runner"} {
		if strings.Contains(r.said["run"], secret) {
			r.Errorf("the log tells %.8s...:\n%.4000s", secret, r.said["run"])
		}
		r.checkNotIn(secret, dir.Tree(), dir.Task(), dir.Home())
	}
}

// checkNothingRuns looks for processes that bear the mark, and for the container.
func (r *run) checkNothingRuns() {
	r.Helper()
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(processes) == 0 {
		r.Fatalf("no processes are seen: %v", err)
	}
	for _, path := range processes {
		if line, err := os.ReadFile(path); err == nil && bytes.Contains(line, []byte(r.mark)) {
			r.Errorf("%s is still there: %q", path, line)
		}
	}
	if r.environ["GITHUBJOBS_RUNTIME"] == "docker" {
		name := "githubjobs-the-job-" + r.environ["GITHUB_RUN_ID"] + "-1"
		if out, err := exec.Command("docker", "inspect", name).CombinedOutput(); err == nil {
			r.Errorf("the container is still there: %s", out)
		}
	}
}

// checkNotIn looks for a secret in the files of folders.
func (r *run) checkNotIn(secret string, folders ...string) {
	r.Helper()
	const most = 1 << 20 // A secret is not at the end of a file that is there for its size.
	for _, folder := range folders {
		_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
				return nil
			}
			if info, err := entry.Info(); err != nil || info.Size() > most {
				return nil
			}
			if text, err := os.ReadFile(path); err == nil && bytes.Contains(text, []byte(secret)) {
				r.Errorf("%s holds %.8s...", path, secret)
			}
			return nil
		})
	}
}

// checkMain compares main with what is wanted of it.
func (r *run) checkMain() {
	r.Helper()
	bare, err := r.hub.RepositoryPath("demo", r.repository)
	if err != nil {
		r.Fatal(err)
	}
	var got []string
	for line := range strings.Lines(r.git(bare, "-c", "core.quotePath=false", "diff", "--name-status", "--no-renames", r.before, "refs/heads/main")) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	if want := sorted(r.want.main); !slices.Equal(sorted(got), want) {
		r.Errorf("main has changed by %q, want %q\n%s\n%s", got, want, r.said["publish"], r.said["merge"])
	}
}

// checkAfter checks that nothing was executed and nothing told.
func (r *run) checkAfter() {
	r.Helper()
	entries, err := os.ReadDir(r.out)
	if err != nil || len(entries) != 1 || r.read(filepath.Join(r.out, "untouched")) != "untouched\n" {
		r.Errorf("the folder outside holds %v: %v", entries, err)
	}
	bare, err := r.hub.RepositoryPath("demo", r.repository)
	if err != nil {
		r.Fatal(err)
	}
	published := r.git(bare, "log", "--all", "-p", "--text", "--format=%B", "^"+r.before) + r.said["publish"] + r.said["merge"]
	for _, secret := range []string{r.hub.token, password, "the-credentials-of-the-runner"} {
		if strings.Contains(published, secret) {
			r.Errorf("what was published tells %.8s...", secret)
		}
	}
}

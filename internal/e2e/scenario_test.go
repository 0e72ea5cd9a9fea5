package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// scenario is one testdata file; see the package comment.
type scenario struct {
	options  options
	jobs     []json.RawMessage
	want     []map[string]any
	anyOrder bool
	sameBase bool
	main     map[string]string
	mainSays map[string][]string
	absent   []string
	gone     []string
}

func parseScenario(t *testing.T, path string) scenario {
	t.Helper()
	archive, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// A number that no other scenario has, for what is looked for on the machine.
	unique := fmt.Sprint(100_000 + rand.IntN(900_000))
	s := scenario{main: map[string]string{}, mainSays: map[string][]string{}, options: options{files: map[string]string{}}}
	for _, f := range archive.Files {
		f.Data = bytes.ReplaceAll(f.Data, []byte("$UNIQUE"), []byte(unique))
		folder, rest, _ := strings.Cut(f.Name, "/")
		switch {
		case f.Name == "jobs.json":
			decode(t, f, &s.jobs)
		case f.Name == "want.json", f.Name == "want-any-order.json":
			s.anyOrder = f.Name != "want.json"
			decode(t, f, &s.want)
		case f.Name == "settings.json":
			settings := struct {
				Runners  int   `json:"runners"`
				Pulls    *bool `json:"pull_requests_by_actions"`
				SameBase bool  `json:"same_base"`
				// Of the repository; a line break in one is told by \n.
				Secrets map[string]string `json:"secrets"`
				// More variables of the server.
				Server []string `json:"server"`
			}{}
			decode(t, f, &settings)
			s.options.runners, s.options.noPulls = settings.Runners, settings.Pulls != nil && !*settings.Pulls
			s.sameBase, s.options.secrets, s.options.environment = settings.SameBase, settings.Secrets, settings.Server
		case f.Name == "absent":
			s.absent = strings.Fields(string(f.Data))
		case f.Name == "gone":
			s.gone = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		case folder == "repository":
			s.options.files[rest] = string(f.Data)
		case folder == "main":
			s.main[rest] = string(f.Data)
		case folder == "main-says":
			s.mainSays[rest] = strings.Split(strings.TrimSpace(string(f.Data)), "\n")
		default:
			t.Fatalf("%s: %q is no part of a scenario", path, f.Name)
		}
	}
	if len(s.jobs) == 0 || len(s.want) != len(s.jobs) {
		t.Fatalf("%s: %d jobs, and %d of them wanted", path, len(s.jobs), len(s.want))
	}
	return s
}

func decode(t *testing.T, f txtar.File, into any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(f.Data)))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
}

// TestScenarios runs every scenario with the agent as a process.
func TestScenarios(t *testing.T) {
	t.Parallel()
	runScenarios(t, "*.txtar", "")
}

// TestScenariosInDocker runs those scenarios in Docker in which the container matters.
func TestScenariosInDocker(t *testing.T) {
	image := require.Docker(t)
	t.Parallel()
	for _, name := range []string{"success", "task-failure", "timeout", "isolation", "report", "git-spoilt", "odd-files", "secrets"} {
		runScenarios(t, name+".txtar", image)
	}
}

// TestAReportInTheCoreImage: nothing but the agent is in it.
func TestAReportInTheCoreImage(t *testing.T) {
	image := require.DockerCore(t)
	t.Parallel()
	runScenarios(t, "report.txtar", image)
}

func runScenarios(t *testing.T, pattern, image string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scenario %s: %v", pattern, err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			s := parseScenario(t, path)
			s.options.image = image
			s.run(t)
		})
	}
}

func (s scenario) run(t *testing.T) {
	w := start(t, s.options)
	var ids []string
	for _, body := range s.jobs {
		ids = append(ids, w.create(string(body)))
	}
	var jobs []githubjobs.Job
	for _, id := range ids {
		jobs = append(jobs, w.wait(id))
	}
	if s.anyOrder && differences(s.want[0], jobs[0]) != "" {
		jobs[0], jobs[len(jobs)-1] = jobs[len(jobs)-1], jobs[0]
	}
	for i, want := range s.want {
		if d := differences(want, jobs[i]); d != "" {
			t.Errorf("job %d:\n%s\n%+v", i, d, jobs[i])
		}
		w.checkAgainstGitHub(jobs[i])
	}
	s.checkMain(t, w)
	w.checkSecrets(s.options.secrets, jobs)
	if s.sameBase {
		w.checkSameBase(jobs)
	}
	for _, command := range s.gone {
		if pid := alive(t, command); pid != "" {
			t.Errorf("process %s is still there: %s", pid, command)
		}
	}
}

// differences compares the fields that are wanted with those of the job as the API shows it.
func differences(want map[string]any, job githubjobs.Job) string {
	raw, err := json.Marshal(job)
	if err != nil {
		return err.Error()
	}
	got := map[string]any{}
	if err := json.Unmarshal(raw, &got); err != nil {
		return err.Error()
	}
	var b strings.Builder
	for field, value := range want {
		if !matches(value, got[field]) {
			fmt.Fprintf(&b, "  %s is %#v, want %#v\n", field, got[field], value)
		}
	}
	return b.String()
}

func matches(want, got any) bool {
	if list, ok := want.([]any); ok {
		have, ok := got.([]any)
		if !ok || len(have) != len(list) {
			return false
		}
		for i := range list {
			if !matches(list[i], have[i]) {
				return false
			}
		}
		return true
	}
	if pattern, ok := want.(string); ok && strings.HasPrefix(pattern, "~") {
		text, ok := got.(string)
		return ok && regexp.MustCompile("(?m)"+pattern[1:]).MatchString(text)
	}
	return want == got
}

func (s scenario) checkMain(t *testing.T, w *world) {
	t.Helper()
	dir := w.clone()
	for path, want := range s.main {
		// txtar ends every file with a line break; a task may not.
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || strings.TrimRight(string(got), "\n") != strings.TrimRight(want, "\n") {
			t.Errorf("%s on main holds %q (%v), want %q", path, got, err, want)
		}
	}
	for path, says := range s.mainSays {
		got, err := os.ReadFile(filepath.Join(dir, path))
		for _, pattern := range says {
			if err != nil || !regexp.MustCompile("(?m)"+pattern).Match(got) {
				t.Errorf("%s on main does not say %q (%v):\n%s", path, pattern, err, got)
			}
		}
	}
	for _, path := range s.absent {
		if _, err := os.Lstat(filepath.Join(dir, path)); err == nil {
			t.Errorf("%s is on main", path)
		}
	}
}

// alive finds a process by its command line.
func alive(t *testing.T, command string) (pid string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if raw, err := os.ReadFile(path); err == nil && strings.TrimSpace(strings.ReplaceAll(string(raw), "\x00", " ")) == command {
			return filepath.Base(filepath.Dir(path))
		}
	}
	return ""
}

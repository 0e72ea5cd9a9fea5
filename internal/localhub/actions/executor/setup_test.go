package executor_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/executor"
)

// record keeps what an executor tells.
type record struct {
	sync.Mutex
	names       map[int]string
	conclusions map[int]string
	order       []string
	lines       map[int][]string
	annotations []executor.Annotation
	summary     string
	seen        chan string // receives each line, when not nil
}

func newRecord() *record {
	return &record{names: map[int]string{}, conclusions: map[int]string{}, lines: map[int][]string{}}
}

func (r *record) StepStarted(number int, name string, _ time.Time) {
	r.Lock()
	defer r.Unlock()
	r.names[number] = name
	r.order = append(r.order, fmt.Sprintf("start %d", number))
}

func (r *record) StepFinished(number int, conclusion string, _ time.Time) {
	r.Lock()
	defer r.Unlock()
	r.conclusions[number] = conclusion
	r.order = append(r.order, fmt.Sprintf("finish %d", number))
}

func (r *record) Line(number int, _ time.Time, text string) {
	r.Lock()
	defer r.Unlock()
	r.lines[number] = append(r.lines[number], text)
	if r.seen != nil {
		r.seen <- text
	}
}

func (r *record) Annotate(a executor.Annotation) {
	r.Lock()
	defer r.Unlock()
	r.annotations = append(r.annotations, a)
}

func (r *record) Summary(_ int, markdown string) {
	r.Lock()
	defer r.Unlock()
	r.summary += markdown
}

// output is the log of a step without the group that shows the script.
func (r *record) output(number int) string {
	lines := r.lines[number]
	if end := slices.Index(lines, "##[endgroup]"); end >= 0 && len(lines) > 0 && strings.HasPrefix(lines[0], "##[group]Run") {
		lines = lines[end+1:]
	}
	return strings.Join(lines, "\n")
}

func (r *record) all() string {
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(r.lines)) {
		b.WriteString(strings.Join(r.lines[n], "\n") + "\n")
	}
	return b.String()
}

func newJob(t testing.TB, source string) executor.Job {
	return executor.Job{
		Source: []byte(source), ID: "a", Name: "a", Dir: t.TempDir(), RunnerName: "localhub-1", Token: "ghs_secret_token",
		Event: []byte(`{"created":true,"head_commit":{"message":"say ${{ secrets.KEY }} and ${{ unclosed"}}`),
		Base:  map[string]string{"PATH": os.Getenv("PATH"), "LANG": "C.UTF-8"},
		GitHub: executor.GitHub{
			ServerURL: "http://127.0.0.1:3000", Repository: "demo/reports", RepositoryID: "7", RepositoryOwner: "demo", RepositoryOwnerID: "2",
			Ref: "refs/heads/job/${{github.token}}", RefName: "job/${{github.token}}", RefType: "branch", SHA: strings.Repeat("a", 40), RunID: "11", RunNumber: "3",
			RunAttempt: "2", Workflow: "CI", WorkflowRef: "demo/reports/.github/workflows/ci.yml@refs/heads/main", WorkflowSHA: strings.Repeat("b", 40),
			Actor: "mona", ActorID: "5", TriggeringActor: "hubot", EventName: "push",
		},
		Secrets: map[string]string{"KEY": "s3cr3t-key", "PEM": "line-one\nline-two"},
		Vars:    map[string]string{"MODE": "fast"},
	}
}

func run(t testing.TB, job executor.Job, control executor.Control) (*record, executor.Result) {
	t.Helper()
	rec := newRecord()
	return rec, executor.Run(context.Background(), job, control, rec)
}

func workflow(steps string) string {
	return "name: CI\non: push\njobs:\n  a:\n    runs-on: [self-hosted, anything]\n    env: {JOB_TEXT: '${{ github.event.head_commit.message }}'}\n    steps:\n" + steps
}

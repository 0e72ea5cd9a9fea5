package workflow_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
)

const jobs = "\njobs:\n  a:\n    runs-on: x\n    steps: [{run: 'true'}]\n"

func parse(t *testing.T, source string) *workflow.File {
	t.Helper()
	f, err := workflow.Parse(".github/workflows/x.yml", []byte(source))
	if err != nil {
		t.Fatalf("%v\n%s", err, source)
	}
	return f
}

func TestStarts(t *testing.T) {
	t.Parallel()
	push := func(ref string, paths ...string) workflow.Event {
		return workflow.Event{Name: "push", Ref: ref, Changed: func() ([]string, error) { return paths, nil }}
	}
	pull := func(action, base string) workflow.Event {
		return workflow.Event{Name: "pull_request", Action: action, Ref: "refs/heads/" + base}
	}
	tests := []struct {
		name, on string
		event    workflow.Event
		want     bool
	}{
		{"string", "push", push("refs/heads/main"), true},
		{"list", "[pull_request, push]", push("refs/heads/main"), true},
		{"map without body", "{push: }", push("refs/tags/v1"), true},
		{"other event", "pull_request", push("refs/heads/main"), false},
		{"deleted", "push", workflow.Event{Name: "push", Ref: "refs/heads/main", Deleted: true}, false},
		{"by a run", "push", workflow.Event{Name: "push", Ref: "refs/heads/main", ByRunToken: true}, false},
		{"dispatched by a run", "workflow_dispatch", workflow.Event{Name: "workflow_dispatch", ByRunToken: true}, true},
		{"job branch", "{push: {branches: ['job/**']}}", push("refs/heads/job/a/b"), true},
		{"one level", "{push: {branches: ['job/*']}}", push("refs/heads/job/a/b"), false},
		{"no prefix match", "{push: {branches: ['job/**']}}", push("refs/heads/jobs/a"), false},
		{"one branch as a string", "{push: {branches: main}}", push("refs/heads/main"), true},
		{"negated later", "{push: {branches: ['**', '!wip/**']}}", push("refs/heads/wip/a"), false},
		{"negated, then again", "{push: {branches: ['**', '!wip/**', 'wip/ok']}}", push("refs/heads/wip/ok"), true},
		{"ignored", "{push: {branches-ignore: ['job/**']}}", push("refs/heads/job/a"), false},
		{"not ignored", "{push: {branches-ignore: ['job/**']}}", push("refs/heads/main"), true},
		{"branches exclude tags", "{push: {branches: ['**']}}", push("refs/tags/v1"), false},
		{"tags exclude branches", "{push: {tags: ['v*']}}", push("refs/heads/main"), false},
		{"tags-ignore excludes branches", "{push: {tags-ignore: ['v*']}}", push("refs/heads/main"), false},
		{"tag", "{push: {tags: ['v*']}}", push("refs/tags/v1"), true},
		{"both", "{push: {branches: [main], tags: ['v*']}}", push("refs/tags/v1"), true},
		{"path", "{push: {paths: ['docs/**']}}", push("refs/heads/main", "docs/a/b.md"), true},
		{"other path", "{push: {paths: ['docs/**']}}", push("refs/heads/main", "src/a.go"), false},
		{"excluded path", "{push: {paths: ['**', '!docs/**']}}", push("refs/heads/main", "docs/a.md"), false},
		{"all ignored", "{push: {paths-ignore: ['docs/**']}}", push("refs/heads/main", "docs/a.md"), false},
		{"one not ignored", "{push: {paths-ignore: ['docs/**']}}", push("refs/heads/main", "docs/a.md", "b"), true},
		{"nothing changed", "{push: {paths: ['**']}}", push("refs/heads/main"), false},
		{"skip ci", "push", workflow.Event{Name: "push", Ref: "refs/heads/main", Message: "x [skip ci]"}, false},
		{"pull opened", "pull_request", pull("opened", "main"), true},
		{"pull labeled", "pull_request", pull("labeled", "main"), false},
		{"pull labeled, asked for", "{pull_request: {types: [labeled]}}", pull("labeled", "main"), true},
		{"pull to another base", "{pull_request: {branches: [main]}}", pull("opened", "dev"), false},
		{"dispatch", "{workflow_dispatch: {inputs: {a: {default: 'b'}}}}", workflow.Event{Name: "workflow_dispatch"}, true},
		{"repository dispatch", "{repository_dispatch: {types: [go]}}", workflow.Event{Name: "repository_dispatch", Action: "go"}, true},
		{"other repository dispatch", "{repository_dispatch: {types: [go]}}", workflow.Event{Name: "repository_dispatch", Action: "stop"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(t, "on: "+test.on+jobs).Starts(test.event)
			if err != nil || got != test.want {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	wrong := errors.New("git is broken")
	_, err := parse(t, "on: {push: {paths: [a]}}"+jobs).Starts(workflow.Event{Name: "push", Ref: "refs/heads/main", Changed: func() ([]string, error) { return nil, wrong }})
	if !errors.Is(err, wrong) {
		t.Errorf("got %v", err)
	}
}

func TestSkipsCI(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]bool{
		"fix [skip ci]":                     true,
		"a\n\nb [CI skip] c":                true,
		"[no ci]":                           true,
		"[skip actions]":                    true,
		"x [actions skip]":                  true,
		"a\n\nbody\n\n\nskip-checks: true":  true,
		"a\n\nskip-checks:true\n":           true,
		"a\n\nskip-checks: true\n\nanother": false,
		"skip ci":                           false,
		"[skip  ci]":                        false,
		`{"p":"\u005bskip ci]"}`:            false,
	} {
		if got := workflow.SkipsCI(message); got != want {
			t.Errorf("%q: %v", message, got)
		}
	}
}

func TestTokenPermissions(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, top, job, standard, want string }{
		{"default read", "", "", "read", "contents:read metadata:read packages:read"},
		{"map", "permissions: {contents: write, pull-requests: write, id-token: write, issues: none}", "", "write", "contents:write id_token:write metadata:read pull_requests:write"},
		{"nothing", "permissions: {}", "", "write", "metadata:read"},
		{"job goes before", "permissions: write-all", "    permissions: {checks: read}\n", "read", "checks:read metadata:read"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := parse(t, "on: push\n"+test.top+jobs+test.job)
			if got := text(f.TokenPermissions(f.Jobs[0], test.standard)); got != test.want {
				t.Errorf("got %s", got)
			}
		})
	}
	all := parse(t, "on: push\npermissions: write-all"+jobs)
	if got := all.TokenPermissions(all.Jobs[0], "read"); got["id_token"] != "write" || got["statuses"] != "write" || got["metadata"] != "read" {
		t.Errorf("write-all: %v", got)
	}
	plain := parse(t, "on: push"+jobs)
	if got := plain.TokenPermissions(plain.Jobs[0], "write"); got["id_token"] != "" || got["contents"] != "write" {
		t.Errorf("default write: %v", got)
	}
}

func text(permissions map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(permissions)) {
		words = append(words, name+":"+permissions[name])
	}
	return strings.Join(words, " ")
}

func TestParse(t *testing.T) {
	t.Parallel()
	f := parse(t, "name: CI\nrun-name: Run ${{ github.actor }}\non: push\nconcurrency: {group: 'g-${{ github.ref }}', cancel-in-progress: true}\njobs:\n"+
		"  z: {runs-on: x, steps: [{run: 'true'}]}\n  b: {needs: [z], runs-on: x, steps: [{run: 'true'}], concurrency: one}\n  a: {needs: b, runs-on: x, steps: [{run: 'true'}]}\n")
	if f.Name != "CI" || f.RunName != "Run ${{ github.actor }}" || *f.Concurrency != (workflow.Concurrency{Group: "g-${{ github.ref }}", CancelInProgress: "true"}) {
		t.Errorf("%+v %+v", f, f.Concurrency)
	}
	if len(f.Jobs) != 3 || f.Jobs[0].ID != "z" || !slices.Equal(f.Jobs[1].Needs, []string{"z"}) || f.Jobs[1].Concurrency.Group != "one" || !slices.Equal(f.Jobs[2].Needs, []string{"b"}) {
		t.Errorf("%+v", f.Jobs)
	}
	if f := parse(t, "on: push"+jobs); f.Name != ".github/workflows/x.yml" || f.Permissions != nil || f.Concurrency != nil {
		t.Errorf("%+v", f)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ source, want string }{
		"empty":            {"", "empty"},
		"no YAML":          {"on: [push\n", "invalid workflow file"},
		"a list":           {"- a\n", "invalid workflow file"},
		"no on":            {"name: x" + jobs, "on"},
		"no jobs":          {"on: push\n", "jobs"},
		"two filters":      {"on: {push: {branches: [a], branches-ignore: [b]}}" + jobs, "only define one"},
		"bad pattern":      {"on: {push: {branches: ['[a']}}" + jobs, "Missing closing bracket"},
		"unknown need":     {"on: push\njobs: {a: {needs: b, runs-on: x, steps: [{run: 'true'}]}}\n", "unknown job 'b'"},
		"cycle":            {"on: push\njobs: {a: {needs: b, runs-on: x, steps: [{run: 'true'}]}, b: {needs: a, runs-on: x, steps: [{run: 'true'}]}}\n", "depends on itself"},
		"permission":       {"on: push\npermissions: {content: read}" + jobs, "content"},
		"permission level": {"on: push\npermissions: all" + jobs, "invalid workflow file"},
		"unknown key":      {"on: push\njobs: {a: {runs-on: x, step: []}}\n", "step"},
		"no step kind":     {"on: push\njobs: {a: {runs-on: x, steps: [{name: x}]}}\n", "invalid workflow file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := workflow.Parse("x.yml", []byte(test.source))
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") && name != "no YAML" {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestIsFile(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]bool{
		".github/workflows/a.yml": true, ".github/workflows/a.yaml": true, ".github/workflows/sub/a.yml": false, ".github/workflows/a.md": false, "a.yml": false,
	} {
		if workflow.IsFile(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}

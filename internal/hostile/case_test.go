package hostile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// attack is one file of testdata; the package comment tells what is in it.
type attack struct {
	name        string
	task        string
	want        want
	runtimes    []string
	settings    map[string]string
	job         json.RawMessage
	base        map[string]string
	beforeMerge string
}

type want struct {
	outcome                                   string
	errors, log, noLog, fetch, publish, merge []string
	main                                      []string
}

func attacks(t *testing.T) (all []attack) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, parse(t, strings.TrimSuffix(filepath.Base(path), ".txtar"), raw))
	}
	return all
}

func parse(t *testing.T, name string, raw []byte) attack {
	t.Helper()
	a := attack{name: name, runtimes: []string{"docker"}, settings: map[string]string{}, base: map[string]string{}, want: want{outcome: "success"}}
	archive := txtar.Parse(raw)
	if len(strings.TrimSpace(string(archive.Comment))) == 0 {
		t.Errorf("%s does not say what it is about", name)
	}
	for _, f := range archive.Files {
		text := string(f.Data)
		path, inBase := strings.CutPrefix(f.Name, "base/")
		switch {
		case f.Name == "task":
			a.task = text
		case f.Name == "want":
			a.want.parse(t, name, text)
		case f.Name == "runtimes":
			a.runtimes = strings.Fields(text)
		case f.Name == "settings":
			for line := range strings.Lines(text) {
				key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
				a.settings[key] = value
			}
		case f.Name == "job.json":
			a.job = f.Data
		case f.Name == "before-merge":
			a.beforeMerge = text
		case inBase:
			a.base[path] = text
		default:
			t.Errorf("%s: %q is no part of a case", name, f.Name)
		}
	}
	if a.task == "" || slices.ContainsFunc(a.runtimes, func(r string) bool { return r != "docker" && r != "user" }) {
		t.Errorf("%s has no task, or a runtime that there is not", name)
	}
	return a
}

func (w *want) parse(t *testing.T, name, text string) {
	t.Helper()
	lists := map[string]*[]string{"error": &w.errors, "log": &w.log, "no log": &w.noLog, "fetch": &w.fetch, "publish": &w.publish, "merge": &w.merge, "main": &w.main}
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch list, known := lists[key]; {
		case key == "outcome":
			w.outcome = value
		case known && value != "":
			*list = append(*list, value)
		default:
			t.Errorf("%s: the wanted line %q is none that there is", name, line)
		}
	}
	if w.outcome == "success" && len(slices.Concat(w.log, w.noLog, w.fetch, w.publish, w.merge, w.main)) == 0 || w.outcome != "success" && len(w.errors) == 0 {
		t.Errorf("%s does not say by what its end is known", name)
	}
}

// fill puts the names of this one run into a text of the case.
func (r *run) fill(text string) string {
	return strings.NewReplacer("@OUT@", r.out, "@RUNNER@", r.runner, "@MARK@", r.mark).Replace(text)
}

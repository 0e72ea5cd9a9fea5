package house

import (
	"io"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

func workflows(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), ".github", "workflows", "*.y*ml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("found no workflows: %v", err)
	}
	return files
}

func TestWorkflowsLint(t *testing.T) {
	t.Parallel()
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{})
	if err != nil {
		t.Fatal(err)
	}
	problems, err := linter.LintFiles(workflows(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Error(problem)
	}
}

// pinned is the only form in which a workflow may name someone else's action: a tag can be moved, a commit can't.
var pinned = regexp.MustCompile(`^[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)

var uses = regexp.MustCompile(`(?m)^\s*(?:- )?uses:\s*(.+?)\s*$`)

func TestActionsArePinned(t *testing.T) {
	t.Parallel()
	for _, file := range workflows(t) {
		name := filepath.Join(".github", "workflows", filepath.Base(file))
		for _, match := range uses.FindAllStringSubmatch(read(t, name), -1) {
			if action := match[1]; !strings.HasPrefix(action, "./") && !pinned.MatchString(action) {
				t.Errorf("%s uses %q; write owner/name@<commit> # v<version>", name, action)
			}
		}
	}
}

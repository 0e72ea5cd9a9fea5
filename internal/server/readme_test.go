package server

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the table of variables into README.md")

// TestReadmeListsTheVariables holds the README's table to what the server reads.
// `go test ./internal/server -run Readme -update` writes it anew.
func TestReadmeListsTheVariables(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../README.md", "<!-- server variables: begin -->\n", "<!-- server variables: end -->"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	above, rest, ok := strings.Cut(string(raw), begin)
	table, below, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("README.md has no place for the table, between %q and %q", begin, end)
	}
	var want strings.Builder
	want.WriteString("| variable | default | meaning |\n|---|---|---|\n")
	for _, v := range Variables() {
		value := ""
		if v.Default != "" {
			value = "`" + v.Default + "`"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", v.Name, value, v.Meaning)
	}
	if table == want.String() {
		return
	}
	if !*update {
		t.Fatalf("README.md's table of variables is not what the server reads; write it with -update. Want:\n%s", want.String())
	}
	if err := os.WriteFile(path, []byte(above+begin+want.String()+end+below), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestOperationsExplainsTheKnobs holds docs/operations.md to the variables that are a time or a number: each says what it does.
func TestOperationsExplainsTheKnobs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, knobs, _ := strings.Cut(string(page), "## The knobs\n")
	knobs, _, _ = strings.Cut(knobs, "\n## ")
	for field := range fields() {
		if kind := field.Type.Kind(); kind != reflect.Int && field.Type != reflect.TypeFor[time.Duration]() {
			continue
		}
		if name := "`" + field.Tag.Get("env") + "`"; !strings.Contains(knobs, name) {
			t.Errorf("docs/operations.md does not say what %s is turned for", name)
		}
	}
}

package faults

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestPageShowsTheTable holds docs/faults.md to the table of kinds.
func TestPageShowsTheTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/faults.md")
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, k := range Kinds() {
		fmt.Fprintf(&table, "| `%s` | %s | %s | `%s` |\n", k.Kind, k.Place, k.Does, strings.Join(k.Fields, "` `"))
	}
	if !strings.Contains(string(page), table.String()) {
		t.Errorf("docs/faults.md does not hold this table:\n%s", &table)
	}
}

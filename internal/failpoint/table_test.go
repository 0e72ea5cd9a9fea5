package failpoint_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestTableIsTheCode holds docs/failpoints.md to the failpoints that there are: each has one place, and a row.
func TestTableIsTheCode(t *testing.T) {
	t.Parallel()
	const root = "../.."
	call := regexp.MustCompile(`failpoint\.Here\(("?)([^")]*)"?\)`)
	var inCode []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, found := range call.FindAllStringSubmatch(string(text), -1) {
			if found[1] == "" {
				t.Errorf("%s: %s names its failpoint by a variable; write it out", path, found[0])
			}
			inCode = append(inCode, found[2])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "failpoints.md"))
	if err != nil {
		t.Fatal(err)
	}
	var inTable []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` (\\| [^|]+ ){3}\\|$").FindAllSubmatch(page, -1) {
		inTable = append(inTable, string(row[1]))
	}
	slices.Sort(inCode)
	slices.Sort(inTable)
	if len(inCode) == 0 || !slices.Equal(inCode, inTable) {
		t.Errorf("docs/failpoints.md lists\n%q, the code has\n%q", inTable, inCode)
	}
}

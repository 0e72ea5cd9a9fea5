package house

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	title = regexp.MustCompile(`^# (\d{4}\b.*)\n`)
	link  = regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`)
)

// TestDecisions: each decision has a number of its own, and their list names all of them, in order and by their titles.
func TestDecisions(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join(root(t), "docs/adr/[0-9]*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d decisions, %v", len(files), err)
	}
	var want []string
	for i, file := range files {
		name := filepath.Base(file)
		if number := fmt.Sprintf("%04d-", i+1); !strings.HasPrefix(name, number) {
			t.Errorf("%s stands where %s… is to stand: numbers are given once, and none is left out", name, number)
		}
		head := title.FindStringSubmatch(read(t, "docs/adr/"+name))
		if head == nil || !strings.HasPrefix(head[1], name[:4]) {
			t.Errorf("the first line of %s is not its number and title: %q", name, head)
			continue
		}
		want = append(want, fmt.Sprintf("- [%s](%s)", head[1], name))
	}
	var got []string
	for line := range strings.Lines(read(t, "docs/adr/README.md")) {
		if strings.HasPrefix(line, "- [") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("docs/adr/README.md lists\n%s\nand there are\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestLinks: what a page links to in this repository is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		pages, err := filepath.Glob(filepath.Join(root(t), pattern))
		if err != nil || len(pages) == 0 {
			t.Fatalf("%s: %d pages, %v", pattern, len(pages), err)
		}
		for _, page := range pages {
			name, err := filepath.Rel(root(t), page)
			if err != nil {
				t.Fatal(err)
			}
			for _, to := range link.FindAllStringSubmatch(read(t, name), -1) {
				if strings.Contains(to[1], "://") {
					continue
				}
				if _, err := os.Stat(filepath.Join(filepath.Dir(page), to[1])); err != nil {
					t.Errorf("%s links to %s: %v", name, to[1], err)
				}
			}
		}
	}
}

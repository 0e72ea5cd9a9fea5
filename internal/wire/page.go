package wire

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Page is where the operations that the product uses are listed, from the repository's root.
const Page = "docs/github-operations.md"

// row is the first cell of the page's table of operations.
var row = regexp.MustCompile("(?m)^\\| \\[`([a-z-]+/[a-z-]+)`\\]")

// Listed returns the ids of the operations that the page lists, sorted.
func Listed() ([]string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	for ; folder != filepath.Dir(folder); folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(Page)))
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, found := range row.FindAllStringSubmatch(string(text), -1) {
		ids = append(ids, found[1])
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return nil, errors.New(Page + " lists no operations")
	}
	return ids, nil
}

var listed = sync.OnceValues(Listed)

// agents are the user agents of the product; its requests for tokens of GitHub Apps bear none of its own.
const agents = "githubjobs"

// unlisted says that the product uses an operation that the page does not list.
func unlisted(operation, userAgent string) []string {
	ids, err := listed()
	switch {
	case err != nil:
		return []string{err.Error()}
	case strings.HasPrefix(userAgent, agents) && operation != "" && !slices.Contains(ids, operation):
		return []string{fmt.Sprintf("%s uses an operation that %s does not list: add a row to it", userAgent, Page)}
	}
	return nil
}

var (
	usedMu sync.Mutex
	used   = map[string]bool{}
)

func use(operation, userAgent string) {
	if strings.HasPrefix(userAgent, agents) || strings.HasPrefix(userAgent, "Go-http-client") {
		usedMu.Lock()
		defer usedMu.Unlock()
		used[operation] = true
	}
}

// Unused returns the operations that the page lists and that no recorder of this process has seen used by the product.
// It returns none where GitHub's description cannot be had: recorders see nothing then.
func Unused() ([]string, error) {
	ids, err := Listed()
	if err != nil || shared == nil {
		return nil, err
	}
	usedMu.Lock()
	defer usedMu.Unlock()
	return slices.DeleteFunc(ids, func(id string) bool { return used[id] }), nil
}

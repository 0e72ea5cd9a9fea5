package require

import (
	"errors"
	"fmt"
	"os/exec"
	"sync"
	"testing"
)

// chromiumNames are the commands under which distributions install the browser, best first.
var chromiumNames = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"}

// Chromium returns the path of a browser that chromedp can drive.
func Chromium(t testing.TB) (path string) {
	t.Helper()
	Uncached(t)
	path, err := findChromium()
	if err != nil {
		missing(t, chromium, err)
	}
	return path
}

var findChromium = sync.OnceValues(func() (string, error) {
	for _, name := range chromiumNames {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		if err := answer(path, "--version"); err != nil {
			return "", fmt.Errorf("the browser does not start: %w", err)
		}
		return path, nil
	}
	return "", errors.New("no chromium command is in PATH; install Chromium")
})

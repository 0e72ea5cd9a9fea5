// Package require lets a test ask for a real program that not every machine has: a Docker engine with the agent's
// image, a PostgreSQL server, a Chromium, npm, root. Where it is missing the test is skipped, and `make test` lists what was
// skipped and why. With REQUIRE=docker,postgres (any of the suites, separated by commas) a missing one fails instead,
// so that a machine that is meant to run everything can't pass by skipping.
//
// Only tests import it; it imports nothing of this module.
package require

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// A suite names something that tests can require.
const (
	docker   = "docker"
	postgres = "postgres"
	chromium = "chromium"
	npm      = "npm"
	root     = "root"
)

// Suites lists the names that REQUIRE knows.
var Suites = []string{chromium, docker, npm, postgres, root}

// runEnv names a folder that `make test` makes for each run. Skipped tests are noted in its file "skipped".
const runEnv = "GITHUBJOBS_TEST_RUN"

// Uncached keeps `make test` from answering the test from the go command's cache. Tests call it whose outcome hangs on
// what that command can't see: the state of the machine, or a program that the test builds. (The command notes which
// variables a test reads, and this one's value differs from run to run.)
func Uncached(t testing.TB) {
	t.Helper()
	os.Getenv(runEnv)
}

// parse reads the value of REQUIRE. An unknown name is an error: a misspelt one would require nothing.
func parse(value string) (map[string]bool, error) {
	required := make(map[string]bool)
	for _, name := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(Suites, name) {
			return nil, fmt.Errorf("REQUIRE names an unknown suite %q; it knows %s", name, strings.Join(Suites, ", "))
		}
		required[name] = true
	}
	return required, nil
}

// missing ends the test: skipped, or failed where REQUIRE names the suite.
func missing(t testing.TB, suite string, why error) {
	t.Helper()
	t.Skip(without(t, suite, why))
}

// without fails the test where REQUIRE names the suite; else it notes what the test does without, and returns it.
func without(t testing.TB, suite string, why error) (line string) {
	t.Helper()
	required, err := parse(os.Getenv("REQUIRE"))
	if err != nil {
		t.Fatal(err)
	}
	if required[suite] {
		t.Fatalf("REQUIRE names %s, which is missing: %v", suite, why)
	}
	line = fmt.Sprintf("SKIPPED SUITE %s: %v", suite, why)
	if err := note(os.Getenv(runEnv), line, t.Name(), caller()); err != nil {
		t.Fatalf("note the skipped test: %v", err)
	}
	return line
}

// note adds one line to the run's file, if there is a run: what was skipped, a tab, and the test. A short write to a
// file opened for appending is atomic, so that test processes can share the file.
func note(run, line, test, source string) error {
	if run == "" {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(run, "skipped"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%s\t%s %s\n", strings.ReplaceAll(line, "\n", " "), source, test)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// caller names the package folder of the test that asked.
func caller() string {
	var here string
	for skip := 1; ; skip++ {
		_, file, _, ok := runtime.Caller(skip)
		if !ok {
			return "?"
		}
		folder := filepath.Base(filepath.Dir(file))
		if here == "" {
			here = folder
		}
		if folder != here || strings.HasSuffix(file, "_test.go") {
			return folder
		}
	}
}

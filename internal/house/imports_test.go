package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// dependencies are the packages of this module, below its root, and all that each depends on, but for Sigstore's libraries,
// which depend on package testing.
func dependencies(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-tags", "nosigstore", "-json=ImportPath,Deps", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	packages := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Deps       []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages[strings.TrimPrefix(p.ImportPath, module+"/")] = p.Deps
	}
}

// below says whether a package is one of the folders, or in one of them.
func below(pkg string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(f string) bool { return pkg == f || strings.HasPrefix(pkg, f+"/") })
}

// TestImportDirections holds the directions that docs/architecture.md names. A rule says what the packages of a folder may
// reach of this module besides that folder, directly or not.
func TestImportDirections(t *testing.T) {
	t.Parallel()
	packages := dependencies(t)
	server := []string{"internal/failpoint", "internal/server", "internal/api", "internal/batch", "internal/choice", "internal/webhook", "internal/dispatch", "internal/control", "internal/gatekeeper", "internal/hold", "internal/live", "internal/notary", "internal/reconcile", "internal/schedule", "internal/store", "internal/sweep", "internal/keep"}
	for _, rule := range []struct {
		folder string
		except []string // folders below it, which have rules of their own and which it must not reach
		may    []string
	}{
		{"githubjobs", []string{"githubjobs/gate", "githubjobs/hub", "githubjobs/markdown", "githubjobs/policy", "githubjobs/pulltext"}, nil},
		{"githubjobs/markdown", nil, nil},
		{"githubjobs/policy", nil, nil},
		{"githubjobs/hub", []string{"githubjobs/gate", "githubjobs/markdown", "githubjobs/pulltext"}, []string{"githubjobs"}},
		{"githubjobs/pulltext", []string{"githubjobs/gate", "githubjobs/hub"}, []string{"githubjobs"}},
		{"githubjobs/gate", nil, []string{"githubjobs"}},
		{"internal/failpoint", nil, nil},
		{"internal/choice", nil, []string{"githubjobs"}},
		{"internal/store", nil, []string{"githubjobs", "internal/failpoint"}},
		{"internal/schedule", nil, []string{"githubjobs", "internal/store", "internal/failpoint"}},
		{"internal/batch", nil, []string{"githubjobs", "internal/store", "internal/failpoint"}},
		{"internal/notary", nil, []string{"githubjobs", "internal/store", "internal/failpoint"}},
		{"internal/live", nil, []string{"githubjobs", "internal/store", "internal/failpoint"}},
		{"internal/agent", []string{"internal/agent/agenthub"}, []string{"githubjobs"}},
		{"internal/localhub", nil, nil},
		{"internal/wire", nil, []string{"internal/require"}},
		{"internal/server", nil, append(server, "githubjobs")},
		{"cmd/server", nil, append(server, "githubjobs")},
		{"cmd/agent", nil, []string{"githubjobs", "internal/agent"}},
	} {
		guarded := 0
		for name, deps := range packages {
			if !below(name, rule.folder) || below(name, rule.except...) {
				continue
			}
			guarded++
			for _, dep := range deps {
				dep, ours := strings.CutPrefix(dep, module+"/")
				if ours && (!below(dep, append(rule.may, rule.folder)...) || below(dep, rule.except...)) {
					t.Errorf("%s must not depend on %s", name, dep)
				}
			}
		}
		if guarded == 0 {
			t.Errorf("there is no package in %s: the rule guards nothing", rule.folder)
		}
	}
}

// forTests are the packages that are there for tests alone.
var forTests = []string{"internal/agent/agenthub", "internal/agent/agenttest", "internal/agent/attesttest", "internal/agent/modeltest", "internal/api/apitest", "internal/e2e", "internal/hostile", "internal/house", "internal/load", "internal/localhub/hubtest", "internal/require", "internal/store/seed", "internal/store/storetest", "internal/wire"}

// TestHelpersOfTestsStayInTests: nothing but tests (whose imports are no dependencies) reaches what is there for tests, nor the
// libraries that only tests need; and every other package is part of a program or of the library.
func TestHelpersOfTestsStayInTests(t *testing.T) {
	t.Parallel()
	packages := dependencies(t)
	libraries := []string{"testing", "net/http/httptest", "github.com/santhosh-tekuri/jsonschema", "github.com/chromedp/chromedp", "pgregory.net/rapid"}
	used := map[string]bool{} // by a program
	for name, deps := range packages {
		if slices.Contains(forTests, name) {
			continue
		}
		used[name] = used[name] || !below(name, "internal")
		for _, dep := range deps {
			dep, ours := strings.CutPrefix(dep, module+"/")
			if ours && slices.Contains(forTests, dep) || !ours && below(dep, libraries...) {
				t.Errorf("%s must not depend on %s, which is there for tests", name, dep)
			}
			used[dep] = used[dep] || ours && below(name, "cmd")
		}
	}
	for name := range packages {
		if !used[name] && !slices.Contains(forTests, name) {
			t.Errorf("no program is made of %s: if it is there for tests, say so in forTests", name)
		}
	}
	for _, name := range forTests {
		if _, there := packages[name]; !there {
			t.Errorf("there is no package %s any more: take it off forTests", name)
		}
	}
}

// TestModelNeedsNoLibrary: who uses the model takes no dependency with it.
func TestModelNeedsNoLibrary(t *testing.T) {
	t.Parallel()
	for _, dep := range dependencies(t)["githubjobs"] {
		if first, _, _ := strings.Cut(dep, "/"); strings.Contains(first, ".") {
			t.Errorf("githubjobs depends on %s", dep)
		}
	}
}

// TestImagesAreWithoutSigstore: the agent of the images has no part of it, and that of a
// release has.
func TestImagesAreWithoutSigstore(t *testing.T) {
	t.Parallel()
	if !strings.Contains(read(t, "Dockerfile"), "go build -trimpath -tags nosigstore ") || strings.Contains(read(t, "scripts/release.sh"), "nosigstore") {
		t.Error("the images' agent is to be built with the tag nosigstore, and that of a release without")
	}
	for tag, want := range map[string]bool{"": true, "nosigstore": false} {
		out, err := exec.Command("go", "list", "-deps", "-tags", tag, module+"/cmd/agent").Output()
		if err != nil {
			t.Fatal(err)
		}
		if has := strings.Contains(string(out), "github.com/sigstore/"); has != want {
			t.Errorf("with the tag %q the agent has Sigstore: %v, want %v", tag, has, want)
		}
	}
}

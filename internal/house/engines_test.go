package house

import (
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs/engine"
)

// The image installs what the table of engines names, and the page about them says so.
func TestEnginesAreInstalledAndTold(t *testing.T) {
	t.Parallel()
	dockerfile, page := read(t, "Dockerfile"), read(t, "docs/engines.md")
	if !strings.Contains(dockerfile, "COPY githubjobs/engine/npm/package.json ./") {
		t.Error("the Dockerfile does not install the packages of githubjobs/engine/npm/package.json")
	}
	for _, e := range engine.All() {
		if e.Package != "" && !strings.Contains(dockerfile, ".bin/"+e.Program+" --version") {
			t.Errorf("the Dockerfile does not try %s", e.Program)
		}
		if !strings.Contains(page, "`"+e.Name+"`") || !strings.Contains(page, strings.TrimSpace("`"+e.Package+"` "+e.Version())) && e.Package != "" {
			t.Errorf("docs/engines.md does not tell %s %s %s", e.Name, e.Package, e.Version())
		}
		for _, p := range e.Providers {
			for _, key := range p.Keys {
				if !strings.Contains(page, "`AGENT_"+key+"`") {
					t.Errorf("docs/engines.md does not tell AGENT_%s", key)
				}
			}
		}
	}
}

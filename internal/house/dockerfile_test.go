package house

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/githubjobs/githubjobs"

// copied returns, for each stage of a Dockerfile, the folders that it copies from the source tree.
func copied(dockerfile string) map[string][]string {
	stages := make(map[string][]string)
	var stage string
	for line := range strings.Lines(dockerfile) {
		words := strings.Fields(line)
		switch {
		case len(words) == 4 && words[0] == "FROM":
			stage = words[3]
		case len(words) == 3 && words[0] == "COPY":
			stages[stage] = append(stages[stage], words[1])
		}
	}
	return stages
}

// needed returns the folders of this module from which a program is compiled.
func needed(t *testing.T, program string) []string {
	t.Helper()
	var folders []string
	for _, path := range goList(t, "-deps", "./cmd/"+program) {
		if path == module {
			folders = append(folders, ".")
		} else if folder, ours := strings.CutPrefix(path, module+"/"); ours {
			folders = append(folders, folder)
		}
	}
	return folders
}

func within(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}

// A folder that a program imports and its stage does not copy breaks the image; one that it copies in vain makes the
// image rebuild for nothing.
func TestDockerfileCopiesWhatIsCompiled(t *testing.T) {
	t.Parallel()
	stages := copied(read(t, "Dockerfile"))
	for _, program := range []string{"agent", "server"} {
		sources := stages[program+"-build"]
		wanted := needed(t, program)
		if len(sources) == 0 || len(wanted) == 0 {
			t.Fatalf("%s: copies %v, needs %v; have stages %v", program, sources, wanted, slices.Sorted(maps.Keys(stages)))
		}
		for _, folder := range wanted {
			if !slices.ContainsFunc(sources, func(s string) bool { return within(folder, s) }) {
				t.Errorf("stage %s-build does not copy %s", program, folder)
			}
		}
		for _, source := range sources {
			if !slices.ContainsFunc(wanted, func(f string) bool { return within(f, source) }) {
				t.Errorf("stage %s-build copies %s in vain", program, source)
			}
		}
	}
}

// What the Dockerfile compiles beforehand saves time only if the program is made of it.
func TestDockerfileWarmsWhatIsCompiled(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"agent", "server"} {
		_, after, found := strings.Cut(read(t, "Dockerfile"), "ARG WARM_"+strings.ToUpper(program)+`="`)
		list, _, closed := strings.Cut(after, `"`)
		if !found || !closed {
			t.Fatalf("the Dockerfile has no WARM_%s", strings.ToUpper(program))
		}
		deps := goList(t, "-deps", "./cmd/"+program)
		for _, path := range strings.Fields(list) {
			if !slices.Contains(deps, path) {
				t.Errorf("WARM_%s names %s, which cmd/%s does not import", strings.ToUpper(program), path, program)
			}
		}
	}
}

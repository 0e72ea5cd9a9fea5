// Package engine knows the coding agents that do jobs of kind prompt: what each is
// called, how it is started without a person, which keys and providers it has, and in
// which format it tells what it does. All of that is data, in engines.json; the versions
// that the agent's image has are those of npm/package.json.
//
// The package imports githubjobs and the standard library. Server and agent share it.
package engine

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"text/template"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Output names the format in which an engine tells what it does.
type Output string

// The formats; the last is that of programs which just write text.
const (
	OutputClaude   Output = "claude"   // claude --output-format stream-json
	OutputCodex    Output = "codex"    // codex exec --json
	OutputGemini   Output = "gemini"   // gemini --output-format stream-json
	OutputOpencode Output = "opencode" // opencode run --format json
	OutputText     Output = "text"
)

// Outputs lists every format.
func Outputs() []Output {
	return []Output{OutputClaude, OutputCodex, OutputGemini, OutputOpencode, OutputText}
}

// Default is the engine where nobody chooses one.
const Default = "claude-code"

// Engine is one coding agent. It gets the job's text by its standard input.
type Engine struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Package is the one of npm that holds it; empty for a program of the caller's.
	Package string `json:"npm"`
	Program string `json:"program"` // found in PATH
	// Args, the values of Environ and those of Files are templates over Settings; an argument
	// or a variable that comes to nothing is left out. Files are named from the home folder.
	Args    []string          `json:"args"`
	Environ map[string]string `json:"environ"`
	Files   map[string]string `json:"files"`
	// Providers are whose APIs it speaks, the default first; none for an engine that needs no key.
	Providers []Provider `json:"providers"`
	Output    Output     `json:"output"`
}

// Provider is one whose API an engine speaks.
type Provider struct {
	Name string `json:"name"`
	// Keys are the variables of which one must hold a key; the first that does is used.
	Keys []string `json:"keys"`
	// Address is where its own API is, and where an engine goes that is given no other; empty
	// for whoever is compatible.
	Address string `json:"address"`
	// Needs are the settings that must be given with it.
	Needs []string `json:"needs"`
}

// Settings is what the templates of an engine are over.
type Settings struct {
	githubjobs.PromptConfig
	Key, KeyValue string // the variable that holds the key, and what it holds
	Home          string
}

//go:embed engines.json
var document []byte

//go:embed npm/package.json
var manifest []byte

var engines = mustParse(document)

func mustParse(document []byte) (list []Engine) {
	d := json.NewDecoder(strings.NewReader(string(document)))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		panic(fmt.Sprintf("engines.json: %v", err))
	}
	return list
}

// All lists every engine, the default first.
func All() []Engine { return slices.Clone(engines) }

// Names lists the names of all engines.
func Names() (names []string) {
	for _, e := range engines {
		names = append(names, e.Name)
	}
	return names
}

// Keys lists the variables of all engines that hold keys, sorted.
func Keys() (keys []string) {
	for _, e := range engines {
		for _, p := range e.Providers {
			keys = append(keys, p.Keys...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// Find returns the engine of a name.
func Find(name string) (Engine, bool) {
	i := slices.IndexFunc(engines, func(e Engine) bool { return e.Name == name })
	if i < 0 {
		return Engine{}, false
	}
	return engines[i], true
}

// Version is that of the engine in the agent's image; empty where there is none.
func (e Engine) Version() string {
	var m struct{ Dependencies map[string]string }
	if err := json.Unmarshal(manifest, &m); err != nil {
		panic(fmt.Sprintf("npm/package.json: %v", err))
	}
	return m.Dependencies[e.Package]
}

// Provider returns the provider of a name; the engine's first for none.
func (e Engine) Provider(name string) (Provider, bool) {
	for _, p := range e.Providers {
		if p.Name == name || name == "" {
			return p, true
		}
	}
	return Provider{}, false
}

// Invocation is how an engine is started.
type Invocation struct {
	Program string
	Args    []string
	Environ []string          // to be added to the environment
	Files   map[string]string // contents by name, from the home folder
}

// Invoke says how the engine is started with these settings.
func (e Engine) Invoke(s Settings) (in Invocation, err error) {
	in = Invocation{Program: e.Program, Files: map[string]string{}}
	for _, arg := range e.Args {
		text, err := fill(arg, s)
		if err != nil {
			return in, fmt.Errorf("argument %s of %s: %w", arg, e.Name, err)
		}
		if text != "" {
			in.Args = append(in.Args, text)
		}
	}
	for name, value := range e.Environ {
		text, err := fill(value, s)
		if err != nil {
			return in, fmt.Errorf("variable %s of %s: %w", name, e.Name, err)
		}
		if text != "" {
			in.Environ = append(in.Environ, name+"="+text)
		}
	}
	slices.Sort(in.Environ)
	for name, content := range e.Files {
		if in.Files[name], err = fill(content, s); err != nil {
			return in, fmt.Errorf("file %s of %s: %w", name, e.Name, err)
		}
	}
	return in, nil
}

func fill(text string, s Settings) (string, error) {
	t, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, s)
	return b.String(), err
}

// Package policy decides what may be merged: a repository's own rules, read from
// .githubjobs.yml on the branch that is merged into, and the verdict of these
// rules on one pull request at one head commit. It also finds the schedules of the file.
//
// The package is pure: it decides over what it is given. It imports the standard
// library, doublestar, yaml and x/text.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"gopkg.in/yaml.v3"
)

// Path is where the policy stands in a repository.
const Path = ".githubjobs.yml"

// Method is how a pull request is merged, in the words of GitHub's API.
type Method string

// GitHub's merge methods.
const (
	Squash Method = "squash"
	Merge  Method = "merge"
	Rebase Method = "rebase"
)

// Methods lists every method, the default first.
func Methods() []Method { return []Method{Squash, Merge, Rebase} }

// Policy is what a repository allows to be merged without a person.
type Policy struct {
	Merge MergeRules `yaml:"merge"`
	Undo  UndoRules  `yaml:"undo"`
	// Secrets are those that jobs may have.
	Secrets SecretRules `yaml:"secrets"`
	// Prompt is for the jobs of kind prompt.
	Prompt PromptRules `yaml:"prompt"`
	// Schedules are for the server, which judges them apart; see the function Schedules.
	Schedules rawNode `yaml:"schedules"`
}

// MergeRules are the rules of the merge gate. The zero value merges nothing.
type MergeRules struct {
	// Enabled is off by default: a repository that says nothing merges nothing.
	Enabled bool `yaml:"enabled"`
	// Method defaults to squash.
	Method Method `yaml:"method"`
	// Paths are doublestar globs. Every changed path must match one of Allow and
	// none of Deny; `*` does not cross a '/', `**` does. An empty Allow allows nothing.
	// `folder/**` allows what is in the folder, not a file in its place.
	// The policy itself and .github/** are never allowed, whatever the globs say.
	Paths PathRules `yaml:"paths"`
	// MaxFiles bounds the number of changed files; 0 sets no bound of its own.
	MaxFiles int `yaml:"max_files"`
	// MaxBytes bounds the size of the changed files as they are after the change; 0 sets
	// no bound.
	MaxBytes Size `yaml:"max_bytes"`
	// RequiredChecks must have passed on the head. None are required by default: on what
	// a workflow pushes with its own token, GitHub starts none.
	RequiredChecks RequiredChecks `yaml:"required_checks"`
	// RequiredApprovals is how many people with write access must have approved the head,
	// of whom each one's latest review counts, and nobody with write access may request
	// changes. 0 asks for no review. OlderApprovals lets those of an earlier head count.
	RequiredApprovals int  `yaml:"required_approvals"`
	OlderApprovals    bool `yaml:"older_approvals"`
	// UpToDate asks for a head that has all commits of the base.
	UpToDate bool `yaml:"up_to_date"`
	// HoldLabels keep a pull request from being merged while it has one of them. Where the
	// file names none, Parse sets DefaultHoldLabels; an empty list is none.
	HoldLabels []string `yaml:"hold_labels"`
	// Windows are when merges may happen: in any of them. Without one, always.
	Windows []Window `yaml:"windows"`
}

// PathRules are globs over whole paths, relative to the root of the repository.
type PathRules struct {
	Allow []string `yaml:"allow"`
	Deny  []string `yaml:"deny"`
}

// Parse reads a policy. An empty document is the zero policy, which merges
// nothing. A key that is not known, a value of the wrong type and a malformed
// glob are errors: a rule that is misspelt must not be a rule that is absent.
func Parse(document []byte) (Policy, error) {
	var p Policy
	d := yaml.NewDecoder(bytes.NewReader(document))
	d.KnownFields(true)
	if err := d.Decode(&p); err != nil && !errors.Is(err, io.EOF) {
		return Policy{}, fmt.Errorf("%s: %s", Path, inWords(err))
	}
	if err := d.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return Policy{}, fmt.Errorf("%s: must be a single YAML document", Path)
	}
	if p.Merge.Method == "" {
		p.Merge.Method = Squash
	}
	if p.Merge.HoldLabels == nil {
		p.Merge.HoldLabels = DefaultHoldLabels()
	}
	if err := p.validate(); err != nil {
		return Policy{}, fmt.Errorf("%s: %w", Path, err)
	}
	return p, nil
}

func (p Policy) validate() error {
	var errs []error
	m := p.Merge
	if !slices.Contains(Methods(), m.Method) {
		errs = append(errs, fmt.Errorf("merge.method %q is unknown; use squash, merge or rebase", string(m.Method)))
	}
	if m.MaxFiles < 0 {
		errs = append(errs, fmt.Errorf("merge.max_files %d must not be negative", m.MaxFiles))
	}
	if m.RequiredApprovals < 0 || m.RequiredApprovals > maxApprovals {
		errs = append(errs, fmt.Errorf("merge.required_approvals %d is not between 0 and %d", m.RequiredApprovals, maxApprovals))
	}
	if m.OlderApprovals && m.RequiredApprovals == 0 {
		errs = append(errs, errors.New("merge.older_approvals says nothing without merge.required_approvals"))
	}
	errs = append(errs, validateHold(m.HoldLabels), validateWindows(m.Windows))
	for _, list := range []struct {
		key   string
		globs []string
	}{{"allow", m.Paths.Allow}, {"deny", m.Paths.Deny}} {
		for _, g := range list.globs {
			errs = append(errs, validateGlob("merge.paths."+list.key, g))
		}
	}
	return errors.Join(slices.Concat(errs, p.Secrets.validate("secrets.allow"), p.Prompt.validate())...)
}

func validateGlob(key, glob string) error {
	switch {
	case glob == "" || !doublestar.ValidatePattern(glob):
		return fmt.Errorf("%s: %q is not a valid glob", key, glob)
	case strings.HasPrefix(glob, "/") || strings.HasPrefix(glob, "./") || strings.HasSuffix(glob, "/"):
		return fmt.Errorf("%s: %q can match no path; write it from the root of the repository without a leading '/' or './', and a folder as %q", key, glob, strings.Trim(strings.TrimPrefix(glob, "."), "/")+"/**")
	}
	return nil
}

package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// OwnCheck is the check run in which the gate itself gives its verdict. It never counts
// among the checks of a head.
const OwnCheck = "githubjobs/merge"

// AnySource stands for whoever may write checks or statuses.
const AnySource = "any"

// RequiredChecks are what must have passed on the head. The zero value asks for none.
type RequiredChecks struct {
	// All asks for every check and status that there is on the head, and for one at least.
	All  bool
	List []RequiredCheck
}

// RequiredCheck is a check run of an App, or a commit status of its creator. What has
// the name and comes from somebody else does not count.
type RequiredCheck struct {
	Name    string
	App     string // slug or id of the App that makes the check run, or AnySource
	Creator string // login of whoever sets the commit status, or AnySource
	// Conclusions are those of a check run that pass; success where none is named.
	Conclusions []string
}

// passing are the conclusions that may be taken for a pass: a policy can't make a
// failure pass.
var passing = []string{"success", "neutral", "skipped"}

const (
	allChecks = "all"
	maxChecks = 50
)

// UnmarshalYAML implements yaml.Unmarshaler: the word all, or a list.
func (r *RequiredChecks) UnmarshalYAML(value *yaml.Node) error {
	if value.Kind == yaml.ScalarNode && value.Value == allChecks {
		r.All = true
		return nil
	}
	if value.Kind != yaml.SequenceNode {
		return fmt.Errorf("line %d: required_checks must be a list of checks, each with name and app or creator; or the word all", value.Line)
	}
	if len(value.Content) > maxChecks {
		return fmt.Errorf("line %d: required_checks names %d checks; at most %d are taken", value.Line, len(value.Content), maxChecks)
	}
	for _, item := range value.Content {
		var check RequiredCheck
		if err := check.read(item); err != nil {
			return err
		}
		r.List = append(r.List, check)
	}
	return nil
}

func (c *RequiredCheck) read(value *yaml.Node) error {
	if value.Kind == yaml.AliasNode {
		value = value.Alias
	}
	if value.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: %q is no check; write {name: test, app: github-actions}, or {name: ci/build, creator: build-bot} for a commit status", value.Line, value.Value)
	}
	keys := map[string]any{"name": &c.Name, "app": &c.App, "creator": &c.Creator, "conclusions": &c.Conclusions}
	if err := readMapping(value, keys); err != nil {
		return err
	}
	return c.validate(value.Line)
}

// readMapping decodes the values of a mapping by their keys, strictly.
func readMapping(value *yaml.Node, into map[string]any) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(value.Content); i += 2 {
		key, item := value.Content[i], value.Content[i+1]
		to, known := into[key.Value]
		switch {
		case !known:
			return fmt.Errorf("line %d: %s is not a setting", key.Line, key.Value)
		case seen[key.Value]:
			return fmt.Errorf("line %d: %s is there twice", key.Line, key.Value)
		}
		seen[key.Value] = true
		if err := item.Decode(to); err != nil {
			return err
		}
	}
	return nil
}

func (c *RequiredCheck) validate(line int) error {
	c.App, c.Creator = strings.ToLower(c.App), strings.ToLower(c.Creator)
	switch {
	case strings.TrimSpace(c.Name) == "":
		return fmt.Errorf("line %d: a check of required_checks has no name", line)
	case c.Name == OwnCheck:
		return fmt.Errorf("line %d: %s is the check of the merge gate itself, which would wait for itself; leave it out", line, c.Name)
	case c.App == "" && c.Creator == "":
		return fmt.Errorf("line %d: say who makes the check %q: app: github-actions (the slug or id of a GitHub App) for a check run, creator: a login for a commit status; any takes it from whoever may write one", line, c.Name)
	case c.App != "" && c.Creator != "":
		return fmt.Errorf("line %d: the check %q has app and creator; a check run is made by an app, a commit status by its creator: name one", line, c.Name)
	case c.Creator != "" && c.Conclusions != nil:
		return fmt.Errorf("line %d: the commit status %q has no conclusions; it passes with success alone", line, c.Name)
	case c.Conclusions != nil && len(c.Conclusions) == 0:
		return fmt.Errorf("line %d: the conclusions of %q are empty, so that it could never pass; leave the key out for success alone", line, c.Name)
	}
	for _, conclusion := range c.Conclusions {
		if !slices.Contains(passing, conclusion) {
			return fmt.Errorf("line %d: the conclusion %q does not pass; use %s", line, conclusion, strings.Join(passing, ", "))
		}
	}
	return nil
}

// None says that nothing is required of the head.
func (r RequiredChecks) None() bool { return !r.All && len(r.List) == 0 }

// Runs says that check runs have to be known, Statuses that commit statuses have to be.
func (r RequiredChecks) Runs() bool {
	return r.All || slices.ContainsFunc(r.List, func(c RequiredCheck) bool { return c.App != "" })
}

// Statuses see Runs.
func (r RequiredChecks) Statuses() bool {
	return r.All || slices.ContainsFunc(r.List, func(c RequiredCheck) bool { return c.Creator != "" })
}

// Check is a check run, or a commit status, on the head.
type Check struct {
	ID      int64 // the newer one has the higher
	Name    string
	Status  bool   // it is a commit status
	App     string // slug, and AppID id, of the App that made a check run
	AppID   int64
	Creator string // login of whoever set a commit status
	// Outcome is a check run's conclusion or a commit status' state; empty while it is
	// under way.
	Outcome string
}

func (c RequiredCheck) matches(check Check) bool {
	switch {
	case check.Name != c.Name || check.Status != (c.Creator != ""):
		return false
	case check.Status:
		return c.Creator == AnySource || strings.EqualFold(c.Creator, check.Creator)
	}
	return c.App == AnySource || check.App != "" && strings.EqualFold(c.App, check.App) || check.AppID != 0 && c.App == strconv.FormatInt(check.AppID, 10)
}

func (c RequiredCheck) passes(outcome string) bool {
	return outcome == "success" || slices.Contains(c.Conclusions, outcome) && slices.Contains(passing, outcome)
}

func (c RequiredCheck) String() string {
	switch source := c.App + c.Creator; source {
	case AnySource:
		return strconv.Quote(c.Name)
	default:
		return strconv.Quote(c.Name) + " of " + source
	}
}

func (r RequiredChecks) judge(v View) Finding {
	switch {
	case r.None():
		return judge(RuleChecks, true, "")
	case !v.ChecksKnown:
		return v.unknown(RuleChecks, "not all checks on the head are known")
	}
	checks := current(v.Checks)
	if r.All {
		return judgeAll(checks)
	}
	var failed, pending []string
	for _, want := range r.List {
		bad, open := want.judge(checks)
		failed, pending = append(failed, bad...), append(pending, open...)
	}
	return checksFinding(failed, pending)
}

// judge tells what keeps one required check from being passed: all that have its name
// and source must have passed, and one at least must be there.
func (c RequiredCheck) judge(checks []Check) (failed, pending []string) {
	found := false
	for _, check := range checks {
		switch {
		case !c.matches(check):
			continue
		case check.Outcome == "":
			pending = append(pending, c.String()+" has not ended")
		case !c.passes(check.Outcome):
			failed = append(failed, fmt.Sprintf("%s ended with %s", c, check.Outcome))
		}
		found = true
	}
	if !found {
		pending = append(pending, c.String()+" has not reported")
	}
	return failed, pending
}

// judgeAll asks for one success, and for nothing that is under way or has failed.
func judgeAll(checks []Check) Finding {
	var failed, pending []string
	success := false
	for _, check := range checks {
		switch {
		case check.Outcome == "":
			pending = append(pending, check.String()+" has not ended")
		case check.Status && check.Outcome != "success", !slices.Contains(passing, check.Outcome):
			failed = append(failed, fmt.Sprintf("%s ended with %s", check, check.Outcome))
		}
		success = success || check.Outcome == "success"
	}
	if !success && len(failed)+len(pending) == 0 {
		pending = []string{"no check has passed on the head, and merge.required_checks asks for all"}
	}
	return checksFinding(failed, pending)
}

func (c Check) String() string {
	if source := c.App + c.Creator; source != "" {
		return strconv.Quote(c.Name) + " of " + source
	}
	return strconv.Quote(c.Name)
}

func checksFinding(failed, pending []string) Finding {
	slices.Sort(failed)
	slices.Sort(pending)
	var why []string
	if len(failed) > 0 {
		why = append(why, "checks failed: "+list(failed))
	}
	if len(pending) > 0 {
		why = append(why, "waiting for checks: "+list(pending))
	}
	f := judge(RuleChecks, len(why) == 0, strings.Join(why, "; "))
	if len(failed) == 0 && len(pending) > 0 {
		f.Awaits = AwaitChecks
	}
	return f
}

// current are the checks that count: of a status, which is set again and again, the
// newest of each creator; and not the gate's own.
func current(checks []Check) []Check {
	type series struct{ name, creator string }
	newest := map[series]int64{}
	for _, c := range checks {
		if key := (series{c.Name, strings.ToLower(c.Creator)}); c.Status {
			newest[key] = max(newest[key], c.ID)
		}
	}
	return slices.DeleteFunc(slices.Clone(checks), func(c Check) bool {
		return c.Name == OwnCheck || c.Status && c.ID < newest[series{c.Name, strings.ToLower(c.Creator)}]
	})
}

package policy

import (
	"bytes"
	"os"
	"slices"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// verdictCase is a case of testdata/verdicts.yml, which says what the fields mean.
type verdictCase struct {
	Name   string
	Merge  map[string]any
	View   yaml.Node
	Fails  yaml.Node // short name of a rule → why, in order
	Awaits map[string]Await
	Opens  time.Time
}

// ruleNames are the short names of the rules in testdata/verdicts.yml.
var ruleNames = map[string]Rule{
	"hold": RuleHold, "enabled": RuleEnabled, "successful": RuleSuccessful, "open": RuleOpen, "repo": RuleSameRepo, "base": RuleBase, "pinned": RulePinned,
	"empty": RuleNotEmpty, "complete": RuleComplete, "files": RuleMaxFiles, "bytes": RuleMaxBytes, "paths": RulePaths, "names": RuleNames,
	"uptodate": RuleUpToDate, "checks": RuleChecks, "approvals": RuleApprovals, "window": RuleWindow,
}

func readCases(t *testing.T) []verdictCase {
	t.Helper()
	document, err := os.ReadFile("testdata/verdicts.yml")
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(document))
	d.KnownFields(true)
	var cases []verdictCase
	if err := d.Decode(&cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func (c verdictCase) policy(t *testing.T) Policy {
	t.Helper()
	merge := map[string]any{"enabled": true, "paths": map[string]any{"allow": []string{"reports/**"}}}
	for key, value := range c.Merge {
		merge[key] = value
	}
	document, err := yaml.Marshal(map[string]any{"merge": merge})
	if err != nil {
		t.Fatal(err)
	}
	p, err := Parse(document)
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return p
}

func (c verdictCase) view(t *testing.T) View {
	t.Helper()
	v := View{
		HeadSHA: "a1", WantSHA: "a1", Open: true, SameRepo: true, Base: "main", WantBase: "main", Successful: true, TotalFiles: 1,
		Files: []File{{Path: "reports/a.md", New: true}}, Author: "alice", LabelsKnown: true, ChecksKnown: true, ReviewsKnown: true, BehindKnown: true,
		Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
	if c.View.Kind == 0 {
		return v
	}
	changes, err := yaml.Marshal(&c.View)
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(changes))
	d.KnownFields(true)
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// wanted are the findings that must fail, in order.
func (c verdictCase) wanted(t *testing.T) (want []Finding) {
	t.Helper()
	for i := 0; i+1 < len(c.Fails.Content); i += 2 {
		key := c.Fails.Content[i].Value
		rule, known := ruleNames[key]
		if !known {
			t.Fatalf("%q is no rule", key)
		}
		f := Finding{Rule: rule, Why: c.Fails.Content[i+1].Value, Awaits: c.Awaits[key]}
		if rule == RuleWindow {
			f.Opens = c.Opens
		}
		want = append(want, f)
	}
	return want
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	cases := readCases(t)
	if len(cases) < 100 {
		t.Errorf("there are %d cases", len(cases))
	}
	names, failed := map[string]bool{}, map[Rule]bool{}
	awaited := map[Await]bool{}
	for _, c := range cases {
		if names[c.Name] {
			t.Errorf("two cases have the name %q", c.Name)
		}
		names[c.Name] = true
		t.Run(c.Name, func(t *testing.T) {
			verdict, want := Judge(c.policy(t), c.view(t)), c.wanted(t)
			got := verdict.Failed()
			for i := range got {
				failed[got[i].Rule], awaited[got[i].Awaits] = true, true
				got[i].Adjustable = false // held apart
			}
			if !slices.Equal(got, want) {
				t.Errorf("\ngot  %+v\nwant %+v", got, want)
			}
			waits := len(want) > 0 && len(c.Awaits) == len(want)
			if verdict.Allowed() != (len(want) == 0) || verdict.Waits() != waits || !verdict.OpensAt().Equal(c.Opens) {
				t.Errorf("allowed %t, waits %t, opens %s", verdict.Allowed(), verdict.Waits(), verdict.OpensAt())
			}
		})
	}
	for name, rule := range ruleNames {
		if !failed[rule] {
			t.Errorf("no case fails the rule %s", name)
		}
	}
	for _, await := range Awaits() {
		delete(awaited, await)
	}
	if delete(awaited, AwaitNothing); len(awaited) > 0 {
		t.Errorf("no lister names %v", awaited)
	}
	if all := Judge(Policy{}, View{}).Findings; len(all) != len(ruleNames) {
		t.Errorf("%d rules are judged, %d have cases", len(all), len(ruleNames))
	}
}

package policy

import (
	"fmt"
	"slices"
	"strings"
)

// DefaultHoldLabels hold a pull request where the policy names no labels of its own.
func DefaultHoldLabels() []string { return []string{"hold", "do-not-merge"} }

const maxLabels = 50

func validateHold(labels []string) error {
	if len(labels) > maxLabels {
		return fmt.Errorf("merge.hold_labels names %d labels; at most %d are taken", len(labels), maxLabels)
	}
	for _, label := range labels {
		if strings.TrimSpace(label) == "" || len([]rune(label)) > 50 {
			return fmt.Errorf("merge.hold_labels: %q can be no label; GitHub's have 1 to 50 characters", label)
		}
	}
	return nil
}

// judgeHold finds labels that hold the pull request. Case makes no difference, as on GitHub.
func (m MergeRules) judgeHold(v View) Finding {
	switch {
	case len(m.HoldLabels) == 0:
		return judge(RuleHold, true, "")
	case !v.LabelsKnown:
		return v.unknown(RuleHold, "the labels of the pull request are not known")
	}
	var held []string
	for _, label := range v.Labels {
		if m.Holds(label) {
			held = append(held, label)
		}
	}
	slices.Sort(held)
	f := judge(RuleHold, len(held) == 0, "held by the label "+list(held))
	if !f.Passed {
		f.Awaits = AwaitRelease
	}
	return f
}

// Holds says whether a label holds a pull request.
func (m MergeRules) Holds(label string) bool {
	return slices.ContainsFunc(m.HoldLabels, func(hold string) bool { return sameLabel(hold, label) })
}

func sameLabel(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// judgeBehind asks whether the head has all commits of the base. Where it has not, the gate
// can bring it onto them.
func (m MergeRules) judgeBehind(v View) Finding {
	switch {
	case !m.UpToDate:
		return judge(RuleUpToDate, true, "")
	case !v.BehindKnown:
		return v.unknown(RuleUpToDate, "it is not known whether the head has all commits of the base")
	}
	commits := "1 commit that has"
	if v.Behind != 1 {
		commits = fmt.Sprintf("%d commits that have", v.Behind)
	}
	f := judge(RuleUpToDate, v.Behind == 0, fmt.Sprintf("the head lacks %s come onto %s", commits, v.WantBase))
	if !f.Passed {
		f.Awaits = AwaitBase
	}
	return f
}

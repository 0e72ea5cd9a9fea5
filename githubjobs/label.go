package githubjobs

import (
	"fmt"
	"regexp"
	"slices"
)

// MaxLabels is how many labels a job can have.
const MaxLabels = 20

var labelPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/=-]{0,62}$`)

// ValidLabel says whether s can be a label of a job: 1 to 63 letters, digits and the
// characters . _ : / = -, of which the first is a letter or a digit.
func ValidLabel(s string) bool { return labelPattern.MatchString(s) }

// ValidBatch says whether s can name a batch, by the rule of job ids.
func ValidBatch(s string) bool { return idPattern.MatchString(s) }

// normalSet sorts words and drops repetitions, so that one set has one form.
func normalSet(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}

func (s Spec) validateGroups() (errs []error) {
	if len(s.Labels) > MaxLabels {
		errs = append(errs, fieldErrorf("labels", "are %d; a job has at most %d", len(s.Labels), MaxLabels))
	}
	for i, label := range s.Labels {
		if !ValidLabel(label) {
			errs = append(errs, fieldErrorf(fmt.Sprintf("labels[%d]", i), "%.80q is not a label; one has 1 to 63 letters, digits and characters . _ : / = -, and begins with a letter or digit", label))
		}
	}
	if s.Batch != "" && !ValidBatch(s.Batch) {
		errs = append(errs, fieldErrorf("batch_id", "%.80q must match %s", s.Batch, idPattern))
	}
	return errs
}

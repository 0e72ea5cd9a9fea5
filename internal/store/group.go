package store

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// A store keeps a row for each batch and label of a job, under these names.
func batchGroup(batch string) string { return "batch=" + batch }
func labelGroup(label string) string { return "label=" + label }

// groupsOf is Stored.Groups of a job.
func groupsOf(f githubjobs.Facts, active bool, now time.Time) (string, error) {
	spec := f.Spec
	if spec == nil {
		return "", nil
	}
	// A commit may hold what no caller could have asked for.
	batch, labels := spec.Batch, slices.DeleteFunc(slices.Clone(spec.Labels), func(l string) bool { return !githubjobs.ValidLabel(l) })
	if !githubjobs.ValidBatch(batch) {
		batch = ""
	}
	names := groups(batch, labels)
	if active {
		names = append(names, orderOf(f, now)...)
	}
	if len(names) == 0 {
		return "", nil
	}
	raw, err := json.Marshal(names)
	return string(raw), err
}

// groups begins with the batch: fewer jobs have it than a label.
func groups(batch string, labels []string) (names []string) {
	if batch != "" {
		names = append(names, batchGroup(batch))
	}
	for _, label := range labels {
		names = append(names, labelGroup(label))
	}
	return names
}

func (q Query) validateGroups() error {
	if q.Batch != "" && !githubjobs.ValidBatch(q.Batch) {
		return fmt.Errorf("%w: %.80q cannot be the id of a batch", ErrQuery, q.Batch)
	}
	if len(q.Labels) > githubjobs.MaxLabels {
		return fmt.Errorf("%w: %d labels; a job has at most %d", ErrQuery, len(q.Labels), githubjobs.MaxLabels)
	}
	for _, label := range q.Labels {
		if !githubjobs.ValidLabel(label) {
			return fmt.Errorf("%w: %.80q cannot be a label", ErrQuery, label)
		}
	}
	return nil
}

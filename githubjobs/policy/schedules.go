package policy

import (
	"encoding/json"
	"fmt"

	"gopkg.in/yaml.v3"
)

// maxSchedules is how many schedules a file may name.
const maxSchedules = 100

// Schedule is one of the schedules of the file: its name, and all else that stands
// there as a JSON object, which is for the server to judge.
type Schedule struct {
	Name string
	Plan []byte
}

// Schedules reads the schedules of the file, whose rules must be good too: a file of
// which a part is not understood is not acted upon.
func Schedules(document []byte) ([]Schedule, error) {
	p, err := Parse(document)
	if err != nil {
		return nil, err
	}
	var entries []map[string]any
	if err := p.Schedules.Decode(&entries); err != nil {
		return nil, fmt.Errorf("%s: schedules must be a list of settings, each with a name: %w", Path, err)
	}
	if len(entries) > maxSchedules {
		return nil, fmt.Errorf("%s: there are %d schedules; at most %d are taken", Path, len(entries), maxSchedules)
	}
	list, seen := []Schedule{}, map[string]bool{}
	for i, entry := range entries {
		name, ok := entry["name"].(string)
		if !ok || name == "" {
			return nil, fmt.Errorf("%s: schedules[%d] has no name, which must be a text", Path, i)
		}
		if seen[name] {
			return nil, fmt.Errorf("%s: there are two schedules %q", Path, name)
		}
		seen[name] = true
		delete(entry, "name")
		plan, err := json.Marshal(entry)
		if err != nil {
			return nil, fmt.Errorf("%s: schedule %q holds what JSON can't: %w", Path, name, err)
		}
		list = append(list, Schedule{name, plan})
	}
	return list, nil
}

// UnmarshalYAML takes whatever stands there: the merge gate has no use for it, and must
// not be stopped by it.
func (n *rawNode) UnmarshalYAML(value *yaml.Node) error {
	n.Node = *value
	return nil
}

// rawNode is a part of the file that is read apart.
type rawNode struct{ yaml.Node }

package receipt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// Difference is a field in which two statements differ.
type Difference struct {
	Field     string // its path, such as predicate.buildDefinition.externalParameters.base
	Got, Want string // as JSON; empty where there is none
}

// Differences lists the fields of got that are not as in want, by path.
func Differences(got, want Statement) ([]Difference, error) {
	one, err := flatten(got)
	if err != nil {
		return nil, err
	}
	other, err := flatten(want)
	if err != nil {
		return nil, err
	}
	var list []Difference
	for field, value := range one {
		if other[field] != value {
			list = append(list, Difference{field, value, other[field]})
		}
	}
	for field, value := range other {
		if _, there := one[field]; !there {
			list = append(list, Difference{field, "", value})
		}
	}
	slices.SortFunc(list, func(a, b Difference) int { return cmp.Compare(a.Field, b.Field) })
	return list, nil
}

// flatten names every value of a statement by its path. Resources are named by their
// names, so that one more does not make others of those that follow.
func flatten(s Statement) (map[string]string, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, err
	}
	fields := map[string]string{}
	walk("", value, fields)
	return fields, nil
}

func walk(path string, value any, fields map[string]string) {
	switch v := value.(type) {
	case map[string]any:
		for name, one := range v {
			walk(path+dot(path)+name, one, fields)
		}
	case []any:
		for i, one := range v {
			at := fmt.Sprintf("%s[%d]", path, i)
			if object, ok := one.(map[string]any); ok && object["name"] != nil {
				at = fmt.Sprintf("%s[%v]", path, object["name"])
			}
			for n := 2; fields[at] != "" || has(fields, at+"."); n++ { // a name that is there already
				at = fmt.Sprintf("%s#%d", at, n)
			}
			walk(at, one, fields)
		}
	default:
		raw, _ := json.Marshal(v) // It came from JSON.
		fields[path] = string(raw)
	}
}

func has(fields map[string]string, prefix string) bool {
	for field := range fields {
		if len(field) >= len(prefix) && field[:len(prefix)] == prefix {
			return true
		}
	}
	return false
}

func dot(path string) string {
	if path == "" {
		return ""
	}
	return "."
}

package secret

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/agent/task"
)

// WithOne is the set with the first of the names that the policy allows an engine and that has a
// value; the set itself where it holds one of them already. mend says in words how there
// comes to be one.
func (s Set) WithOne(object string, anyOf []string, allows func(name string) bool, mend string) (Set, error) {
	if slices.ContainsFunc(anyOf, func(name string) bool { return s[name] != "" }) {
		return s, nil
	}
	var allowed []string
	for _, name := range anyOf {
		if !allows(name) {
			continue
		}
		allowed = append(allowed, name)
		one, err := Named(object, []string{name})
		if err == nil {
			maps.Copy(one, s)
			return one, nil
		}
	}
	switch {
	case len(allowed) == 0:
		return nil, task.Deny(fmt.Errorf("the job needs a key that the policy does not let it have. %s", mend))
	case strings.TrimSpace(object) == "":
		_, err := Named(object, allowed)
		return nil, err
	}
	return nil, task.Lack(fmt.Errorf("the job needs a key, and none is set. %s", mend))
}

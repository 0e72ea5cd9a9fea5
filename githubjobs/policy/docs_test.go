package policy

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// Whatever is shown as a policy is one, and every key of the rules is explained.
func TestTheDocumentationShowsPolicies(t *testing.T) {
	t.Parallel()
	shown := 0
	for _, file := range []string{"../../docs/policy.md", "../../README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), "```yaml\n")[1:] {
			block, _, _ = strings.Cut(block, "```")
			if !strings.Contains(block, "merge:\n") {
				continue
			}
			indent := block[:len(block)-len(strings.TrimLeft(block, " "))]
			if p, err := Parse([]byte(strings.ReplaceAll("\n"+block, "\n"+indent, "\n"))); err != nil || !p.Merge.Enabled {
				t.Errorf("%s: %v, enabled %t:\n%s", file, err, p.Merge.Enabled, block)
			}
			shown++
		}
		if !strings.HasSuffix(file, "policy.md") {
			continue
		}
		rules := reflect.TypeFor[MergeRules]()
		for i := range rules.NumField() {
			if key := rules.Field(i).Tag.Get("yaml"); !strings.Contains(string(text), "`"+key+"`") {
				t.Errorf("%s does not explain merge.%s", file, key)
			}
		}
	}
	if shown < 8 {
		t.Errorf("%d policies are shown", shown)
	}
}

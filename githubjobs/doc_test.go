package githubjobs

import (
	"os"
	"regexp"
	"testing"
)

// TestStateMachineDocument holds that docs/state-machine.md lists every reason with its status, and no other.
func TestStateMachineDocument(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../docs/state-machine.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[Reason]Status{}
	for _, row := range regexp.MustCompile("(?m)^\\| (\\w+) \\| `(\\w+)` \\| \\S").FindAllStringSubmatch(string(document), -1) {
		documented[Reason(row[2])] = Status(row[1])
	}
	for reason, status := range reasonStatus {
		if documented[reason] != status {
			t.Errorf("%s is %s; the document says %q", reason, status, documented[reason])
		}
	}
	for reason := range documented {
		if err := reason.Validate(); err != nil {
			t.Errorf("the document lists %s: %v", reason, err)
		}
	}
}

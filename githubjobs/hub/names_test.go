package hub

import (
	"errors"
	"strings"
	"testing"
)

// A folder whose names GitHub can't list as they are is not written anew: what was merged beside
// them is taken back by a person.
func TestRevertBesideNamesThatAreNotUTF8(t *testing.T) {
	f := setup(t)
	f.gitIn("commit refs/heads/main\ncommitter Bob <bob@example.com> 1800000000 +0000\ndata 5\nNames\nfrom refs/heads/main^0\n"+
		"M 100644 inline \"reports/caf\\351.md\"\ndata 4\none\n\nM 100644 inline \"reports/caf\\350.md\"\ndata 4\ntwo\n\n", "fast-import", "--quiet")
	v := f.merged("squash", "abc")[0]
	f.addFile("main", "reports/later.md", f.blob("later\n"))
	_, opened, err := f.repo.OpenRevert(t.Context(), v)
	if opened || !errors.Is(err, ErrInvalid) || !strings.Contains(Public(err), "may not be UTF-8; revert it with git") {
		t.Errorf("opened %t: %v", opened, err)
	}
	if f.git("for-each-ref", "refs/heads/undo") != "" {
		t.Error("a branch was made")
	}
}

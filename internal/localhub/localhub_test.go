package localhub

import (
	"strings"
	"testing"
)

func TestCloneAndPush(t *testing.T) {
	t.Parallel()
	h := setup(t)
	dir := h.clone(h.token)
	sha := h.commit(dir, "a.txt", "a\n", "Add a")
	h.git(dir, "push", "-q", "origin", "HEAD:main")
	ref, _, err := h.alice().Git.GetRef(t.Context(), "alice", "reports", "heads/main")
	if err != nil {
		t.Fatal(err)
	}
	if got := ref.GetObject().GetSHA(); got != sha {
		t.Errorf("main is %s, want %s", got, sha)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	start(t, dir)
	_, err := New(Config{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "in use by another localhub") {
		t.Errorf("second New: %v, want a refusal that says why", err)
	}
}

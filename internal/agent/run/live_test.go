//go:build unix

package run

import (
	"strings"
	"testing"
)

// The step that does the task does not begin where it could prove to be the run.
func TestRefuseIdentity(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL"} {
		err := RefuseTokens([]string{"PATH=/bin", name + "=x"})
		if err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "unset it") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := RefuseTokens([]string{"PATH=/bin", "ACTIONS_ID_TOKEN_REQUEST_URL=", "GITHUBJOBS_SERVER=https://jobs.example.com"}); err != nil {
		t.Error(err)
	}
}

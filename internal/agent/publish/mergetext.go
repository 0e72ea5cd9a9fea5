package publish

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/githubjobs/githubjobs/internal/agent/git"
)

// mergeText merges two versions of a text that have come from a third, line by line, with
// git's own program for that. It reads three files in a folder that only the agent knows,
// without a repository: no configuration and no attribute has a say in it. clean is false
// when they are in conflict, or are no texts.
func mergeText(ctx context.Context, ours, old, theirs []byte) (merged []byte, clean bool, err error) {
	dir, err := os.MkdirTemp("", "githubjobs-merge-")
	if err != nil {
		return nil, false, err
	}
	defer os.RemoveAll(dir)
	args := []string{"merge-file", "--quiet", "--stdout"}
	for name, text := range map[string][]byte{"ours": ours, "old": old, "theirs": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			return nil, false, err
		}
	}
	for _, name := range []string{"ours", "old", "theirs"} {
		args = append(args, filepath.Join(dir, name))
	}
	// The git folder that is named does not exist: git looks for no other.
	out, err := git.Git{Dir: filepath.Join(dir, "none")}.Run(ctx, args...)
	if _, ended := errors.AsType[*exec.ExitError](err); ended && ctx.Err() == nil {
		return nil, false, nil // the number of conflicts; 255 for what is no text
	}
	return []byte(out), err == nil, err
}

package gitrepo

import (
	"os"
	"path/filepath"
)

// The hooks live in folders of their own, and git is told by its environment
// which one counts: "report" for a push without conditions (a process per ref
// saved), "guard" for one that is asked ref by ref. What stands in the
// repository's own "hooks" folder never runs.
const (
	reportHooks = "localhub-hooks/report"
	guardHooks  = "localhub-hooks/guard"
)

// postReceive leaves the refs that really changed where the server reads them.
const postReceive = `#!/bin/sh
exec cat >"$LOCALHUB_PUSH/changed"
`

// update asks the server about one ref and fails closed. It opens the pipes for
// both directions first, which waits for nobody; what it then reads from has no
// writer but the server, and ends when the server does.
const update = `#!/bin/sh
exec 3<>"$LOCALHUB_PUSH/ask" 4<>"$LOCALHUB_PUSH/answer" 5<"$LOCALHUB_PUSH/answer" 4>&- || exit 1
printf '%s %s %s\n' "$1" "$2" "$3" >&3 || exit 1
IFS= read -r answer <&5 || exit 1
test "$answer" = ok
`

func (r *Repo) writeHooks() error {
	for _, h := range []struct{ name, text string }{
		{reportHooks + "/post-receive", postReceive},
		{guardHooks + "/post-receive", postReceive},
		{guardHooks + "/update", update},
	} {
		path := filepath.Join(r.dir, filepath.FromSlash(h.name))
		if old, err := os.ReadFile(path); err == nil && string(old) == h.text {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(h.text), 0o755); err != nil {
			return err
		}
	}
	return nil
}

package gitrepo

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// maxTransactions is how many changes one process makes: it remembers every
// object that it has seen.
const maxTransactions = 10_000

// refWriter changes refs through a long-lived "git update-ref --stdin", one
// transaction after another. When localhub is killed, what was not committed is
// rolled back by git itself.
type refWriter struct {
	process
	made int // by this process; guarded by mu
}

func newRefWriter(dir string) *refWriter {
	return &refWriter{process: process{dir: dir, args: []string{"update-ref", "--no-deref", "--stdin", "-z"}}}
}

// transact makes the changes that commands say, all or none.
func (w *refWriter) transact(ctx context.Context, commands string) error {
	return w.talk(ctx, func(in io.Writer, out *bufio.Reader) error {
		if _, err := io.WriteString(in, "start\x00"+commands+"commit\x00"); err != nil {
			return err
		}
		for _, want := range []string{"start: ok\n", "commit: ok\n"} {
			if line, err := out.ReadString('\n'); err != nil || line != want {
				return fmt.Errorf("it answered %q: %w", line, err)
			}
		}
		if w.made++; w.made == maxTransactions {
			w.made = 0
			w.end()
		}
		return nil
	})
}

//go:build unix

package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/githubjobs/githubjobs/internal/agent/disk"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// hand gives what one user has in the task's folders to another. Nobody else's files
// change hands: a task may have made hard links to them. The folders are gone through
// name by name, so that no path is too long and no link leads elsewhere.
func hand(dir work.Dir, from, to user) error {
	if from.UID == to.UID {
		return nil
	}
	parent, err := os.OpenRoot(string(dir))
	if err != nil {
		return fmt.Errorf("give the task's files to user %d: %w", to.UID, err)
	}
	defer parent.Close()
	h := handing{from: from, to: to}
	for _, folder := range dir.Writable() {
		h.item(parent, folder, 0)
	}
	if _, ok := errors.AsType[*disk.Full](h.failed); ok {
		return h.failed
	}
	if h.failed != nil {
		return fmt.Errorf("give the task's files from user %d to user %d: %w", from.UID, to.UID, h.failed)
	}
	return nil
}

// handing is one call of hand. It goes on after an error, and keeps the first.
type handing struct {
	from, to user
	failed   error
}

func (h *handing) note(err error) {
	if err != nil && h.failed == nil && !errors.Is(err, fs.ErrNotExist) {
		h.failed = err
	}
}

func (h *handing) item(parent *os.Root, name string, depth int) {
	info, err := parent.Lstat(name)
	if err != nil {
		h.note(err)
		return
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) == h.from.UID {
		h.note(parent.Lchown(name, h.to.UID, h.to.GID))
	}
	switch {
	case !info.IsDir():
	case depth > disk.MaxDepth:
		h.note(&disk.Full{Reason: disk.TooDeep})
	default:
		h.folder(parent, name, depth)
	}
}

func (h *handing) folder(parent *os.Root, name string, depth int) {
	folder, err := parent.OpenRoot(name)
	if err != nil {
		h.note(err)
		return
	}
	defer folder.Close()
	names, err := namesIn(folder)
	h.note(err)
	for _, name := range names {
		h.item(folder, name, depth+1)
	}
}

// namesIn lists a folder, which it does not keep open meanwhile.
func namesIn(folder *os.Root) ([]string, error) {
	f, err := folder.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

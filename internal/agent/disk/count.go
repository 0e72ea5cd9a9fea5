//go:build unix

package disk

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// MaxDepth is how deep folders may be nested. Each level that is counted holds a file
// open.
const MaxDepth = 256

// counter counts what is in folders while their owner changes them.
type counter struct {
	ctx    context.Context
	bounds Bounds
	usage
	seen map[uint64]bool // files with several names
}

// count counts until there is too much. What vanishes meanwhile is not counted.
func count(ctx context.Context, b Bounds, folders []string) usage {
	c := counter{ctx: ctx, bounds: b, seen: map[uint64]bool{}}
	for _, folder := range folders {
		if root, err := os.OpenRoot(folder); err == nil {
			c.folder(root, 0)
			root.Close()
		}
	}
	return c.usage
}

func (c *counter) enough() bool {
	return c.bytes > c.bounds.Bytes || c.files > c.bounds.Files || c.deep || c.ctx.Err() != nil
}

func (c *counter) folder(root *os.Root, depth int) {
	if depth > MaxDepth {
		c.deep = true
		return
	}
	f, err := root.Open(".")
	if err != nil {
		return
	}
	defer f.Close()
	for !c.enough() {
		names, err := f.Readdirnames(1024)
		for _, name := range names {
			if c.enough() {
				return
			}
			c.item(root, name, depth)
		}
		if err != nil {
			return
		}
	}
}

func (c *counter) item(root *os.Root, name string, depth int) {
	info, err := root.Lstat(name)
	if err != nil {
		return
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() && stat.Nlink > 1 && c.seen[stat.Ino] {
		return
	}
	if !info.IsDir() && stat.Nlink > 1 {
		c.seen[stat.Ino] = true
	}
	c.files++
	c.bytes += int64(stat.Blocks) * 512 // whatever the block size; see stat(2)
	if !info.IsDir() {
		return
	}
	if sub := open(root, name, info); sub != nil {
		c.folder(sub, depth+1)
		sub.Close()
	}
}

// open opens a folder, also one that its owner has closed to itself: nothing is to be
// hidden there. The task's user is the one who counts, or that is root.
func open(root *os.Root, name string, info fs.FileInfo) *os.Root {
	sub, err := root.OpenRoot(name)
	if err == nil {
		if f, readable := sub.Open("."); readable == nil {
			f.Close()
			return sub
		}
		sub.Close()
	} else if !errors.Is(err, fs.ErrPermission) {
		return nil
	}
	if root.Chmod(name, info.Mode().Perm()|0o700) != nil {
		return nil
	}
	if sub, err = root.OpenRoot(name); err != nil {
		return nil
	}
	return sub
}

//go:build unix

// Package disk bounds what the folders of a task hold together: bytes and files. No
// file system that a runner may have does so for a folder, so it watches.
//
// The package imports the standard library and golang.org/x/sys only.
package disk

import (
	"context"
	"fmt"
	"time"
)

// Bounds are how much the folders may hold together. A folder counts as a file. What
// the disk gives to a file counts, not its length.
type Bounds struct {
	Bytes int64 `json:"bytes"`
	Files int64 `json:"files"`
}

// Full is why a task was ended: its folders, or the disk, can take no more.
type Full struct {
	Bytes  int64  `json:"bytes"`
	Files  int64  `json:"files"`
	Reason Reason `json:"reason"`
}

// Reason says which bound was reached.
type Reason string

const (
	// TooManyBytes: the folders hold more than Bounds.Bytes.
	TooManyBytes Reason = "bytes"
	// TooManyFiles: the folders hold more than Bounds.Files.
	TooManyFiles Reason = "files"
	// TooDeep: folders are nested deeper than can be counted.
	TooDeep Reason = "depth"
	// DiskFull: the disk that the folders are on has no room any more, whoever took it.
	DiskFull Reason = "disk"
)

// Error says what happened in the words of a person who knows the variables.
func (f *Full) Error() string {
	switch f.Reason {
	case TooManyFiles:
		return fmt.Sprintf("stopped: the task's folders hold more than %d files, which GITHUBJOBS_FILES limits", f.Files)
	case TooDeep:
		return fmt.Sprintf("stopped: the task has nested folders more than %d deep", MaxDepth)
	case DiskFull:
		return "stopped: the disk of the runner is all but full; free some of it, or let GITHUBJOBS_DISK bound what jobs may write"
	}
	return fmt.Sprintf("stopped: the task's folders hold %d MB, which is more than GITHUBJOBS_DISK lets them", f.Bytes>>20)
}

// every is the time between two looks at the disk's own figures, which cost nothing.
const every = 200 * time.Millisecond

// Guard watches folders of one disk until release is called. When they hold too much,
// the context that it returns is done, and its cause a *Full.
func Guard(ctx context.Context, b Bounds, folders ...string) (guarded context.Context, release func()) {
	guarded, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if full := watch(guarded, b, folders); full != nil {
			cancel(full)
		}
	}()
	return guarded, func() {
		cancel(nil)
		<-ended
	}
}

func watch(ctx context.Context, b Bounds, folders []string) *Full {
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	g := newGauge(b, time.Now(), look(folders[0]))
	for {
		select {
		case <-ctx.Done():
			return nil
		case now := <-ticks.C:
			s := look(folders[0])
			if full := g.disk(s); full != nil {
				return full
			}
			if !g.due(now, s) {
				continue
			}
			u := count(ctx, b, folders)
			if full := g.count(now, time.Since(now), s, u); full != nil && ctx.Err() == nil {
				return full
			}
		}
	}
}

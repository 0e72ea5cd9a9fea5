//go:build unix

package disk

import "time"

// space is what a disk says of itself. Where it says nothing it is all zero.
type space struct {
	bytes, files         int64 // in use, by everybody
	freeBytes, freeFiles int64
}

// usage is what was counted in folders.
type usage struct {
	bytes, files int64
	deep         bool // somewhere it goes deeper than was counted
}

const (
	// patience is after how long is counted though the disk's figures give no reason to:
	// they also tell of others' files, and what these free hides what the task takes.
	patience = 5 * time.Second
	// Counting takes no more than a part of the time: of all of it, and near the bounds.
	rarely, often = 50, 4
	// reserve is what a disk keeps free for the steps that follow, in bytes and files.
	reserveBytes, reserveFiles = 256 << 20, 4096
)

// gauge decides when the folders must be counted, from figures that cost nothing.
type gauge struct {
	bounds   Bounds
	start    space
	then     space // at the last count
	counted  usage
	known    bool
	earliest time.Time // of the next count
	latest   time.Time
}

func newGauge(b Bounds, now time.Time, s space) *gauge {
	return &gauge{bounds: b, start: s, then: s, latest: now.Add(patience)}
}

// due tells whether it is time to count: when there may be too much by now.
func (g *gauge) due(now time.Time, s space) bool {
	if now.Before(g.earliest) {
		return false
	}
	bytes, files := g.bounds.Bytes-g.counted.bytes, g.bounds.Files-g.counted.files
	if !g.known { // What the checkout takes is not.
		bytes, files = g.bounds.Bytes/4, g.bounds.Files/4
	}
	return !now.Before(g.latest) || s.bytes-g.then.bytes > bytes || s.files-g.then.files > files
}

// count notes what was counted, which took some time, and says whether it is too much.
func (g *gauge) count(now time.Time, took time.Duration, s space, u usage) *Full {
	g.counted, g.then, g.known = u, s, true
	g.earliest, g.latest = now.Add(often*took), now.Add(max(patience, rarely*took))
	switch {
	case u.bytes > g.bounds.Bytes:
		return &Full{Bytes: u.bytes, Files: u.files, Reason: TooManyBytes}
	case u.files > g.bounds.Files:
		return &Full{Bytes: u.bytes, Files: g.bounds.Files, Reason: TooManyFiles}
	case u.deep:
		return &Full{Bytes: u.bytes, Files: u.files, Reason: TooDeep}
	}
	return nil
}

// disk says whether the disk has no room any more, and had when the task began. What
// the task has deleted and keeps open is found by nothing else.
func (g *gauge) disk(s space) *Full {
	if s.bytes-g.start.bytes > reserveBytes/4 && s.freeBytes < reserveBytes ||
		s.files-g.start.files > reserveFiles/4 && s.freeFiles < reserveFiles {
		return &Full{Reason: DiskFull}
	}
	return nil
}

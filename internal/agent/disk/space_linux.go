package disk

import "golang.org/x/sys/unix"

// look asks the disk for its figures.
func look(folder string) space {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return space{}
	}
	return space{
		bytes: int64(s.Blocks-s.Bfree) * s.Frsize, freeBytes: int64(s.Bavail) * s.Frsize,
		files: int64(s.Files - s.Ffree), freeFiles: int64(s.Ffree),
	}
}

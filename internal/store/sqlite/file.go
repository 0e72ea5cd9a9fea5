package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

const maxLinks = 40 // as many as Linux follows

// realPath follows the symbolic links of a path whose file need not be there, so that
// all names of one database have one lock.
func realPath(path string) (string, error) {
	for range maxLinks {
		full, err := filepath.EvalSymlinks(path)
		if !errors.Is(err, fs.ErrNotExist) {
			return full, err
		}
		to, err := os.Readlink(path)
		if err != nil { // no link: the file is not there, or its folder
			folder, err := filepath.EvalSymlinks(filepath.Dir(path))
			if errors.Is(err, fs.ErrNotExist) {
				return path, nil
			}
			return filepath.Join(folder, filepath.Base(path)), err
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return "", fmt.Errorf("%s: too many symbolic links", path)
}

// lockFile takes the lock that keeps a second server from the database. The
// operating system releases it when the process ends, however that happens.
func lockFile(path string) (*flock.Flock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("creating the folder of the database: %w", err)
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	ok, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", lock.Path(), err)
	}
	if !ok {
		return nil, fmt.Errorf("database %s is in use by another server process: stop that one, or give this one a DATABASE_PATH of its own", path)
	}
	return lock, nil
}

// create makes an empty file that nobody else may read, where there is none: it will
// hold prompts and logs. SQLite gives its other files the same mode.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil { // it is there, or SQLite will say what is wrong
		return nil
	}
	return f.Close()
}

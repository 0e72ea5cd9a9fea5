// Package work is the folder in which the steps of one run hand over to each
// other: fetch fills it, run does the task in it, publish and merge read it.
//
// Code that a job brought along has run in this folder; where tasks are trusted, as
// the same user. So everything in it is untrusted: files are read with a bound, never
// through a symbolic link, and what they say is validated.
//
// The package imports the standard library and githubjobs; every part of the
// agent may import it.
package work

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Dir is the absolute path of the folder.
type Dir string

// Default returns the folder for a run: configured (GITHUBJOBS_WORK) if it says
// something, else "githubjobs" in the runner's folder for temporary files
// (RUNNER_TEMP).
func Default(configured, runnerTemp string) (Dir, error) {
	switch {
	case configured != "":
		return absolute("GITHUBJOBS_WORK", configured)
	case runnerTemp != "":
		return absolute("RUNNER_TEMP", filepath.Join(runnerTemp, "githubjobs"))
	}
	return "", errors.New("no work folder: set GITHUBJOBS_WORK (outside of Actions there is no RUNNER_TEMP to put it in)")
}

// Open returns a folder that can be opened to another user, unlike one below a runner's
// own folders, and in which only this one can put anything. run tells it apart from
// those of other runs; every step of a run gets the same.
func Open(run string) (Dir, error) {
	for _, shared := range []string{"/var/tmp", "/tmp"} {
		// Where everybody may write, only the sticky bit keeps others' hands off.
		if info, err := os.Stat(shared); err == nil && info.IsDir() && (info.Mode()&os.ModeSticky != 0 || info.Mode().Perm()&0o022 == 0) {
			name := sha256.Sum256(fmt.Appendf(nil, "%d %s", os.Getuid(), run))
			return Dir(filepath.Join(shared, openPrefix+hex.EncodeToString(name[:8]))), nil
		}
	}
	return "", errors.New("neither /var/tmp nor /tmp is a folder for the temporary files of all users (mode 1777); mend that, or set GITHUBJOBS_WORK")
}

// openPrefix is how the names of such folders begin.
const openPrefix = "githubjobs-"

// keepOpen is after what time such a folder is nobody's any more; no run takes as long.
const keepOpen = 24 * time.Hour

// sweep removes the folders of runs that were ended before they could do so: their
// runner died, or lost its power. What can't be removed is left.
func (d Dir) sweep(now time.Time) {
	if !strings.HasPrefix(filepath.Base(string(d)), openPrefix) {
		return
	}
	others, _ := filepath.Glob(filepath.Join(filepath.Dir(string(d)), openPrefix+strings.Repeat("[0-9a-f]", 16)))
	for _, path := range others {
		other := Dir(path)
		if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > keepOpen && other.check() == nil {
			_ = other.Remove()
		}
	}
}

func absolute(variable, path string) (Dir, error) {
	if !filepath.IsAbs(path) {
		return "", fmt.Errorf("%s: %q is not an absolute path", variable, path)
	}
	return Dir(filepath.Clean(path)), nil
}

func (d Dir) join(name string) string { return filepath.Join(string(d), name) }

// Base is the bare repository that fetch made. The branch job/<id> in it is the
// creation commit; HEAD is that branch. No remote and no credentials are stored.
func (d Dir) Base() string { return d.join("base.git") }

// Tree is the checkout in which the task ran. Its .git is the task's to spoil.
func (d Dir) Tree() string { return d.join("tree") }

// Inputs holds what the kind of the job needed from GitHub's API, as JSON files.
func (d Dir) Inputs() string { return d.join("inputs") }

// Task holds what passes between the agent and the process that does the task:
// its spec and script go in, its summary and figures come out.
func (d Dir) Task() string { return d.join("task") }

// Home is the home directory of the task.
func (d Dir) Home() string { return d.join("home") }

// Writable names the folders in this one that the task may write.
func (d Dir) Writable() []string { return []string{"tree", "task", "home"} }

// outcome holds outcome.json and log.txt. It is written when no process of the
// task is alive any more.
func (d Dir) outcome() string { return d.join("outcome") }

// Reset empties the folder: what an earlier run on the same machine left in it is
// removed. Nothing is touched but what this package names.
func (d Dir) Reset() error {
	if err := d.make(); err != nil {
		return fmt.Errorf("make the work folder: %w", err)
	}
	if err := d.empty(); err != nil {
		return fmt.Errorf("empty the work folder: %w", err)
	}
	if err := os.Mkdir(d.Inputs(), 0o755); err != nil {
		return fmt.Errorf("make the work folder: %w", err)
	}
	d.sweep(time.Now())
	return nil
}

// Remove removes the folder with what this package names; what else is in it stays.
func (d Dir) Remove() error {
	if err := d.check(); err != nil {
		return err
	}
	if err := d.empty(); err != nil {
		return err
	}
	_ = os.Remove(string(d)) // It is not empty when it is somebody's choice.
	return nil
}

func (d Dir) empty() error {
	for _, path := range []string{d.Base(), d.Tree(), d.Inputs(), d.Task(), d.Home(), d.outcome(), d.secrets(), d.grant()} {
		if err := removeAll(path); err != nil {
			return err
		}
	}
	return nil
}

// make makes the folder if there is none, closed to other users: a private repository
// is in it.
func (d Dir) make() error {
	if err := os.MkdirAll(filepath.Dir(string(d)), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(string(d), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.check()
}

// check says whether only this user can put anything into the folder. What an
// outcome says would else be anybody's word.
func (d Dir) check() error {
	info, err := os.Lstat(string(d))
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%s is not a folder; remove it, or set GITHUBJOBS_WORK to one", d)
	case !ownedBy(info, os.Getuid()):
		return fmt.Errorf("the folder %s is another user's; remove it, or set GITHUBJOBS_WORK to one of this runner's user", d)
	case info.Mode().Perm()&0o022 != 0:
		return fmt.Errorf("other users may write into the folder %s (%s); close it to them (chmod go-w)", d, info.Mode().Perm())
	}
	return nil
}

// removeAll is os.RemoveAll for folders whose permissions were taken away.
func removeAll(path string) error {
	err := os.RemoveAll(path)
	if err == nil || !errors.Is(err, os.ErrPermission) {
		return err
	}
	filepath.WalkDir(path, func(p string, entry os.DirEntry, err error) error {
		if entry != nil && entry.IsDir() {
			os.Chmod(p, 0o700) // The removal that follows tells if it did not help.
		}
		return nil
	})
	return os.RemoveAll(path)
}

// Package work is the folder in which the steps of one run hand over to each
// other: fetch fills it, run does the task in it, publish and merge read it.
//
// Code that a job brought along has run in this folder, as the same user in the
// process runtime. So everything in it is untrusted: files are read with a bound,
// never through a symbolic link, and what they say is validated.
//
// The package imports the standard library and githubjobs; every part of the
// agent may import it.
package work

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// outcome holds outcome.json and log.txt. It is written when no process of the
// task is alive any more.
func (d Dir) outcome() string { return d.join("outcome") }

// Reset empties the folder: what an earlier run on the same machine left in it is
// removed. Nothing is touched but what this package names.
func (d Dir) Reset() error {
	for _, path := range []string{d.Base(), d.Tree(), d.Inputs(), d.Task(), d.Home(), d.outcome()} {
		if err := removeAll(path); err != nil {
			return fmt.Errorf("empty the work folder: %w", err)
		}
	}
	if err := os.MkdirAll(d.Inputs(), 0o755); err != nil {
		return fmt.Errorf("make the work folder: %w", err)
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

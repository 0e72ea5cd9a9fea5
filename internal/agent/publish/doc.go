// Package publish brings what a task left behind to GitHub: it compares the task's
// folder with the job's commit, writes the result commit, pushes it and opens the
// pull request.
//
// The task's folder is hostile ground. It is read as files only, never through a
// symbolic link; nothing in its .git is looked at, no configuration, hook, filter or
// attribute has any effect, and the job's commit is read from GitHub anew.
//
// The agent's command imports it. It imports githubjobs, githubjobs/hub and go-git.
package publish

// Package hub is a job repository on GitHub: it submits jobs by one push, reads
// the facts of jobs, opens and merges pull requests, and cancels runs.
//
// One base URL decides which GitHub it speaks to: github.com, a GitHub Enterprise
// Server, or any server that answers as these do. What it learns it returns as
// facts of package githubjobs; it keeps no state but caches that may be lost.
//
// The server, the agent and the command line import it. It imports package
// githubjobs, go-github for the REST API and go-git for the wire protocol of git.
package hub

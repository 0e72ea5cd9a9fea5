// Package gate stands between a job's pull request and the base branch: it reads the
// policy from the base branch, judges the pull request at one head commit, and merges
// exactly that commit or says why not.
//
// The judgement itself is githubjobs/policy; this package brings together what is to
// be judged and carries out the verdict. The agent's last step and the server are thin
// callers of it, so that both come to the same verdict. It imports githubjobs, its
// packages hub, policy and markdown, and nothing of what calls it.
package gate

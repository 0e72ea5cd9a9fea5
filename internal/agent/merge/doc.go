// Package merge is the gate between a job's pull request and the base branch: it
// reads the policy from the base branch, judges the pull request at one head commit,
// and merges exactly that commit or says why not.
//
// The judgement itself is githubjobs/policy; this package brings together what is to
// be judged and carries out the verdict. The agent's command imports it.
package merge

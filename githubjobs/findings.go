package githubjobs

import (
	"regexp"
	"strings"
	"time"
)

// Answer is what GitHub told when it was asked: empty where it did not tell.
type Answer string

const (
	Yes Answer = "yes"
	No  Answer = "no"
)

// Is makes an answer of what is known.
func Is(b bool) Answer {
	if b {
		return Yes
	}
	return No
}

// Findings are what a look at GitHub told about why a job does not get on. What was
// not asked, or may not be seen, is empty.
type Findings struct {
	// Actions: GitHub Actions is enabled for the repository.
	Actions Answer `json:"actions,omitempty"`
	// Workflow is the state of the job's workflow in GitHub's words: active,
	// disabled_manually, disabled_inactivity, disabled_fork, deleted.
	Workflow string `json:"workflow,omitempty"`
	// File: the job's commit holds the workflow file, whose path is Path.
	File Answer `json:"file,omitempty"`
	Path string `json:"path,omitempty"`
	// Skip: the commit's message tells GitHub to start no workflow.
	Skip Answer `json:"skip,omitempty"`
	// RunToken: the server's token is one of GitHub's for runs, as GITHUB_TOKEN is,
	// whose pushes start nothing.
	RunToken Answer `json:"run_token,omitempty"`
	// OtherRun is when GitHub made the newest run of the workflow, for whatever job.
	OtherRun time.Time `json:"other_run,omitzero"`
	// Labels are those that the run asks of its runner.
	Labels []string `json:"labels,omitempty"`
	// Runners counts the repository's own runners that have all of the labels; nil
	// when they may not be seen.
	Runners *RunnerCount `json:"runners,omitempty"`
	// Webhooks: a delivery has arrived since the job was pushed.
	Webhooks Answer `json:"webhooks,omitempty"`
	// Unknown lists what could not be seen, and why.
	Unknown []string  `json:"unknown,omitempty"`
	At      time.Time `json:"at"`
}

// RunnerCount counts runners.
type RunnerCount struct {
	All    int `json:"all"`    // with the labels
	Online int `json:"online"` // of these
	Busy   int `json:"busy"`   // of those online
}

// Question is what a stuck job wants to have looked up.
type Question struct {
	ID      string
	Attempt int // of the job, from 1
	// Head is the head of the job's branch, while no run of the job is known.
	Head string
	// Run waits for a runner; 0 when no run is known.
	Run int64
	// Since is when the job was pushed.
	Since time.Time
}

// Ask says what is to be looked up about a job; ok is false while it gets on.
func Ask(f Facts, now time.Time) (q Question, ok bool) {
	v := viewOf(f)
	q = Question{ID: f.ID, Attempt: v.number, Since: v.pushedAt()}
	switch reason, _ := v.decide(now); {
	case reason == ReasonPushed && now.Sub(q.Since) > SlowStart && (v.Branch == nil || !v.Branch.Deleted):
		if v.Branch != nil {
			q.Head = v.Branch.Head
		}
		return q, true
	case reason == ReasonQueued && now.Sub(v.run.At) > SlowStart:
		q.Run = v.run.ID
		return q, true
	}
	return q, false
}

// skipping are the texts of a commit message for which GitHub starts no workflow
// (docs.github.com, "Skipping workflow runs").
var skipping = regexp.MustCompile(`(?i)\[(skip ci|ci skip|no ci|skip actions|actions skip)\]|(?m:^skip-checks:\s*true\s*$)`)

// SkipsActions says whether a commit with this message starts no workflow.
func SkipsActions(message string) bool { return skipping.MatchString(message) }

// hosted says whether GitHub's own runners have the labels, as far as names tell.
func hosted(labels []string) bool {
	for _, l := range labels {
		for _, system := range []string{"ubuntu-", "windows-", "macos-"} {
			if strings.HasPrefix(strings.ToLower(l), system) {
				return true
			}
		}
	}
	return false
}

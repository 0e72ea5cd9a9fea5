package githubjobs

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// Ran says what carried out an attempt. The agent's trusted steps write it, never the task.
type Ran struct {
	// Runtime is docker or process.
	Runtime string `json:"runtime,omitempty"`
	// Image is the name of the image that the task's container was of, ImageID what Docker
	// knows it by ("sha256:…", of its configuration), and Manifest its digest in a registry,
	// empty for one that was built on the machine. Process runtimes have none.
	Image    string `json:"image,omitempty"`
	ImageID  string `json:"image_id,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	// Agent is the SHA-256 of the agent's program ("sha256:…").
	Agent string `json:"agent,omitempty"`
	// Workflow is GitHub's name of the workflow that ran (GITHUB_WORKFLOW_REF), WorkflowSHA
	// the commit that its file was of.
	Workflow    string `json:"workflow,omitempty"`
	WorkflowSHA string `json:"workflow_sha,omitempty"`
	// Attest says that the run was to have its result attested by GitHub.
	Attest bool `json:"attest,omitempty"`
}

var (
	digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	commitPattern = regexp.MustCompile(`^[0-9a-f]{40}(?:[0-9a-f]{24})?$`)
)

// Normal returns what can be of r: a digest that is none is left out.
func (r Ran) Normal() Ran {
	for _, digest := range []*string{&r.ImageID, &r.Manifest, &r.Agent} {
		if !digestPattern.MatchString(*digest) {
			*digest = ""
		}
	}
	if !commitPattern.MatchString(r.WorkflowSHA) {
		r.WorkflowSHA = ""
	}
	return r
}

// Digest is the SHA-256, in hexadecimal, of the spec as its creation commit carries it: of
// the JSON behind "Job-Spec: ".
func (s Spec) Digest() string { return digestOf(encodeJSONLine(s)) }

// SpecDigest is the same of the message of a creation commit, as it stands there. It
// returns ErrNoSpec for any other commit.
func SpecDigest(message string) (string, error) {
	line, _, ok := lastTrailer(message, trailerSpec)
	if !ok {
		return "", ErrNoSpec
	}
	return digestOf([]byte(line)), nil
}

func digestOf(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// AttemptOf is the number of the attempt that a creation commit's message tells, from 1.
func AttemptOf(message string) int {
	line, _, _ := lastTrailer(message, trailerAttempt)
	n, err := strconv.Atoi(line)
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// MergeOf are the trailers of the commit by which the merge gate brought a job onto its
// base branch; empty in any other.
func MergeOf(message string) (id, runURL string) {
	id, _, _ = lastTrailer(message, trailerID)
	runURL, _, _ = lastTrailer(message, trailerRun)
	return strings.TrimSpace(id), strings.TrimSpace(runURL)
}

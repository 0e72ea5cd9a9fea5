// Package receipt says, signed, what became of a job: an in-toto Statement with a SLSA
// provenance as its predicate, in a DSSE envelope. Everything in it stands in the
// repository too, so that who has a clone can check it.
//
// The package is pure but for making and reading keys. It imports githubjobs and the
// standard library.
package receipt

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Names of the forms that a receipt has.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	// BuildType says how the fields of the predicate are to be read: docs/receipts.md.
	BuildType   = "https://github.com/githubjobs/githubjobs/blob/main/docs/receipts.md#v1"
	PayloadType = "application/vnd.in-toto+json"
)

// Statement is an in-toto Statement v1: what was made, and how.
type Statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     Provenance `json:"predicate"`
}

// Resource is in-toto's ResourceDescriptor: something that exists, and its digests.
type Resource struct {
	Name   string `json:"name"`
	URI    string `json:"uri,omitempty"`
	Digest Digest `json:"digest"`
}

// Digest is one of a git object or of bytes.
type Digest struct {
	GitCommit string `json:"gitCommit,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
}

// Provenance is a SLSA Provenance v1.
type Provenance struct {
	BuildDefinition BuildDefinition `json:"buildDefinition"`
	RunDetails      RunDetails      `json:"runDetails"`
}

// BuildDefinition is what was asked for, and what it was done with.
type BuildDefinition struct {
	BuildType          string     `json:"buildType"`
	ExternalParameters External   `json:"externalParameters"`
	InternalParameters Internal   `json:"internalParameters"`
	Dependencies       []Resource `json:"resolvedDependencies"`
}

// External is what the caller chose.
type External struct {
	JobID      string          `json:"job_id"`
	Kind       githubjobs.Kind `json:"kind"`
	Spec       Digest          `json:"spec"` // of the Job-Spec line of the creation commit
	Repository string          `json:"repository"`
	Base       string          `json:"base"` // branch that the result is merged into
}

// Internal is what the job's side chose.
type Internal struct {
	Attempt int    `json:"attempt"`           // of the job, from 1
	Runtime string `json:"runtime,omitempty"` // docker or process
	Image   string `json:"image,omitempty"`   // its name
}

// RunDetails is what happened.
type RunDetails struct {
	Builder  Builder  `json:"builder"`
	Metadata Metadata `json:"metadata"`
	Outcome  Outcome  `json:"byproducts"`
}

// Builder is who did it: the workflow.
type Builder struct {
	ID string `json:"id,omitempty"`
}

// Metadata is of the run. A part of a run that is not known is left out.
type Metadata struct {
	InvocationID string    `json:"invocationId,omitempty"` // address of the run's attempt
	StartedOn    time.Time `json:"startedOn,omitzero"`     // of the task
	FinishedOn   time.Time `json:"finishedOn,omitzero"`
}

// Outcome is what came of the task, beside the commits. SLSA's byproducts are a list of
// resources; see MarshalJSON.
type Outcome struct {
	Status   githubjobs.Outcome // empty where there is no result commit
	ExitCode int
	PullURL  string // empty for none
}

// Claims are what a statement is made of. The server takes them from what it knows of the
// job; who checks a receipt, from the commits of a clone.
type Claims struct {
	Repository string // address on GitHub, without .git
	Spec       githubjobs.Spec
	SpecDigest string // of the line as it stands in the commit
	Created    string // the attempt's creation commit
	Attempt    int    // of the job, from 1
	RunID      int64  // 0 where no run is known
	RunAttempt int
	Outcome    *githubjobs.Result // nil where there is no result commit
	ResultSHA  string
	Pull       int    // number; 0 for none
	MergeSHA   string // empty where nothing was merged
}

// Statement is the receipt of these claims. The same claims make the same statement.
func (c Claims) Statement() Statement {
	var ran githubjobs.Ran
	s := Statement{Type: StatementType, PredicateType: PredicateType, Subject: c.subjects()}
	if c.Outcome != nil {
		if c.Outcome.Ran != nil {
			ran = *c.Outcome.Ran
		}
		s.Predicate.RunDetails = RunDetails{
			Metadata: Metadata{StartedOn: c.Outcome.StartedAt.UTC(), FinishedOn: c.Outcome.FinishedAt.UTC()},
			Outcome:  Outcome{Status: c.Outcome.Outcome, ExitCode: c.Outcome.ExitCode},
		}
	}
	details := &s.Predicate.RunDetails
	if c.RunID != 0 {
		details.Metadata.InvocationID = fmt.Sprintf("%s/actions/runs/%d/attempts/%d", c.Repository, c.RunID, max(c.RunAttempt, 1))
	}
	if c.Pull != 0 {
		details.Outcome.PullURL = fmt.Sprintf("%s/pull/%d", c.Repository, c.Pull)
	}
	if ran.Workflow != "" {
		details.Builder.ID = serverOf(c.Repository) + "/" + ran.Workflow
	}
	s.Predicate.BuildDefinition = BuildDefinition{
		BuildType:          BuildType,
		ExternalParameters: External{JobID: c.Spec.ID, Kind: c.Spec.Kind, Spec: Digest{SHA256: c.SpecDigest}, Repository: c.Repository, Base: c.Spec.Base},
		InternalParameters: Internal{Attempt: max(c.Attempt, 1), Runtime: ran.Runtime, Image: ran.Image},
		Dependencies:       c.dependencies(ran),
	}
	return s
}

// subjects are the commits that the job made, the one that counts most first.
func (c Claims) subjects() (list []Resource) {
	add := func(name, sha string) {
		if sha != "" {
			list = append(list, Resource{Name: name, URI: c.Repository + "/commit/" + sha, Digest: Digest{GitCommit: sha}})
		}
	}
	add(Merge, c.MergeSHA)
	add(Result, c.ResultSHA)
	if len(list) == 0 {
		add(Creation, c.Created)
	}
	return list
}

// Names of the commits in a receipt.
const (
	Merge    = "merge"    // by which the result came onto the base branch
	Result   = "result"   // the result commit
	Creation = "creation" // the commit that carries the spec
)

// Names of its other resources.
const (
	nameWorkflow = "workflow"
	nameImage    = "image"
	nameManifest = "image in the registry"
	nameAgent    = "agent"
)

// dependencies are what the job was done with: its commit, the workflow, the image and the
// agent's program.
func (c Claims) dependencies(ran githubjobs.Ran) []Resource {
	list := []Resource{{Name: Creation, URI: c.Repository + "/commit/" + c.Created, Digest: Digest{GitCommit: c.Created}}}
	if ran.Workflow != "" || ran.WorkflowSHA != "" {
		list = append(list, Resource{Name: nameWorkflow, URI: "git+" + serverOf(c.Repository) + "/" + ran.Workflow, Digest: Digest{GitCommit: ran.WorkflowSHA}})
	}
	for _, one := range []struct{ name, digest string }{{nameImage, ran.ImageID}, {nameManifest, ran.Manifest}, {nameAgent, ran.Agent}} {
		if sum, ok := strings.CutPrefix(one.digest, "sha256:"); ok {
			list = append(list, Resource{Name: one.name, Digest: Digest{SHA256: sum}})
		}
	}
	return list
}

// serverOf is the GitHub that a repository is on.
func serverOf(repository string) string {
	for range 2 {
		if i := strings.LastIndexByte(repository, '/'); i > 0 {
			repository = repository[:i]
		}
	}
	return repository
}

// Commit is the SHA of the commit of that name; empty where the statement has none.
func (s Statement) Commit(name string) string {
	for _, list := range [][]Resource{s.Subject, s.Predicate.BuildDefinition.Dependencies} {
		for _, r := range list {
			if r.Name == name {
				return r.Digest.GitCommit
			}
		}
	}
	return ""
}

var commitPattern = regexp.MustCompile(`^[0-9a-f]{40}(?:[0-9a-f]{24})?$`)

// ValidCommit says whether a text can be the SHA of a commit.
func ValidCommit(sha string) bool { return commitPattern.MatchString(sha) }

// Package files carries the files of this repository that a program hands out to
// the repositories it works for. It imports nothing.
package files

import _ "embed"

// RunJobPath is where the workflow stands in every job repository.
const RunJobPath = ".github/workflows/run-job.yml"

// RunJobWorkflow is the workflow that a job's push starts; see docs/architecture.md.
//
//go:embed .github/workflows/run-job.yml
var RunJobWorkflow []byte

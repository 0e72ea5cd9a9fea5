// Package wire holds requests, answers and webhook payloads to GitHub's own OpenAPI description of its API (npm's
// @octokit/openapi; internal/require fetches it). A Recorder in front of localhub notes what goes over the wire in any
// test, and at the test's end everything that GitHub would not have sent or taken is an error.
//
// What is checked: that the operation, its parameters and its body are described, and that each has a described value;
// that the answer's status is described, and the answer's body holds what GitHub promises, in GitHub's types and formats,
// and no field that GitHub does not know. Where the description and GitHub itself differ, errata.go says so, one by one.
//
// Only tests import it. It imports internal/require and nothing else of this module.
package wire

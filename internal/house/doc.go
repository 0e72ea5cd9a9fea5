// Package house holds the repository's own rules, as tests: its workflows are ones that GitHub accepts, and its images
// are built from the folders that their programs need. It has no code of its own, and nothing imports it.
package house

//go:build unix

// Command agent does one job in a run of GitHub Actions; see internal/agent.
package main

import (
	"os"

	"github.com/githubjobs/githubjobs/internal/agent"
)

func main() {
	os.Exit(agent.Main(agent.Program{Args: os.Args[1:], Environ: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr}))
}

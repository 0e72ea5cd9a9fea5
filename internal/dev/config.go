// Package dev runs the whole product on one machine for people who want to try
// it or work on it: localhub, a demo repository, the server, and a runtime for
// the jobs. It imports localhub and the server, and nothing imports it but cmd/dev
// and the end-to-end tests.
package dev

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"

	"github.com/caarlos0/env/v10"
)

// Runtime says how the workflow of the demo repository runs the agent.
type Runtime string

// The runtimes. Auto is Docker where an engine answers and the image can be had.
const (
	RuntimeAuto    Runtime = "auto"
	RuntimeDocker  Runtime = "docker"
	RuntimeProcess Runtime = "process"
)

// Config is the environment of `make dev`.
type Config struct {
	ListenAddr   string     `env:"LISTEN_ADDR" envDefault:"127.0.0.1:8080"`   // of the server
	LocalhubAddr string     `env:"LOCALHUB_ADDR" envDefault:"127.0.0.1:3000"` // of localhub
	DataDir      string     `env:"DATA_DIR" envDefault:".data"`
	APIKey       string     `env:"API_KEY" envDefault:"dev"`
	Runtime      Runtime    `env:"RUNTIME" envDefault:"auto"`
	Image        string     `env:"AGENT_IMAGE" envDefault:"githubjobs/agent:dev"`
	Agent        string     `env:"AGENT_BINARY"` // default: the file "agent" beside this program
	Runners      int        `env:"RUNNERS" envDefault:"2"`
	LogLevel     slog.Level `env:"LOG_LEVEL" envDefault:"WARN"`
}

const usage = `githubjobs dev: the whole product on this machine, to try it or to work on it. Ctrl-C stops it.

Usage: dev        (built and started by: make dev)

It is set up by environment variables:

  LISTEN_ADDR     address of the server                            (default: 127.0.0.1:8080)
  LOCALHUB_ADDR   address of localhub, the GitHub on this machine  (default: 127.0.0.1:3000)
  DATA_DIR        folder for the data of both; remove it to begin anew (default: .data)
  API_KEY         what callers send as x-api-key                   (default: dev)
  RUNTIME         docker, process, or auto: Docker where it can be had (default: auto)
  AGENT_IMAGE     image of the agent for the docker runtime        (default: githubjobs/agent:dev)
  AGENT_BINARY    the agent for the process runtime                (default: the file "agent" beside this program)
  RUNNERS         workflow jobs that run at the same time, 1 to 64 (default: 2)
  LOG_LEVEL       debug, info, warn or error                       (default: warn)

The token of the demo repository's owner, to sign in to localhub's pages with, is in DATA_DIR/dev.json.
`

// ParseConfig reads the environment; its error names every variable that is wrong
// and the mend.
func ParseConfig(environ map[string]string) (Config, error) {
	var c Config
	err := env.ParseWithOptions(&c, env.Options{Environment: environ})
	if err != nil {
		err = explain(err, environ)
		c.Runners = max(c.Runners, 1) // said already
	}
	return c, errors.Join(err, c.Validate())
}

// explain says of values that are of no use what they must be.
func explain(err error, environ map[string]string) error {
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return err
	}
	var errs []error
	for _, e := range all.Errors {
		if p, ok := errors.AsType[env.ParseError](e); ok {
			switch p.Name {
			case "Runners":
				e = fmt.Errorf("RUNNERS=%q is no number; give one from 1 to %d", environ["RUNNERS"], maxRunners)
			case "LogLevel":
				e = fmt.Errorf("LOG_LEVEL=%q is unknown; use debug, info, warn or error", environ["LOG_LEVEL"])
			}
		}
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// maxRunners: each runner may start a container; more at once than this is a slip of the hand.
const maxRunners = 64

// validAddress says what is wrong with an address to listen on; "" when nothing is.
func validAddress(address string) (wrong string) {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return "is no address to listen on; write host:port, such as 127.0.0.1:8080"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Sprintf("has the port %q; give a number from 0 (any free one) to 65535", port)
	}
	if _, err := net.ResolveTCPAddr("tcp", address); err != nil {
		return fmt.Sprintf("names a host that is not known here (%v); write 127.0.0.1 for this machine alone, 0.0.0.0 for all its addresses", err)
	}
	return ""
}

// Validate reports every variable that is wrong, and the mend.
func (c *Config) Validate() error {
	var errs []error
	for _, a := range []struct{ name, value string }{{"LISTEN_ADDR", c.ListenAddr}, {"LOCALHUB_ADDR", c.LocalhubAddr}} {
		if wrong := validAddress(a.value); wrong != "" {
			errs = append(errs, fmt.Errorf("%s=%q %s", a.name, a.value, wrong))
		}
	}
	if c.APIKey == "" {
		errs = append(errs, errors.New("API_KEY is empty; set the key that callers send as x-api-key"))
	}
	if c.Runtime != RuntimeAuto && c.Runtime != RuntimeDocker && c.Runtime != RuntimeProcess {
		errs = append(errs, fmt.Errorf("RUNTIME=%q is unknown; use auto, docker or process", c.Runtime))
	}
	if c.Runners < 1 || c.Runners > maxRunners {
		errs = append(errs, fmt.Errorf("RUNNERS=%d is too few or too many; give 1 to %d", c.Runners, maxRunners))
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil || c.DataDir == "" {
		errs = append(errs, fmt.Errorf("DATA_DIR=%q is no folder; give one that this program may create and write", c.DataDir))
	}
	c.DataDir = dir
	return errors.Join(errs...)
}

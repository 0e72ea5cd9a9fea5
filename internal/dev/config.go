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

// ParseConfig reads the environment; its error names every variable that is wrong
// and the mend.
func ParseConfig(environ map[string]string) (Config, error) {
	var c Config
	if err := env.ParseWithOptions(&c, env.Options{Environment: environ}); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// Validate reports every variable that is wrong, and the mend.
func (c *Config) Validate() error {
	var errs []error
	for _, a := range []struct{ name, value string }{{"LISTEN_ADDR", c.ListenAddr}, {"LOCALHUB_ADDR", c.LocalhubAddr}} {
		if _, err := net.ResolveTCPAddr("tcp", a.value); err != nil {
			errs = append(errs, fmt.Errorf("%s=%q is no address to listen on; write host:port, such as 127.0.0.1:8080", a.name, a.value))
		}
	}
	if c.APIKey == "" {
		errs = append(errs, errors.New("API_KEY is empty; set the key that callers send as x-api-key"))
	}
	if c.Runtime != RuntimeAuto && c.Runtime != RuntimeDocker && c.Runtime != RuntimeProcess {
		errs = append(errs, fmt.Errorf("RUNTIME=%q is unknown; use auto, docker or process", c.Runtime))
	}
	if c.Runners < 1 {
		errs = append(errs, fmt.Errorf("RUNNERS=%d is too few; give at least 1", c.Runners))
	}
	dir, err := filepath.Abs(c.DataDir)
	if err != nil || c.DataDir == "" {
		errs = append(errs, fmt.Errorf("DATA_DIR=%q is no folder; give one that this program may create and write", c.DataDir))
	}
	c.DataDir = dir
	return errors.Join(errs...)
}

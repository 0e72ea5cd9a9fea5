// Command server takes jobs over HTTP, brings them to GitHub, and tells where they
// stand. It is configured by environment variables; see server --help.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/githubjobs/githubjobs/internal/server"
)

func main() { os.Exit(run(os.Args[1:], os.Environ(), os.Stdout, os.Stderr)) }

// run returns the exit code: 0 for an orderly end, 1 for a failure, 2 for a wrong
// call or configuration.
func run(args, environ []string, stdout, stderr io.Writer) int {
	do := serve
	if len(args) > 0 && args[0] == "rebuild" {
		force, ok := rebuildArgs(args[1:])
		if !ok {
			return usage(args, stdout, stderr)
		}
		do = func(ctx context.Context, cfg server.Config, stderr io.Writer) error {
			return server.Rebuild(ctx, cfg, server.NewLogger(cfg, stderr), force, stdout)
		}
	} else if len(args) > 0 {
		return usage(args, stdout, stderr)
	}
	cfg, err := server.LoadConfig(environ)
	if err != nil {
		fmt.Fprintf(stderr, "The configuration is not right:\n  %s\n`server --help` explains every variable.\n", strings.ReplaceAll(err.Error(), "\n", "\n  "))
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := do(ctx, cfg, stderr); err != nil {
		fmt.Fprintf(stderr, "server: %s\n", err)
		return 1
	}
	return 0
}

func serve(ctx context.Context, cfg server.Config, stderr io.Writer) (err error) {
	s, err := server.New(ctx, cfg, server.NewLogger(cfg, stderr))
	if err != nil {
		return err
	}
	defer func() {
		if closed := s.Close(); err == nil {
			err = closed
		}
	}()
	return s.Run(ctx)
}

// rebuildArgs reads what follows the word rebuild.
func rebuildArgs(args []string) (force, ok bool) {
	switch {
	case len(args) == 0:
		return false, true
	case len(args) == 1 && (args[0] == "--force" || args[0] == "-force"):
		return true, true
	}
	return false, false
}

func usage(args []string, stdout, stderr io.Writer) int {
	switch args[0] {
	case "-h", "-help", "--help", "help":
		printHelp(stdout)
		return 0
	}
	if args[0] == "rebuild" {
		fmt.Fprintf(stderr, "server rebuild takes --force or nothing, and got %q; see server --help.\n", args[1:])
		return 2
	}
	fmt.Fprintf(stderr, "server takes no arguments but rebuild, and got %q. It is configured by environment variables: see server --help.\n", args[0])
	return 2
}

func printHelp(w io.Writer) {
	fmt.Fprintf(w, `Usage:
  server                    takes jobs over HTTP, brings them to GitHub, and tells where they stand
  server rebuild            fills an empty database with every job that GitHub still knows;
                            after an interruption the same command goes on where it was
  server rebuild --force    the same with a database that is in use: everything is read anew
                            and joined to what is there

It is configured by environment variables:

`)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range server.Variables() {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", v.Name, v.Default, v.Meaning)
	}
	// Writing to the terminal; nobody could be told of an error.
	_ = table.Flush()
}

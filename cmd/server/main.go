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
	if len(args) > 0 {
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
	if err := serve(ctx, cfg, stderr); err != nil {
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

func usage(args []string, stdout, stderr io.Writer) int {
	switch args[0] {
	case "-h", "-help", "--help", "help":
		printHelp(stdout)
		return 0
	}
	fmt.Fprintf(stderr, "server takes no arguments, and got %q. It is configured by environment variables: see server --help.\n", args[0])
	return 2
}

func printHelp(w io.Writer) {
	fmt.Fprintf(w, "Usage: server\n\nTakes jobs over HTTP, brings them to GitHub, and tells where they stand.\nIt is configured by environment variables:\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, v := range server.Variables() {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", v.Name, v.Default, v.Meaning)
	}
	// Writing to the terminal; nobody could be told of an error.
	_ = table.Flush()
}

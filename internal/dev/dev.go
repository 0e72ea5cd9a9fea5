package dev

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/server"
)

// Run starts localhub, its demo repository and the server, tells out where they
// are, and serves until ctx ends. The server stops before localhub does. What was
// under way goes on at the next start on the same data.
func Run(ctx context.Context, c Config, out io.Writer, log *slog.Logger) error {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return fmt.Errorf("DATA_DIR=%q: %w; give a folder that this program may create and write", c.DataDir, err)
	}
	runtime, why, err := chooseRuntime(ctx, c)
	if err != nil {
		return err
	}
	agent, err := agentBinary(c)
	if err != nil {
		return err
	}
	hub, err := localhub.New(localhub.Config{Addr: c.LocalhubAddr, DataDir: filepath.Join(c.DataDir, "localhub"), Runners: c.Runners, Logger: log.With("program", "localhub")})
	if err != nil {
		return fmt.Errorf("LOCALHUB_ADDR=%q, DATA_DIR=%q: %w", c.LocalhubAddr, c.DataDir, err)
	}
	defer hub.Close()
	return outlive(ctx, hub.Run, func(ctx context.Context) error {
		secrets, err := seed(ctx, hub, c.DataDir, time.Now())
		if err != nil {
			return fmt.Errorf("the demo repository: %w", err)
		}
		if err := setRuntime(hub, runtime, c, agent); err != nil {
			return err
		}
		config, err := serverConfig(c, hub.URL(), secrets)
		if err != nil {
			return err
		}
		s, err := server.New(ctx, config, log.With("program", "server"))
		if err != nil {
			return err
		}
		defer s.Close()
		if err := ensureHook(ctx, hub, secrets, s.URL()+"/webhooks/github"); err != nil {
			return fmt.Errorf("the webhook of the demo repository: %w", err)
		}
		if err := setServer(hub, s.URL()); err != nil {
			return err
		}
		printWelcome(out, c, hub.URL(), s.URL(), runtime, why)
		if runtime.sameUser() {
			fmt.Fprint(out, "Jobs run as you, and can do what you can (GITHUBJOBS_UNSAFE_SAME_USER): submit only what you trust, or use Docker.\n\n")
		}
		return s.Run(ctx)
	})
}

// outlive runs inner within the time in which outer runs: outer is told to end
// only when inner has ended, and inner ends when outer fails.
func outlive(ctx context.Context, outer, inner func(context.Context) error) error {
	outerCtx, stopOuter := context.WithCancel(context.WithoutCancel(ctx))
	defer stopOuter()
	g, innerCtx := errgroup.WithContext(ctx)
	g.Go(func() error { return outer(outerCtx) })
	g.Go(func() error {
		defer stopOuter()
		return inner(innerCtx)
	})
	return g.Wait()
}

// serverConfig is what a user of the server would put into its environment.
func serverConfig(c Config, hubURL string, s secrets) (server.Config, error) {
	return server.LoadConfig([]string{
		"LISTEN_ADDR=" + c.ListenAddr, "API_KEY=" + c.APIKey, "WEBHOOK_SECRET=" + s.WebhookSecret,
		"GITHUB_SERVER_URL=" + hubURL, "GITHUB_REPOSITORY=" + demoOwner + "/" + demoName, "GITHUB_TOKEN=" + s.Token,
		"DATABASE_PATH=" + filepath.Join(c.DataDir, "server.db"),
		"PUSHES_PER_MINUTE=0", // localhub has no such limit, and nobody wants to wait for a demonstration
	})
}

func printWelcome(out io.Writer, c Config, hubURL, serverURL string, runtime Runtime, why string) {
	fmt.Fprintf(out, `
  localhub    %[1]s/%[2]s/%[3]s   (GitHub on this machine)
  server      %[4]s
  runtime     %[5]s (%[6]s)
  data        %[7]s

Create a job, and ask where it stands:

  curl -H 'x-api-key: %[8]s' -d '{"job":"Daily activity report","kind":"report"}' %[4]s/api/create-job
  curl -H 'x-api-key: %[8]s' '%[4]s/api/jobs/status?job_id=…'

The result: git clone %[1]s/%[2]s/%[3]s.git
Ctrl-C stops everything; the next start goes on where this one ends.

`, hubURL, demoOwner, demoName, serverURL, runtime, why, c.DataDir, c.APIKey)
}

// Main is the program, with its arguments (without its name): it returns its exit code, 0 for an orderly end, 1 for a
// failure, 2 for a wrong configuration.
func Main(ctx context.Context, args []string, environ map[string]string, out, errOut io.Writer) int {
	if len(args) > 0 {
		if slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
			fmt.Fprint(out, usage)
			return 0
		}
		fmt.Fprintf(errOut, "dev: it takes no arguments, but was given %q; `dev --help` lists its variables\n", args)
		return 2
	}
	c, err := ParseConfig(environ)
	if err != nil {
		fmt.Fprintf(errOut, "dev: the environment is not right:\n%v\n", err)
		return 2
	}
	log := slog.New(slog.NewTextHandler(errOut, &slog.HandlerOptions{Level: c.LogLevel}))
	if err := Run(ctx, c, out, log); err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(errOut, "dev: %v\n", err)
		return 1
	}
	fmt.Fprintln(out, "stopped")
	return 0
}

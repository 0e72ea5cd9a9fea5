package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/reconcile"
)

// tellEvery is how often a rebuild says how far it is.
const tellEvery = time.Second

// Rebuild fills the database of the configuration with every job that GitHub still
// knows, and says on out how far it is. No server may run on the database.
//
// It refuses a database that is in use, unless force is set; see reconcile.Rebuild,
// which also tells how it is resumed.
func Rebuild(ctx context.Context, cfg Config, log *slog.Logger, force bool, out io.Writer) (err error) {
	if err := cfg.Validate(); err != nil {
		return err
	}
	s := newServer(cfg, log)
	var last hub.Progress
	var told time.Time
	s.progress = func(p hub.Progress) {
		if last = p; time.Since(told) >= tellEvery {
			told = time.Now()
			fmt.Fprintf(out, "  %s\n", soFar(p))
		}
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.open(ctx); err != nil {
		return err
	}
	lease, err := s.alone(ctx)
	if err != nil {
		return err
	}
	defer lease.Release()
	fmt.Fprintf(out, "Reading every job that %s knows of %s into %s\n", cfg.GitHubServerURL, cfg.Repository, cfg.database())
	began := time.Now()
	err = s.reconciler.Rebuild(ctx, force, func(ctx context.Context, d time.Duration, err error) error {
		fmt.Fprintf(out, "  waiting %s: %s\n", d.Round(time.Second), err)
		return hub.Sleep(ctx, d)
	})
	switch {
	case errors.Is(err, reconcile.ErrNotEmpty):
		return fmt.Errorf("%w\nNothing was changed. The server itself keeps this database true. To read everything anew all the same, use `server rebuild --force`: it joins what GitHub knows to what is there, and loses nothing. To begin with an empty one, name another in DATABASE_PATH or DATABASE_URL", err)
	case ctx.Err() != nil:
		return errors.New("stopped. What was read is stored: the same command goes on from there")
	case err != nil:
		return err
	}
	fmt.Fprintf(out, "Done in %s: %s\n", time.Since(began).Round(time.Second/10), soFar(last))
	return nil
}

func soFar(p hub.Progress) string {
	return fmt.Sprintf("%d of %d branches, %d pull requests, %d runs", p.Read, p.Branches, p.Pulls, p.Runs)
}

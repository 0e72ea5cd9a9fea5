package report

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/githubjobs/githubjobs/internal/agent/git"
	"github.com/githubjobs/githubjobs/internal/agent/task"
)

const (
	pastName     = "history.json"
	maxPastBytes = 256 << 20 // a month of the busiest repositories takes a tenth of it
)

// past is what git told: the commit that the report is about, and those before it.
type past struct {
	Base    string   `json:"base"`
	Commits []commit `json:"commits"`
}

// Read implements task.Reader.
func (Kind) Read(ctx context.Context, t task.Task) error {
	span, err := spanOf(t.Spec)
	if err != nil {
		return err
	}
	repo := git.Git{Dir: t.Base}
	var p past
	if p.Base, err = baseCommit(ctx, repo, t.Commit); err != nil {
		return err
	}
	if p.Commits, err = history(ctx, repo, p.Base, span.previous().From); err != nil {
		return err
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(t.Inputs, pastName), raw, 0o644)
}

func loadPast(folder string) (p past, err error) {
	f, err := os.Open(filepath.Join(folder, pastName))
	if err != nil {
		return p, fmt.Errorf("read the history: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxPastBytes)).Decode(&p); err != nil {
		return p, fmt.Errorf("read the history: %w", err)
	}
	return p, nil
}

package actions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// parsed is a workflow file, or why it is none.
type parsed struct {
	path string
	file *workflow.File
	err  error
}

func (p parsed) name() string {
	if p.file == nil {
		return p.path
	}
	return p.file.Name
}

// fileCache remembers the workflow files of trees: a thousand jobs on the same tree cost one look into git.
type fileCache struct {
	mu    sync.Mutex
	trees map[string][]parsed
}

// maxTrees bounds the cache.
const maxTrees = 256

// at returns the workflow files in a tree, by path.
func (c *fileCache) at(ctx context.Context, git *gitrepo.Repo, tree string) ([]parsed, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if files, ok := c.trees[tree]; ok {
		return files, nil
	}
	files, err := readFiles(ctx, git, tree)
	if err != nil {
		return nil, err
	}
	if c.trees == nil || len(c.trees) >= maxTrees {
		c.trees = map[string][]parsed{}
	}
	c.trees[tree] = files
	return files, nil
}

func readFiles(ctx context.Context, git *gitrepo.Repo, tree string) ([]parsed, error) {
	folder, err := git.Entry(ctx, tree, workflow.Folder)
	if errors.Is(err, gitrepo.ErrNotFound) || err == nil && folder.Type != "tree" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := git.Tree(ctx, folder.SHA, false)
	if err != nil {
		return nil, err
	}
	var files []parsed
	for _, entry := range entries {
		path := workflow.Folder + "/" + strings.TrimPrefix(entry.Path, workflow.Folder+"/")
		if entry.Type != "blob" || !workflow.IsFile(path) {
			continue
		}
		source, err := git.Blob(ctx, entry.SHA)
		if err != nil {
			return nil, err
		}
		file, err := workflow.Parse(path, source)
		files = append(files, parsed{path: path, file: file, err: err})
	}
	return files, nil
}

// fileOf reads the workflow file of a run again.
func (e *Engine) fileOf(ctx context.Context, run state.Run) (*workflow.File, error) {
	var repo state.Repository
	e.cfg.DB.View(func(tx *state.Tx) { repo, _ = tx.Repositories.Get(run.RepositoryID) })
	git, err := e.cfg.Git.Open(repo.Owner, repo.Name)
	if err != nil {
		return nil, err
	}
	files, err := e.files.at(ctx, git, run.HeadCommit.Tree)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if f.path == run.Path {
			return f.file, f.err
		}
	}
	return nil, fmt.Errorf("%s is not in commit %s", run.Path, run.HeadSHA)
}

// Dispatchable returns the trigger for workflow_dispatch of a workflow on a ref, or false when it has none there.
func (e *Engine) Dispatchable(ctx context.Context, repo state.Repository, path, sha string) (workflow.Trigger, bool, error) {
	git, err := e.cfg.Git.Open(repo.Owner, repo.Name)
	if err != nil {
		return workflow.Trigger{}, false, err
	}
	commit, err := git.Commit(ctx, sha)
	if err != nil {
		return workflow.Trigger{}, false, err
	}
	files, err := e.files.at(ctx, git, commit.Tree)
	if err != nil {
		return workflow.Trigger{}, false, err
	}
	for _, f := range files {
		if f.path == path && f.file != nil {
			trigger, ok := f.file.Trigger("workflow_dispatch")
			return trigger, ok, nil
		}
	}
	return workflow.Trigger{}, false, nil
}

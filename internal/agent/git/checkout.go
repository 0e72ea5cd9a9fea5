package git

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// conversions are switched off in a checkout, so that a file has the bytes of its
// blob: what the task leaves is compared and published by its bytes.
const conversions = "* -text -ident -filter !eol !working-tree-encoding\n"

// identity lets a task commit in its checkout. Nothing of such commits is
// published: only the files count.
const identity = "[user]\n\tname = githubjobs\n\temail = jobs@githubjobs.invalid\n"

// Checkout makes tree a repository on branch at commit sha. It borrows the objects
// of the bare repository base, named by a relative path: both must be siblings,
// and stay so where they are mounted. It has no remote.
func Checkout(ctx context.Context, base, tree, branch, sha string) error {
	g := Git{Dir: filepath.Join(tree, ".git"), Tree: tree}
	if err := os.MkdirAll(tree, 0o755); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	if _, err := g.Run(ctx, "init", "--quiet", "--template="); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	objects, err := filepath.Rel(filepath.Join(g.Dir, "objects"), filepath.Join(base, "objects"))
	if err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	for name, text := range map[string]string{
		"HEAD":                    "ref: refs/heads/" + branch + "\n",
		"objects/info/alternates": objects + "\n",
		"info/attributes":         conversions,
	} {
		if err := g.write(name, os.O_TRUNC, text); err != nil {
			return fmt.Errorf("check out: %w", err)
		}
	}
	if err := g.write("config", os.O_APPEND, identity); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	if shallow, err := os.ReadFile(filepath.Join(base, "shallow")); err == nil {
		if err := g.write("shallow", os.O_TRUNC, string(shallow)); err != nil {
			return fmt.Errorf("check out: %w", err)
		}
	}
	if _, err := g.Run(ctx, "update-ref", "refs/heads/"+branch, sha); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	if _, err := g.Run(ctx, "-c", "checkout.workers=0", "reset", "--quiet", "--hard"); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	return nil
}

func (g Git) write(name string, mode int, text string) error {
	path := filepath.Join(g.Dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|mode, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

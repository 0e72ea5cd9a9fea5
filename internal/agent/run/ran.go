//go:build unix

package run

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"strings"
)

// identify finds out, while the task runs, which program the agent is; wait returns when
// that is known. What can't be found out is left out.
func (s Step) identify() (wait func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		if path, err := os.Executable(); err == nil {
			s.ran.Agent = digestOfFile(path)
		}
	}()
	return func() { <-done }
}

func digestOfFile(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return ""
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// identify asks the engine, while the container runs, which image it is really of: a name
// may mean another one by now.
func (d dockerSandbox) identify(ctx context.Context) (wait func()) {
	done, ran := make(chan struct{}), d.step.ran
	ran.Image = d.step.Config.Image
	go func() {
		defer close(done)
		id, err := d.after(ctx, "container", "inspect", "--format", "{{.Image}}", d.name())
		if err != nil { // the container is gone already
			return
		}
		ran.ImageID = id
		digests, err := d.after(ctx, "image", "inspect", "--format", `{{join .RepoDigests " "}}`, id)
		if err != nil {
			return
		}
		for digest := range strings.FieldsSeq(digests) {
			if _, ran.Manifest, _ = strings.Cut(digest, "@"); ran.Manifest != "" {
				break
			}
		}
	}()
	return func() { <-done }
}

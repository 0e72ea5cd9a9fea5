package gitrepo

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"pgregory.net/rapid"
)

// go-git asks for no side band unless it shows progress: the reasons arrive there too.
func TestGoGitReadsTheReason(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{Refuse: func(_ context.Context, c RefChange) string {
		if c.Ref == "refs/heads/no" {
			return "this branch is not wanted"
		}
		return ""
	}})
	repo, err := git.PlainOpen(h.clone(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, progress := range []*strings.Builder{nil, {}} {
		o := &git.PushOptions{RefSpecs: []config.RefSpec{"refs/heads/main:refs/heads/yes", "refs/heads/main:refs/heads/no"}}
		if progress != nil {
			o.RefSpecs[0] = "refs/heads/main:refs/heads/yes2"
			o.Progress = progress
		}
		err = repo.PushContext(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "this branch is not wanted") {
			t.Errorf("push: %v", err)
		}
	}
	if got := h.pushed(); len(got) != 3 {
		t.Errorf("changed %v", got)
	}
}

func TestExplainRefusals(t *testing.T) {
	t.Parallel()
	reasons := map[string]string{"refs/heads/a": "because"}
	report := packet("unpack ok\n") + packet("ng refs/heads/a hook declined\n") + packet("ok refs/heads/b\n") + "0000"
	want := packet("unpack ok\n") + packet("ng refs/heads/a because\n") + packet("ok refs/heads/b\n") + "0000"
	if got := string(explainRefusals([]byte(report), reasons)); got != want {
		t.Errorf("plain: %q", got)
	}
	side := packet("\x02remote says\n") + packet("\x01"+report[:7]) + packet("\x01"+report[7:]) + "0000"
	wantSide := packet("\x02remote says\n") + packet("\x01"+want) + "0000"
	if got := string(explainRefusals([]byte(side), reasons)); got != wantSide {
		t.Errorf("side band: %q", got)
	}
}

// Whatever a report looks like, nothing panics, and without refusals it stays as it is.
func TestExplainAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		if rapid.Bool().Draw(t, "packed") {
			body = []byte(packet(string(body)) + "0000")
		}
		out := explainRefusals(slices.Clone(body), map[string]string{"refs/heads/a": "x"})
		if _, ok := splitPackets(string(body)); !ok && string(out) != string(body) {
			t.Fatalf("a malformed report became %q", out)
		}
	})
}

// CheckRef agrees with git on every name: what it lets through, git takes.
func TestCheckRefAgreesWithGit(t *testing.T) {
	t.Parallel()
	r := newTestRepo(t)
	rapid.Check(t, func(t *rapid.T) {
		name := "refs/heads/" + rapid.StringOf(rapid.RuneFrom([]rune("ab/.-@{}~^:?*[\\ \t\x00\x7fé~lock"))).Draw(t, "name")
		if rapid.Bool().Draw(t, "lock") {
			name += ".lock"
		}
		if CheckRef(name) != nil || strings.ContainsRune(name, 0) {
			return
		}
		if _, err := r.git(context.Background(), "check-ref-format", name); err != nil {
			t.Fatalf("git refuses %q: %v", name, err)
		}
	})
}

// Whatever is asked for, only objects of this repository answer, and nothing becomes an option.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	r := newTestRepo(t)
	one := r.commit(t, "one", files{"a": "1"})
	if err := r.CreateRef(t.Context(), "refs/heads/main", one); err != nil {
		t.Fatal(err)
	}
	marker := filepath.Join(t.TempDir(), "marker")
	hostile := []string{"--output=" + marker, "--upload-pack=touch " + marker, "-c", "--help", "$(touch " + marker + ")", "`touch " + marker + "`",
		"../../etc/passwd", "a\nb", "a\x00b", "main^{/x}", "@", ":0:a", strings.Repeat("a", 5000), "", " ", "refs/heads/../../config", "\xff\xfe"}
	for _, name := range hostile {
		if _, err := r.Resolve(t.Context(), name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Resolve(%q): %v", name, err)
		}
		if _, err := r.Commit(t.Context(), name); !errors.Is(err, ErrBadName) {
			t.Errorf("Commit(%q): %v", name, err)
		}
		if _, err := r.Diff(t.Context(), name, one, true); !errors.Is(err, ErrBadName) {
			t.Errorf("Diff(%q): %v", name, err)
		}
		if _, err := r.MergeTree(t.Context(), one, name); !errors.Is(err, ErrBadName) {
			t.Errorf("MergeTree(%q): %v", name, err)
		}
		if err := r.CreateRef(t.Context(), "refs/heads/"+name, one); err == nil && name != "@" && !strings.HasPrefix(name, "$") && !strings.HasPrefix(name, "`") && name != "\xff\xfe" {
			t.Errorf("CreateRef(%q) passed", name)
		}
		if _, err := r.Log(t.Context(), LogOptions{Tip: one, Path: name, Author: name}); name != "" && err != nil && !errors.Is(err, ErrBadName) {
			t.Errorf("Log(%q): %v", name, err)
		}
		r.File(t.Context(), one, name)
		r.Entry(t.Context(), one, name)
		r.Refs(t.Context(), name)
	}
	if _, err := os.Stat(marker); err == nil {
		t.Error("a name was executed")
	}
}

func TestHeaderValuesReachNoProcess(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	h.clone(t)
	for _, protocol := range []string{"version=2", "version=2:x\ny", strings.Repeat("v", 10000), "$(id)"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", h.url+"/info/refs?service=git-upload-pack", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["Git-Protocol"] = []string{strings.ReplaceAll(protocol, "\n", " ")}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%q: %d", protocol, res.StatusCode)
		}
	}
}

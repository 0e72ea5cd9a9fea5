package gitrepo

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A client that goes away in the middle of its push changes nothing, and the next push is received.
func TestAbortedPush(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{Refuse: func(context.Context, RefChange) string { return "" }})
	dir := h.clone(t)
	u, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, framing := range []string{"Content-Length: 100000", "Transfer-Encoding: chunked"} {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		sha := mustGit(t, dir, "rev-parse", "HEAD")
		command := packet(fmt.Sprintf("%s %s refs/heads/half\x00 report-status", Zero, sha))
		if strings.HasPrefix(framing, "Transfer") {
			command = fmt.Sprintf("%x\r\n%s\r\n", len(command), command)
		}
		fmt.Fprintf(conn, "POST %s/git-receive-pack HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-git-receive-pack-request\r\n%s\r\n\r\n%s",
			u.Path, framing, command)
		conn.Close()
	}
	commitFile(t, dir, "next", "1")
	done := make(chan error, 1)
	go func() {
		_, err := gitClient(t, dir, "push", "-q", "origin", "HEAD:refs/heads/next")
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the aborted push holds up the next one")
	}
	for _, c := range h.pushed() {
		if c.Ref == "refs/heads/half" {
			t.Errorf("half a push was received: %v", c)
		}
	}
}

// What stands in the repository's own hooks folder, or in files that a push brings, never runs.
func TestNoForeignHooksRun(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	marker := filepath.Join(t.TempDir(), "marker")
	script := []byte("#!/bin/sh\ntouch " + marker + "\n")
	if err := os.MkdirAll(filepath.Join(h.Dir(), "hooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pre-receive", "update", "post-receive", "post-update", "reference-transaction"} {
		if err := os.WriteFile(filepath.Join(h.Dir(), "hooks", name), script, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	dir := h.clone(t)
	commitFile(t, dir, "hooks/update", string(script))
	mustGit(t, dir, "push", "-q", "origin", "HEAD:main")
	if _, err := os.Stat(marker); err == nil {
		t.Fatal("a foreign hook ran")
	}
	if len(h.pushed()) != 2 {
		t.Fatalf("reported %v", h.pushed())
	}
}

// Objects that git's fsck refuses are not received.
func TestBrokenObjectsAreRefused(t *testing.T) {
	t.Parallel()
	h := serve(t, ServeOptions{})
	dir := h.clone(t)
	tree := mustGit(t, dir, "rev-parse", "HEAD^{tree}")
	raw := filepath.Join(t.TempDir(), "commit")
	text := "tree " + tree + "\nauthor no email 1 +0000\ncommitter x <x> 1 +0000\n\nbroken\n"
	if err := os.WriteFile(raw, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	sha := mustGit(t, dir, "hash-object", "-t", "commit", "-w", "--literally", raw)
	out, err := gitClient(t, dir, "push", "origin", sha+":refs/heads/broken")
	if err == nil {
		t.Fatalf("passed: %s", out)
	}
}

package server

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs/receipt"
)

// A server with a database of its own makes its key once, for itself alone.
func TestReceiptKeyOfASingleServer(t *testing.T) {
	t.Parallel()
	c := Config{DatabasePath: filepath.Join(t.TempDir(), "jobs.db")}
	first, err := c.receiptKeys(slog.New(slog.DiscardHandler))
	check(t, err)
	path := filepath.Join(filepath.Dir(c.DatabasePath), "receipt.key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	if again, err := c.receiptKeys(slog.New(slog.DiscardHandler)); err != nil || again[0].ID != first[0].ID {
		t.Errorf("the second start: %v", err)
	}
	if left, _ := filepath.Glob(path + ".*"); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	check(t, os.Chmod(path, 0o644))
	if _, err := c.receiptKeys(slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
}

func TestReceiptKeysThatAreGiven(t *testing.T) {
	t.Parallel()
	key, err := receipt.NewKey()
	check(t, err)
	old, err := receipt.NewKey()
	check(t, err)
	private, err := key.PrivatePEM()
	check(t, err)
	public, err := old.PublicPEM()
	check(t, err)
	for name, text := range map[string]string{"as it is": string(private) + public, "on one line": strings.ReplaceAll(string(private)+public, "\n", `\n`)} {
		c := Config{ReceiptKey: text, DatabaseURL: "postgres://x"}
		keys, err := c.receiptKeys(slog.New(slog.DiscardHandler))
		if err != nil || len(keys) != 2 || keys[0].ID != key.ID || keys[1].ID != old.ID {
			t.Errorf("%s: %v, %+v", name, err, keys)
		}
	}
	if _, err := (Config{ReceiptKey: public}).receiptKeys(slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "must be a private one") {
		t.Errorf("a public key: %v", err)
	}
	var log bytes.Buffer
	if keys, err := (Config{DatabaseURL: "postgres://x"}).receiptKeys(slog.New(slog.NewTextHandler(&log, nil))); err != nil || keys != nil || !strings.Contains(log.String(), "RECEIPT_KEY") {
		t.Errorf("servers that share a database: %v, %v, %s", keys, err, &log)
	}
}

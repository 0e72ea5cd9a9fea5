package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs/receipt"
)

// receiptKeyName is the file, beside the SQLite database, of the key that a server makes
// itself.
const receiptKeyName = "receipt.key"

// receiptKeys are those by which receipts are, and were, signed, the present one first;
// none where there is none.
func (c Config) receiptKeys(log *slog.Logger) ([]receipt.Key, error) {
	if c.ReceiptKey != "" {
		return parseReceiptKeys([]byte(strings.ReplaceAll(c.ReceiptKey, `\n`, "\n"))) // as .env files write line breaks
	}
	if c.DatabaseURL != "" {
		log.Warn("there are no receipts of jobs: servers that share a database need the same key; set RECEIPT_KEY or RECEIPT_KEY_FILE")
		return nil, nil
	}
	path := filepath.Join(filepath.Dir(c.DatabasePath), receiptKeyName)
	keys, err := readReceiptKeys(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeReceiptKey(path); err == nil {
			log.Info("made a key for the receipts of jobs; keep it as safe as the database, and its public part with the receipts", "file", path)
			keys, err = readReceiptKeys(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("the key of receipts, %s: %w", path, err)
	}
	return keys, nil
}

// repositoryURL is the address of the job repository, as receipts have it.
func (c Config) repositoryURL() string {
	return strings.TrimRight(c.GitHubServerURL, "/") + "/" + c.Repository
}

func readReceiptKeys(path string) ([]receipt.Key, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Mode().Perm()&0o007 != 0 { // the group is open on the volumes of Kubernetes (fsGroup)
		return nil, fmt.Errorf("every user may read it (%s); close it to them (chmod 600), and make a new one if they may have read it", info.Mode().Perm())
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return parseReceiptKeys(raw)
}

func parseReceiptKeys(raw []byte) ([]receipt.Key, error) {
	keys, err := receipt.ParseKeys(raw)
	if err == nil && !keys[0].Signs() {
		err = errors.New("the first key must be a private one, which signs; those after it are earlier ones")
	}
	return keys, err
}

// makeReceiptKey writes a new key: all of it, or no file.
func makeReceiptKey(path string) error {
	key, err := receipt.NewKey()
	if err != nil {
		return err
	}
	raw, err := key.PrivatePEM()
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), receiptKeyName+".*") // of mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path) // one server has the database, and so this folder
}

func (c Config) validateReceiptKey() []error {
	if c.ReceiptKey == "" {
		return nil
	}
	if _, err := parseReceiptKeys([]byte(strings.ReplaceAll(c.ReceiptKey, `\n`, "\n"))); err != nil {
		return []error{wrongf("RECEIPT_KEY", "can't be used: %s", err)}
	}
	return nil
}

package actions

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"

	"golang.org/x/crypto/curve25519"
	"golang.org/x/crypto/nacl/box"
)

// secretBox is the key pair with which clients seal the secrets that they set (libsodium's sealed boxes).
type secretBox struct {
	id              string
	public, private [32]byte
}

// newSecretBox reads the key in file, which it makes when absent.
func newSecretBox(file string) (*secretBox, error) {
	s := &secretBox{}
	private, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		private = make([]byte, 32)
		rand.Read(private) // never fails
		err = os.WriteFile(file, private, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("key of secrets: %w", err)
	}
	if len(private) != 32 {
		return nil, fmt.Errorf("key of secrets: %s is not 32 bytes long: remove it, a new key is made then", file)
	}
	copy(s.private[:], private)
	public, err := curve25519.X25519(private, curve25519.Basepoint)
	if err != nil {
		return nil, fmt.Errorf("key of secrets: %w", err)
	}
	copy(s.public[:], public)
	s.id = fmt.Sprintf("%x", public[:8])
	return s, nil
}

// SecretKey is the public key for secrets: its id, and the key in base64.
func (e *Engine) SecretKey() (id, public string) {
	return e.secrets.id, base64.StdEncoding.EncodeToString(e.secrets.public[:])
}

// OpenSecret decrypts a secret that was sealed with the key keyID; text is base64. Errors are meant for the caller of the API.
func (e *Engine) OpenSecret(keyID, text string) (string, error) {
	if keyID != e.secrets.id {
		return "", errors.New("key_id is not that of the repository's public key")
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", errors.New("encrypted_value is not base64")
	}
	value, ok := box.OpenAnonymous(nil, sealed, &e.secrets.public, &e.secrets.private)
	if !ok {
		return "", errors.New("encrypted_value can't be decrypted: seal it with the repository's public key")
	}
	return string(value), nil
}

package receipt

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// Key is an Ed25519 key by which receipts are signed, or only its public part.
type Key struct {
	// ID is the beginning of the SHA-256 of the public key, in hexadecimal.
	ID      string
	Public  ed25519.PublicKey
	private ed25519.PrivateKey
}

const (
	privateBlock = "PRIVATE KEY" // PKCS #8
	publicBlock  = "PUBLIC KEY"  // PKIX
)

// NewKey makes a key.
func NewKey() (Key, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, err
	}
	return newKey(public, private), nil
}

func newKey(public ed25519.PublicKey, private ed25519.PrivateKey) Key {
	sum := sha256.Sum256(public)
	return Key{hex.EncodeToString(sum[:8]), public, private}
}

// Signs says whether the key has its private part.
func (k Key) Signs() bool { return k.private != nil }

// PrivatePEM is the whole key as PEM.
func (k Key) PrivatePEM() ([]byte, error) {
	return encodePEM(privateBlock, x509.MarshalPKCS8PrivateKey, k.private)
}

// PublicPEM is its public part as PEM.
func (k Key) PublicPEM() (string, error) {
	raw, err := encodePEM(publicBlock, x509.MarshalPKIXPublicKey, k.Public)
	return string(raw), err
}

func encodePEM[K any](block string, encode func(any) ([]byte, error), key K) ([]byte, error) {
	der, err := encode(key)
	if err != nil {
		return nil, fmt.Errorf("encode the key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: block, Bytes: der}), nil
}

// ParseKeys reads keys: PEM blocks, private or public, or the JSON in which a server
// publishes its own. At least one must be there.
func ParseKeys(raw []byte) (keys []Key, err error) {
	var published Published
	if json.Unmarshal(raw, &published) == nil && len(published.Keys) > 0 {
		raw = nil
		for _, one := range published.Keys {
			raw = append(raw, one.PublicKey+"\n"...)
		}
	}
	for {
		var block *pem.Block
		if block, raw = pem.Decode(raw); block == nil {
			break
		}
		key, err := parseBlock(block)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no PEM block of a key in it; make one with: openssl genpkey -algorithm ed25519")
	}
	if strings.TrimSpace(string(raw)) != "" {
		return nil, errors.New("something stands behind the last key that is no PEM block")
	}
	return keys, nil
}

func parseBlock(block *pem.Block) (Key, error) {
	const wanted = "receipts are signed with Ed25519 keys; make one with: openssl genpkey -algorithm ed25519"
	switch block.Type {
	case privateBlock:
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if private, ok := key.(ed25519.PrivateKey); err == nil && ok {
			return newKey(private.Public().(ed25519.PublicKey), private), nil
		}
	case publicBlock:
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if public, ok := key.(ed25519.PublicKey); err == nil && ok {
			return newKey(public, nil), nil
		}
	default:
		return Key{}, fmt.Errorf("a PEM block %q is no key for receipts: %s", block.Type, wanted)
	}
	return Key{}, errors.New("a key is damaged, or of another sort: " + wanted)
}

// Published are the keys of a server, as it tells them to whoever asks.
type Published struct {
	Keys []PublishedKey `json:"keys" doc:"Those that receipts are, or were, signed with; the present one first" nullable:"false"`
}

// PublishedKey is the public part of one.
type PublishedKey struct {
	KeyID     string `json:"keyid" doc:"By which a receipt names it"`
	Algorithm string `json:"algorithm" doc:"Ed25519" enum:"Ed25519"`
	PublicKey string `json:"public_key" doc:"In PEM"`
	Signs     bool   `json:"signs" doc:"Whether new receipts are signed with it"`
}

// Publish makes the public form of keys.
func Publish(keys []Key) (Published, error) {
	p := Published{Keys: []PublishedKey{}}
	for i, key := range keys {
		public, err := key.PublicPEM()
		if err != nil {
			return p, err
		}
		p.Keys = append(p.Keys, PublishedKey{key.ID, "Ed25519", public, i == 0 && key.Signs()})
	}
	return p, nil
}

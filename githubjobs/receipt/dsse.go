package receipt

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Envelope is a DSSE envelope (github.com/secure-systems-lab/dsse, protocol 1.0): a
// statement, and who has signed it.
type Envelope struct {
	PayloadType string      `json:"payloadType" doc:"What the payload is: application/vnd.in-toto+json"`
	Payload     string      `json:"payload" doc:"The in-toto statement, in base64"`
	Signatures  []Signature `json:"signatures" doc:"Of the payload and its type" nullable:"false"`
}

// Signature is one over the payload and its type.
type Signature struct {
	KeyID string `json:"keyid" doc:"Names the key, among those at /.well-known/githubjobs/keys"`
	Sig   string `json:"sig" doc:"Ed25519, in base64"`
}

// MaxBytes bounds a receipt that is read.
const MaxBytes = 1 << 20

var (
	// ErrUnsigned: no signature of the envelope is of a key that is trusted.
	ErrUnsigned = errors.New("the receipt is not signed by a key that was given")
	// ErrForged: a signature is said to be of a trusted key, and is not.
	ErrForged = errors.New("the signature does not belong to this receipt: it was changed after it was signed, or signed with another key")
)

// Sign makes the receipt of a statement. Ed25519 is deterministic: the same statement and
// key make the same receipt.
func (k Key) Sign(s Statement) (Envelope, error) {
	if k.private == nil {
		return Envelope{}, errors.New("the key is a public one, which signs nothing")
	}
	payload, err := json.Marshal(s)
	if err != nil {
		return Envelope{}, fmt.Errorf("encode the receipt: %w", err)
	}
	sig := ed25519.Sign(k.private, pae(PayloadType, payload))
	return Envelope{
		PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(payload),
		Signatures: []Signature{{k.ID, base64.StdEncoding.EncodeToString(sig)}},
	}, nil
}

// pae is DSSE's pre-authentication encoding: what is really signed.
func pae(payloadType string, payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload)
}

// Verify returns the statement of an envelope that one of the keys has signed, and that
// key. Its error is ErrUnsigned, ErrForged, or says what the envelope lacks.
func (e Envelope) Verify(keys []Key) (Statement, Key, error) {
	payload, err := base64.StdEncoding.DecodeString(e.Payload)
	switch {
	case err != nil:
		return Statement{}, Key{}, fmt.Errorf("payload: %w", err)
	case e.PayloadType != PayloadType:
		return Statement{}, Key{}, fmt.Errorf("payloadType is %.80q; a receipt is %s", e.PayloadType, PayloadType)
	}
	key, err := e.signer(payload, keys)
	if err != nil {
		return Statement{}, Key{}, err
	}
	s, err := ParseStatement(payload)
	return s, key, err
}

// signer is the first of the keys that has signed.
func (e Envelope) signer(payload []byte, keys []Key) (Key, error) {
	unsigned := ErrUnsigned
	for _, s := range e.Signatures {
		sig, err := base64.StdEncoding.DecodeString(s.Sig)
		for _, key := range keys {
			switch {
			case err == nil && ed25519.Verify(key.Public, pae(e.PayloadType, payload), sig):
				return key, nil // the id is a hint, and not signed
			case key.ID == s.KeyID:
				unsigned = ErrForged
			}
		}
	}
	return Key{}, unsigned
}

// ParseStatement reads a statement, strictly: what is not understood can't be checked.
func ParseStatement(payload []byte) (s Statement, err error) {
	if err := strictly(payload, &s); err != nil {
		return s, fmt.Errorf("the receipt is signed, and not one that is understood here: %w", err)
	}
	return s, nil
}

// Parse reads an envelope.
func Parse(raw []byte) (e Envelope, err error) {
	if len(raw) > MaxBytes {
		return e, fmt.Errorf("it has %d bytes; a receipt has at most %d", len(raw), MaxBytes)
	}
	if err := strictly(raw, &e); err != nil {
		return e, fmt.Errorf("it is not a receipt (a DSSE envelope in JSON): %w", err)
	}
	return e, nil
}

// strictly decodes one JSON value and nothing else.
func strictly(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something stands behind it")
	}
	return nil
}

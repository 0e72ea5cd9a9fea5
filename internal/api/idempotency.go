package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	keyField   = "idempotency_key"
	keyHeader  = "Idempotency-Key" // draft-ietf-httpapi-idempotency-key-header
	maxKeySize = 255
)

// keyFromHeader reads the key of a request's header. The draft writes it as a quoted
// string, most callers write it bare; both are the same key.
func keyFromHeader(h http.Header) (string, error) {
	values := h.Values(keyHeader)
	switch {
	case len(values) == 0:
		return "", nil
	case len(values) > 1:
		return "", problem.New(problem.InvalidField, "The header %s is there %d times; send one.", keyHeader, len(values)).OfField(keyHeader)
	}
	key := values[0]
	if len(key) >= 2 && key[0] == '"' && key[len(key)-1] == '"' {
		key = strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(key[1 : len(key)-1])
	}
	if err := checkKey(key); err != nil {
		return "", problem.New(problem.InvalidField, "The header %s %s.", keyHeader, err).OfField(keyHeader)
	}
	return key, nil
}

// checkKey says what is wrong with a key.
func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("is empty; give the key that names this request, or leave it out")
	case len(key) > maxKeySize:
		return fmt.Errorf("has %d bytes; at most %d are taken", len(key), maxKeySize)
	case strings.TrimSpace(key) != key:
		return errors.New("begins or ends with white space")
	case strings.ContainsFunc(key, unicode.IsControl) || strings.ToValidUTF8(key, "") != key:
		return errors.New("must be UTF-8 without control characters")
	}
	return nil
}

func readKey(raw json.RawMessage, r *request) error {
	if err := text(raw, &r.key); err != nil {
		return err
	}
	return checkKey(r.key)
}

// oneKey is the key of a request that may name it in the header, the body or both.
func oneKey(header, body string) (string, error) {
	if header != "" && body != "" && header != body {
		return "", problem.New(problem.InvalidField, "The header %s is %q, but %s in the body is %q; send one of them, or the same twice.", keyHeader, header, keyField, body).OfField(keyField)
	}
	return header + strings.TrimPrefix(body, header), nil
}

// fingerprint tells what a caller sent from any other body: the fields that are not
// null, whatever their order and the white space between them, apart from the key itself.
func fingerprint(fields map[string]json.RawMessage) (string, error) {
	given := map[string]any{}
	for name, raw := range fields {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			return "", fmt.Errorf("encoding %s again: %w", name, err)
		}
		if name != keyField && value != nil {
			given[name] = value
		}
	}
	canonical, err := json.Marshal(given) // with sorted names
	if err != nil {
		return "", fmt.Errorf("encoding the request again: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

// repeated answers a request whose key was used before: with the same job, or, when the
// body is another one, with an error that says so.
func (a *api) repeated(ctx context.Context, spec githubjobs.Spec) (*createOutput, error) {
	f, err := a.Jobs.Facts(ctx, a.Project, spec.ID)
	if errors.Is(err, store.ErrNotFound) {
		return a.repeatedLate(ctx, spec)
	}
	if err != nil {
		return nil, a.storeProblem(ctx, err)
	}
	if !f.Spec.SameRequest(spec) {
		return nil, problem.New(problem.KeyReused, "The idempotency key belongs to the job %s of %s, which was created by a request with another body. Send the same body to get that job, or another key to create a new one.",
			spec.ID, f.Spec.CreatedAt.Format(time.RFC3339)).OfField(keyField)
	}
	return &createOutput{Replayed: strconv.FormatBool(true), Body: Created{
		JobID: spec.ID, Branch: f.Name().Branch(), Status: githubjobs.Reduce(f, a.Now()).Status,
	}}, nil
}

// repeatedLate answers a request whose key names a job that was removed since; see
// store.Swept.
func (a *api) repeatedLate(ctx context.Context, spec githubjobs.Spec) (*createOutput, error) {
	left, err := a.Jobs.Swept(ctx, a.Project, spec.ID)
	if err != nil {
		return nil, a.storeProblem(ctx, err)
	}
	if left.Request != spec.Request {
		return nil, problem.New(problem.KeyReused, "The idempotency key belongs to the job %s, which was created by a request with another body and has ended long ago. Send another key to create a new one.", spec.ID).OfField(keyField)
	}
	return &createOutput{Replayed: strconv.FormatBool(true), Body: Created{JobID: spec.ID, Branch: githubjobs.Branch(spec.ID), Status: left.Status}}, nil
}

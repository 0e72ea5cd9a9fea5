package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// batchFingerprint tells what a caller sent from any other body, as fingerprint does, entry
// by entry: a large body as a whole would take many times its size.
func batchFingerprint(fields map[string]json.RawMessage) (string, error) {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		raw := fields[name]
		if name == keyField {
			continue
		}
		fmt.Fprintf(sum, "%q\n", name)
		if typeOf(raw) != "a list" {
			one, err := fingerprint(map[string]json.RawMessage{"": raw})
			if err != nil {
				return "", err
			}
			fmt.Fprintln(sum, one)
			continue
		}
		var failed error
		err := elements(raw, func(_ int, element json.RawMessage) bool {
			var one string
			one, failed = fingerprint(map[string]json.RawMessage{"": element})
			fmt.Fprintln(sum, one)
			return failed == nil
		})
		if failed != nil || err != nil {
			return "", fmt.Errorf("encoding %s again: %w, %w", name, failed, err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// readBatchID reads the name that callers give to a batch. A batch that was created as a whole
// takes no more jobs: its counts, its results and its max_failures are about those that it
// was created with.
func readBatchID(raw json.RawMessage, into *string) error {
	if err := text(raw, into); err != nil {
		return err
	}
	if githubjobs.IsWholeBatch(*into) {
		return fmt.Errorf("%s is named like a batch that POST /api/batches makes, into which no other job comes; give the job another name for its batch, or labels", *into)
	}
	return nil
}

func batchKeyReused(id string) error {
	return problem.New(problem.KeyReused, "The idempotency key belongs to the batch %s, which was created by a request with another body. Send the same body to get that batch, or another key to create a new one.", id).OfField(keyField)
}

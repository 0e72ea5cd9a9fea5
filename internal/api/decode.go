package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

const example = `{"job": "Daily activity report", "kind": "report"}`

// request is what the body of create-job says.
type request struct {
	spec        githubjobs.Spec
	key         string                     // its idempotency key; empty for none
	fingerprint string                     // of the rest; see githubjobs.Spec.Request
	name        string                     // of a job of a batch, by which others of it refer to it
	prompt      map[string]json.RawMessage // fields of PromptRequest
}

// createFields are the fields of create-job, each with the way it is read.
var createFields = map[string]func(json.RawMessage, *request) error{
	"job":      func(raw json.RawMessage, r *request) error { return text(raw, &r.spec.Prompt) },
	"kind":     func(raw json.RawMessage, r *request) error { return text(raw, &r.spec.Kind) },
	"title":    func(raw json.RawMessage, r *request) error { return text(raw, &r.spec.Title) },
	"base":     func(raw json.RawMessage, r *request) error { return text(raw, &r.spec.Base) },
	"config":   func(raw json.RawMessage, r *request) error { return object(raw, &r.spec) },
	"labels":   func(raw json.RawMessage, r *request) error { return texts(raw, &r.spec.Labels) },
	"secrets":  func(raw json.RawMessage, r *request) error { return texts(raw, &r.spec.Secrets) },
	"batch_id": func(raw json.RawMessage, r *request) error { return readBatchID(raw, &r.spec.Batch) },
	"retry":    func(raw json.RawMessage, r *request) error { return readRetry(raw, &r.spec.Retry) },
	"priority": func(raw json.RawMessage, r *request) error {
		return whole(raw, "", -githubjobs.MaxPriority, githubjobs.MaxPriority, &r.spec.Priority)
	},
	"network":     func(raw json.RawMessage, r *request) error { return text(raw, &r.spec.Network) },
	"delay_until": func(raw json.RawMessage, r *request) error { return instant(raw, &r.spec.DelayUntil) },
	"queue_ttl_seconds": func(raw json.RawMessage, r *request) error {
		return whole(raw, " of seconds", 1, int(githubjobs.MaxQueueTTL.Seconds()), &r.spec.QueueTTLSeconds)
	},
	"timeout_seconds": func(raw json.RawMessage, r *request) error {
		return whole(raw, " of seconds", 1, int(githubjobs.MaxTimeout.Seconds()), &r.spec.TimeoutSeconds)
	},
	"depends_on":            func(raw json.RawMessage, r *request) error { return texts(raw, &r.spec.DependsOn) },
	"on_dependency_failure": func(raw json.RawMessage, r *request) error { return word(raw, &r.spec.OnDependencyFailure) },
	"concurrency_key":       func(raw json.RawMessage, r *request) error { return word(raw, &r.spec.ConcurrencyKey) },
	"concurrency_policy":    func(raw json.RawMessage, r *request) error { return word(raw, &r.spec.ConcurrencyPolicy) },
	"pull_request":          func(raw json.RawMessage, r *request) error { return readPull(raw, &r.spec.PullRequest) },
	keyField:                readKey,
	"engine":                readPrompt("engine"), "llm_provider": readPrompt("llm_provider"), "llm_model": readPrompt("llm_model"),
	"llm_base_url": readPrompt("llm_base_url"), "max_turns": readPrompt("max_turns"),
}

// decodeCreate reads the body of create-job, strictly: what is not understood is
// refused, and never lost in silence. Optional fields may be null.
func decodeCreate(raw []byte, r *request) error {
	fields, err := decodeObject(raw, example)
	if err != nil {
		return err
	}
	if err := decodeFields(fields, createFields, r); err != nil {
		return err
	}
	r.fingerprint, err = fingerprint(fields)
	return err
}

// decodeFields reads the fields of a job, each with the way it is read.
func decodeFields(fields map[string]json.RawMessage, known map[string]func(json.RawMessage, *request) error, r *request) error {
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		read, ok := known[name]
		if !ok {
			return unknownField(name, slices.Sorted(maps.Keys(known)))
		}
		if string(fields[name]) == "null" {
			continue
		}
		if err := read(fields[name], r); err != nil {
			return inField(name, err)
		}
	}
	if err := r.foldPrompt(fields["kind"] != nil && string(fields["kind"]) != "null"); err != nil {
		return err
	}
	if strings.TrimSpace(r.spec.Prompt) == "" {
		return problem.New(problem.MissingField, "job is missing; say in words what is to be done, as in %s", example).OfField("job")
	}
	return nil
}

// decodeObject reads one JSON object and nothing behind it. like is an example of what
// is wanted.
func decodeObject(raw []byte, like string) (map[string]json.RawMessage, error) {
	if len(bytes.TrimSpace(raw)) == 0 {
		return nil, problem.New(problem.InvalidJSON, "The body is empty; send a JSON object such as %s", like)
	}
	if at := invalidUTF8(raw); at >= 0 {
		return nil, problem.New(problem.InvalidJSON, "The body is not valid UTF-8 at %s.", position(raw, at))
	}
	var fields map[string]json.RawMessage
	err := json.Unmarshal(raw, &fields)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		return nil, problem.New(problem.InvalidJSON, "The body is not valid JSON at %s: %s. Send an object such as %s", position(raw, int(e.Offset)-1), e, like)
	}
	if err != nil || fields == nil {
		return nil, problem.New(problem.InvalidJSON, "The body must be a JSON object such as %s, not %s.", like, typeOf(raw))
	}
	return fields, nil
}

func invalidUTF8(raw []byte) int {
	for i := 0; i < len(raw); {
		r, size := utf8.DecodeRune(raw[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return -1
}

// position names a byte of a text as people count: lines and characters from 1.
func position(raw []byte, at int) string {
	at = min(max(at, 0), len(raw))
	line := bytes.Count(raw[:at], []byte("\n"))
	column := utf8.RuneCount(raw[bytes.LastIndexByte(raw[:at], '\n')+1 : at])
	return fmt.Sprintf("line %d, column %d", line+1, column+1)
}

// typeOf names the type of a JSON value.
func typeOf(raw json.RawMessage) string {
	switch raw = bytes.TrimSpace(raw); raw[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}

func texts(raw json.RawMessage, into *[]string) error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return fmt.Errorf("must be a list of strings, not %s", typeOf(raw))
	}
	*into = make([]string, len(list))
	for i, one := range list {
		if err := text(one, &(*into)[i]); err != nil {
			return fmt.Errorf("[%d] %w", i, err)
		}
	}
	return nil
}

func text[T ~string](raw json.RawMessage, into *T) error {
	if typeOf(raw) != "a string" {
		return fmt.Errorf("must be a string, not %s", typeOf(raw))
	}
	return json.Unmarshal(raw, into)
}

func object(raw json.RawMessage, s *githubjobs.Spec) error {
	if typeOf(raw) != "an object" {
		return fmt.Errorf("must be an object, not %s", typeOf(raw))
	}
	s.Config = raw
	return nil
}

// whole reads a whole number of something within bounds.
func whole(raw json.RawMessage, of string, least, most int, into *int) error {
	if typeOf(raw) != "a number" {
		return fmt.Errorf("must be a whole number%s, not %s", of, typeOf(raw))
	}
	n, err := strconv.Atoi(string(raw))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("must be a whole number%s, not %s", of, raw)
	}
	if err != nil || n < least || n > most {
		return fmt.Errorf("%s is out of range; give %d to %d", raw, least, most)
	}
	*into = n
	return nil
}

// instant reads a time.
func instant(raw json.RawMessage, into *time.Time) error {
	var s string
	if err := text(raw, &s); err != nil {
		return err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return fmt.Errorf("%q is not a time such as 2026-11-21T08:00:00Z (RFC 3339)", shown(s))
	}
	*into = t
	return nil
}

// otherNames are what callers of similar services write.
var otherNames = map[string]string{
	"prompt": "job", "task": "job", "description": "job", "message": "job", "text": "job", "name": "title",
	"type": "kind", "timeout": "timeout_seconds", "ttl": "queue_ttl_seconds", "run_at": "delay_until", "not_before": "delay_until", "branch": "base", "base_branch": "base", "params": "config", "options": "config",
	"needs": "depends_on", "dependencies": "depends_on", "after": "depends_on", "concurrency": "concurrency_key", "concurrency_group": "concurrency_key",
}

func unknownField(name string, fields []string) error {
	hint := "The fields are " + strings.Join(fields, ", ") + "."
	if near := nearest(name, fields); near != "" {
		hint = "Did you mean " + near + "? " + hint
	}
	return problem.New(problem.UnknownField, "There is no field %q. %s", shown(name), hint).OfField(shown(name))
}

// nearest is the field that a name was probably meant to be, or nothing.
func nearest(name string, fields []string) string {
	plain := strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(name))
	if other := otherNames[plain]; slices.Contains(fields, other) {
		return other
	}
	best, least := "", 3
	for _, field := range fields {
		if d := distance(plain, field); d < least && d < len(field) {
			best, least = field, d
		}
	}
	return best
}

// distance is the number of single-character edits between two short texts
// (Levenshtein); texts whose lengths are far apart are not compared.
func distance(a, b string) int {
	if len(a) > len(b)+2 || len(b) > len(a)+2 {
		return 3
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

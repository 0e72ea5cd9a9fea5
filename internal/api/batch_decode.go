package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

const batchExample = `{"jobs": [` + example + `]}`

// mostMistakes bounds how many mistakes of a body are told in one answer.
const mostMistakes = 20

// BatchRequest is the body that creates a batch: of jobs, or of a template and inputs.
type BatchRequest struct {
	Jobs           []BatchJobRequest `json:"jobs,omitempty" doc:"The jobs, each as create-job takes it" minItems:"1" maxItems:"10000"`
	Template       map[string]any    `json:"template,omitempty" doc:"What the jobs have in common, as create-job takes a job; a job is made of it for each of inputs"`
	Inputs         []map[string]any  `json:"inputs,omitempty" doc:"For each job, what it has beside the template or in its place: a JSON Merge Patch (RFC 7396). Objects such as config are merged field by field, everything else is replaced, and null takes away" minItems:"1" maxItems:"10000"`
	Labels         []string          `json:"labels,omitempty" doc:"Labels that every job has beside its own" maxItems:"20"`
	MaxFailures    *int              `json:"max_failures,omitempty" doc:"How many jobs may fail. When more have, those that have not ended are cancelled. Jobs that were cancelled do not count. By default any number" minimum:"0" maximum:"10000"`
	IdempotencyKey string            `json:"idempotency_key,omitempty" doc:"Names this request: repeated with the same key it means the same batch. The header Idempotency-Key says the same" minLength:"1" maxLength:"255"`
}

// batchRequest is what such a body says.
type batchRequest struct {
	list        string // jobs or inputs, which names the entries in errors
	specs       []githubjobs.Spec
	names       []string // of each; empty for none
	labels      []string
	maxFailures *int
	key         string
	fingerprint string // where there is a key; see githubjobs.Spec.Request
}

// batchFields are the fields beside the lists, each with the way it is read.
var batchFields = map[string]func(json.RawMessage, *batchRequest) error{
	"labels": func(raw json.RawMessage, b *batchRequest) error { return texts(raw, &b.labels) },
	"max_failures": func(raw json.RawMessage, b *batchRequest) error {
		b.maxFailures = new(int)
		return whole(raw, " of jobs", 0, githubjobs.MaxBatch, b.maxFailures)
	},
	keyField: func(raw json.RawMessage, b *batchRequest) error {
		var r request
		err := readKey(raw, &r)
		b.key = r.key
		return err
	},
	"jobs": nil, "template": nil, "inputs": nil,
}

// entryFields are the fields of a job of a batch.
var entryFields = func() map[string]func(json.RawMessage, *request) error {
	fields := maps.Clone(createFields)
	fields["batch_id"] = func(json.RawMessage, *request) error {
		return errors.New("is the batch that is being created; leave it out")
	}
	fields["name"] = func(raw json.RawMessage, r *request) error { return readName(raw, &r.name) }
	fields[keyField] = func(json.RawMessage, *request) error {
		return errors.New("names the whole batch; give it beside the list")
	}
	return fields
}()

// decodeBatch reads the body that creates a batch, strictly. The kind is that of jobs that name
// none; header is the key that the header names.
func decodeBatch(raw []byte, header string, kind githubjobs.Kind) (*batchRequest, error) {
	fields, err := decodeObject(raw, batchExample)
	if err != nil {
		return nil, err
	}
	b := &batchRequest{list: "jobs"}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		read, ok := batchFields[name]
		if !ok {
			return nil, unknownField(name, slices.Sorted(maps.Keys(batchFields)))
		}
		if string(fields[name]) == "null" {
			delete(fields, name)
		} else if read != nil {
			if err := read(fields[name], b); err != nil {
				return nil, inField(name, err)
			}
		}
	}
	if b.key, err = oneKey(header, b.key); err != nil {
		return nil, err
	}
	if err := b.decodeEntries(fields, kind); err != nil {
		return nil, err
	}
	if b.key != "" {
		b.fingerprint, err = batchFingerprint(fields)
	}
	return b, err
}

// decodeEntries reads the jobs, or makes them of the template and the inputs.
func (b *batchRequest) decodeEntries(fields map[string]json.RawMessage, kind githubjobs.Kind) error {
	_, template := fields["template"]
	_, inputs := fields["inputs"]
	_, jobs := fields["jobs"]
	switch {
	case jobs && (template || inputs):
		return problem.New(problem.InvalidField, "jobs is a list of whole jobs, and template and inputs make such a list; give the one or the other.").OfField("jobs")
	case !jobs && !template && !inputs:
		return problem.New(problem.MissingField, "jobs is missing; a batch looks like %s, or has a template and inputs.", batchExample).OfField("jobs")
	case !jobs && !inputs:
		return problem.New(problem.MissingField, `inputs is missing; a job is made of the template for each of them, as in {"template": %s, "inputs": [{"title": "One"}, {"title": "Two"}]}`, example).OfField("inputs")
	case inputs && !template:
		return problem.New(problem.MissingField, "template is missing, which the inputs complete; give it, or call the list jobs.").OfField("template")
	}
	var base map[string]json.RawMessage
	if template {
		b.list = "inputs"
		var err error
		if base, err = readTemplate(fields["template"]); err != nil {
			return inField("template", err)
		}
	}
	return b.decodeList(fields[b.list], base, kind)
}

// readTemplate reads the template, of which each field is held to its rule.
func readTemplate(raw json.RawMessage) (map[string]json.RawMessage, error) {
	if typeOf(raw) != "an object" {
		return nil, fmt.Errorf("must be an object such as %s, not %s", example, typeOf(raw))
	}
	fields, err := decodeObject(raw, example)
	if err != nil {
		return nil, err
	}
	r := request{spec: githubjobs.Spec{Prompt: "a template need not say what is to be done"}}
	with := maps.Clone(fields)
	if string(with["job"]) == "null" {
		delete(with, "job")
	}
	if raw, ok := with["job"]; ok {
		var job string
		if err := text(raw, &job); err != nil {
			return nil, problem.New(problem.InvalidField, "job %s", err).OfField("job")
		}
		delete(with, "job")
	}
	return fields, decodeFields(with, entryFields, &r)
}

// decodeList reads the entries, and tells of several that are wrong in one answer.
func (b *batchRequest) decodeList(raw json.RawMessage, template map[string]json.RawMessage, kind githubjobs.Kind) error {
	if typeOf(raw) != "a list" {
		return problem.New(problem.InvalidField, "%s must be a list of objects, not %s", b.list, typeOf(raw)).OfField(b.list)
	}
	var wrong mistakes
	err := elements(raw, func(i int, entry json.RawMessage) bool {
		if i == githubjobs.MaxBatch {
			wrong.add(problem.New(problem.InvalidField, "%s has more than %d entries; make several batches of them.", b.list, githubjobs.MaxBatch).OfField(b.list))
			return false
		}
		r := request{spec: githubjobs.Spec{Kind: kind}}
		if err := decodeEntry(entry, template, &r); err != nil {
			wrong.add(inField(b.at(i), err))
		}
		b.specs, b.names = append(b.specs, r.spec), append(b.names, r.name)
		return len(wrong) < mostMistakes
	})
	if err == nil && len(b.specs) == 0 && len(wrong) == 0 {
		err = problem.New(problem.InvalidField, "%s is empty; a batch has 1 to %d jobs.", b.list, githubjobs.MaxBatch).OfField(b.list)
	}
	if err == nil {
		err = wrong.problem()
	}
	return err
}

// at names an entry.
func (b *batchRequest) at(i int) string { return fmt.Sprintf("%s[%d]", b.list, i) }

func decodeEntry(raw json.RawMessage, template map[string]json.RawMessage, r *request) error {
	if typeOf(raw) != "an object" {
		return fmt.Errorf("must be an object such as %s, not %s", example, typeOf(raw))
	}
	fields, err := decodeObject(raw, example)
	if err != nil {
		return err
	}
	if template != nil {
		if fields, err = mergePatch(template, fields); err != nil {
			return err
		}
	}
	return decodeFields(fields, entryFields, r)
}

// elements visits the elements of a list, until visit returns false. Their list was found to be
// valid JSON before.
func elements(raw json.RawMessage, visit func(i int, element json.RawMessage) bool) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if _, err := d.Token(); err != nil {
		return err
	}
	for i := 0; d.More(); i++ {
		var element json.RawMessage
		if err := d.Decode(&element); err != nil {
			return err
		}
		if !visit(i, element) {
			return nil
		}
	}
	return nil
}

// mergePatch applies a JSON Merge Patch (RFC 7396) to an object, which is not changed.
func mergePatch(target, patch map[string]json.RawMessage) (map[string]json.RawMessage, error) {
	merged := maps.Clone(target)
	if merged == nil {
		merged = map[string]json.RawMessage{}
	}
	for name, value := range patch {
		switch typeOf(value) {
		case "null":
			delete(merged, name)
		case "an object":
			var inner, under map[string]json.RawMessage
			if err := json.Unmarshal(value, &inner); err != nil {
				return nil, err
			}
			if there, ok := target[name]; ok && typeOf(there) == "an object" {
				if err := json.Unmarshal(there, &under); err != nil {
					return nil, err
				}
			}
			object, err := mergePatch(under, inner)
			if err != nil {
				return nil, err
			}
			if merged[name], err = json.Marshal(object); err != nil {
				return nil, err
			}
		default:
			merged[name] = value
		}
	}
	return merged, nil
}

// mistakes are what is wrong with a body.
type mistakes []*problem.Error

func (m *mistakes) add(err error) {
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		p = problem.New(problem.InvalidField, "%s", err)
	}
	*m = append(*m, p)
}

// problem is one error of them all; nil when there are none.
func (m mistakes) problem() error {
	if len(m) == 0 {
		return nil
	}
	return problem.Several(m)
}

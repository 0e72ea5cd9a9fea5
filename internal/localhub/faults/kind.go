package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Kind is what goes wrong.
type Kind string

// The kinds of faults; the table below says what each does.
const (
	DropDelivery    Kind = "drop-delivery"
	VanishDelivery  Kind = "vanish-delivery"
	DoubleDelivery  Kind = "double-delivery"
	DelayDelivery   Kind = "delay-delivery"
	ReorderDelivery Kind = "reorder-delivery"
	Latency         Kind = "latency"
	ServerError     Kind = "server-error"
	PrimaryLimit    Kind = "primary-limit"
	SecondaryLimit  Kind = "secondary-limit"
	CutBefore       Kind = "cut-before"
	CutAfter        Kind = "cut-after"
	RefuseRef       Kind = "refuse-ref"
	ForbidPulls     Kind = "forbid-pulls"
	NeverStart      Kind = "never-start"
	Zombie          Kind = "zombie"
	LoseRunner      Kind = "lose-runner"
	SkewClock       Kind = "skew-clock"
)

// Info describes a kind.
type Info struct {
	Kind   Kind
	Place  string   // what it acts on
	Does   string   // in a sentence
	Fields []string // besides kind, probability, skip and count
}

var (
	ofDelivery = []string{"repository", "hook", "event"}
	ofRequest  = []string{"repository", "operation", "method", "path"}
	ofRun      = []string{"repository", "event", "ref", "workflow"}
)

// table says of every kind where it acts. Localhub asks at that place, and nowhere else.
var table = []Info{
	{DropDelivery, "a delivery", "The receiver gets nothing; the delivery is on record as failed, and can be asked for again.", ofDelivery},
	{VanishDelivery, "a delivery", "The receiver gets nothing, and nothing is on record.", ofDelivery},
	{DoubleDelivery, "a delivery", "It is made twice, with the same GUID.", ofDelivery},
	{DelayDelivery, "a delivery", "It is made `delay` later; those after it go ahead.", with(ofDelivery, "delay")},
	{ReorderDelivery, "a delivery", "It is made later by a time between half of `delay` (1s) and all of it; those after it go ahead.", with(ofDelivery, "delay")},
	{Latency, "a request", "It is answered `delay` later.", with(ofRequest, "delay")},
	{ServerError, "a request", "It is answered with `status` (502) and has no effect.", with(ofRequest, "status")},
	{PrimaryLimit, "a request", "403, or the `status` 429: no requests are left until `delay` (1m) has passed, as x-ratelimit-reset says.",
		with(ofRequest, "status", "delay")},
	{SecondaryLimit, "a request", "403, or the `status` 429, with retry-after if `retry_after` says so, and with `documentation` as its documentation_url.",
		with(ofRequest, "status", "retry_after", "documentation")},
	{CutBefore, "a request", "The connection ends without an answer, before the request has had an effect.", ofRequest},
	{CutAfter, "a request", "The connection ends without an answer, after the request has had its effect.", ofRequest},
	{RefuseRef, "a ref that a push or an operation moves", "It stays where it is; a push is told `reason`, or a bare `failed`.",
		[]string{"repository", "ref", "reason"}},
	{ForbidPulls, "a pull request that a workflow run opens", "403, whatever the repository's setting: as where the organisation forbids it.",
		[]string{"repository"}},
	{NeverStart, "a workflow run that is to be created", "It is not created: what happened starts nothing.", ofRun},
	{Zombie, "a workflow run that is created", "It stays queued for ever; cancelling is a 409, running again a 403.", ofRun},
	{LoseRunner, "a step that begins", "Its runner dies `delay` later: the job fails, without its remaining steps.",
		[]string{"repository", "ref", "workflow", "step", "delay"}},
	{SkewClock, "a look at the clock", "All times in deliveries and answers are off by `skew`.", []string{"skew"}},
}

// Kinds returns the table of all kinds.
func Kinds() []Info { return slices.Clone(table) }

func with(fields []string, more ...string) []string { return slices.Concat(fields, more) }

var everywhere = []string{"kind", "probability", "skip", "count", "id", "matched", "struck"}

// Validate tells what is wrong with a fault, and how to mend it.
func (f Fault) Validate() error {
	i := slices.IndexFunc(table, func(info Info) bool { return info.Kind == f.Kind })
	if i < 0 {
		var names []string
		for _, info := range table {
			names = append(names, string(info.Kind))
		}
		return fmt.Errorf("kind %q is unknown; use one of %s", f.Kind, strings.Join(names, ", "))
	}
	var errs []error
	for _, name := range f.fields() {
		if !slices.Contains(everywhere, name) && !slices.Contains(table[i].Fields, name) {
			errs = append(errs, fmt.Errorf("%s means nothing for %s, which has %s", name, f.Kind, strings.Join(table[i].Fields, ", ")))
		}
	}
	return errors.Join(append(errs, f.values())...)
}

// fields are the names of the fields that are set.
func (f Fault) fields() []string {
	text, err := json.Marshal(f)
	if err != nil {
		return []string{err.Error()} // NaN
	}
	var set map[string]any
	if err := json.Unmarshal(text, &set); err != nil {
		return []string{err.Error()}
	}
	return slices.Sorted(maps.Keys(set))
}

func (f Fault) values() error {
	limit := f.Kind == PrimaryLimit || f.Kind == SecondaryLimit
	switch {
	case f.Probability < 0 || f.Probability > 1:
		return errors.New("probability must be above 0 and at most 1")
	case f.Count < 0 || f.Skip < 0 || f.Delay < 0 || f.RetryAfter < 0:
		return errors.New("count, skip, delay and retry_after cannot be negative")
	case time.Duration(f.RetryAfter)%time.Second != 0:
		return errors.New("retry_after must be whole seconds")
	case f.Kind == ServerError && f.Status != 0 && (f.Status < 500 || f.Status > 599):
		return errors.New("status must be from 500 to 599")
	case limit && f.Status != 0 && f.Status != 403 && f.Status != 429:
		return errors.New("status must be 403 or 429")
	case f.Kind == SkewClock && f.Skew == 0:
		return errors.New(`skew is missing: say by how much, such as "-90s"`)
	case (f.Kind == DelayDelivery || f.Kind == Latency) && f.Delay == 0:
		return errors.New(`delay is missing: say how long, such as "250ms"`)
	}
	return nil
}

// Duration is written as Go writes it: "1.5s", "2m".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

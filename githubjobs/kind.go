package githubjobs

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Kind names the sort of task that a job is.
type Kind string

const (
	// KindCommand runs a shell script of the caller's in a checkout of the repository.
	KindCommand Kind = "command"
	// KindReport writes a report of the repository's activity as Markdown.
	KindReport Kind = "report"
	// KindPrompt has a coding agent do what the job's text says in a checkout of the repository.
	KindPrompt Kind = "prompt"
)

// Kinds lists every kind, in the order in which they are explained to people.
func Kinds() []Kind { return []Kind{KindCommand, KindReport, KindPrompt} }

// CommandConfig is the config of KindCommand.
type CommandConfig struct {
	// Script is run by `bash -e` (`sh -e` where there is no bash) in the root of the checkout.
	Script string `json:"script"`
}

// Period is the stretch of time that a report covers.
type Period string

// A day, the seven days of an ISO week, a calendar month; all in UTC.
const (
	Daily   Period = "daily"
	Weekly  Period = "weekly"
	Monthly Period = "monthly"
)

// Periods lists every period, shortest first.
func Periods() []Period { return []Period{Daily, Weekly, Monthly} }

// ReportConfig is the config of KindReport.
type ReportConfig struct {
	// Period defaults to the first of the words daily, weekly and monthly that
	// stands in the job's text, else to daily.
	Period Period `json:"period,omitempty"`
	// Date is a day (YYYY-MM-DD, UTC) within the period that is reported on; by
	// default the day on which the job was created.
	Date string `json:"date,omitempty"`
}

// Validate says what is wrong with the config of a job of this kind; nil if nothing is.
func (k Kind) Validate(config json.RawMessage) error {
	switch k {
	case KindCommand:
		var c CommandConfig
		if err := decodeConfig(config, &c); err != nil {
			return err
		}
		if strings.TrimSpace(c.Script) == "" {
			return fieldErrorf("config.script", "is missing; a job of kind command needs the shell script to run")
		}
		return nil
	case KindReport:
		var c ReportConfig
		return errors.Join(decodeConfig(config, &c), c.validate())
	case KindPrompt:
		var c PromptConfig
		if err := decodeConfig(config, &c); err != nil {
			return err
		}
		return inConfig(c.Validate())
	}
	return fieldErrorf("kind", "%q is unknown; use one of %s", string(k), joinWords(Kinds()))
}

// inConfig says of mistakes that they are in the config.
func inConfig(errs []error) error {
	for _, err := range errs {
		if f, ok := errors.AsType[*FieldError](err); ok {
			f.Field = "config." + f.Field
		}
	}
	return errors.Join(errs...)
}

func (c ReportConfig) validate() error {
	if c.Period != "" && !slices.Contains(Periods(), c.Period) {
		return fieldErrorf("config.period", "%q is unknown; use one of %s", string(c.Period), joinWords(Periods()))
	}
	if c.Date != "" {
		if _, err := time.Parse(time.DateOnly, c.Date); err != nil {
			return fieldErrorf("config.date", "%q is not a day; write it as YYYY-MM-DD", c.Date)
		}
	}
	return nil
}

// CommandConfig decodes the config of a job of KindCommand.
func (s Spec) CommandConfig() (CommandConfig, error) {
	var c CommandConfig
	err := decodeConfig(s.Config, &c)
	return c, err
}

// ReportConfig decodes the config of a job of KindReport, defaults filled in.
func (s Spec) ReportConfig() (ReportConfig, error) {
	var c ReportConfig
	if err := decodeConfig(s.Config, &c); err != nil {
		return c, err
	}
	if c.Period == "" {
		c.Period = periodIn(s.Title + " " + s.Prompt)
	}
	if c.Date == "" {
		c.Date = s.CreatedAt.UTC().Format(time.DateOnly)
	}
	return c, c.validate()
}

func periodIn(text string) Period {
	for word := range strings.FieldsFuncSeq(strings.ToLower(text), func(r rune) bool { return r < 'a' || r > 'z' }) {
		if slices.Contains(Periods(), Period(word)) {
			return Period(word)
		}
	}
	return Daily
}

// decodeConfig refuses what the kind does not know: a setting that is misspelt
// must not be lost in silence.
func decodeConfig(config json.RawMessage, into any) error {
	if len(bytes.TrimSpace(config)) == 0 || bytes.Equal(bytes.TrimSpace(config), []byte("null")) {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(config))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			return fieldErrorf("config", "must be one JSON object")
		}
		return nil
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := "config"
		if t.Field != "" {
			field += "." + t.Field
		}
		return fieldErrorf(field, "must be %s, not %s", jsonTypeName(t.Type.Kind()), t.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fieldErrorf("config."+strings.Trim(name, `"`), "is not a setting of this kind; it has %s", strings.Join(settings(into), ", "))
	}
	return fieldErrorf("config", "is not valid JSON: %s", err)
}

// settings lists the JSON names of a config's fields.
func settings(config any) []string {
	var names []string
	for f := range reflect.TypeOf(config).Elem().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

func joinWords[T ~string](words []T) string {
	s := make([]string, len(words))
	for i, w := range words {
		s[i] = string(w)
	}
	return strings.Join(s, ", ")
}

package work

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Bounds of what Load reads.
const (
	MaxLogBytes     = 1 << 20 // of log.txt: the beginning and the end of what the task wrote
	maxOutcomeBytes = 1 << 20 // of outcome.json
	MaxStatsBytes   = 16 << 10
	maxErrorBytes   = 4 << 10
)

const (
	outcomeName = "outcome.json"
	logName     = "log.txt"
)

// ErrNoOutcome: the run step ended before it could say anything, or never began.
var ErrNoOutcome = errors.New("the run step left no outcome")

// Outcome is what the task came to, before anything of it is published. Result
// carries Log and Summary too; it has no ChangedFiles yet, which publish finds.
type Outcome struct {
	Spec   githubjobs.Spec
	Result githubjobs.Result
}

// file is the form of outcome.json. The log is beside it, as text.
type file struct {
	Spec    githubjobs.Spec   `json:"spec"`
	Result  githubjobs.Result `json:"result"`
	Summary string            `json:"summary,omitempty"`
}

// Save writes the outcome; a reader sees the one before or this one, never a part.
func (d Dir) Save(o Outcome) error {
	o.Result = bounded(o.Result)
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false) // The spec's own JSON stays as the caller wrote it.
	if err := encoder.Encode(file{Spec: o.Spec, Result: o.Result, Summary: o.Result.Summary}); err != nil {
		return fmt.Errorf("save the outcome: %w", err)
	}
	root, err := d.openOutcome()
	if err != nil {
		return fmt.Errorf("save the outcome: %w", err)
	}
	defer root.Close()
	// The log first: an outcome must not stand there without it.
	err = writeFile(root, logName, []byte(o.Result.Log))
	if err == nil {
		err = writeFile(root, outcomeName, raw.Bytes())
	}
	if err != nil {
		return fmt.Errorf("save the outcome: %w", err)
	}
	return nil
}

// openOutcome makes the folder anew when something else stands in its place.
func (d Dir) openOutcome() (*os.Root, error) {
	if err := d.make(); err != nil {
		return nil, err
	}
	if info, err := os.Lstat(d.outcome()); err == nil && !info.IsDir() {
		if err := os.Remove(d.outcome()); err != nil {
			return nil, err
		}
	}
	if err := os.MkdirAll(d.outcome(), 0o700); err != nil {
		return nil, err
	}
	os.Chmod(d.outcome(), 0o700) // Whether it helped, the writing tells.
	return os.OpenRoot(d.outcome())
}

func writeFile(root *os.Root, name string, data []byte) error {
	const temporary = "writing"
	if err := root.RemoveAll(temporary); err != nil {
		return err
	}
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if info, err := root.Lstat(name); err == nil && info.IsDir() {
		if err := root.RemoveAll(name); err != nil {
			return err
		}
	}
	return root.Rename(temporary, name)
}

// Load reads the outcome back and validates it. It returns ErrNoOutcome when there
// is none. That the spec is the one of the job's commit is for the caller to
// check: only git can tell.
func (d Dir) Load() (Outcome, error) {
	err := d.check()
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(d.outcome())
	}
	if errors.Is(err, fs.ErrNotExist) {
		return Outcome{}, ErrNoOutcome
	} else if err != nil {
		return Outcome{}, fmt.Errorf("read the outcome: %w", err)
	}
	defer root.Close()
	raw, err := readFile(root, outcomeName, maxOutcomeBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return Outcome{}, ErrNoOutcome
	} else if err != nil {
		return Outcome{}, fmt.Errorf("read the outcome: %w", err)
	}
	var f file
	if err := json.Unmarshal(raw, &f); err != nil {
		return Outcome{}, fmt.Errorf("read the outcome: %s is damaged: %w", outcomeName, err)
	}
	log, err := readFile(root, logName, MaxLogBytes)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Outcome{}, fmt.Errorf("read the outcome: %w", err)
	}
	o := Outcome{Spec: f.Spec, Result: f.Result}
	o.Result.Summary, o.Result.Log = f.Summary, string(log)
	if err := o.validate(); err != nil {
		return Outcome{}, fmt.Errorf("read the outcome: %s is damaged: %w", outcomeName, err)
	}
	return o, nil
}

// ReadFile reads a regular file of a folder, of at most limit bytes, and never through
// a link: also where the folder is a task's.
func ReadFile(folder, name string, limit int64) ([]byte, error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return readFile(root, name, limit)
}

// readFile reads a regular file within the root; a link out of it is an error.
func readFile(root *os.Root, name string, limit int64) ([]byte, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return raw, err
}

func (o Outcome) validate() error {
	r := o.Result
	switch {
	case r.ID != o.Spec.ID:
		return fmt.Errorf("it is of job %q and of job %q", o.Spec.ID, r.ID)
	case !slices.Contains(githubjobs.Outcomes(), r.Outcome):
		return fmt.Errorf("%q is no outcome", r.Outcome)
	case r.Attempt < 1 || r.RunID < 0:
		return fmt.Errorf("attempt %d of run %d cannot be", r.Attempt, r.RunID)
	case r.FinishedAt.Before(r.StartedAt) || r.StartedAt.Year() < 2008 || r.FinishedAt.Year() > 9999:
		return fmt.Errorf("it began %s and ended %s", r.StartedAt.Format(time.RFC3339), r.FinishedAt.Format(time.RFC3339))
	case len(r.ChangedFiles) > 0 || r.FilesTotal != 0 || r.Problem != nil:
		return errors.New("it tells of what only publish can know")
	case len(r.Error) > maxErrorBytes || len(r.Summary) > githubjobs.MaxSummaryBytes:
		return errors.New("its texts are too long")
	}
	if err := ValidateStats(r.Stats); err != nil {
		return err
	}
	if r.Usage != nil {
		if err := r.Usage.Validate(); err != nil {
			return err
		}
	}
	return o.Spec.Validate()
}

// ValidateStats says whether the figures of a kind are one JSON object of at most
// MaxStatsBytes, or absent.
func ValidateStats(stats json.RawMessage) error {
	if len(stats) == 0 {
		return nil
	}
	if len(stats) > MaxStatsBytes {
		return fmt.Errorf("its stats have %d bytes; at most %d are carried", len(stats), MaxStatsBytes)
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(stats, &object); err != nil || object == nil {
		return errors.New("its stats are not a JSON object")
	}
	return nil
}

// bounded makes of a result what Load accepts: plain texts of bounded length.
func bounded(r githubjobs.Result) githubjobs.Result {
	r.Error = cut(r.Error, maxErrorBytes)
	r.Summary = cut(r.Summary, githubjobs.MaxSummaryBytes)
	r.StartedAt, r.FinishedAt = r.StartedAt.UTC(), r.FinishedAt.UTC()
	if r.FinishedAt.Before(r.StartedAt) { // The clock was set back in between.
		r.FinishedAt = r.StartedAt
	}
	if len(r.Log) > MaxLogBytes {
		r.Log = githubjobs.PlainText(r.Log[len(r.Log)-MaxLogBytes:])
	}
	return r
}

func cut(s string, n int) string {
	s = githubjobs.PlainText(s)
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len("…")], "") + "…"
}

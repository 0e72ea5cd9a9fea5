package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// ErrDamaged: what is stored of a job cannot be read. It wraps ErrUnavailable.
var ErrDamaged = fmt.Errorf("%w: what is stored of the job is damaged", ErrUnavailable)

// Decode reads the stored facts of a job. known says that the row is one of a job, and
// so must hold its spec. Its error wraps ErrDamaged and names the job.
func Decode(id string, raw []byte, known bool) (f githubjobs.Facts, err error) {
	if err = json.Unmarshal(raw, &f); err == nil {
		switch {
		case f.ID != id:
			err = fmt.Errorf("they are of %q", f.ID)
		case known && f.Spec == nil:
			err = errors.New("they hold no spec")
		}
	}
	if err != nil {
		return githubjobs.Facts{}, fmt.Errorf("%w: facts of job %s: %w", ErrDamaged, id, err)
	}
	return f, nil
}

// mostTold bounds how many damaged jobs are named in a log: a thousand tell enough.
const mostTold = 1000

// Damage tells of jobs whose stored facts cannot be read, each once. Such a job is left
// out of whatever concerns several jobs, so that the others get on. Facts that bring
// its spec from GitHub mend it. The zero value may be used.
type Damage struct {
	// Log is told of them; slog.Default() when it is nil. It is set before the store is used.
	Log *slog.Logger

	mu   sync.Mutex
	told map[jobKey]bool
}

// Spared returns nil for the error of a damaged job, after telling of it, and any
// other error as it is.
func (d *Damage) Spared(project, id string, err error) error {
	if !errors.Is(err, ErrDamaged) {
		return err
	}
	d.tell(jobKey{project, id}, "what is stored of a job cannot be read; the job is left out. GitHub knows it if it was pushed: stop the server and run `server rebuild --force`",
		"project", project, "job_id", id, "error", err)
	return nil
}

// tell logs what is damaged, once.
func (d *Damage) tell(key jobKey, message string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[key] || len(d.told) >= mostTold {
		return
	}
	if d.told == nil {
		d.told = map[jobKey]bool{}
	}
	d.told[key] = true
	log := d.Log
	if log == nil {
		log = slog.Default()
	}
	log.Error(message, args...)
}

// Readable reads a page in which damaged rows are left out: it asks for as many rows
// more as there are such, until the page is full or there are no more. read is called
// with a number of rows, and says how many there were and how many of them are damaged.
func Readable(limit int, read func(limit int) (rows, damaged int, err error)) error {
	for more := 0; ; {
		rows, damaged, err := read(limit + more)
		if err != nil || damaged <= more || rows < limit+more {
			return err
		}
		more = damaged
	}
}

package actions

import (
	"runtime"
	"slices"
)

// Runner is one of the places where jobs run.
type Runner struct {
	ID   int64
	Name string
	OS   string // linux, darwin, …
	Busy bool
}

// Runners returns all runners by id.
func (e *Engine) Runners() []Runner {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Runner
	for i := range e.cfg.Runners {
		id := int64(i + 1)
		all = append(all, Runner{ID: id, Name: runnerName(id), OS: runtime.GOOS, Busy: !slices.Contains(e.free, id)})
	}
	return all
}

package store

import (
	"encoding/json"
	"fmt"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// laterKnown is what is known of an attempt after the first, as a store keeps it.
type laterKnown struct {
	Attempt int    `json:"n"`
	Head    string `json:"head,omitempty"`
	Deleted bool   `json:"deleted,omitempty"`
	Run     int64  `json:"run,omitempty"`
	Present bool   `json:"present,omitempty"` // it decides the job
}

// newsOf says what is known of a job's first attempt and of the later ones, and whether
// GitHub may have news of any.
func newsOf(f githubjobs.Facts) (first Known, later string, live bool, err error) {
	present := f.Name().Attempt
	first, live = newKnown(f.Of(1), present == 1)
	var list []laterKnown
	for _, one := range f.Later {
		k, alive := newKnown(f.Of(one.Attempt), one.Attempt == present)
		list = append(list, laterKnown{one.Attempt, k.Head, k.Deleted, k.Run, one.Attempt == present})
		live = live || alive
	}
	if len(list) == 0 {
		return first, "", live, nil
	}
	raw, err := json.Marshal(list)
	return first, string(raw), live, err
}

// newKnown says what is known of one attempt. Whether the run of an old attempt ends is
// of no interest any more.
func newKnown(f githubjobs.Facts, present bool) (k Known, live bool) {
	if f.Branch != nil {
		k.Deleted = f.Branch.Deleted
		if f.ReadTo(f.Branch.Head) {
			k.Head = Text(f.Branch.Head)
		}
	}
	if present {
		k.Run = f.Unfinished()
	}
	return k, f.Branch != nil && !f.Branch.Deleted || k.Run != 0
}

// AddKnown adds what a row says of a job's attempts.
func AddKnown(known map[githubjobs.Name]Known, id string, first Known, later string) error {
	known[githubjobs.Name{ID: id, Attempt: 1}] = first
	list, err := readLater(id, later)
	for _, l := range list {
		known[githubjobs.Name{ID: id, Attempt: l.Attempt}] = Known{l.Head, l.Deleted, l.Run}
	}
	return err
}

// PresentOf is the number of a job's present attempt, as its row says.
func PresentOf(id, later string) (int, error) {
	list, err := readLater(id, later)
	for _, l := range list {
		if l.Present {
			return l.Attempt, err
		}
	}
	return 1, err
}

func readLater(id, later string) (list []laterKnown, err error) {
	if later == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(later), &list); err != nil {
		return nil, fmt.Errorf("what is known of the attempts of job %s: %w", id, err)
	}
	return list, nil
}

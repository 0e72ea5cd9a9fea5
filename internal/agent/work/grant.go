package work

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Grant is the right to tell a server how one attempt of a job gets on, and nothing else.
type Grant struct {
	Server     string `json:"server"` // its address
	JobID      string `json:"job_id"`
	Capability string `json:"capability"`
	LastSeq    int64  `json:"last_seq"` // the number of the last event that was told
}

// grantName is the file in the work folder in which fetch hands the grant to run. It is
// there before anything of the job runs, and never while it does.
const grantName = "grant.json"

const maxGrantBytes = 64 << 10

func (d Dir) grant() string { return d.join(grantName) }

// SaveGrant keeps a grant for the run step, readable for this user alone.
func (d Dir) SaveGrant(g Grant) error {
	raw, err := json.Marshal(g)
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return fmt.Errorf("save the grant: %w", err)
	}
	root, err := os.OpenRoot(string(d))
	if err == nil {
		err = errors.Join(writeFile(root, grantName, raw), root.Close())
	}
	if err != nil {
		return fmt.Errorf("save the grant: %w", err)
	}
	return nil
}

// TakeGrant reads what SaveGrant kept, and removes it; ok is false when there is none. A
// file that can't be removed is an error: the task must not begin beside it.
func (d Dir) TakeGrant() (g Grant, ok bool, err error) {
	raw, err := ReadFile(string(d), grantName, maxGrantBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return g, false, nil
	}
	if err == nil {
		err = d.check()
	}
	if err == nil {
		err = json.Unmarshal(raw, &g)
	}
	if err = errors.Join(err, os.Remove(d.grant())); err != nil {
		return g, false, fmt.Errorf("read the grant: %w", err)
	}
	return g, true, nil
}

package actions

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
)

// maxEventBytes is above GitHub's own bound of 25 MB for a payload.
const maxEventBytes = 32 << 20

// Push is the part of a push event that the agent reads. A run that is run again
// gets the event of its first attempt.
type Push struct {
	Ref        string `json:"ref"`     // refs/heads/job/<id>
	Created    bool   `json:"created"` // this push made the branch
	Deleted    bool   `json:"deleted"`
	After      string `json:"after"` // the branch's commit after the push
	HeadCommit *struct {
		ID      string `json:"id"`
		Message string `json:"message"`
	} `json:"head_commit"`
}

// ReadPush reads the event that started the run from path (GITHUB_EVENT_PATH).
func ReadPush(path string) (Push, error) {
	var p Push
	f, err := os.Open(path)
	if err != nil {
		return p, fmt.Errorf("read the event: %w", err)
	}
	defer f.Close()
	if err := json.NewDecoder(io.LimitReader(f, maxEventBytes)).Decode(&p); err != nil {
		return p, fmt.Errorf("read the event: %s is no event of GitHub: %w", path, err)
	}
	return p, nil
}

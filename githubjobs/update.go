package githubjobs

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// trailerUpdate carries, in the message of a commit that brings a result onto newer commits
// of its base branch, which result that is.
const trailerUpdate = "Job-Update: "

// ErrNoUpdate: the message is not that of a commit that brings a result onto its base.
var ErrNoUpdate = errors.New("the commit message carries no Job-Update line")

// UpdateFact is a commit by which the merge gate has brought a result onto newer commits of the
// base branch. It says so of itself: whoever merges on the strength of it has to look at what
// it holds; see hub.Repository.Carries.
type UpdateFact struct {
	SHA    string `json:"sha"`
	Result string `json:"result"` // the result commit, however many such commits are between
}

func (u UpdateFact) order(other UpdateFact) int { return cmp.Compare(u.SHA, other.SHA) }

func (u UpdateFact) rank() rank { return nil }

type updateLine struct {
	Version int    `json:"v"`
	ID      string `json:"id"`
	Result  string `json:"result"`
}

// FormatUpdate writes the message of the commit that brings a result of a job onto newer
// commits of the base branch.
func FormatUpdate(of Name, base, result string) string {
	return fmt.Sprintf("Bring %s onto the newest %s\n\n%s%s\n", of.Branch(), defuse(base), trailerUpdate, encodeJSONLine(updateLine{specVersion, of.ID, result}))
}

// ParseUpdate reads back of which job and result such a commit is. It returns ErrNoUpdate for
// any other.
func ParseUpdate(message string) (id, result string, err error) {
	line, _, ok := lastTrailer(message, trailerUpdate)
	if !ok {
		return "", "", ErrNoUpdate
	}
	var u updateLine
	if err := json.Unmarshal([]byte(line), &u); err != nil {
		return "", "", fmt.Errorf("the Job-Update line is damaged: %w", err)
	}
	if u.Version != specVersion || !ValidID(u.ID) || !commitPattern.MatchString(u.Result) {
		return "", "", fmt.Errorf("the Job-Update line is damaged: id %q, version %d, result %q", u.ID, u.Version, u.Result)
	}
	return u.ID, u.Result, nil
}

// standsFor says whether a commit is a result, or that result on newer commits of the base.
func (f Facts) standsFor(sha, result string) bool {
	if sha == result {
		return true
	}
	for _, u := range f.Updates {
		if u.SHA == sha && u.Result == result {
			return true
		}
	}
	return false
}

// updated says whether a commit is known to bring a result onto its base.
func (f Facts) updated(sha string) bool {
	for _, u := range f.Updates {
		if u.SHA == sha {
			return true
		}
	}
	return false
}

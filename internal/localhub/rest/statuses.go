package rest

import (
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var statusOperations = []Operation{
	{"POST", "/repos/{owner}/{repo}/statuses/{sha}", "repos/create-commit-status", Write("statuses"), createStatus},
	{"GET", "/repos/{owner}/{repo}/commits/{ref}/statuses", "repos/list-commit-statuses-for-ref", Read("statuses"), listStatuses},
	{"GET", "/repos/{owner}/{repo}/commits/{ref}/status", "repos/get-combined-status-for-ref", Read("statuses"), getCombinedStatus},
}

// maxStatuses is how many statuses one context of one commit can have on GitHub.
const maxStatuses = 1000

func createStatus(c *Context) (Response, error) {
	in := struct {
		State       string
		Context     string
		Description string
		TargetURL   string `json:"target_url"`
	}{Context: "default"}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.State == "" || !oneOf(in.State, "error failure pending success") {
		return Response{}, Invalid("Validation Failed", FieldError{Resource: "Status", Field: "state", Code: "custom",
			Message: "state is not included in the list"})
	}
	if len([]rune(in.Description)) > 140 {
		return Response{}, Invalid("Validation Failed", FieldError{Resource: "Status", Field: "description", Code: "custom",
			Message: "description is too long (maximum is 140 characters)"})
	}
	sha, err := c.commitNamed(c.Param("sha"))
	if err != nil {
		return Response{}, err
	}
	s := state.CommitStatus{
		RepositoryID: c.Repo.ID, SHA: sha, State: in.State, Context: in.Context, Description: in.Description, TargetURL: in.TargetURL,
		CreatorID: c.Actor.User.ID, CreatedAt: c.Now(), UpdatedAt: c.Now(),
	}
	var body shape.Object
	err = c.Update(func(tx *state.Tx, b shape.Builder) error {
		same := 0
		for other := range tx.Statuses.Of(c.Repo.ID) {
			if other.SHA == sha && other.Context == s.Context {
				same++
			}
		}
		if same >= maxStatuses {
			return Invalid("Validation Failed", FieldError{Resource: "Status", Code: "custom",
				Message: "This SHA and context has reached the maximum number of statuses."})
		}
		s.ID = tx.Statuses.NextID()
		tx.Statuses.Put(s)
		body = b.Status(c.Repo, s)
		return nil
	})
	if err == nil {
		c.Publish(event.Status{Base: c.Event(), Status: s})
	}
	return Created(body), err
}

func listStatuses(c *Context) (Response, error) {
	sha, err := c.commitNamed(c.Param("ref"))
	if err != nil {
		return Response{}, err
	}
	list := []shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		var all []state.CommitStatus
		for s := range tx.Statuses.Newest(c.Repo.ID) {
			if s.SHA == sha {
				all = append(all, s)
			}
		}
		for _, s := range Paginate(c, all) {
			list = append(list, b.Status(c.Repo, s))
		}
	})
	return OK(list), nil
}

func getCombinedStatus(c *Context) (Response, error) {
	sha, err := c.commitNamed(c.Param("ref"))
	if err != nil {
		return Response{}, err
	}
	body := shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		latest := latestStatuses(tx, c.Repo.ID, sha)
		list := []shape.Object{}
		for _, s := range Paginate(c, latest) {
			status := b.Status(c.Repo, s)
			delete(status, "creator") // GitHub leaves it out here
			list = append(list, status)
		}
		body = shape.Object{
			"state": combinedState(latest), "statuses": list, "sha": sha, "total_count": len(latest), "repository": b.MinimalRepository(c.Repo),
			"commit_url": b.RepoAPI(c.Repo, "/commits/%s", sha), "url": b.RepoAPI(c.Repo, "/commits/%s/status", sha),
		}
	})
	return OK(body), nil
}

// latestStatuses are the newest status of each context on a commit.
func latestStatuses(tx *state.Tx, repositoryID int64, sha string) (latest []state.CommitStatus) {
	seen := map[string]bool{}
	for s := range tx.Statuses.Newest(repositoryID) {
		if s.SHA == sha && !seen[s.Context] {
			seen[s.Context] = true
			latest = append(latest, s)
		}
	}
	return latest
}

// combinedState is failure when any failed, pending when any is pending or there is none, else success.
func combinedState(latest []state.CommitStatus) string {
	combined := "success"
	if len(latest) == 0 {
		return "pending"
	}
	for _, s := range latest {
		switch s.State {
		case "error", "failure":
			return "failure"
		case "pending":
			combined = "pending"
		}
	}
	return combined
}

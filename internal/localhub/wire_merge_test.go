package localhub

import (
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// queue asks for an asynchronous merge where there is a merge queue.
func (c *caller) queue(number float64) {
	c.t.Helper()
	const at = "/repos/alice/reports/pulls/%v/merge-async"
	protect := func(p state.Protection) {
		if err := c.Configure("alice", "reports", func(r *state.Repository) { r.Protections = map[string]state.Protection{"main": p} }); err != nil {
			c.t.Fatal(err)
		}
	}
	protect(state.Protection{MergeQueue: true, Checks: []string{"never"}})
	asked := c.do("PUT", at, object{"merge_action": "merge_queue", "merge_method": "squash", "sha": c.sha("job/b")}, number)
	c.do("PUT", at, object{}, number) // it is in the queue already
	details := asked["details"].(object)
	c.do("GET", at+"/%s", nil, number, details["uuid"])
	if err := c.MergeQueued(hubtest.Within(c.t), "alice", "reports", int(number)); err != nil {
		c.t.Fatal(err)
	}
	if got := c.do("GET", at+"/%s", nil, number, details["uuid"]); asked["status"] != "pending" || got["status"] != "failed" {
		c.t.Errorf("asked %v, got %v", asked, got)
	}
	protect(state.Protection{})
}

// person is somebody else.
func (c *caller) person(login string) *caller {
	c.t.Helper()
	if _, err := c.CreateUser(login); err != nil {
		c.t.Fatal(err)
	}
	token, err := c.CreateToken(login, "tests")
	if err != nil {
		c.t.Fatal(err)
	}
	return &caller{c.hub, token}
}

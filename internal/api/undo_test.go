package api

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/gatekeeper"
)

func TestUndo(t *testing.T) {
	t.Parallel()
	many := &hub.ConflictError{}
	for i := range 30 {
		many.Paths = append(many.Paths, fmt.Sprintf("file-%02d", i))
	}
	for name, test := range map[string]struct {
		opened bool
		err    error
		status int
		says   string
	}{
		"new":            {true, nil, 201, "It is not merged: the policy says no."},
		"old":            {false, nil, 200, "It is not merged: the policy says no."},
		"not merged":     {false, gatekeeper.ErrNotMerged, 409, `"code":"not_merged"`},
		"nothing left":   {false, &hub.Error{Kind: hub.ErrUndone}, 409, `"code":"nothing_to_undo"`},
		"changed since":  {false, &hub.ConflictError{Paths: []string{"a", "b"}}, 409, "changed since: a, b."},
		"much changed":   {false, many, 409, "file-19, …."},
		"another branch": {false, &hub.Error{Kind: hub.ErrStranger, Message: "delete the branch undo/j1"}, 409, "delete the branch"},
		"busy":           {false, gatekeeper.ErrBusy, 429, ""},
		"refused":        {false, errors.New("x"), 502, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(o *Options) { o.Gate = &judge{opened: test.opened, err: test.err} })
			s.aJob(t, "j1")
			if res := s.do(t, "POST", "/api/jobs/j1/undo", ""); res.StatusCode != test.status || !strings.Contains(res.body, test.says) {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
			if res := s.do(t, "POST", "/api/jobs/j2/undo", ""); res.StatusCode != 404 {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
		})
	}
}

package rest

import (
	"fmt"
	"testing"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func TestHappened(t *testing.T) {
	t.Parallel()
	none := gitrepo.Zero
	for name, c := range map[string]struct {
		written [][3]string // ref, old, new
		now     map[string]string
		want    map[int64]bool
	}{
		"made":                   {[][3]string{{"a", none, "1"}}, map[string]string{"a": "1"}, map[int64]bool{1: true}},
		"not made":               {[][3]string{{"a", none, "1"}}, map[string]string{"a": none}, map[int64]bool{}},
		"deleted":                {[][3]string{{"a", "1", none}}, map[string]string{"a": none}, map[int64]bool{1: true}},
		"one after the other":    {[][3]string{{"a", none, "1"}, {"a", "1", "2"}}, map[string]string{"a": "2"}, map[int64]bool{1: true, 2: true}},
		"the second not made":    {[][3]string{{"a", none, "1"}, {"a", "1", "2"}}, map[string]string{"a": "1"}, map[int64]bool{1: true}},
		"two for the same":       {[][3]string{{"a", none, "1"}, {"a", none, "1"}}, map[string]string{"a": "1"}, map[int64]bool{2: true}},
		"refused, another made":  {[][3]string{{"a", none, "1"}, {"a", none, "2"}}, map[string]string{"a": "1"}, map[int64]bool{1: true}},
		"of each ref on its own": {[][3]string{{"a", none, "1"}, {"b", none, "1"}}, map[string]string{"a": none, "b": "1"}, map[int64]bool{2: true}},
	} {
		var written []state.RefChange
		for i, w := range c.written {
			written = append(written, state.RefChange{ID: int64(i + 1), Ref: w[0], Old: w[1], New: w[2]})
		}
		if got := happened(written, c.now); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

package storetest

import (
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Queries are a query of each combination of filters, over n jobs that were
// created at Now and a second apart before it; with and without a cursor, which stands
// in their middle. All jobs have the label "all", every third one "third",
// and a hundredth of all in a row share a batch, of which the one in the middle is
// asked for.
func Queries(n int) (list []store.Query) {
	for _, in := range []store.Query{{}, {Batch: "b-50"}, {Labels: []string{"all"}}, {Labels: []string{"third", "all"}}, {Batch: "b-50", Labels: []string{"all", "third"}}} {
		list = append(list, filtered(n, in)...)
	}
	return list
}

func filtered(n int, in store.Query) (list []store.Query) {
	at := func(i int) time.Time { return Now.Add(-time.Duration(i) * time.Second) }
	middle := store.Query{Limit: 1}.Page([]store.Listed{{ID: fmt.Sprint("job-", n/2), CreatedAt: at(n / 2)}, {}}).Next
	for _, by := range []store.Query{{}, {Status: githubjobs.StatusMerged}, {Status: githubjobs.StatusRunning}, {Reason: githubjobs.ReasonTimedOut}, {Reason: githubjobs.ReasonMerged}} {
		for _, kind := range append(githubjobs.Kinds(), "") {
			windows := [][2]time.Time{{}, {at(n * 9 / 10), {}}, {{}, at(n / 10)}, {at(n * 9 / 10), at(n / 10)}}
			if in.Batch != "" || len(in.Labels) > 0 {
				windows = [][2]time.Time{windows[0], windows[3]}
			}
			for _, between := range windows {
				for _, after := range []store.Cursor{"", middle} {
					q := by
					q.Batch, q.Labels = in.Batch, in.Labels
					q.Kind, q.Since, q.Until, q.After, q.Limit = kind, between[0], between[1], after, 50
					list = append(list, q)
				}
			}
		}
	}
	return list
}

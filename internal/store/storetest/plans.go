package storetest

import (
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Queries are a query of each combination of filters, over a hundred thousand jobs
// that were created at Now and a second apart before it; with and without a cursor,
// which stands in their middle.
func Queries() (list []store.Query) {
	middle := store.Query{Limit: 1}.Page([]store.Listed{{ID: "job-50000", CreatedAt: Now.Add(-50_000 * time.Second)}, {}}).Next
	for _, by := range []store.Query{{}, {Status: githubjobs.StatusMerged}, {Status: githubjobs.StatusRunning}, {Reason: githubjobs.ReasonTimedOut}, {Reason: githubjobs.ReasonMerged}} {
		for _, kind := range append(githubjobs.Kinds(), "") {
			for _, between := range [][2]time.Time{{}, {Now.Add(-90_000 * time.Second), {}}, {{}, Now.Add(-10_000 * time.Second)}, {Now.Add(-90_000 * time.Second), Now.Add(-10_000 * time.Second)}} {
				for _, after := range []store.Cursor{"", middle} {
					q := by
					q.Kind, q.Since, q.Until, q.After, q.Limit = kind, between[0], between[1], after, 50
					list = append(list, q)
				}
			}
		}
	}
	return list
}

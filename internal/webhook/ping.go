package webhook

import "github.com/githubjobs/githubjobs/internal/store"

// ping is GitHub's first delivery of a new webhook; that it came is all it tells.
func (r *Receiver) ping(store.Delivery) (reading, error) { return nothing("ping"), nil }

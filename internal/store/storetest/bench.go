package storetest

import (
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// BenchmarkAcceptAll accepts batches of the largest size, with a label each, while a caller
// creates single jobs: longest-wait is how long one of those waited at most.
func BenchmarkAcceptAll(b *testing.B, s store.Store) {
	var longest time.Duration
	stop := make(chan struct{})
	var single sync.WaitGroup
	single.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			began := time.Now()
			if err := s.Accept(b.Context(), project, Spec(githubjobs.NewID(began), began)); err != nil {
				b.Error(err)
				return
			}
			longest = max(longest, time.Since(began))
		}
	})
	for b.Loop() {
		batch := githubjobs.NewBatchID(time.Now())
		specs := Whole(batch, githubjobs.MaxBatch, 5, "a")
		for i := range specs {
			specs[i].Labels = []string{"nightly"}
		}
		if added, err := s.AcceptAll(b.Context(), project, specs); err != nil || added != len(specs) {
			b.Fatal(added, err)
		}
	}
	close(stop)
	single.Wait()
	b.ReportMetric(float64(longest.Milliseconds()), "longest-wait-ms")
}

// ShareBatch lets every server accept jobs that name a batch, from many callers: all of them
// the same one, or each its own.
func ShareBatch(b *testing.B, shared bool, servers ...store.Store) {
	const callers = 48
	var all sync.WaitGroup
	for i := range callers {
		at := i % len(servers)
		all.Go(func() {
			for range b.N/callers + 1 {
				spec := Spec(githubjobs.NewID(Now), Now)
				if spec.Batch = "shared"; !shared {
					spec.Batch = string(rune('a' + at))
				}
				if err := servers[at].Accept(b.Context(), project, spec); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

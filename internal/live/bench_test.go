package live

import (
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// A request of a run with a hundred lines, durable in SQLite.
func BenchmarkAppend(b *testing.B) {
	w := setup(b)
	g := w.grant(b)
	seq := int64(1)
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = "a line of an ordinary log, which is neither short nor long"
	}
	w.limit("a").SetLimit(1 << 30) // the bound is for runs
	w.limit("a").SetBurst(1 << 30)
	for b.Loop() {
		last, err := w.tell(b.Context(), "a", g.Capability, lines(seq, texts...))
		if err != nil {
			b.Fatal(err)
		}
		seq = last + 1
	}
}

// What a status read adds for a job that runs and tells of itself.
func BenchmarkShow(b *testing.B) {
	w := setup(b)
	g := w.grant(b)
	if _, err := w.tell(b.Context(), "a", g.Capability, lines(1, make([]string, 500)...)); err != nil {
		b.Fatal(err)
	}
	job := githubjobs.Reduce(facts("a", "in_progress"), w.Now())
	for b.Loop() {
		if _, told := w.Show(b.Context(), job); !told {
			b.Fatal("nothing was told")
		}
	}
}

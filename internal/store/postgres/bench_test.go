package postgres

import (
	"testing"

	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

func BenchmarkAcceptAll(b *testing.B) {
	s := open(b, schema(b), nil)
	defer s.Close()
	storetest.BenchmarkAcceptAll(b, s)
}

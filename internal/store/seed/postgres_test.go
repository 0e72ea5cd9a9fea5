package seed

import (
	"crypto/rand"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/internal/require"
	"github.com/githubjobs/githubjobs/internal/store/postgres"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	base := require.Postgres(t)
	conn, err := pgx.Connect(t.Context(), base)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	name := "test_" + strings.ToLower(rand.Text())
	if _, err := conn.Exec(t.Context(), "CREATE SCHEMA "+name); err != nil {
		t.Fatal(err)
	}
	defer conn.Exec(t.Context(), "DROP SCHEMA "+name+" CASCADE")
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	if err := Postgres(t.Context(), u.String(), "p", 1200); err != nil {
		t.Fatal(err)
	}
	s, err := postgres.Open(t.Context(), u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	check(t, s)
}

package require

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// postgresEnv names a database that tests may create schemas in, as postgres://user:password@host:port/database.
const postgresEnv = "GITHUBJOBS_TEST_POSTGRES_URL"

// Postgres returns the URL of a PostgreSQL database that answers. Tests of several packages share it at the same time:
// each creates a schema of its own.
func Postgres(t testing.TB) (url string) {
	t.Helper()
	Uncached(t)
	url, err := findPostgres()
	if err != nil {
		missing(t, postgres, err)
	}
	return url
}

var findPostgres = sync.OnceValues(func() (string, error) {
	url := os.Getenv(postgresEnv)
	if url == "" {
		return "", errors.New("set " + postgresEnv + " to the URL of a test database")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", fmt.Errorf("the database of %s does not answer: %w", postgresEnv, err)
	}
	return url, conn.Close(ctx)
})

package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/githubjobs/githubjobs/internal/store"
)

// Codes of PostgreSQL's errors; see its manual, appendix A.
const (
	codeDiskFull       = "53100"
	codeSerialization  = "40001"
	codeLockTimeout    = "55P03"
	codeCanceled       = "57014" // by statement_timeout, where that is the shorter one
	codeDeadlock       = "40P01"
	codeNoDatabase     = "3D000"
	codeNoSchema       = "3F000"
	codeDuplicateTable = "42P07"
	codeNoRight        = "42501"
	codeReadOnly       = "25006"
	classAuthorization = "28"
	classShutdown      = "57P"
	classConnection    = "08"
)

// explain turns the driver's errors into the store's, and says how to mend what a
// person can mend. ctx is the caller's: an end of a time limit of our own is a
// database that does not answer.
func explain(ctx context.Context, err error) error {
	for _, ours := range []error{store.ErrNotFound, store.ErrExists, store.ErrDuplicate, store.ErrChanged, store.ErrDependency, store.ErrSuperseded, store.ErrCapability, store.ErrFull, store.ErrUnavailable, store.ErrLost} {
		if errors.Is(err, ours) {
			return err
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil && !isCode(err, ""):
		return ctx.Err()
	case errors.Is(err, pgx.ErrNoRows):
		return store.ErrNotFound
	case isCode(err, codeDiskFull):
		return fmt.Errorf("%w: free some room on the database server (%w)", store.ErrFull, err)
	}
	if help := mend(err); help != "" {
		return fmt.Errorf("%w: %s (%w)", store.ErrUnavailable, help, err)
	}
	return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
}

func mend(err error) string {
	switch {
	case isCode(err, classAuthorization):
		return "it refused user or password; correct DATABASE_URL"
	case isCode(err, codeNoDatabase):
		return "there is no such database on the server; create it, or name another one in DATABASE_URL"
	case isCode(err, codeNoSchema):
		return "the schema in which tables are made does not exist; create it, or name another one with search_path in DATABASE_URL"
	case isCode(err, codeDuplicateTable):
		return "it holds tables of another program; give this one a database, or a schema, of its own (search_path in DATABASE_URL)"
	case isCode(err, codeNoRight):
		return "the user of DATABASE_URL may not do that; make the user the owner of the database or schema"
	case isCode(err, codeReadOnly):
		return "it takes no writes; DATABASE_URL must name the primary, not a replica"
	}
	return ""
}

// isCode says whether PostgreSQL itself reported an error, of a code that begins so.
func isCode(err error, prefix string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && strings.HasPrefix(e.Code, prefix)
}

// lost says whether the connection, or the server behind it, went away.
func lost(err error) bool {
	if isCode(err, "") {
		return isCode(err, classShutdown) || isCode(err, classConnection)
	}
	if _, network := errors.AsType[*net.OpError](err); network || pgconn.SafeToRetry(err) {
		_, connecting := errors.AsType[*pgconn.ConnectError](err)
		return !connecting && !errors.Is(err, os.ErrDeadlineExceeded)
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed)
}

package postgres

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/internal/store"
)

const (
	// A leader that shows no life for this long is frozen, or cut off: its session ends,
	// and its lock with it (PostgreSQL 14 and later; see idle_session_timeout).
	leaderTimeout = 15 * time.Second
	heartbeat     = 3 * time.Second
	heartbeatTime = 5 * time.Second // for the database's answer

	// Both tell installations apart that share a database, each in a schema of its own.
	lockKey  = `hashtextextended('githubjobs leader of ' || current_schema() || '.' || $1, 0)`
	announce = `SELECT pg_notify('githubjobs_accepted', current_schema() || '.' || $1)`
	listen   = `LISTEN githubjobs_accepted`
	topic    = `SELECT current_schema() || '.' || $1`
)

// lease is an advisory lock, which belongs to the session of a connection.
type lease struct {
	since time.Time
	pool  querier
	pid   uint32
	lost  chan struct{}
	stop  context.CancelFunc
	ended chan struct{} // closed when the connection is
	once  sync.Once
}

type querier interface {
	QueryRow(ctx context.Context, query string, args ...any) pgx.Row
}

var _ store.Lease = (*lease)(nil)

// Lead implements store.Leadership.
func (s *Store) Lead(ctx context.Context, project string, accepted func()) (store.Lease, error) {
	pooled, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, explain(ctx, err)
	}
	conn := pooled.Hijack()
	name, err := lead(ctx, conn, project)
	if err != nil {
		closeConn(conn)
		return nil, explain(ctx, err)
	}
	keep, stop := context.WithCancel(context.Background())
	l := &lease{since: s.now(), pool: s.pool, pid: conn.PgConn().PID(), lost: make(chan struct{}), stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(l.ended)
		defer closeConn(conn)
		if err := watch(keep, conn, name, accepted); keep.Err() == nil && err != nil {
			close(l.lost)
		}
	}()
	return l, nil
}

// lead makes the connection the leader's, and returns the name under which accepted
// jobs are announced to it.
func lead(ctx context.Context, conn *pgx.Conn, project string) (name string, err error) {
	// Where the kernel keeps a connection to a machine that is gone, it ends too.
	settings := fmt.Sprintf(`SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 3; SET tcp_keepalives_count = 3; SET tcp_user_timeout = %d`, leaderTimeout.Milliseconds())
	if _, err := conn.Exec(ctx, settings); err != nil {
		return "", err
	}
	if _, err := conn.Exec(ctx, `SELECT set_config('idle_session_timeout', $1, false) WHERE current_setting('server_version_num')::int >= 140000`,
		strconv.FormatInt(leaderTimeout.Milliseconds(), 10)); err != nil {
		return "", err
	}
	for {
		_, err := conn.Exec(ctx, `SELECT pg_advisory_lock(`+lockKey+`)`, project)
		if err == nil {
			break
		}
		if !isCode(err, codeLockTimeout) && !isCode(err, codeCanceled) || ctx.Err() != nil {
			return "", err
		}
	}
	if _, err := conn.Exec(ctx, listen); err != nil {
		return "", err
	}
	return name, conn.QueryRow(ctx, topic, project).Scan(&name)
}

// watch shows life until ctx ends or the database is lost, and passes on what is announced.
func watch(ctx context.Context, conn *pgx.Conn, name string, accepted func()) error {
	for next := time.Now().Add(heartbeat); ; {
		until, cancel := context.WithDeadline(ctx, next)
		n, err := conn.WaitForNotification(until)
		cancel()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil && n.Payload == name:
			accepted()
		case err != nil && !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		if time.Now().Before(next) {
			continue
		}
		within, cancel := context.WithTimeout(ctx, heartbeatTime)
		_, err = conn.Exec(within, `SELECT 1`)
		cancel()
		if err != nil {
			return err
		}
		next = time.Now().Add(heartbeat)
	}
}

// closeConn ends the session, and so frees the lock.
func closeConn(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), heartbeatTime)
	defer cancel()
	_ = conn.Close(ctx) // a connection that can't be closed in order is cut
}

// Since implements store.Lease.
func (l *lease) Since() time.Time { return l.since }

// Lost implements store.Lease.
func (l *lease) Lost() <-chan struct{} { return l.lost }

// Hold implements store.Lease. It asks by another connection, whether the session
// that holds the lock still does.
func (l *lease) Hold(ctx context.Context) error {
	select {
	case <-l.lost:
		return store.ErrLost
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, heartbeatTime)
	defer cancel()
	var held bool
	err := l.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = $1
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`, int64(l.pid)).Scan(&held)
	if err == nil && !held {
		err = store.ErrLost
	}
	return err
}

// Release implements store.Lease.
func (l *lease) Release() {
	l.once.Do(l.stop)
	<-l.ended
}

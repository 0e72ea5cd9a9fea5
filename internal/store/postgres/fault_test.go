package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
	"github.com/githubjobs/githubjobs/internal/store/storetest"
)

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		url  func(t *testing.T) string
		says string
	}{
		"a wrong password": {func(t *testing.T) string {
			u, _ := url.Parse(schema(t))
			u.User = url.UserPassword(u.User.Username(), "hunter2")
			return u.String()
		}, "refused user or password"},
		"a database that is not there": {func(t *testing.T) string {
			u, _ := url.Parse(schema(t))
			u.User, u.Path = url.UserPassword(u.User.Username(), password(u)), "/nothing"
			return u.String()
		}, "there is no such database"},
		"a schema that is not there": {func(t *testing.T) string { return with(t, schema(t), "search_path", "nothing") }, "none of the schemas"},
		"another program's tables": {func(t *testing.T) string {
			db := schema(t)
			admin(t, db, `CREATE TABLE jobs (customer int)`)
			return db
		}, "tables of another program"},
		"a newer version's database": {func(t *testing.T) string {
			db := schema(t)
			open(t, db, nil).Close()
			admin(t, db, `INSERT INTO githubjobs_migrations (version) VALUES (99)`)
			return db
		}, "newer version"},
		"a replica": {func(t *testing.T) string { return with(t, schema(t), "default_transaction_read_only", "on") }, "takes no writes"},
		"a server that is down": {func(t *testing.T) string {
			u, _ := url.Parse(schema(t))
			u.Host = "127.0.0.1:1"
			return u.String()
		}, "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := c.url(t)
			s, err := Open(t.Context(), db, nil)
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %q is not ErrUnavailable and says %q", err, c.says)
			}
			u, _ := url.Parse(db)
			secret := password(u)
			if secret != "" && secret != u.User.Username() && strings.Contains(strings.ReplaceAll(err.Error(), u.User.Username(), ""), secret) {
				t.Errorf("error %q tells the password", err)
			}
		})
	}
}

func password(u *url.URL) string {
	p, _ := u.User.Password()
	return p
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for db, says := range map[string]string{
		"postgres://u:hunter2@h/d":                  "",
		"postgresql://u:hunter2@h:1/d?sslmode=full": "a setting",
		"postgresql://h/d?pool_max_conns=many":      "a setting",
		"mysql://u:hunter2@h/d":                     "not the URL of a PostgreSQL database",
		"host=h password=hunter2":                   "not the URL of a PostgreSQL database",
		"postgres://u:hunter2%@h/d":                 "percent-encoded",
		"postgres://u:hunter2@h":                    "names no database",
	} {
		err := Validate(db)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", db, err, says)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") || strings.Contains(Address(db), "hunter2") {
			t.Errorf("%s: %v, or %s, tells the password", db, err, Address(db))
		}
	}
}

// proxy is a way to the database that can be cut.
type proxy struct {
	net.Listener
	target string
	mu     sync.Mutex
	down   bool
	conns  []net.Conn
}

func startProxy(t *testing.T, databaseURL string) (p *proxy, through string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(databaseURL)
	p = &proxy{Listener: l, target: u.Host}
	t.Cleanup(func() { l.Close(); p.cut(true) })
	go p.serve()
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) serve() {
	for {
		near, err := p.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if p.mu.Lock(); p.down || err != nil {
			near.Close()
		}
		if err == nil {
			p.conns = append(p.conns, near, far)
			go func() { io.Copy(far, near); far.Close() }()
			go func() { io.Copy(near, far); near.Close() }()
		}
		p.mu.Unlock()
	}
}

// cut ends all connections, and refuses new ones while the line is down.
func (p *proxy) cut(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	for _, c := range p.conns {
		c.Close()
	}
	p.conns = nil
}

func TestConnectionLost(t *testing.T) {
	t.Parallel()
	line, db := startProxy(t, schema(t))
	s := open(t, db, nil)
	defer s.Close()
	accept := func(id string) error { return s.Accept(t.Context(), "p", storetest.Spec(id, storetest.Now)) }
	if err := accept("before"); err != nil {
		t.Fatal(err)
	}
	line.cut(false) // the connections of the pool are dead, and nobody has noticed
	if _, err := s.Facts(t.Context(), "p", "before"); err != nil {
		t.Errorf("a read after the connections were lost: %v", err)
	}
	line.cut(false)
	if err := accept("again"); err != nil {
		t.Errorf("a write after the connections were lost: %v", err)
	}
	line.cut(true)
	if err := accept("down"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a write while the database is away: %v, want ErrUnavailable", err)
	}
	if _, err := s.Facts(t.Context(), "p", "before"); !errors.Is(err, store.ErrUnavailable) {
		t.Errorf("a read while the database is away: %v, want ErrUnavailable", err)
	}
	line.cut(false)
	if err := accept("down"); err != nil {
		t.Errorf("a write when the database is back: %v", err)
	}
	if f, err := s.Facts(t.Context(), "p", "before"); err != nil || f.ID != "before" {
		t.Errorf("a read when the database is back: %+v, %v", f, err)
	}
}

// Every connection is ended again and again while jobs are accepted. What was
// answered with success is there; what was not may be.
func TestKilledConnections(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s := open(t, db, fixed)
	defer s.Close()
	u, _ := url.Parse(db)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for range 20 {
			admin(t, with(t, db, "application_name", "killer"), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, u.Query().Get("application_name"))
		}
	}()
	var accepted []string
	for i := 0; ; i++ {
		id := fmt.Sprint("job-", i)
		if err := s.Accept(t.Context(), "p", storetest.Spec(id, storetest.Now)); err == nil {
			accepted = append(accepted, id)
		} else if !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v", id, err)
		}
		select {
		case <-ended:
		default:
			continue
		}
		break
	}
	for _, id := range accepted {
		if _, err := s.Facts(t.Context(), "p", id); err != nil {
			t.Errorf("%s was accepted: %v", id, err)
		}
	}
	storetest.CheckCounters(t, s, "p")
}

// A full disk is played by a trigger that raises PostgreSQL's own code for it.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s := open(t, db, fixed)
	defer s.Close()
	admin(t, db, `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$`)
	admin(t, db, `CREATE TRIGGER full_disk BEFORE INSERT ON jobs EXECUTE FUNCTION full_disk()`)
	if err := s.Accept(t.Context(), "p", storetest.Spec("a", storetest.Now)); !errors.Is(err, store.ErrFull) {
		t.Errorf("error %v, want ErrFull", err)
	}
	admin(t, db, `DROP TRIGGER full_disk ON jobs`)
	if err := s.Accept(t.Context(), "p", storetest.Spec("a", storetest.Now)); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	storetest.CheckCounters(t, s, "p")
}

// A write that the database refuses spares those that share its transaction.
func TestOneBadWriteSparesTheOthers(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s := open(t, db, nil)
	defer s.Close()
	admin(t, db, `ALTER TABLE jobs ADD CHECK (id <> 'bad')`)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			id := fmt.Sprint("job-", i)
			if i == 30 {
				id = "bad"
			}
			if err := s.Accept(t.Context(), "p", storetest.Spec(id, storetest.Now)); (err == nil) != (i != 30) {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	wg.Wait()
	if c, err := s.Counts(t.Context(), "p"); err != nil || c.Jobs != 59 {
		t.Errorf("counts %+v, %v", c, err)
	}
}

// A lock that a foreign session holds costs a write its time limit, and no more.
func TestForeignLock(t *testing.T) {
	t.Parallel()
	db := schema(t)
	s := open(t, with(t, db, "lock_timeout", "100ms"), nil)
	defer s.Close()
	ctx := context.Background()
	conn := connect(t, db)
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `BEGIN; LOCK TABLE jobs IN EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := s.Accept(t.Context(), "p", storetest.Spec("a", storetest.Now)); !errors.Is(err, store.ErrUnavailable) || time.Since(began) > time.Minute {
		t.Errorf("error %v after %s, want ErrUnavailable after 100 ms", err, time.Since(began))
	}
	if _, err := conn.Exec(ctx, `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := s.Accept(t.Context(), "p", storetest.Spec("a", storetest.Now)); err != nil {
		t.Errorf("when the lock is free: %v", err)
	}
}

// A commit waits for the disk, also where the database is set not to.
func TestDurable(t *testing.T) {
	t.Parallel()
	for setting, want := range map[string]string{"off": "on", "on": "on", "remote_apply": "remote_apply"} {
		s := open(t, with(t, schema(t), "synchronous_commit", setting), nil)
		var got, statement, lock string
		err := s.pool.QueryRow(t.Context(), `SELECT current_setting('synchronous_commit'), current_setting('statement_timeout'), current_setting('lock_timeout')`).Scan(&got, &statement, &lock)
		if err != nil || got != want || statement != "10s" || lock != "5s" {
			t.Errorf("%s: synchronous_commit %s, statement_timeout %s, lock_timeout %s, %v", setting, got, statement, lock, err)
		}
		s.Close()
	}
}

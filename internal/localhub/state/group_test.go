package state

import (
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"
)

// together makes updates wait for each other, and returns their errors; a panic counts as one.
func together(db *DB, updates ...func(tx *Tx) error) []error {
	errs, ended := make([]error, len(updates)), make(chan int)
	db.View(func(*Tx) {
		for i, change := range updates {
			go func() {
				defer func() {
					if v := recover(); v != nil {
						errs[i] = v.(error)
					}
					ended <- i
				}()
				errs[i] = db.Update(change)
			}()
			for waiting := 0; waiting <= i; time.Sleep(time.Millisecond) {
				db.waiting.Lock()
				waiting = len(db.waiting.list)
				db.waiting.Unlock()
			}
		}
	})
	for range updates {
		<-ended
	}
	return errs
}

func putUser(login string) func(tx *Tx) error {
	return func(tx *Tx) error {
		tx.Users.Put(User{ID: tx.Users.NextID(), Login: login})
		return nil
	}
}

// Updates that wait at the same time are one write; each stays a transaction of its own.
func TestUpdatesAreWrittenTogether(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	other, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	written := func() (n int) {
		if err := other.QueryRow(`SELECT count(*) FROM doc`).Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	boom, bug := errors.New("boom"), errors.New("bug")
	errs := together(db,
		putUser("alice"),
		func(tx *Tx) error { putUser("bob")(tx); return boom },
		func(tx *Tx) error { putUser("carol")(tx); panic(bug) },
		func(tx *Tx) error {
			if _, ok := tx.Users.ByName("alice"); !ok || written() != 0 {
				t.Errorf("the first of the group is seen %v, and %d are written", ok, written())
			}
			return putUser("dave")(tx)
		},
	)
	for i, want := range []error{nil, boom, bug, nil} {
		if !errors.Is(errs[i], want) {
			t.Errorf("update %d: %v, want %v", i, errs[i], want)
		}
	}
	if written() != 2 {
		t.Errorf("%d users written, want alice and dave", written())
	}
	db.View(func(tx *Tx) {
		for login, want := range map[string]int64{"alice": 1, "bob": 0, "carol": 0, "dave": 2} {
			if u, _ := tx.Users.ByName(login); u.ID != want {
				t.Errorf("%s is %+v, want id %d", login, u, want)
			}
		}
	})
}

// When the file can't be written, none of the group has happened, and all are told.
func TestGroupThatCanNotBeWritten(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	update(t, db, putUser("alice"))
	if err := db.sql.Close(); err != nil {
		t.Fatal(err)
	}
	errs := together(db, putUser("bob"), func(tx *Tx) error { tx.Users.Delete(1); return nil }, func(*Tx) error { return nil })
	if errs[0] == nil || errs[1] == nil || errs[2] != nil {
		t.Errorf("errors %v, want two, and none where nothing was to be written", errs)
	}
	db.View(func(tx *Tx) {
		if all := tx.Users.All(); len(all) != 1 || all[0].Login != "alice" {
			t.Errorf("users %+v, want alice alone", all)
		}
	})
}

package state

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func open(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func update(t *testing.T, db *DB, change func(tx *Tx) error) {
	t.Helper()
	if err := db.Update(change); err != nil {
		t.Fatal(err)
	}
}

// TestOnlyTheOwnerCanReadTheFile also takes files of an earlier version from others.
func TestOnlyTheOwnerCanReadTheFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	db := open(t, path)
	update(t, db, func(tx *Tx) error {
		tx.Users.Put(User{ID: tx.Users.NextID(), Login: "alice"})
		return nil
	})
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestFailedUpdateChangesNothing(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	update(t, db, func(tx *Tx) error {
		tx.Users.Put(User{ID: tx.Users.NextID(), Login: "Alice"})
		return nil
	})
	boom := errors.New("boom")
	err := db.Update(func(tx *Tx) error {
		tx.Users.Delete(1)
		tx.Users.Put(User{ID: tx.Users.NextID(), Login: "bob"})
		tx.PutBlob(BlobRequest, 1, []byte("x"))
		return boom
	})
	if !errors.Is(err, boom) {
		t.Fatalf("Update: %v, want boom", err)
	}
	db.View(func(tx *Tx) {
		if u, ok := tx.Users.ByName(UserName("ALICE")); !ok || u.ID != 1 {
			t.Errorf("alice is %+v, %v after the failed update", u, ok)
		}
		if _, ok := tx.Users.ByName("bob"); ok {
			t.Error("bob is there after the failed update")
		}
	})
	if data, err := db.Blob(BlobRequest, 1); data != nil || err != nil {
		t.Errorf("blob of the failed update: %q, %v", data, err)
	}
}

func TestPanicInUpdateRollsBackAndReleases(t *testing.T) {
	t.Parallel()
	db := open(t, filepath.Join(t.TempDir(), "state.db"))
	func() {
		defer func() { recover() }()
		db.Update(func(tx *Tx) error {
			tx.Users.Put(User{ID: tx.Users.NextID(), Login: "ghost"})
			panic("bug")
		})
	}()
	db.View(func(tx *Tx) {
		if n := len(tx.Users.All()); n != 0 {
			t.Errorf("%d users after a panic, want none", n)
		}
	})
}

// TestReopenWithoutClose is a kill -9: the file is opened again while nobody has closed it.
func TestReopenWithoutClose(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	first := open(t, path)
	update(t, first, func(tx *Tx) error {
		tx.Repositories.Put(Repository{ID: tx.Repositories.NextID(), Owner: "a", Name: "r", Collaborators: map[int64]string{7: "write"}})
		tx.Pulls.Put(Pull{ID: tx.Pulls.NextID(), RepositoryID: 1, Number: 4, State: "open"})
		tx.Pulls.Put(Pull{ID: tx.Pulls.NextID(), RepositoryID: 1, Number: 5, State: "closed"})
		tx.Pulls.Delete(2)
		tx.PutBlob(BlobRequest, 9, []byte("body"))
		tx.PutBlob(BlobResponse, 9, []byte{})
		return nil
	})
	second := open(t, path)
	second.View(func(tx *Tx) {
		if r, ok := tx.Repositories.ByName(RepositoryName("A", "R")); !ok || r.Collaborators[7] != "write" {
			t.Errorf("repository after reopening: %+v, %v", r, ok)
		}
		if _, ok := tx.Pulls.ByName(PullName(1, 4)); !ok {
			t.Error("pull request 4 is lost")
		}
		if got := tx.OpenPullCount(1); got != 1 {
			t.Errorf("%d open pull requests, want 1", got)
		}
	})
	if data, err := second.Blob(BlobRequest, 9); string(data) != "body" || err != nil {
		t.Errorf("blob after reopening: %q, %v", data, err)
	}
	update(t, second, func(tx *Tx) error {
		if id := tx.Pulls.NextID(); id != 3 {
			t.Errorf("next id after the deleted 2 is %d, want 3", id)
		}
		tx.PutBlob(BlobRequest, 9, nil)
		return nil
	})
	if data, _ := second.Blob(BlobRequest, 9); data != nil {
		t.Errorf("deleted blob is %q", data)
	}
}

func TestDeleteRepositoryTakesAllAlong(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	update(t, db, func(tx *Tx) error {
		for id := range int64(2) {
			id++
			tx.Repositories.Put(Repository{ID: id, Owner: "a", Name: fmt.Sprint(id)})
			tx.Runs.Put(Run{ID: id, RepositoryID: id})
			tx.Jobs.Put(Job{ID: id, RunID: id})
			tx.Pulls.Put(Pull{ID: id, RepositoryID: id, Number: 1, State: "open"})
			tx.Comments.Put(Comment{ID: id, PullID: id})
			tx.Hooks.Put(Hook{ID: id, RepositoryID: id})
			tx.Deliveries.Put(Delivery{ID: id, HookID: id})
			tx.PutBlob(BlobRequest, id, []byte("x"))
			tx.Secrets.Put(Secret{ID: id, RepositoryID: id, Name: "S"})
		}
		return nil
	})
	update(t, db, func(tx *Tx) error {
		tx.DeleteRepository(1)
		return nil
	})
	for kind, table := range db.tx.tables {
		var left int
		if err := db.sql.QueryRow(`SELECT count(*) FROM doc WHERE kind=? AND key=1`, kind).Scan(&left); err != nil || left != 0 {
			t.Errorf("%d of kind %s are left in the file, %v (%T)", left, kind, err, table)
		}
	}
	if data, _ := db.Blob(BlobRequest, 1); data != nil {
		t.Error("the deleted repository's blob is left")
	}
	if data, _ := db.Blob(BlobRequest, 2); data == nil {
		t.Error("the other repository's blob is gone")
	}
	db.View(func(tx *Tx) {
		if tx.OpenPullCount(1) != 0 || tx.OpenPullCount(2) != 1 || tx.Jobs.Count(2) != 1 || tx.Comments.Count(2) != 1 {
			t.Error("the other repository has lost something")
		}
	})
}

func TestNewerFileIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	db := open(t, path)
	if _, err := db.sql.Exec(`INSERT INTO doc VALUES('future', 1, '{}')`); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("a file with an unknown kind opens")
	}
}

// TestTableAgainstModel holds a table, its indexes and its file against a plain map, over any sequence of updates that succeed or fail.
func TestTableAgainstModel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n, ".db"))
		db, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		model := map[int64]Pull{}
		for range rapid.IntRange(0, 12).Draw(t, "updates") {
			fails := rapid.Bool().Draw(t, "fails")
			draft := map[int64]Pull{}
			for k, v := range model {
				draft[k] = v
			}
			err := db.Update(func(tx *Tx) error {
				for range rapid.IntRange(1, 5).Draw(t, "writes") {
					id := rapid.Int64Range(1, 6).Draw(t, "id")
					if rapid.Bool().Draw(t, "delete") {
						tx.Pulls.Delete(id)
						delete(draft, id)
						continue
					}
					p := Pull{ID: id, RepositoryID: rapid.Int64Range(1, 2).Draw(t, "repository"), Number: int(id),
						State: rapid.SampledFrom([]string{"open", "closed"}).Draw(t, "state")}
					tx.Pulls.Put(p)
					draft[id] = p
				}
				if fails {
					return errors.New("no")
				}
				return nil
			})
			if (err != nil) != fails {
				t.Fatalf("update: %v", err)
			}
			if !fails {
				model = draft
			}
			checkModel(t, db, model)
		}
		again, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		checkModel(t, again, model)
	})
}

func checkModel(t *rapid.T, db *DB, model map[int64]Pull) {
	db.View(func(tx *Tx) {
		if got := len(tx.Pulls.All()); got != len(model) {
			t.Fatalf("%d documents, want %d", got, len(model))
		}
		for _, repository := range []int64{1, 2} {
			var all, opened []int64
			for id := range int64(7) {
				if p, ok := model[id]; ok && p.RepositoryID == repository {
					all = append(all, id)
					if p.State == "open" {
						opened = append(opened, id)
					}
					if got, ok := tx.Pulls.ByName(PullName(repository, p.Number)); !ok || got.ID != id {
						t.Fatalf("ByName of %d: %+v, %v", id, got, ok)
					}
				}
			}
			if got := ids(slices.Collect(tx.Pulls.Of(repository))); !slices.Equal(got, all) {
				t.Fatalf("Of(%d) = %v, want %v", repository, got, all)
			}
			if got := ids(slices.Collect(tx.OpenPulls(repository))); !slices.Equal(got, opened) {
				t.Fatalf("OpenPulls(%d) = %v, want %v", repository, got, opened)
			}
			newest := ids(slices.Collect(tx.Pulls.Newest(repository)))
			slices.Reverse(newest)
			if !slices.Equal(newest, all) {
				t.Fatalf("Newest(%d) is not the reverse of %v", repository, all)
			}
		}
	})
}

func ids(pulls []Pull) (list []int64) {
	for _, p := range pulls {
		list = append(list, p.ID)
	}
	return list
}

func BenchmarkUpdate(b *testing.B) {
	db, err := Open(filepath.Join(b.TempDir(), "state.db"))
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	for b.Loop() {
		err := db.Update(func(tx *Tx) error {
			tx.Runs.Put(Run{ID: tx.Runs.NextID(), RepositoryID: 1, Status: "queued"})
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

package state

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// waiter is one Update that waits for its turn, and then what became of it.
type waiter struct {
	change   func(tx *Tx) error
	log      *changes
	done     bool
	err      error
	panicked any
}

// Update calls change as one atomic transaction: when it returns nil, all its writes are in the file before Update returns; when it returns an
// error (which Update passes on), nothing has changed. change must do no I/O and must not call View or Update: others wait meanwhile. Updates that
// come while others are written are made one after another, and written together.
func (db *DB) Update(change func(tx *Tx) error) error {
	w := &waiter{change: change}
	db.waiting.Lock()
	db.waiting.list = append(db.waiting.list, w)
	db.waiting.Unlock()
	db.makeAll(w)
	if w.panicked != nil {
		panic(w.panicked)
	}
	return w.err
}

// makeAll makes the updates that wait, unless somebody has made w along with theirs.
func (db *DB) makeAll(w *waiter) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if w.done {
		return
	}
	db.waiting.Lock()
	group := db.waiting.list
	db.waiting.list = nil
	db.waiting.Unlock()
	all := newChanges()
	for _, w := range group {
		db.apply(w)
		all.add(w.log)
	}
	if err := db.write(all); err != nil {
		all.rollback()
		for _, w := range group {
			if !w.log.empty() {
				w.err = fmt.Errorf("write state: %w", err)
			}
		}
	}
}

// apply makes one update in memory, all of it or nothing.
func (db *DB) apply(w *waiter) {
	w.done, w.log = true, newChanges()
	db.tx.log.current = w.log
	returned := false
	defer func() {
		db.tx.log.current = nil
		if !returned {
			w.panicked = recover() // for the one whose change it is
		}
		if !returned || w.err != nil {
			w.log.rollback()
			w.log = newChanges()
		}
	}()
	w.err = w.change(db.tx)
	returned = true
}

// changes is what updates did: what to write, and how to undo it.
type changes struct {
	docs     map[docKey]any // nil: deleted
	counters map[string]int64
	blobs    map[docKey][]byte
	undo     []func()
}

func newChanges() *changes {
	return &changes{docs: map[docKey]any{}, counters: map[string]int64{}, blobs: map[docKey][]byte{}}
}

func (c *changes) empty() bool { return len(c.docs)+len(c.counters)+len(c.blobs) == 0 }

// add puts later changes on top.
func (c *changes) add(later *changes) {
	maps.Copy(c.docs, later.docs)
	maps.Copy(c.counters, later.counters)
	maps.Copy(c.blobs, later.blobs)
	c.undo = append(c.undo, later.undo...)
}

func (c *changes) rollback() {
	for _, undo := range slices.Backward(c.undo) {
		undo()
	}
}

// What write does, prepared once: it is done thousands of times.
const (
	putDoc     = `INSERT INTO doc VALUES(?,?,?) ON CONFLICT DO UPDATE SET json=excluded.json`
	deleteDoc  = `DELETE FROM doc WHERE kind=? AND key=?`
	putCounter = `INSERT INTO counter VALUES(?,?) ON CONFLICT DO UPDATE SET last=excluded.last`
	putBlob    = `INSERT INTO blob VALUES(?,?,?) ON CONFLICT DO UPDATE SET data=excluded.data`
	deleteBlob = `DELETE FROM blob WHERE kind=? AND key=?`
)

// write stores changes in the file, in one transaction of the database.
func (db *DB) write(log *changes) error {
	if log.empty() {
		return nil
	}
	stx, err := db.sql.Begin()
	if err != nil {
		return err
	}
	defer stx.Rollback() // does nothing after Commit
	run := func(statement string, args ...any) error {
		_, err := stx.Stmt(db.statements[statement]).Exec(args...)
		return err
	}
	for k, v := range log.docs {
		if err := writeDoc(run, k, v); err != nil {
			return fmt.Errorf("%s %d: %w", k.kind, k.key, err)
		}
	}
	for kind, last := range log.counters {
		if err := run(putCounter, kind, last); err != nil {
			return err
		}
	}
	for k, data := range log.blobs {
		if err := writeBlob(run, k, data); err != nil {
			return err
		}
	}
	return stx.Commit()
}

func writeDoc(run func(string, ...any) error, k docKey, v any) error {
	if v == nil {
		return run(deleteDoc, k.kind, k.key)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return run(putDoc, k.kind, k.key, string(text))
}

func writeBlob(run func(string, ...any) error, k docKey, data []byte) error {
	if data == nil {
		return run(deleteBlob, k.kind, k.key)
	}
	return run(putBlob, k.kind, k.key, data)
}

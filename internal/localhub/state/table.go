package state

import (
	"encoding/json"
	"iter"
	"slices"
)

// doc is what a struct must tell to be kept in a Table.
type doc interface {
	key() int64     // its id
	parent() int64  // the id of what it belongs to, for Table.Of; 0 for none
	unique() string // a second key, for Table.ByName; "" for none
}

// Table holds all documents of one kind. Documents are values: Get returns a copy, Put stores one. Slices and maps inside a document are shared
// between the copies, so never edit them in place: build a new one and Put.
type Table[T doc] struct {
	kind     string
	log      *logHolder
	last     int64
	rows     map[int64]T
	children map[int64][]int64 // parent → ids, ascending
	names    map[string]int64  // unique → id
	open     map[int64][]int64 // parent → ids of those that are open (see opener), ascending
}

// opener is a document that can be open or closed; of it, the open ones can be found without looking at all.
type opener interface{ isOpen() bool }

type docKey struct {
	kind string
	key  int64
}

// logHolder is shared by all tables; current is nil outside of an Update.
type logHolder struct{ current *changes }

func (h *logHolder) must() *changes {
	if h.current == nil {
		panic("state: write outside of Update")
	}
	return h.current
}

// NextID returns an id that no document of this kind has or ever had. Only inside Update.
func (t *Table[T]) NextID() int64 {
	log := t.log.must()
	before := t.last
	log.undo = append(log.undo, func() { t.last = before })
	t.last++
	log.counters[t.kind] = t.last
	return t.last
}

// Get returns the document with this id.
func (t *Table[T]) Get(id int64) (T, bool) {
	v, ok := t.rows[id]
	return v, ok
}

// ByName returns the document with this second key; each document type's comment says what that is.
func (t *Table[T]) ByName(name string) (T, bool) {
	id, ok := t.names[name]
	if !ok {
		var none T
		return none, false
	}
	return t.Get(id)
}

// Of iterates over the documents that belong to parent, by ascending id. Inside Update, collect before you Put or Delete.
func (t *Table[T]) Of(parent int64) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, id := range t.children[parent] {
			if !yield(t.rows[id]) {
				return
			}
		}
	}
}

// Newest iterates over the documents that belong to parent, by descending id.
func (t *Table[T]) Newest(parent int64) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, id := range slices.Backward(t.children[parent]) {
			if !yield(t.rows[id]) {
				return
			}
		}
	}
}

// Count returns how many documents belong to parent.
func (t *Table[T]) Count(parent int64) int { return len(t.children[parent]) }

// All returns every document, by ascending id.
func (t *Table[T]) All() []T {
	all := make([]T, 0, len(t.rows))
	for _, v := range t.rows {
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b T) int { return int(a.key() - b.key()) })
	return all
}

// Put stores v in place of the document with its id, if any. Only inside Update.
func (t *Table[T]) Put(v T) {
	log := t.log.must()
	if v.key() == 0 {
		panic("state: " + t.kind + " without an id")
	}
	old, had := t.rows[v.key()]
	log.undo = append(log.undo, func() {
		t.remove(v.key())
		if had {
			t.insert(old)
		}
	})
	t.remove(v.key())
	t.insert(v)
	log.docs[docKey{t.kind, v.key()}] = v
}

// Delete removes the document with this id, if there is one. Only inside Update.
func (t *Table[T]) Delete(id int64) {
	log := t.log.must()
	old, had := t.rows[id]
	if !had {
		return
	}
	log.undo = append(log.undo, func() { t.insert(old) })
	t.remove(id)
	log.docs[docKey{t.kind, id}] = nil
}

// deleteOf deletes all documents of parent.
func (t *Table[T]) deleteOf(parent int64) {
	for _, id := range slices.Clone(t.children[parent]) {
		t.Delete(id)
	}
}

// marked iterates over the ids of the open documents of parent.
func (t *Table[T]) marked(parent int64) iter.Seq[int64] { return slices.Values(t.open[parent]) }

func (t *Table[T]) insert(v T) {
	t.rows[v.key()] = v
	addTo(t.children, v.parent(), v.key())
	if o, ok := any(v).(opener); ok && o.isOpen() {
		addTo(t.open, v.parent(), v.key())
	}
	if name := v.unique(); name != "" {
		t.names[name] = v.key()
	}
}

func (t *Table[T]) remove(id int64) {
	v, ok := t.rows[id]
	if !ok {
		return
	}
	delete(t.rows, id)
	removeFrom(t.children, v.parent(), id)
	removeFrom(t.open, v.parent(), id)
	if t.names[v.unique()] == id {
		delete(t.names, v.unique())
	}
}

func addTo(index map[int64][]int64, parent, id int64) {
	ids := index[parent]
	at, _ := slices.BinarySearch(ids, id)
	index[parent] = slices.Insert(ids, at, id)
}

func removeFrom(index map[int64][]int64, parent, id int64) {
	ids := index[parent]
	if at, found := slices.BinarySearch(ids, id); found {
		index[parent] = slices.Delete(ids, at, at+1)
	}
}

func (t *Table[T]) load(text []byte) error {
	var v T
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	t.insert(v)
	return nil
}

func (t *Table[T]) loadCounter(last int64) { t.last = max(t.last, last) }

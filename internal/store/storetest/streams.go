package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Stream is the stream of a run's attempt, to be opened.
func Stream(id string, attempt int, run int64, capability string) store.Stream {
	s := store.Stream{Job: id, Capability: []byte(capability), ExpiresAt: Now.Add(time.Hour)}
	s.Attempt, s.Run, s.RunAttempt = attempt, run, 1
	return s
}

// Lines are so many events, numbered from the first on.
func Lines(first, n int64) (list []githubjobs.Event) {
	for seq := first; seq < first+n; seq++ {
		list = append(list, line(seq, fmt.Sprint("line ", seq)))
	}
	return list
}

func line(seq int64, text string) githubjobs.Event {
	return githubjobs.Event{Seq: seq, Type: githubjobs.EventLog, At: Now, Text: text}
}

// texts are those of the events of a job, page by page.
func texts(t *testing.T, s store.Store, id string, types ...githubjobs.EventType) (list []string) {
	t.Helper()
	for after := int64(0); ; {
		page, err := s.Events(t.Context(), project, id, after, types, 3)
		ok(t, err)
		for _, e := range page {
			if e.ID <= after {
				t.Errorf("event %d comes after %d", e.ID, after)
			}
			after = e.ID
			list = append(list, fmt.Sprint(e.Type, " ", e.Text, e.Key, e.Count))
		}
		if len(page) < 3 {
			return list
		}
	}
}

func streams(t *testing.T, clk *clock, s store.Store) {
	_, err := s.Stream(t.Context(), project, "a")
	wantError(t, err, store.ErrNotFound)
	_, err = s.AppendEvents(t.Context(), project, "a", []byte("one"), nil)
	wantError(t, err, store.ErrCapability)
	opened, err := s.OpenStream(t.Context(), project, Stream("a", 1, 7, "one"))
	ok(t, err)
	if opened.Seq != 0 || !opened.HeartbeatAt.Equal(Now) {
		t.Errorf("opened %+v", opened)
	}
	events := []githubjobs.Event{
		line(1, "one"), line(2, "two"), {Seq: 5, Type: githubjobs.EventProgress, At: Now, Done: 1, Total: 3},
		{Seq: 6, Type: githubjobs.EventMetadata, At: Now, Key: "k", Text: "v"}, {Seq: 7, Type: githubjobs.EventPhase, At: Now, Text: "running"},
	}
	_, err = s.AppendEvents(t.Context(), project, "a", []byte("one"), events[:2])
	ok(t, err)
	clk.advance(time.Minute)
	for range 2 { // what is there already is passed over
		after, err := s.AppendEvents(t.Context(), project, "a", []byte("one"), events)
		ok(t, err)
		if after.Seq != 7 || after.Phase != "running" || *after.Progress != (githubjobs.Progress{Done: 1, Total: 3}) || after.Metadata["k"] != "v" || !after.HeartbeatAt.Equal(Now.Add(time.Minute)) {
			t.Errorf("after %+v", after)
		}
	}
	want := []string{"log one0", "log two0", "dropped 2", "progress 0", "metadata vk0", "phase running0"}
	if got := texts(t, s, "a"); !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
	if got := texts(t, s, "a", githubjobs.EventLog, githubjobs.EventPhase); !slices.Equal(got, []string{"log one0", "log two0", "phase running0"}) {
		t.Errorf("events of two types: %q", got)
	}
	stored, err := s.Stream(t.Context(), project, "a")
	ok(t, err)
	if stored.Seq != 7 || stored.Last != 6 || stored.Run != 7 || stored.Metadata["k"] != "v" || string(stored.Capability) != "one" || !stored.ExpiresAt.Equal(Now.Add(time.Hour)) {
		t.Errorf("stored %+v", stored)
	}
	last, err := s.LastLines(t.Context(), project, "a", 1)
	ok(t, err)
	if len(last) != 1 || last[0].Text != "two" {
		t.Errorf("last lines %+v", last)
	}
}

// streamsOfAttempts: a later attempt takes the stream over, and an earlier one can't have it back.
func streamsOfAttempts(t *testing.T, clk *clock, s store.Store) {
	for _, id := range []string{"a", "b"} {
		_, err := s.OpenStream(t.Context(), project, Stream(id, 1, 7, "one of "+id))
		ok(t, err)
		_, err = s.AppendEvents(t.Context(), project, id, []byte("one of "+id), []githubjobs.Event{line(1, "first"), {Seq: 2, Type: githubjobs.EventMetadata, At: Now, Key: "k", Text: "v"}})
		ok(t, err)
	}
	_, err := s.AppendEvents(t.Context(), project, "b", []byte("one of a"), []githubjobs.Event{line(3, "forged")})
	wantError(t, err, store.ErrCapability)
	again, err := s.OpenStream(t.Context(), project, Stream("a", 1, 7, "two"))
	ok(t, err)
	if again.Seq != 2 || again.Metadata["k"] != "v" {
		t.Errorf("the same run goes on with %+v", again)
	}
	_, err = s.AppendEvents(t.Context(), project, "a", []byte("one of a"), nil)
	wantError(t, err, store.ErrCapability)
	next, err := s.OpenStream(t.Context(), project, Stream("a", 2, 9, "three"))
	ok(t, err)
	if next.Seq != 0 || next.Metadata != nil {
		t.Errorf("the next attempt begins with %+v", next)
	}
	_, err = s.OpenStream(t.Context(), project, Stream("a", 1, 7, "four"))
	wantError(t, err, store.ErrSuperseded)
	_, err = s.AppendEvents(t.Context(), project, "a", []byte("two"), nil)
	wantError(t, err, store.ErrCapability)
	_, err = s.AppendEvents(t.Context(), project, "a", []byte("three"), []githubjobs.Event{line(1, "second")})
	ok(t, err)
	if got := texts(t, s, "a", githubjobs.EventLog); !slices.Equal(got, []string{"log first0", "log second0"}) {
		t.Errorf("events %q", got)
	}
	clk.advance(time.Hour)
	_, err = s.AppendEvents(t.Context(), project, "a", []byte("three"), nil)
	wantError(t, err, store.ErrCapability)
}

// streamBounds: whatever is told, what is kept of a job is bounded; the oldest goes first.
func streamBounds(t *testing.T, _ *clock, s store.Store) {
	_, err := s.OpenStream(t.Context(), project, Stream("a", 1, 7, "one"))
	ok(t, err)
	seq := int64(0)
	for range 4 {
		var events []githubjobs.Event
		for i := range 300 {
			seq += 2
			events = append(events, line(seq-1, fmt.Sprint(seq, strings.Repeat("x", 1000))), githubjobs.Event{Seq: seq, Type: githubjobs.EventMetadata, At: Now, Key: fmt.Sprint("k", i), Text: strings.Repeat("v", 500)})
		}
		_, err := s.AppendEvents(t.Context(), project, "a", []byte("one"), events)
		ok(t, err)
	}
	sizes := map[bool]int{}
	var first, last string
	for after := int64(0); ; {
		page, err := s.Events(t.Context(), project, "a", after, nil, 1000)
		ok(t, err)
		for _, e := range page {
			after = e.ID
			sizes[e.Type == githubjobs.EventLog] += len(e.Text) + 60
			if e.Type == githubjobs.EventLog {
				if last = e.Text[:4]; first == "" {
					first = last
				}
			}
		}
		if len(page) == 0 {
			break
		}
	}
	if sizes[true] > store.MaxLogBytes || sizes[true] < store.MaxLogBytes/2 || sizes[false] > store.MaxOtherBytes || sizes[false] < store.MaxOtherBytes/4 {
		t.Errorf("%d bytes of lines and %d of others are kept", sizes[true], sizes[false])
	}
	if last != "2400" || first < "1000" {
		t.Errorf("lines from %s to %s are kept", first, last)
	}
	stored, err := s.Stream(t.Context(), project, "a")
	ok(t, err)
	if len(stored.Metadata) != githubjobs.MaxMetadata {
		t.Errorf("%d keys of metadata", len(stored.Metadata))
	}
}

// streamRace: events that come several times at once are kept once, in order.
func streamRace(t *testing.T, _ *clock, s store.Store) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := s.OpenStream(t.Context(), project, Stream("a", 1, 7, "one"))
			ok(t, err)
			for seq := int64(1); seq <= 10; seq++ {
				_, err := s.AppendEvents(t.Context(), project, "a", []byte("one"), []githubjobs.Event{line(seq, fmt.Sprint(seq))})
				ok(t, err)
			}
		})
	}
	wg.Wait()
	var want []string
	for seq := range 10 {
		want = append(want, fmt.Sprintf("log %d0", seq+1))
	}
	if got := texts(t, s, "a"); !slices.Equal(got, want) {
		t.Errorf("events %q", got)
	}
}

// sweptStream: what a job has told goes with it.
func sweptStream(t *testing.T, clk *clock, s store.Store) {
	end(t, s, Spec("a", Now))
	_, err := s.OpenStream(t.Context(), project, Stream("a", 1, 7, "one"))
	ok(t, err)
	_, err = s.AppendEvents(t.Context(), project, "a", []byte("one"), []githubjobs.Event{line(1, "one")})
	ok(t, err)
	clk.advance(time.Minute)
	if n := sweepAll(t, s, Now.Add(time.Second), 10); n != 1 {
		t.Errorf("%d jobs were swept", n)
	}
	_, err = s.Stream(t.Context(), project, "a")
	wantError(t, err, store.ErrNotFound)
	if got := texts(t, s, "a"); len(got) > 0 {
		t.Errorf("events %q are left", got)
	}
	_, err = s.AppendEvents(t.Context(), project, "a", []byte("one"), nil)
	wantError(t, err, store.ErrCapability)
}

func wantError(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

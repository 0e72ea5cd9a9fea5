package githubjobs

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What takes a job back, and that something has happened to its pull request, are facts like
// others: in whatever order and however often they come, the same is known. Neither changes
// where the job stands.
func TestUndosAndStirsAreFacts(t *testing.T) {
	t.Parallel()
	merged := Facts{ID: "j1", Created: []string{"c"}, Runs: []RunFact{run(1, "completed", "success", 1)}}
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Facts {
			at := time.Unix(rapid.Int64Range(0, 5).Draw(t, "at"), 0).UTC()
			open := rapid.Bool().Draw(t, "open")
			return Facts{ID: "j1",
				Undos:   []PullFact{{Number: rapid.IntRange(1, 3).Draw(t, "number"), Open: open, Merged: !open && rapid.Bool().Draw(t, "merged"), At: at}},
				Stirred: &StirredFact{By: rapid.SampledFrom([]string{"status", "check_run"}).Draw(t, "by"), At: at},
			}
		}), 1, 6).Draw(t, "facts")
		one, other := merged, merged
		for _, f := range some {
			one = Merge(one, f)
		}
		for _, f := range slices.Backward(some) {
			other = Merge(Merge(f, other), f)
		}
		if !reflect.DeepEqual(one, other) {
			t.Fatalf("%+v\n%+v", one, other)
		}
		now := time.Unix(1e9, 0)
		before, after := Reduce(merged, now), Reduce(one, now)
		if after.Undo == nil {
			t.Fatal("no undo is told")
		}
		anyMerged := slices.ContainsFunc(one.Undos, func(p PullFact) bool { return p.Merged })
		if after.Undo.Merged != anyMerged {
			t.Fatalf("%+v of %+v", after.Undo, one.Undos)
		}
		if after.Undo = nil; !reflect.DeepEqual(before, after) {
			t.Fatalf("%+v\n%+v", before, after)
		}
	})
}

func TestUndoBranch(t *testing.T) {
	t.Parallel()
	if id, ok := ParseUndoBranch(UndoBranch("j1")); !ok || id != "j1" {
		t.Errorf("%q %t", id, ok)
	}
	for _, branch := range []string{"undo/", "undo/J1", "undo/a/b", "job/j1", "j1"} {
		if id, ok := ParseUndoBranch(branch); ok {
			t.Errorf("%s is that of %q", branch, id)
		}
	}
	if _, ok := ParseBranch(UndoBranch("j1")); ok {
		t.Error("it carries a job")
	}
	title, message, body := FormatUndo(Spec{ID: "j1", Title: "Fix #12 for @bob [skip ci]"}, 7, "abc")
	for _, text := range []string{title, message} {
		if strings.Contains(text, "@bob") || strings.Contains(text, "[skip ci]") || strings.Contains(text, "#12") {
			t.Errorf("GitHub acts upon %q", text)
		}
	}
	if !strings.Contains(body, "#7") || !strings.Contains(message, "\n\nThis reverts commit abc.\n\nUndo-Of: j1\n") {
		t.Errorf("%q\n%q", message, body)
	}
}

package githubjobs

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// Whatever a task writes, what is kept is one line of plain text within its bound.
func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "plain\n": "plain", "10 %\r100 %\r\n": "100 %", "\x1b[1mbold\x1b[0m \x07bell": "bold bell", "a\nb": "b", "tab\tkept": "tab\tkept",
		strings.Repeat("é", 100): strings.Repeat("é", 28) + "…",
	} {
		if got := OneLine(in, 60); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text") + string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))
		max := rapid.IntRange(4, 80).Draw(t, "max")
		got := OneLine(text, max)
		control := strings.ContainsFunc(got, func(r rune) bool { return r != '\t' && unicode.IsControl(r) })
		if len(got) > max || !utf8.ValidString(got) || control {
			t.Fatalf("%q became %q", text, got)
		}
	})
}

// What a run tells changes no field of a job that callers decide by.
func TestLiveDecidesNothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		statuses := Statuses()
		job := Job{ID: "a", Attempt: 1, Status: rapid.SampledFrom(statuses).Draw(t, "status"), Log: rapid.SampledFrom([]string{"", "of the result"}).Draw(t, "log"),
			Evidence: Evidence{RunID: 7, RunAttempt: 1, RunStatus: "in_progress"}}
		live := Live{Attempt: rapid.IntRange(1, 2).Draw(t, "attempt"), Run: rapid.Int64Range(6, 8).Draw(t, "run"), RunAttempt: 1, Phase: PhaseRunning, Log: "told",
			Progress: &Progress{1, 2, ""}, Metadata: map[string]string{"k": "v"}, HeartbeatAt: now.Add(-time.Duration(rapid.IntRange(0, 300).Draw(t, "silence")) * time.Second)}
		got := job.WithLive(live, time.Time{}, now)
		if got.Status != job.Status || got.Terminal != job.Terminal || got.Reason != job.Reason || got.Message != job.Message || job.Log != "" && got.Log != job.Log {
			t.Fatalf("%+v became %+v", job, got)
		}
		if ours := live.Attempt == 1 && live.Run == 7; ours != (got.Metadata != nil) || !ours && (got.Log != job.Log || got.Phase != "" || len(got.Diagnosis) > 0) {
			t.Fatalf("%+v was told of %+v", got, live)
		}
	})
}

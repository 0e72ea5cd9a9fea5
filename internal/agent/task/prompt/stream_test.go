//go:build unix

package prompt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/githubjobs/githubjobs/githubjobs/engine"
)

// read lets a stream read what an engine has written, in pieces of a size.
func read(output engine.Output, text string, size, most int) (*stream, string) {
	var log bytes.Buffer
	s := newStream(output, &log, most, func() {})
	for len(text) > 0 {
		n := min(size, len(text))
		_, _ = s.Write([]byte(text[:n]))
		text = text[n:]
	}
	s.close()
	return s, log.String()
}

// testdata holds what the engines of the image wrote when they were tried.
func TestWhatTheEnginesWrote(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		file          string
		text, failure string
		turns         int
		input, output int64
		cost          bool
		lines         []string // that the log holds, in their order
	}{
		{"claude-success", "I changed it.", "", 3, 300, 30, true, []string{`→ Read {"file_path":"/tmp/tree/notes.md"}`, "→ Edit {", "I changed it."}},
		{"claude-refusal", "API Error: Claude Code is unable to respond to this request, which appears to violate our Usage Policy (https://www.anthropic.com/legal/aup). Try rephrasing the request in a new session or change your model.", "API Error: Claude Code is unable to respond", 1, 100, 10, true, nil},
		{"claude-retry", "", "", 0, 0, 0, false, []string{"✗ the model answers 401; asked again in 0.5 s (1 of 10)", "✗ the model answers 401; asked again in 1.2 s (2 of 10)"}},
		{"claude-turns", "", "the job's max_turns were used up", 2, 200, 20, true, nil},
		{"codex-success", "I changed it.", "", 3, 300, 30, false, []string{"✗ Model metadata", "→ /usr/bin/bash -lc \"cat '/tmp/tree/notes.md'\"", "→ /usr/bin/bash -lc \"sed", "I changed it."}},
		{"codex-refusal", "", "the model gave no answer; it may have refused", 0, 100, 10, false, nil},
		{"codex-failure", "", "unexpected status 401 Unauthorized", 0, 0, 0, false, []string{"✗ Reconnecting... 1/5", "✗ Reconnecting... 5/5"}},
		{"gemini-success", "I changed it.", "", 3, 300, 30, false, []string{"→ read_file {", "→ replace {", "I changed it."}},
		{"gemini-failure", "", "[API Error: ", 0, 0, 0, false, nil},
		{"opencode-success", "I changed it.", "", 3, 300, 30, false, []string{"→ read {", "→ edit {", "I changed it."}},
		{"opencode-refusal", "", "The response was blocked by the provider's content filter", 1, 100, 10, false, nil},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(filepath.Join("testdata", c.file+".jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			name, _, _ := strings.Cut(c.file, "-")
			for _, size := range []int{1, 7, 1 << 20} {
				s, log := read(engine.Output(name), string(raw), size, 0)
				got := s.told
				if got.text != c.text || !strings.HasPrefix(got.failure, c.failure) || c.failure == "" && got.failure != "" || got.turns != c.turns {
					t.Errorf("%+v", got)
				}
				if u := got.usage; u.InputTokens != c.input || u.OutputTokens != c.output || (u.CostUSD != nil) != c.cost || u.Validate() != nil {
					t.Errorf("usage %+v", u)
				}
				rest := log
				for _, line := range c.lines {
					_, after, ok := strings.Cut(rest, line)
					if !ok {
						t.Errorf("the log does not say %q where it should:\n%s", line, log)
					}
					rest = after
				}
				if strings.Contains(log, "session_id") {
					t.Errorf("the log holds an event as it came:\n%s", log)
				}
			}
		})
	}
}

// Whatever an engine writes, the stream neither fails nor grows, and what is no event is seen.
func TestAnythingIsRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		output := rapid.SampledFrom(engine.Outputs()).Draw(t, "output")
		words := []string{"type", "system", "assistant", "user", "result", "item.completed", "turn.completed", "message", "tool_use", "step_start", "step_finish", "error", "content", "usage", "part", "tokens", "subtype", "stats"}
		value := rapid.Custom(func(t *rapid.T) any {
			switch rapid.IntRange(0, 3).Draw(t, "sort") {
			case 0:
				return rapid.SampledFrom(words).Draw(t, "word")
			case 1:
				return rapid.Int64().Draw(t, "number")
			case 2:
				return []any{rapid.String().Draw(t, "text"), nil}
			}
			return map[string]any{rapid.SampledFrom(words).Draw(t, "key"): rapid.SampledFrom(words).Draw(t, "inner")}
		})
		var text strings.Builder
		for range rapid.IntRange(0, 20).Draw(t, "lines") {
			line, err := json.Marshal(rapid.MapOfN(rapid.SampledFrom(words), value, 0, 6).Draw(t, "event"))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&text, "%s\nplain words\n", line)
		}
		if _, log := read(output, text.String(), rapid.IntRange(1, 100).Draw(t, "size"), 0); strings.Count(log, "plain words") != strings.Count(text.String(), "plain words") {
			t.Fatalf("a plain line is lost:\n%s", log)
		}
	})
}

func TestALineWithoutEnd(t *testing.T) {
	t.Parallel()
	long := `{"type":"text","part":{"text":"` + strings.Repeat("x", 3*maxEvent) + `"}}` + "\n" + `{"type":"text","part":{"text":"short"}}` + "\n"
	s, log := read(engine.OutputOpencode, long, 1<<16, 0)
	if cap(s.line) > 2*maxEvent || len(log) > 200 || !strings.Contains(log, "is not shown") || s.told.text != "short" {
		t.Errorf("%d bytes are kept, %q is told, the log is %.200q", cap(s.line), s.told.text, log)
	}
}

func TestTooManyTurns(t *testing.T) {
	t.Parallel()
	stopped, log := 0, bytes.Buffer{}
	s := newStream(engine.OutputOpencode, &log, 2, func() { stopped++ })
	s.mark = "mark:"
	for turn := range 5 {
		_, _ = s.Write([]byte(`{"type":"step_start"}` + "\n"))
		if want := min(max(0, turn-1), 1); stopped != want {
			t.Errorf("after %d turns it was stopped %d times", turn+1, stopped)
		}
	}
	if want := "mark:progress 1/2 turns\nmark:progress 2/2 turns\n"; log.String() != want {
		t.Errorf("told %q, want %q", log.String(), want)
	}
}

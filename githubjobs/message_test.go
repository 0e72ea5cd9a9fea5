package githubjobs

import (
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// hostile are the texts that have broken others, or that GitHub acts upon.
var hostile = []string{
	"[skip ci]", "[CI Skip]", "[no ci]", "[skip actions]", "[actions skip]", "skip-checks: true", "skip-checks:true",
	"\n\n\nskip-checks: true\n", "fixes #12", "Closes octo/repo#7", "GH-12", "@octocat", "@org/team",
	"fixes https://github.com/o/r/issues/12", "https://github.com/o/r/pull/9", "\r\n", "\r", "\n\n", "Job-Spec: {}", "\n\nJob-Spec: {\"v\":1}\n",
	"Job-Result: {}", "\n\nJob-Result: {\"v\":1}", "Log:", "\nLog:\n\n    x", "    indented", "ünï — 日本語 🙂", "\u2060", "[\u2060skip ci]", "#\u20601", "@\u2060a",
	"\t", " ", "\\", `"`, `\"[skip ci]`, "\x1b[31mred\x1b[0m", "::error::x", "<!-- -->", "\u2028", "\u202e", "a\u2066b\u2069", "#\u202e1", "[skip\u202a ci]",
}

// live finds what GitHub would act upon.
var live = regexp.MustCompile(`(?i:\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|skip-checks|gh-[0-9])|#[0-9]|@[0-9A-Za-z]|://\S+/(?:issues|pull|discussions)/[0-9]`)

func hostileText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom(hostile), rapid.String()), 0, 12).Draw(t, "parts")
		return strings.ReplaceAll(strings.ToValidUTF8(strings.Join(parts, ""), "?"), "\x00", "")
	})
}

func drawSpec(t *rapid.T) Spec {
	config, err := json.Marshal(CommandConfig{Script: "true # " + hostileText().Draw(t, "script")})
	if err != nil {
		t.Fatal(err)
	}
	s := Spec{
		ID:             KeyedID("p", rapid.String().Draw(t, "key")),
		Kind:           KindCommand,
		Title:          TitleOf(hostileText().Draw(t, "title")),
		Prompt:         hostileText().Draw(t, "prompt"),
		Config:         config,
		Base:           "main",
		TimeoutSeconds: rapid.IntRange(1, 3600).Draw(t, "timeout"),
	}
	if s.Title == "" {
		s.Title = "untitled"
	}
	s.Normalize(time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "at"), 0))
	return s
}

func TestSpecRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := drawSpec(t)
		message := FormatSpec(want)
		if found := live.FindString(message); found != "" {
			t.Fatalf("%q is live in the message:\n%s", found, message)
		}
		if strings.Map(keepDirection, message) != message {
			t.Fatalf("the message turns text: %q", message)
		}
		for name, variant := range map[string]string{
			"as written":       message,
			"CRLF":             strings.ReplaceAll(message, "\n", "\r\n"),
			"foreign trailer":  message + "Signed-off-by: A <a@example.com>\n",
			"no final newline": strings.TrimRight(message, "\n"),
		} {
			got, err := ParseSpec(variant)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, variant)
			}
			// Config is compared as JSON: the message holds it in escapes.
			if !sameJSON(t, got.Config, want.Config) {
				t.Fatalf("%s: config %s, want %s", name, got.Config, want.Config)
			}
			got.Config = want.Config
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%s:\n got %+v\nwant %+v", name, got, want)
			}
		}
	})
}

func sameJSON(t *rapid.T, a, b json.RawMessage) bool {
	var x, y any
	if err := errors.Join(json.Unmarshal(a, &x), json.Unmarshal(b, &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

func TestResultRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Result{
			Version:    1,
			ID:         "job-1",
			Attempt:    rapid.IntRange(1, 9).Draw(t, "attempt"),
			RunID:      rapid.Int64Range(1, 1<<40).Draw(t, "run"),
			Outcome:    rapid.SampledFrom(Outcomes()).Draw(t, "outcome"),
			ExitCode:   rapid.IntRange(0, 255).Draw(t, "exit"),
			Error:      hostileText().Draw(t, "error"),
			StartedAt:  time.Unix(1, 0).UTC(),
			FinishedAt: time.Unix(2, 0).UTC(),
			Stats:      json.RawMessage(`{"commits":3}`),
			Log:        PlainText(hostileText().Draw(t, "log")),
			Summary:    PlainText(hostileText().Draw(t, "summary")),
		}
		want.SetFiles(rapid.SliceOfN(hostileText(), 0, 5).Draw(t, "files"))
		message := FormatResult(TitleOf("t "+hostileText().Draw(t, "title")), want)
		if found := live.FindString(message); found != "" {
			t.Fatalf("%q is live in the message:\n%s", found, message)
		}
		got, err := ParseResult(message)
		if err != nil {
			t.Fatalf("%v\n%s", err, message)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("\n got %+v\nwant %+v\nmessage:\n%s", got, want, message)
		}
	})
}

func TestDefuseIsReversible(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := hostileText().Draw(t, "text")
		if got := undefuse(defuse(s)); got != s {
			t.Fatalf("undefuse(defuse(%q)) = %q", s, got)
		}
	})
}

func TestLargeSpec(t *testing.T) {
	t.Parallel()
	s := Spec{ID: "a", Kind: KindReport, Base: "main", Title: "Large"}
	s.Normalize(time.Unix(0, 0))
	s.Prompt = "x"
	free := MaxSpecBytes - len(encodeJSONLine(s))
	s.Prompt += strings.Repeat("y", free)
	if err := s.Validate(); err != nil {
		t.Fatalf("a spec of exactly %d bytes is refused: %v", MaxSpecBytes, err)
	}
	if got, err := ParseSpec(FormatSpec(s)); err != nil || got.Prompt != s.Prompt {
		t.Fatalf("the largest spec does not come back: %v", err)
	}
	s.Prompt += "z"
	if field, ok := errors.AsType[*FieldError](s.Validate()); !ok || field.Field != "job" {
		t.Fatalf("a spec of %d bytes is accepted", MaxSpecBytes+1)
	}
}

func TestResultLogIsCutAtItsHead(t *testing.T) {
	t.Parallel()
	log := strings.Repeat("é line of the log\n", 10_000) + "the end"
	got, err := ParseResult(FormatResult("t", Result{ID: "a", Outcome: OutcomeSuccess, Log: log}))
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Log) > MaxLogBytes || len(got.Log) < MaxLogBytes/2 {
		t.Errorf("the log has %d bytes, want nearly %d", len(got.Log), MaxLogBytes)
	}
	if !strings.HasSuffix(got.Log, "\nthe end") || !strings.HasPrefix(got.Log, "… (") {
		t.Errorf("the log begins %.40q and ends %q", got.Log, got.Log[len(got.Log)-20:])
	}
}

func TestParseSpecRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ message, want string }{
		"an ordinary commit":  {"Fix a bug\n\nBecause.\n", ErrNoSpec.Error()},
		"nothing":             {"", ErrNoSpec.Error()},
		"a spec further up":   {"job: x\n\nJob-Spec: {\"v\":1}\n\nmore text\n", ErrNoSpec.Error()},
		"damaged JSON":        {"job: x\n\nJob-Spec: {\"v\":1\n", "damaged"},
		"a version to come":   {"job: x\n\nJob-Spec: {\"v\":2,\"id\":\"a\"}\n", "not a version known here"},
		"an id that is a ref": {"job: x\n\nJob-Spec: {\"v\":1,\"id\":\"../main\"}\n", "id:"},
	} {
		if _, err := ParseSpec(c.message); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want an error with %q", name, err, c.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	spec := Spec{ID: "a", Kind: KindReport, Base: "main", Title: "t"}
	spec.Normalize(time.Unix(0, 0))
	f.Add(FormatSpec(spec))
	f.Add(FormatResult("t", Result{ID: "a", Outcome: OutcomeFailure, Log: "x\n\ny", Summary: "Log:\n\n    z"}))
	for _, h := range hostile {
		f.Add("job: t\n\n" + h + "\n\nJob-Spec: {\"v\":1}\n")
	}
	f.Fuzz(func(t *testing.T, message string) {
		if s, err := ParseSpec(message); err == nil {
			again, err := ParseSpec(FormatSpec(s))
			if err != nil || again.ID != s.ID || again.Prompt != s.Prompt || again.Title != s.Title {
				t.Fatalf("accepted, but does not survive a round trip: %v\n%+v\n%+v", err, s, again)
			}
		}
		if r, err := ParseResult(message); err == nil {
			again, err := ParseResult(FormatResult("t", r))
			if err != nil || again.ID != r.ID || len(r.Log) < MaxLogBytes && again.Log != r.Log {
				t.Fatalf("accepted, but does not survive a round trip: %v\n%q\n%q", err, r.Log, again.Log)
			}
		}
	})
}

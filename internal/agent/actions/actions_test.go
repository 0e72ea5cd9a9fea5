package actions

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestCommandsAreEscaped(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		write func(Commands)
		want  string
	}{
		"error":    {func(c Commands) { c.Error("a: b, c", "50%\r\nx: y") }, "::error title=a%3A b%2C c::50%25%0D%0Ax: y\n"},
		"warning":  {func(c Commands) { c.Warning("t", "m") }, "::warning title=t::m\n"},
		"notice":   {func(c Commands) { c.Notice("t", "m") }, "::notice title=t::m\n"},
		"group":    {func(c Commands) { c.Group("g\n::x::")() }, "::group::g%0A::x::\n::endgroup::\n"},
		"mask":     {func(c Commands) { c.Mask("s\nt") }, "::add-mask::s%0At\n"},
		"no mask":  {func(c Commands) { c.Mask(" ") }, ""},
		"text":     {func(c Commands) { c.Printf("%s", "hello\n::error::x") }, "hello ::error::x\n"},
		"disguise": {func(c Commands) { c.Printf("%s", " ::set-env name=A::b") }, "|  ::set-env name=A::b\n"},
		"old form": {func(c Commands) { c.Printf("##[error]x") }, "# #[error]x\n"},
		"within":   {func(c Commands) { c.Printf("Job: %s", "a ###[stop-commands]x ##[notice]y") }, "Job: a ## #[stop-commands]x # #[notice]y\n"},
		"return":   {func(c Commands) { c.Printf("a\r::error::x\r\n::b::") }, "a ::error::x ::b::\n"},
		"logger": {func(c Commands) {
			slog.New(slog.NewTextHandler(Plain(c.w), &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}})).Info("a", "path", "\r::error::x\n##[notice]y")
		}, "level=INFO msg=a path=\"\\r::error::x\\n# #[notice]y\"\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if test.write(To(&b)); b.String() != test.want {
				t.Errorf("got %q, want %q", b.String(), test.want)
			}
		})
	}
}

func TestStopEndsWithItsOwnWord(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	To(&b).Stop()()
	m := regexp.MustCompile(`^::stop-commands::([A-Z2-7]{20,})\n::([A-Z2-7]{20,})::\n$`).FindStringSubmatch(b.String())
	if m == nil || m[1] != m[2] {
		t.Errorf("got %q", b.String())
	}
}

func TestSummaryIsAppended(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "summary")
	for _, text := range []string{"# one", "two\n\n"} {
		if err := AppendSummary(path, text); err != nil {
			t.Fatal(err)
		}
	}
	if got, _ := os.ReadFile(path); string(got) != "# one\ntwo\n" {
		t.Errorf("got %q", got)
	}
	if err := AppendSummary("", "x"); err != nil {
		t.Errorf("without a summary file: %v", err)
	}
	if err := AppendSummary(filepath.Join(path, "x"), "x"); err == nil {
		t.Error("no error where nothing can be written")
	}
}

func TestAnOutputIsOneLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "output")
	if err := errors.Join(SetOutput(path, "result", "abc"), SetOutput(path, "pull", "1"), SetOutput("", "x", "y")); err != nil {
		t.Fatal(err)
	}
	if err := SetOutput(path, "a", "b\npath=/evil"); err == nil {
		t.Error("two lines are taken")
	}
	if got, _ := os.ReadFile(path); string(got) != "result=abc\npull=1\n" {
		t.Errorf("got %q", got)
	}
}

package require

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value   string
		want    []string
		wantErr string
	}{
		{value: ""},
		{value: "docker", want: []string{docker}},
		{value: "docker,postgres, chromium", want: []string{docker, postgres, chromium}},
		{value: "docker,postgre", wantErr: `unknown suite "postgre"`},
	} {
		got, err := parse(tt.value)
		if tt.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), tt.wantErr) {
				t.Errorf("parse(%q) error = %v, want one that says %q", tt.value, err, tt.wantErr)
			}
			continue
		}
		if err != nil || len(got) != len(tt.want) {
			t.Errorf("parse(%q) = %v, %v, want %v", tt.value, got, err, tt.want)
		}
		for _, name := range tt.want {
			if !got[name] {
				t.Errorf("parse(%q) lacks %s", tt.value, name)
			}
		}
	}
}

// TestEnvironment fails on a misspelt REQUIRE even where nothing is missing.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	if _, err := parse(os.Getenv("REQUIRE")); err != nil {
		t.Error(err)
	}
}

// ending is a test whose end is only noted.
type ending struct {
	testing.TB
	skipped, failed string
}

func (e *ending) Helper()      {}
func (e *ending) Name() string { return "TestX" }

func (e *ending) Skip(args ...any) { e.skipped = args[0].(string) }

func (e *ending) Fatal(args ...any) { e.failed = args[0].(error).Error() }

func (e *ending) Fatalf(format string, args ...any) { e.failed = format }

func TestMissingSkipsAndNotes(t *testing.T) {
	run := t.TempDir()
	t.Setenv("REQUIRE", "docker")
	t.Setenv(runEnv, run)
	var e ending
	missing(&e, postgres, errors.New("no server"))
	const line = "SKIPPED SUITE postgres: no server"
	if e.skipped != line || e.failed != "" {
		t.Errorf("skipped %q, failed %q", e.skipped, e.failed)
	}
	got, err := os.ReadFile(filepath.Join(run, "skipped"))
	if want := line + "\trequire TestX\n"; err != nil || string(got) != want {
		t.Errorf("noted %q, %v, want %q", got, err, want)
	}
}

func TestMissingFailsWhereRequired(t *testing.T) {
	t.Setenv("REQUIRE", "docker,postgres")
	t.Setenv(runEnv, "")
	var e ending
	missing(&e, postgres, errors.New("no server"))
	if e.failed == "" {
		t.Error("the test did not fail")
	}
}

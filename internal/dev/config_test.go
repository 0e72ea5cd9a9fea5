package dev

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
)

func TestErrorsOfTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ variable, value, want string }{
		{"RUNNERS", "abc", `RUNNERS="abc" is no number; give one from 1 to 64`},
		{"RUNNERS", "1000", "RUNNERS=1000 is too few or too many; give 1 to 64"},
		{"RUNNERS", "0", "RUNNERS=0"},
		{"LOG_LEVEL", "loud", `LOG_LEVEL="loud" is unknown; use debug, info, warn or error`},
		{"LISTEN_ADDR", "127.0.0.1:99999", `LISTEN_ADDR="127.0.0.1:99999" has the port "99999"; give a number from 0 (any free one) to 65535`},
		{"LISTEN_ADDR", "127.0.0.1:http!", `has the port "http!"`},
		{"LOCALHUB_ADDR", "8080", "write host:port"},
		{"LOCALHUB_ADDR", "no-such-host.invalid:80", "names a host that is not known here"},
		{"RUNTIME", "rocket", "use auto, docker or process"},
	} {
		_, err := ParseConfig(map[string]string{test.variable: test.value})
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "strconv") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s=%s: %v", test.variable, test.value, err)
		}
	}
	if _, err := ParseConfig(nil); err != nil {
		t.Errorf("no variables: %v", err)
	}
}

func TestHelpNamesEveryVariable(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"help", "-h", "-help", "--help"} {
		var out, errs bytes.Buffer
		if code := Main(t.Context(), []string{arg}, nil, &out, &errs); code != 0 || errs.Len() > 0 {
			t.Fatalf("%s: exit code %d, %s", arg, code, errs.String())
		}
		for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
			if name := "\n  " + f.Tag.Get("env") + " "; !strings.Contains(out.String(), name) {
				t.Errorf("%s does not list%s", arg, name)
			}
		}
	}
	var out, errs bytes.Buffer
	if code := Main(t.Context(), []string{"--fast"}, nil, &out, &errs); code != 2 || !strings.Contains(errs.String(), "takes no arguments") {
		t.Errorf("--fast: exit code %d, %s", code, errs.String())
	}
}

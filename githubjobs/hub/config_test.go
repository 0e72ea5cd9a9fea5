package hub

import (
	"errors"
	"strings"
	"testing"
)

func TestConfigNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	good := Config{Owner: "octo", Name: "reports", Token: "x"}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, edit := range map[string]func(*Config){
		"ServerURL":          func(c *Config) { c.ServerURL = "github.com" },
		"APIURL":             func(c *Config) { c.APIURL = "https://user:secret@api.github.com" },
		"Owner":              func(c *Config) { c.Owner = "octo/reports" },
		"Name":               func(c *Config) { c.Name = "" },
		"Token":              func(c *Config) { c.Token = "" },
		"Author":             func(c *Config) { c.Author.Name = "a <b>" },
		"WorkflowPath":       func(c *Config) { c.WorkflowPath = "run-job.yml" },
		"MaxWait":            func(c *Config) { c.MaxWait = -1 },
		"App.ID":             func(c *Config) { c.Token, c.App = "", &App{InstallationID: 1} },
		"App.InstallationID": func(c *Config) { c.Token, c.App = "", &App{ID: 1} },
		"App.PrivateKey":     func(c *Config) { c.Token, c.App = "", &App{ID: 1, InstallationID: 1, PrivateKey: []byte("no key")} },
	} {
		c := good
		edit(&c)
		_, err := New(c)
		e, ok := errors.AsType[*ConfigError](err)
		if !ok || !strings.Contains(err.Error(), field+": ") || strings.Contains(err.Error(), "secret") && field == "APIURL" {
			t.Errorf("%s: %v (%+v)", field, err, e)
		}
	}
}

func TestOneBaseURLDecidesTheGitHub(t *testing.T) {
	t.Parallel()
	for server, want := range map[string][2]string{
		"":                          {"https://api.github.com/", "https://github.com/octo/reports.git"},
		"https://github.com/":       {"https://api.github.com/", "https://github.com/octo/reports.git"},
		"https://ghes.example.com":  {"https://ghes.example.com/api/v3/", "https://ghes.example.com/octo/reports.git"},
		"http://127.0.0.1:3000":     {"http://127.0.0.1:3000/api/v3/", "http://127.0.0.1:3000/octo/reports.git"},
		"https://example.com/inner": {"https://example.com/inner/api/v3/", "https://example.com/inner/octo/reports.git"},
	} {
		r, err := New(Config{ServerURL: server, Owner: "octo", Name: "reports", Token: "x"})
		if err != nil {
			t.Fatal(err)
		}
		if got := [2]string{r.client.BaseURL.String(), r.endpoint.String()}; got != want {
			t.Errorf("%q: %v, want %v", server, got, want)
		}
	}
}

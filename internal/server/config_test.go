package server

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

var minimal = []string{"API_KEY=one,two", "GITHUB_REPOSITORY=octocat/Reports", "GITHUB_TOKEN=t"}

func TestLoadConfig(t *testing.T) {
	t.Parallel()
	c, err := LoadConfig(minimal)
	if err != nil {
		t.Fatal(err)
	}
	if c.ListenAddr != "127.0.0.1:8080" || !slices.Equal(c.APIKeys, []string{"one", "two"}) || c.GitHubServerURL != "https://github.com" ||
		c.DatabasePath != "githubjobs.db" || c.DefaultKind != githubjobs.KindReport || c.ReconcileInterval != 30*time.Second || c.project() != "octocat-reports" {
		t.Errorf("config %+v", c)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	file := func(name, content string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c, err := LoadConfig([]string{"GITHUB_REPOSITORY=o/r", "API_KEY_FILE=" + file("keys", "one\ntwo\n"), "GITHUB_TOKEN_FILE=" + file("token", " t \n"), "WEBHOOK_SECRET_FILE=" + file("hook", "shh\n")})
	if err != nil || c.Token != "t" || c.WebhookSecret != "shh" || !slices.Equal(c.APIKeys, []string{"one", "two"}) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestLoadConfigRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string // after minimal
		want []string // one line of the error each
	}{
		"nothing at all":      {[]string{"API_KEY=", "GITHUB_REPOSITORY=", "GITHUB_TOKEN="}, []string{"API_KEY is missing", "GITHUB_REPOSITORY is missing", "GITHUB_TOKEN is missing"}},
		"a short key":         {[]string{"API_KEY=good,ab"}, []string{"API_KEY number 2 has 2 characters"}},
		"a key with a space":  {[]string{"API_KEY=good, bad"}, []string{"API_KEY number 2 holds white space"}},
		"a short secret":      {[]string{"WEBHOOK_SECRET=x"}, []string{"WEBHOOK_SECRET has 1 characters"}},
		"no port":             {[]string{"LISTEN_ADDR=localhost"}, []string{`LISTEN_ADDR "localhost" is not host:port`}},
		"a port too high":     {[]string{"LISTEN_ADDR=:99999"}, []string{`LISTEN_ADDR "99999" is not a port`}},
		"half a repository":   {[]string{"GITHUB_REPOSITORY=reports"}, []string{`GITHUB_REPOSITORY "reports" is not a repository`}},
		"a repository's URL":  {[]string{"GITHUB_REPOSITORY=https://github.com/o/r"}, []string{"GITHUB_REPOSITORY"}},
		"a strange owner":     {[]string{"GITHUB_REPOSITORY=-o/r"}, []string{`GITHUB_REPOSITORY "-o" is not a GitHub user`}},
		"a server of words":   {[]string{"GITHUB_SERVER_URL=github.com"}, []string{`GITHUB_SERVER_URL "github.com" is not an address`}},
		"an API of words":     {[]string{"GITHUB_API_URL=api"}, []string{`GITHUB_API_URL "api" is not an address`}},
		"token and app":       {[]string{"GITHUB_APP_ID=1", "GITHUB_APP_INSTALLATION_ID=2", "GITHUB_APP_PRIVATE_KEY=x"}, []string{"GITHUB_TOKEN is given together", "GITHUB_APP_PRIVATE_KEY is no RSA private key"}},
		"half an app":         {[]string{"GITHUB_TOKEN=", "GITHUB_APP_ID=1"}, []string{"GITHUB_APP_INSTALLATION_ID is missing", "GITHUB_APP_PRIVATE_KEY is no RSA"}},
		"an app id of words":  {[]string{"GITHUB_TOKEN=", "GITHUB_APP_ID=x"}, []string{"GITHUB_APP_ID must be a whole number", "GITHUB_APP_INSTALLATION_ID", "GITHUB_APP_PRIVATE_KEY"}},
		"a duration of words": {[]string{"RECONCILE_INTERVAL=often", "SHUTDOWN_TIMEOUT=5"}, []string{"RECONCILE_INTERVAL must be a duration", "SHUTDOWN_TIMEOUT must be a duration"}},
		"a pace of nothing":   {[]string{"PUSHES_PER_MINUTE=-1", "REFS_PER_10_SECONDS=0", "MAX_QUEUE_TIME=-1s"}, []string{"MAX_QUEUE_TIME -1s must be 0", "PUSHES_PER_MINUTE -1 must be 0", "REFS_PER_10_SECONDS 0 must be at least 1"}},
		"a negative time":     {[]string{"BRANCH_TTL=-1s", "KEY_TTL=-1h"}, []string{"BRANCH_TTL -1s is out of range", "KEY_TTL -1h0m0s is out of range"}},
		"a short memory":      {[]string{"JOB_RETENTION=1m", "RECEIPT_RETENTION=2m"}, []string{"JOB_RETENTION 1m0s is out of range; give 0s, for ever", "RECEIPT_RETENTION 2m0s is out of range; give 0s, for ever"}},
		"a short interval":    {[]string{"RECONCILE_INTERVAL=1ms"}, []string{"RECONCILE_INTERVAL 1ms is out of range"}},
		"a base of a job":     {[]string{"BASE_BRANCH=job/x"}, []string{`BASE_BRANCH "job/x" is not a branch`}},
		"a kind unknown":      {[]string{"DEFAULT_KIND=cook"}, []string{`DEFAULT_KIND "cook" is no kind`}},
		"merge":               {[]string{"MERGE=maybe"}, []string{"MERGE"}},
		"a log level":         {[]string{"LOG_LEVEL=loud", "LOG_FORMAT=xml"}, []string{"LOG_LEVEL", "LOG_FORMAT"}},
		"a file missing":      {[]string{"GITHUB_TOKEN=", "GITHUB_TOKEN_FILE=/nonexistent"}, []string{"GITHUB_TOKEN_FILE cannot be read"}},
		"value and file":      {[]string{"GITHUB_TOKEN_FILE=/etc/hostname"}, []string{"GITHUB_TOKEN_FILE is given together with GITHUB_TOKEN"}},
		"two databases":       {[]string{"DATABASE_PATH=/tmp/x.db", "DATABASE_URL=postgres://u:hunter2@h/d"}, []string{"DATABASE_URL is given together with DATABASE_PATH; give DATABASE_URL to use PostgreSQL"}},
		"another database":    {[]string{"DATABASE_URL=mysql://u:hunter2@h/d"}, []string{"DATABASE_URL is not the URL of a PostgreSQL database; write it like postgres://"}},
		"a wrong setting":     {[]string{"DATABASE_URL=postgres://u:hunter2@h/d?sslmode=perhaps"}, []string{"DATABASE_URL has a setting"}},
		"no database file":    {[]string{"DATABASE_URL_FILE=/nonexistent"}, []string{"DATABASE_URL_FILE cannot be read"}},
		"a short retention":   {[]string{"DELIVERY_RETENTION=1s"}, []string{"DELIVERY_RETENTION 1s is out of range; give 1h0m0s to 87600h0m0s"}},
		"an empty file":       {[]string{"WEBHOOK_SECRET_FILE=/dev/null"}, []string{"WEBHOOK_SECRET_FILE names the file /dev/null, which is empty"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := LoadConfig(append(slices.Clone(minimal), c.env...))
			if err == nil {
				t.Fatal("it was accepted")
			}
			lines := strings.Split(err.Error(), "\n")
			if len(lines) != len(c.want) {
				t.Errorf("%d problems, want %d:\n%s", len(lines), len(c.want), err)
			}
			for _, want := range c.want {
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("the error tells the password:\n%s", err)
				}
				if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, want) }) {
					t.Errorf("no line begins with %q:\n%s", want, err)
				}
			}
		})
	}
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "url")
	if err := os.WriteFile(file, []byte("postgres://u:hunter2@h:1/d?sslmode=disable\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for variable, want := range map[string]string{
		"": "githubjobs.db", "DATABASE_PATH=x.db": "x.db", "DATABASE_URL=postgres://u:hunter2@h/d": "postgres://h/d", "DATABASE_URL_FILE=" + file: "postgres://h:1/d",
	} {
		if c, err := LoadConfig(append(slices.Clone(minimal), variable)); err != nil || c.database() != want || c.DeliveryRetention != 72*time.Hour {
			t.Errorf("%s: %s, %s, %v; want %s", variable, c.database(), c.DeliveryRetention, err, want)
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	for _, v := range Variables() {
		if v.Name == "" || v.Meaning == "" {
			t.Errorf("%+v is not explained", v)
		}
	}
	if c, err := LoadConfig(append(slices.Clone(minimal), "DATABASE_PATH= /tmp/x.db \r")); err != nil || c.DatabasePath != "/tmp/x.db" {
		t.Errorf("%q, %v", c.DatabasePath, err)
	}
}

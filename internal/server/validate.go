package server

import (
	"errors"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/api"
	"github.com/githubjobs/githubjobs/internal/store/postgres"
)

const (
	minKey            = 3 // characters of an API key
	shortKey          = 16
	minInterval       = 100 * time.Millisecond
	maxInterval       = 24 * time.Hour
	minRetention      = time.Hour
	maxRetention      = 10 * 365 * 24 * time.Hour
	logText, logJSON  = "text", "json"
	repositoryExample = "GITHUB_REPOSITORY=octocat/reports"
)

// Validate reports everything that is wrong, each as a VariableError.
func (c Config) Validate() error {
	problems := append(c.validateKeys(), c.validateHub()...)
	if err := validateListen(c.ListenAddr); err != "" {
		problems = append(problems, wrongf("LISTEN_ADDR", "%s", err))
	}
	if !slices.Contains(githubjobs.Kinds(), c.DefaultKind) {
		problems = append(problems, wrongf("DEFAULT_KIND", "%q is no kind; use %s", c.DefaultKind, "command, report or prompt"))
	}
	problems = append(append(problems, c.validateDatabase()...), c.validateIssuer()...)
	problems = append(problems, c.validatePrompt()...)
	problems = append(problems, c.validateReceiptKey()...)
	if c.ReconcileInterval < minInterval || c.ReconcileInterval > maxInterval {
		problems = append(problems, wrongf("RECONCILE_INTERVAL", "%s is out of range; give %s to %s", c.ReconcileInterval, minInterval, maxInterval))
	}
	if c.PushesPerMinute < 0 {
		problems = append(problems, wrongf("PUSHES_PER_MINUTE", "%d must be 0, for no limit, or more", c.PushesPerMinute))
	}
	if c.MaxQueueTime < 0 {
		problems = append(problems, wrongf("MAX_QUEUE_TIME", "%s must be 0, for no limit, or more", c.MaxQueueTime))
	}
	if c.RefsPer10Seconds < 1 {
		problems = append(problems, wrongf("REFS_PER_10_SECONDS", "%d must be at least 1", c.RefsPer10Seconds))
	}
	if c.ShutdownTimeout <= 0 {
		problems = append(problems, wrongf("SHUTDOWN_TIMEOUT", "%s must be more than 0", c.ShutdownTimeout))
	}
	if new(slog.Level).UnmarshalText([]byte(c.LogLevel)) != nil {
		problems = append(problems, wrongf("LOG_LEVEL", "%q is no level; use debug, info, warn or error", c.LogLevel))
	}
	if c.Merge != mergeOn && c.Merge != mergeOff {
		problems = append(problems, wrongf("MERGE", "%q is neither on nor off", c.Merge))
	}
	if c.LogFormat != logText && c.LogFormat != logJSON {
		problems = append(problems, wrongf("LOG_FORMAT", "%q is no format; use text or json", c.LogFormat))
	}
	return errors.Join(problems...)
}

func (c Config) validateDatabase() (problems []error) {
	switch {
	case c.DatabaseURL != "" && c.DatabasePath != "":
		problems = append(problems, wrongf("DATABASE_URL", "is given together with DATABASE_PATH; give DATABASE_URL to use PostgreSQL, or DATABASE_PATH to use SQLite"))
	case c.DatabaseURL == "" && c.DatabasePath == "":
		problems = append(problems, wrongf("DATABASE_URL", "is empty, and so is DATABASE_PATH; give one of them"))
	}
	if c.DatabaseURL != "" {
		if err := postgres.Validate(c.DatabaseURL); err != nil {
			problems = append(problems, wrongf("DATABASE_URL", "%s", err))
		}
	}
	if c.DeliveryRetention < minRetention || c.DeliveryRetention > maxRetention {
		problems = append(problems, wrongf("DELIVERY_RETENTION", "%s is out of range; give %s to %s", c.DeliveryRetention, minRetention, maxRetention))
	}
	return append(problems, c.validateKeeping()...)
}

func (c Config) validateKeeping() (problems []error) {
	for variable, d := range map[string]time.Duration{"BRANCH_TTL": c.BranchTTL, "KEY_TTL": c.KeyTTL} {
		if d < 0 || d > maxRetention {
			problems = append(problems, wrongf(variable, "%s is out of range; give 0s to %s", d, maxRetention))
		}
	}
	for variable, d := range map[string]time.Duration{"JOB_RETENTION": c.JobRetention, "RECEIPT_RETENTION": c.ReceiptRetention} {
		if d != 0 && (d < minRetention || d > maxRetention) {
			problems = append(problems, wrongf(variable, "%s is out of range; give 0s, for ever, or %s to %s", d, minRetention, maxRetention))
		}
	}
	return problems
}

// database names the database for the log, without its password.
func (c Config) database() string {
	if c.DatabaseURL != "" {
		return postgres.Address(c.DatabaseURL)
	}
	return c.DatabasePath
}

// warn tells what works and is not wise.
func (c Config) warn(log *slog.Logger) {
	host, _, _ := net.SplitHostPort(c.ListenAddr)
	local := host == "localhost" || net.ParseIP(host).IsLoopback()
	for i, key := range c.APIKeys {
		if !local && len(key) < shortKey {
			log.Warn("an API key is short for a server that other machines reach; `openssl rand -hex 24` makes a good one", "variable", "API_KEY", "number", i+1)
		}
	}
	if c.WebhookSecret == "" {
		log.Warn("no webhook secret is configured: states change only when GitHub is read", "variable", "WEBHOOK_SECRET", "every", c.ReconcileInterval)
	}
}

func validateListen(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return strconv.Quote(addr) + " is not host:port; write it like 127.0.0.1:8080, or :8080 for every interface"
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return strconv.Quote(port) + " is not a port; give 0 to 65535"
	}
	return ""
}

func (c Config) validateKeys() (problems []error) {
	if len(c.APIKeys) == 0 {
		problems = append(problems, wrongf("API_KEY", "is missing; choose a secret of your own, for instance the output of: openssl rand -hex 24"))
	}
	for i, key := range c.APIKeys {
		switch {
		case len(key) < minKey:
			problems = append(problems, wrongf("API_KEY", "number %d has %d characters; give at least %d, better 32", i+1, len(key), minKey))
		case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
			problems = append(problems, wrongf("API_KEY", "number %d holds white space or characters that do not fit into an HTTP header; use letters and digits", i+1))
		}
	}
	if s := c.WebhookSecret; s != "" && len(s) < minKey {
		problems = append(problems, wrongf("WEBHOOK_SECRET", "has %d characters; give at least %d, better 32", len(s), minKey))
	}
	return problems
}

// variables names the variable behind each field of the hub's Config.
var variables = map[string]string{
	"ServerURL": "GITHUB_SERVER_URL", "APIURL": "GITHUB_API_URL", "Owner": "GITHUB_REPOSITORY", "Name": "GITHUB_REPOSITORY",
	"Token": "GITHUB_TOKEN", "App.ID": "GITHUB_APP_ID", "App.InstallationID": "GITHUB_APP_INSTALLATION_ID",
	"App.PrivateKey": "GITHUB_APP_PRIVATE_KEY", "Base": "BASE_BRANCH",
}

func (c Config) validateHub() (problems []error) {
	if c.BaseBranch != "" && !validBase(c.BaseBranch) {
		problems = append(problems, wrongf("BASE_BRANCH", "%q is not a branch that a job can be merged into", c.BaseBranch))
	}
	owner, name, ok := strings.Cut(c.Repository, "/")
	if !ok || strings.Contains(name, "/") {
		problems = append(problems, wrongf("GITHUB_REPOSITORY", "%s; name the job repository as owner/name, such as %s", missingOr(c.Repository), repositoryExample))
		owner, name = "o", "n" // so that the rest is judged too
	}
	err := c.hub(owner, name).Validate()
	for _, e := range flatten(err) {
		if f, ok := errors.AsType[*hub.ConfigError](e); ok && variables[f.Field] != "" {
			e = wrongf(variables[f.Field], "%s", f.Message)
		}
		problems = append(problems, e)
	}
	return problems
}

func missingOr(s string) string {
	if s == "" {
		return "is missing"
	}
	return strconv.Quote(s) + " is not a repository"
}

func flatten(err error) []error {
	if err == nil {
		return nil
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

// validBase asks the model, which knows what a job accepts.
func validBase(base string) bool {
	s := githubjobs.Spec{ID: "x", Kind: githubjobs.KindReport, Prompt: "x", Base: base}
	s.Normalize(time.Now())
	return s.Validate() == nil
}

// hub is the part of the configuration that says which repository is served.
func (c Config) hub(owner, name string) hub.Config {
	h := hub.Config{ServerURL: c.GitHubServerURL, APIURL: c.GitHubAPIURL, Owner: owner, Name: name, Base: c.BaseBranch, Token: c.Token}
	if c.AppID != 0 || c.AppInstallationID != 0 || c.AppPrivateKey != "" {
		// A key in one line of a .env file has \n for its line breaks.
		key := strings.ReplaceAll(c.AppPrivateKey, `\n`, "\n")
		h.App = &hub.App{ID: c.AppID, InstallationID: c.AppInstallationID, PrivateKey: []byte(key)}
	}
	return h
}

// webhookPath is where our webhook delivers; empty when there can be none.
func (c Config) webhookPath() string {
	if c.WebhookSecret == "" {
		return ""
	}
	return api.WebhookPath
}

var notSlug = regexp.MustCompile(`[^a-z0-9._-]+`)

// project is the slug under which the repository's jobs are stored.
func (c Config) project() string {
	return notSlug.ReplaceAllString(strings.ToLower(c.Repository), "-")
}

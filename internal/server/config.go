package server

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v10"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Config is the configuration of a server, from the environment. What the doc tags
// say is printed by `server --help` and stands in the README's table.
type Config struct {
	ListenAddr        string          `env:"LISTEN_ADDR" envDefault:"127.0.0.1:8080" doc:"Address to serve HTTP on; port 0 takes any free one"`
	APIKeys           []string        `env:"API_KEY" doc:"Key that callers of the API present; several are separated by commas. Required"`
	APIKeyFile        string          `env:"API_KEY_FILE" doc:"File that holds API_KEY"`
	WebhookSecret     string          `env:"WEBHOOK_SECRET" doc:"Secret of the repository's webhook. Without it webhooks are refused, and GitHub is only read every RECONCILE_INTERVAL"`
	WebhookSecretFile string          `env:"WEBHOOK_SECRET_FILE" doc:"File that holds WEBHOOK_SECRET"`
	GitHubServerURL   string          `env:"GITHUB_SERVER_URL" envDefault:"https://github.com" doc:"The GitHub that is used: github.com, or a GitHub Enterprise Server"`
	GitHubAPIURL      string          `env:"GITHUB_API_URL" doc:"Its REST API; by default https://api.github.com for github.com, GITHUB_SERVER_URL/api/v3 for all others"`
	Repository        string          `env:"GITHUB_REPOSITORY" doc:"The job repository, owner/name. Required"`
	Token             string          `env:"GITHUB_TOKEN" doc:"Token with access to the repository. Required, unless a GitHub App is given"`
	TokenFile         string          `env:"GITHUB_TOKEN_FILE" doc:"File that holds GITHUB_TOKEN"`
	AppID             int64           `env:"GITHUB_APP_ID" doc:"Id of a GitHub App, used instead of a token"`
	AppInstallationID int64           `env:"GITHUB_APP_INSTALLATION_ID" doc:"Id of the App's installation on the repository"`
	AppPrivateKey     string          `env:"GITHUB_APP_PRIVATE_KEY" doc:"The App's private key in PEM"`
	AppPrivateKeyFile string          `env:"GITHUB_APP_PRIVATE_KEY_FILE" doc:"File that holds GITHUB_APP_PRIVATE_KEY"`
	OIDCIssuer        string          `env:"OIDC_ISSUER" doc:"Who signs the tokens by which runs prove themselves, to tell how they get on; by default https://token.actions.githubusercontent.com for github.com, GITHUB_SERVER_URL/_services/token for GitHub Enterprise Server"`
	ReceiptKey        string          `env:"RECEIPT_KEY" doc:"Ed25519 key in PEM that signs the receipts of jobs, and behind it earlier ones; by default made beside DATABASE_PATH. With DATABASE_URL there are no receipts without it"`
	ReceiptKeyFile    string          `env:"RECEIPT_KEY_FILE" doc:"File that holds RECEIPT_KEY"`
	BaseBranch        string          `env:"BASE_BRANCH" doc:"Branch that jobs start from and are merged into, where they name none; by default the repository's default branch"`
	DatabasePath      string          `env:"DATABASE_PATH" envDefault:"githubjobs.db" doc:"SQLite file of the server; it is created when missing. Not used with DATABASE_URL"`
	DatabaseURL       string          `env:"DATABASE_URL" doc:"PostgreSQL database, instead of DATABASE_PATH: postgres://user:password@host:5432/database"`
	DatabaseURLFile   string          `env:"DATABASE_URL_FILE" doc:"File that holds DATABASE_URL"`
	DeliveryRetention time.Duration   `env:"DELIVERY_RETENTION" envDefault:"72h" doc:"How long processed webhook deliveries are kept for audit; GitHub can deliver one again for 3 days"`
	BranchTTL         time.Duration   `env:"BRANCH_TTL" envDefault:"72h" doc:"How long the branch of a job is kept after the job's end, unless a pull request from it is open; 0 keeps branches for ever. GitHub recommends at most 5,000"`
	KeyTTL            time.Duration   `env:"KEY_TTL" envDefault:"168h" doc:"How long, where that is longer, the branch of a job with an idempotency key and without a pull request is kept: so long the key outlives the loss of the database"`
	JobRetention      time.Duration   `env:"JOB_RETENTION" envDefault:"8760h" doc:"How long the server tells of a job of which nothing new was heard, once it has ended and its branch is gone; 0 means for ever"`
	ReceiptRetention  time.Duration   `env:"RECEIPT_RETENTION" envDefault:"43800h" doc:"How long receipts are kept after they were signed, also of jobs that the server has forgotten, and in any case as long as the job; 0 means for ever"`
	DefaultKind       githubjobs.Kind `env:"DEFAULT_KIND" envDefault:"report" doc:"Kind of the jobs that name none: command, report or prompt"`
	PromptEngine      string          `env:"PROMPT_ENGINE" doc:"Engine of jobs of kind prompt, where neither the job nor .githubjobs.yml names one; by default claude-code. The next four go with it"`
	PromptProvider    string          `env:"PROMPT_LLM_PROVIDER" doc:"Whose API that engine speaks; by default the engine's first"`
	PromptModel       string          `env:"PROMPT_LLM_MODEL" doc:"Its model; by default the engine's own choice"`
	PromptBaseURL     string          `env:"PROMPT_LLM_BASE_URL" doc:"Address of an API that is compatible with the provider's; the policy must name it for an engine that gets a key"`
	PromptMaxTurns    int             `env:"PROMPT_MAX_TURNS" doc:"How many answers the model may give to a job; by default any number within the job's time"`
	Merge             string          `env:"MERGE" envDefault:"on" doc:"on: pull requests that the policy did not allow yet are judged again when something happens to them, and merged. off: only the last step of a run merges"`
	ReconcileInterval time.Duration   `env:"RECONCILE_INTERVAL" envDefault:"30s" doc:"How often GitHub is read for what webhooks did not tell, while jobs are active and webhooks are silent; four times as long while webhooks arrive, ten times while no job is active"`
	PushesPerMinute   int             `env:"PUSHES_PER_MINUTE" envDefault:"6" doc:"How often the repository is pushed to while jobs keep coming; those that arrive in between ride together. GitHub recommends 6; 0 means without limit"`
	RefsPer10Seconds  int             `env:"REFS_PER_10_SECONDS" envDefault:"500" doc:"How many jobs are pushed within 10 seconds at most. GitHub starts no run for what is beyond 500"`
	MaxQueueTime      time.Duration   `env:"MAX_QUEUE_TIME" envDefault:"1h" doc:"How long a job may have to wait for its push at the pace of the two above; where it would be longer no more jobs are taken (429). 0 means without limit"`
	OpenPulls         bool            `env:"OPEN_PULL_REQUESTS" envDefault:"true" doc:"Whether the server opens the pull request of a job, with its own credentials, where the repository lets no workflow do it"`
	ShutdownTimeout   time.Duration   `env:"SHUTDOWN_TIMEOUT" envDefault:"15s" doc:"How long requests under way may take when the server is stopped"`
	LogLevel          string          `env:"LOG_LEVEL" envDefault:"info" doc:"debug, info, warn or error"`
	LogFormat         string          `env:"LOG_FORMAT" envDefault:"text" doc:"text or json"`
}

// What MERGE may be.
const (
	mergeOn  = "on"
	mergeOff = "off"
)

// Variable describes one environment variable.
type Variable struct{ Name, Default, Meaning string }

// Variables lists every variable, in the order in which they are explained.
func Variables() []Variable {
	var list []Variable
	for field := range fields() {
		list = append(list, Variable{field.Tag.Get("env"), field.Tag.Get("envDefault"), field.Tag.Get("doc")})
	}
	return list
}

func fields() func(yield func(reflect.StructField) bool) {
	t := reflect.TypeFor[Config]()
	return func(yield func(reflect.StructField) bool) {
		for i := range t.NumField() {
			if !yield(t.Field(i)) {
				return
			}
		}
	}
}

// VariableError says which variable is wrong and how to mend it. It never holds
// the value of a secret.
type VariableError struct {
	Variable string
	Message  string
}

func (e *VariableError) Error() string { return e.Variable + " " + e.Message }

func wrongf(variable, format string, args ...any) error {
	return &VariableError{variable, fmt.Sprintf(format, args...)}
}

// LoadConfig reads the configuration from an environment as os.Environ gives it,
// and reports everything that is wrong with it, each as a VariableError.
func LoadConfig(environ []string) (Config, error) {
	var c Config
	given := trimmed(environ)
	err := env.ParseWithOptions(&c, env.Options{Environment: given})
	problems := append(parseProblems(err), c.readFiles()...)
	if given["DATABASE_PATH"] == "" && (c.DatabaseURL != "" || c.DatabaseURLFile != "") {
		c.DatabasePath = "" // the default is for those who choose nothing
	}
	return c, errors.Join(append(problems, c.furtherProblems(problems)...)...)
}

// furtherProblems validates what was read, and leaves out what only follows from
// the problems that are known.
func (c Config) furtherProblems(known []error) (further []error) {
	named := map[string]bool{}
	for _, err := range known {
		if v, ok := errors.AsType[*VariableError](err); ok {
			named[strings.TrimSuffix(v.Variable, "_FILE")] = true
		}
	}
	if named["GITHUB_APP_ID"] || named["GITHUB_APP_INSTALLATION_ID"] || named["GITHUB_APP_PRIVATE_KEY"] {
		named["GITHUB_TOKEN"] = true // an App was meant
		if c.AppID == 0 {
			c.AppID = -1
		}
	}
	for _, err := range flatten(c.Validate()) {
		if v, ok := errors.AsType[*VariableError](err); !ok || !named[v.Variable] {
			further = append(further, err)
		}
	}
	return further
}

// trimmed drops what a shell or a .env file leaves around values; an empty
// variable counts as one that is not set.
func trimmed(environ []string) map[string]string {
	m := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		delete(m, name) // the last of two counts, also when it is empty
		if value = strings.TrimSpace(value); value != "" {
			m[name] = value
		}
	}
	return m
}

// parseProblems names the variable where the library names the field.
func parseProblems(err error) (problems []error) {
	if err == nil {
		return nil
	}
	all, ok := errors.AsType[env.AggregateError](err)
	if !ok {
		return []error{err}
	}
	for _, e := range all.Errors {
		p, ok := errors.AsType[env.ParseError](e)
		if !ok {
			problems = append(problems, e)
			continue
		}
		for f := range fields() {
			if f.Name == p.Name {
				problems = append(problems, wrongf(f.Tag.Get("env"), "must be %s", typeName(f.Type)))
			}
		}
	}
	return problems
}

func typeName(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[bool]():
		return "true or false"
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 30s or 5m"
	}
	return "a whole number"
}

// readFiles reads the secrets that are given as files.
func (c *Config) readFiles() (problems []error) {
	var keys string
	for _, s := range []struct {
		variable, path string
		set            bool
		into           *string
	}{
		{"API_KEY", c.APIKeyFile, len(c.APIKeys) > 0, &keys},
		{"WEBHOOK_SECRET", c.WebhookSecretFile, c.WebhookSecret != "", &c.WebhookSecret},
		{"GITHUB_TOKEN", c.TokenFile, c.Token != "", &c.Token},
		{"DATABASE_URL", c.DatabaseURLFile, c.DatabaseURL != "", &c.DatabaseURL},
		{"GITHUB_APP_PRIVATE_KEY", c.AppPrivateKeyFile, c.AppPrivateKey != "", &c.AppPrivateKey},
		{"RECEIPT_KEY", c.ReceiptKeyFile, c.ReceiptKey != "", &c.ReceiptKey},
	} {
		if s.path == "" {
			continue
		}
		if s.set {
			problems = append(problems, wrongf(s.variable+"_FILE", "is given together with %s; give one of them", s.variable))
			continue
		}
		content, err := os.ReadFile(s.path)
		if err != nil {
			problems = append(problems, wrongf(s.variable+"_FILE", "cannot be read: %s", err))
			continue
		}
		if *s.into = strings.TrimSpace(string(content)); *s.into == "" {
			problems = append(problems, wrongf(s.variable+"_FILE", "names the file %s, which is empty", s.path))
		}
	}
	if keys != "" {
		c.APIKeys = strings.FieldsFunc(keys, func(r rune) bool { return r == ',' || r == '\n' })
	}
	return problems
}

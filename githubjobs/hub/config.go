package hub

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Defaults of a Config.
const (
	DefaultServerURL    = "https://github.com"
	DefaultWorkflowPath = ".github/workflows/run-job.yml"
)

// DefaultAuthor is who commits jobs and results when the Config names nobody.
// Nobody can own an address in .invalid (RFC 2606), so GitHub attributes these
// commits to no account.
var DefaultAuthor = Identity{Name: "githubjobs", Email: "jobs@githubjobs.invalid"}

// Identity is the author and committer of the commits that this package makes.
type Identity struct {
	Name  string
	Email string
}

// App is a GitHub App's installation, whose tokens are made and renewed as needed.
type App struct {
	ID             int64
	InstallationID int64
	PrivateKey     []byte // PEM, as GitHub hands it out
}

// Config says which repository on which GitHub, and with whose rights.
type Config struct {
	// ServerURL is the GitHub as a browser reaches it; DefaultServerURL when empty.
	ServerURL string
	// APIURL is the REST API's address. When empty it follows from ServerURL:
	// https://api.github.com for github.com, <ServerURL>/api/v3 for all others.
	APIURL string
	// Owner and Name name the repository.
	Owner string
	Name  string
	// Base is the branch that jobs start from when their spec does not say; when
	// empty, the repository's default branch.
	Base string
	// Token is a personal access token, an installation's token or a run's
	// GITHUB_TOKEN; leave it empty when App is given.
	Token string
	App   *App
	// Author is DefaultAuthor when empty.
	Author Identity
	// WorkflowPath is the workflow that runs jobs; runs of others are not ours.
	WorkflowPath string
	// Transport makes the HTTP requests; http.DefaultTransport when nil.
	Transport http.RoundTripper
	// MaxWait is how long one REST call may wait for a secondary rate limit to
	// pass. With 0 it never waits and returns ErrRateLimited at once.
	MaxWait time.Duration
	// Logger is slog.Default() when nil.
	Logger *slog.Logger
}

// ConfigError says which field of a Config is wrong and how to mend it.
type ConfigError struct {
	Field   string
	Message string
}

func (e *ConfigError) Error() string { return e.Field + ": " + e.Message }

var (
	ownerPattern = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})$`)
	namePattern  = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)
)

// Validate reports everything that is wrong with the Config, each as a ConfigError.
func (c Config) Validate() error {
	errs := []error{validateURL("ServerURL", c.ServerURL), validateURL("APIURL", c.APIURL)}
	bad := func(field, format string, args ...any) {
		errs = append(errs, &ConfigError{Field: field, Message: fmt.Sprintf(format, args...)})
	}
	if !ownerPattern.MatchString(c.Owner) {
		bad("Owner", "%q is not a GitHub user or organisation; give the part before the slash of owner/name", c.Owner)
	}
	if !namePattern.MatchString(c.Name) || c.Name == "." || c.Name == ".." {
		bad("Name", "%q is not a repository name; give the part after the slash of owner/name", c.Name)
	}
	if c.Token == "" && c.App == nil {
		bad("Token", "is missing; give a token with access to the repository, or a GitHub App")
	}
	if c.Token != "" && c.App != nil {
		bad("Token", "is given together with a GitHub App; give one of them")
	}
	if strings.TrimSpace(c.Token) != c.Token {
		bad("Token", "begins or ends with white space; check how it was read")
	}
	if strings.ContainsAny(c.Author.Name+c.Author.Email, "<>\n\x00") {
		bad("Author", "must not hold '<', '>' or line breaks")
	}
	if c.WorkflowPath != "" && !strings.HasPrefix(c.WorkflowPath, ".github/workflows/") {
		bad("WorkflowPath", "%q is not where GitHub looks for workflows; give a path like %s", c.WorkflowPath, DefaultWorkflowPath)
	}
	if c.MaxWait < 0 {
		bad("MaxWait", "must not be negative")
	}
	return errors.Join(append(errs, c.App.validate())...)
}

func (a *App) validate() error {
	if a == nil {
		return nil
	}
	var errs []error
	if a.ID <= 0 {
		errs = append(errs, &ConfigError{"App.ID", "is missing; it stands on the App's settings page"})
	}
	if a.InstallationID <= 0 {
		errs = append(errs, &ConfigError{"App.InstallationID", "is missing; it is the number at the end of the address of the installation's settings page"})
	}
	block, _ := pem.Decode(a.PrivateKey)
	if block == nil || !parsesAsRSA(block.Bytes) {
		errs = append(errs, &ConfigError{"App.PrivateKey", "is no RSA private key in PEM; generate one on the App's settings page and give the file's content, line breaks included"})
	}
	return errors.Join(errs...)
}

func parsesAsRSA(der []byte) bool {
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return true
	}
	_, err := x509.ParsePKCS8PrivateKey(der)
	return err == nil
}

func validateURL(field, raw string) error {
	if raw == "" {
		return nil
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return &ConfigError{field, fmt.Sprintf("%q is not an address; write it like %s", raw, DefaultServerURL)}
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return &ConfigError{field, "must hold neither credentials nor a query"}
	}
	return nil
}

// withDefaults fills what may be left out.
func (c Config) withDefaults() Config {
	if c.ServerURL == "" {
		c.ServerURL = DefaultServerURL
	}
	c.ServerURL = strings.TrimRight(c.ServerURL, "/")
	if c.APIURL == "" {
		c.APIURL = APIURL(c.ServerURL)
	}
	c.APIURL = strings.TrimRight(c.APIURL, "/")
	if c.Author == (Identity{}) {
		c.Author = DefaultAuthor
	}
	if c.WorkflowPath == "" {
		c.WorkflowPath = DefaultWorkflowPath
	}
	if c.Transport == nil {
		c.Transport = http.DefaultTransport
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return c
}

// APIURL is where a GitHub keeps its REST API (docs.github.com, "Getting started
// with the REST API", for github.com, for GitHub Enterprise Cloud with data
// residency, SUBDOMAIN.ghe.com, and for GitHub Enterprise Server).
func APIURL(serverURL string) string {
	var host string
	if u, err := url.Parse(serverURL); err == nil { // else both are wrong, and validation says so
		host = strings.ToLower(u.Hostname())
	}
	switch {
	case host == "github.com":
		return "https://api.github.com"
	case strings.HasSuffix(host, ".ghe.com"):
		return "https://api." + host
	}
	return serverURL + "/api/v3"
}

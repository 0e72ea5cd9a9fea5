package hub

import (
	"context"
	"net/url"
	"strings"
)

// Issuer is who signs the OpenID Connect tokens of a GitHub's workflow runs
// (docs.github.com, "OpenID Connect reference", for github.com, for GitHub Enterprise
// Cloud with data residency, SUBDOMAIN.ghe.com, and for GitHub Enterprise Server).
func Issuer(serverURL string) string {
	serverURL = strings.TrimRight(serverURL, "/")
	var host string
	if u, err := url.Parse(serverURL); err == nil { // else it is wrong, and validation says so
		host = strings.ToLower(u.Hostname())
	}
	switch {
	case host == "github.com":
		return "https://token.actions.githubusercontent.com"
	case strings.HasSuffix(host, ".ghe.com"):
		return "https://token.actions." + host
	}
	return serverURL + "/_services/token"
}

// ID is the repository's number, which stays with it when it is renamed. GitHub is asked
// for it once, and again when fresh is true.
func (r *Repository) ID(ctx context.Context, fresh bool) (int64, error) {
	r.mu.Lock()
	id := r.id
	r.mu.Unlock()
	if id != 0 && !fresh {
		return id, nil
	}
	if _, err := r.Check(ctx); err != nil {
		return 0, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.id, nil
}

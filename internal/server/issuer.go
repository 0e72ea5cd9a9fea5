package server

import (
	"net/url"

	"github.com/githubjobs/githubjobs/githubjobs/hub"
)

// issuer is who signs the tokens of runs.
func (c Config) issuer() string {
	if c.OIDCIssuer != "" {
		return c.OIDCIssuer
	}
	return hub.Issuer(c.GitHubServerURL)
}

func (c Config) validateIssuer() []error {
	if u, err := url.Parse(c.OIDCIssuer); c.OIDCIssuer != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
		return []error{wrongf("OIDC_ISSUER", "%q is not an address; leave it out, or write it like https://token.actions.githubusercontent.com", c.OIDCIssuer)}
	}
	return nil
}

package hub

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/gofri/go-github-ratelimit/v2/github_ratelimit"
	"github.com/gofri/go-github-ratelimit/v2/github_ratelimit/github_secondary_ratelimit"
	"golang.org/x/oauth2"
)

// tokenFunc returns a token that is good now, for git's basic authentication.
type tokenFunc func(context.Context) (string, error)

// credentials builds the transport of the REST API and the source of git's tokens.
func credentials(cfg Config, base http.RoundTripper) (http.RoundTripper, tokenFunc, error) {
	api, err := url.Parse(cfg.APIURL)
	if err != nil {
		return nil, nil, &ConfigError{"APIURL", err.Error()}
	}
	if cfg.App != nil {
		installation, err := ghinstallation.New(base, cfg.App.ID, cfg.App.InstallationID, cfg.App.PrivateKey)
		if err != nil {
			return nil, nil, &ConfigError{"App.PrivateKey", err.Error()}
		}
		installation.BaseURL = cfg.APIURL
		return apiOnly{api, installation, base}, installation.Token, nil
	}
	source := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: cfg.Token})
	token := func(context.Context) (string, error) { return cfg.Token, nil }
	return apiOnly{api, &oauth2.Transport{Source: source, Base: base}, base}, token, nil
}

// apiOnly sends the token to the API's own address and to no other that a
// redirect may lead to.
type apiOnly struct {
	api        *url.URL
	authorized http.RoundTripper
	plain      http.RoundTripper
}

func (t apiOnly) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme == t.api.Scheme && strings.EqualFold(r.URL.Host, t.api.Host) {
		return t.authorized.RoundTrip(r)
	}
	return t.plain.RoundTrip(r)
}

// waitForLimits lets a call wait for a secondary limit where the Config allows it.
// The library's guard for primary limits is left out: go-github has its own, and
// the library's keeps a goroutine alive until the limit is reset.
func waitForLimits(cfg Config) http.RoundTripper {
	if cfg.MaxWait == 0 {
		return cfg.Transport
	}
	return github_ratelimit.NewSecondaryLimiter(rewind{cfg.Transport},
		github_secondary_ratelimit.WithSingleSleepLimit(cfg.MaxWait, nil),
		github_secondary_ratelimit.WithTotalSleepLimit(cfg.MaxWait, nil))
}

// rewind gives every try of a request its body anew: the limiter repeats requests
// whose body was read already.
type rewind struct{ base http.RoundTripper }

func (t rewind) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.GetBody == nil {
		return t.base.RoundTrip(r)
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	again := r.Clone(r.Context())
	again.Body = body
	return t.base.RoundTrip(again)
}

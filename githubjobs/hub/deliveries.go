package hub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"
)

// deliveriesPages is how many pages of one webhook's deliveries are read at most;
// what happened before is healed by reading the repository.
const deliveriesPages = 20

// Webhook is a webhook that delivers events of the repository.
type Webhook struct {
	ID  int64 // 0: the GitHub App's own
	URL string
}

// Delivery is the newest attempt to deliver an event.
type Delivery struct {
	Webhook Webhook
	ID      int64 // of the attempt
	GUID    string
	Event   string
	At      time.Time
	Status  string // in GitHub's words
	Code    int    // of HTTP; 0 when there was no answer
	// Asked says that a person or program has asked for the event again before.
	Asked bool
}

// Webhooks finds the active webhooks that deliver to a path: those of the repository
// and, with a GitHub App's credentials, the App's own. It takes one request each.
// What the credentials may not see is missing; ErrForbidden or ErrNotFound when they
// may see none of it.
func (r *Repository) Webhooks(ctx context.Context, path string) ([]Webhook, error) {
	hooks, err := r.repositoryWebhooks(ctx)
	if r.app != nil {
		own, ownErr := r.appWebhook(ctx)
		hooks = append(hooks, own...)
		if err == nil || ownErr == nil {
			// One of the two is enough; another failure than of rights is told.
			err = unlessRefused(errors.Join(err, ownErr))
		}
	}
	return slices.DeleteFunc(hooks, func(h Webhook) bool {
		u, err := url.Parse(h.URL)
		return err != nil || !strings.HasSuffix(u.Path, path)
	}), err
}

func unlessRefused(err error) error {
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrForbidden) {
		return nil
	}
	return err
}

func (r *Repository) repositoryWebhooks(ctx context.Context) (list []Webhook, err error) {
	hooks, _, err := r.client.Repositories.ListHooks(ctx, r.cfg.Owner, r.cfg.Name, &github.ListOptions{PerPage: perPage})
	if err != nil {
		return nil, fail(ctx, "list the webhooks of "+r.FullName(), err)
	}
	for _, h := range hooks {
		if h.GetActive() {
			// The field URL is the hook's own address in the API.
			list = append(list, Webhook{ID: h.GetID(), URL: h.Config.GetURL()})
		}
	}
	return list, nil
}

func (r *Repository) appWebhook(ctx context.Context) ([]Webhook, error) {
	config, _, err := r.app.Apps.GetHookConfig(ctx)
	if err != nil {
		return nil, fail(ctx, "read the webhook of the GitHub App", err)
	}
	return []Webhook{{URL: config.GetURL()}}, nil
}

// FailedDeliveries lists the events that a webhook tried to deliver since a time, and
// that have not come through in any attempt since; the oldest first. It takes one
// request for each hundred deliveries.
func (r *Repository) FailedDeliveries(ctx context.Context, hook Webhook, since time.Time) ([]Delivery, error) {
	newest, delivered := map[string]Delivery{}, map[string]bool{}
	opts := &github.ListCursorOptions{PerPage: perPage}
	for range deliveriesPages {
		page, res, err := r.listDeliveries(ctx, hook, opts)
		if err != nil {
			return nil, fail(ctx, "list the deliveries of the webhook to "+bare(hook.URL), err)
		}
		for _, d := range page {
			if d.GetDeliveredAt().Before(since) {
				return failed(newest, delivered), nil
			}
			if hook.ID == 0 && d.GetRepositoryID() != 0 && !r.isMine(ctx, d.GetRepositoryID()) {
				continue // an App's webhook tells of every repository that it is installed on
			}
			note(newest, delivered, hook, d)
		}
		if opts.Cursor = res.Cursor; opts.Cursor == "" {
			break
		}
	}
	return failed(newest, delivered), nil
}

// note takes one attempt; the newest come first.
func note(newest map[string]Delivery, delivered map[string]bool, hook Webhook, d *github.HookDelivery) {
	guid := d.GetGUID()
	if d.GetStatusCode() >= http.StatusOK && d.GetStatusCode() < http.StatusMultipleChoices {
		delivered[guid] = true
	}
	known, ok := newest[guid]
	if !ok {
		known = Delivery{Webhook: hook, ID: d.GetID(), GUID: guid, Event: d.GetEvent(), At: d.GetDeliveredAt().UTC(), Status: d.GetStatus(), Code: d.GetStatusCode()}
	}
	known.Asked = known.Asked || d.GetRedelivery()
	newest[guid] = known
}

func failed(newest map[string]Delivery, delivered map[string]bool) (list []Delivery) {
	for guid, d := range newest {
		if !delivered[guid] {
			list = append(list, d)
		}
	}
	slices.SortFunc(list, func(a, b Delivery) int { return a.At.Compare(b.At) })
	return list
}

func (r *Repository) listDeliveries(ctx context.Context, hook Webhook, opts *github.ListCursorOptions) ([]*github.HookDelivery, *github.Response, error) {
	if hook.ID == 0 {
		return r.app.Apps.ListHookDeliveries(ctx, opts)
	}
	return r.client.Repositories.ListHookDeliveries(ctx, r.cfg.Owner, r.cfg.Name, hook.ID, opts)
}

// Redeliver asks GitHub to deliver an event again: one request. The webhook then
// comes with the same GUID.
func (r *Repository) Redeliver(ctx context.Context, d Delivery) error {
	var err error
	if d.Webhook.ID == 0 {
		_, _, err = r.app.Apps.RedeliverHookDelivery(ctx, d.ID)
	} else {
		_, _, err = r.client.Repositories.RedeliverHookDelivery(ctx, r.cfg.Owner, r.cfg.Name, d.Webhook.ID, d.ID)
	}
	if _, accepted := errors.AsType[*github.AcceptedError](err); accepted {
		return nil
	}
	return fail(ctx, fmt.Sprintf("ask for the delivery %s again", d.GUID), err)
}

// isMine compares a repository's id with ours, which is looked up once.
func (r *Repository) isMine(ctx context.Context, id int64) bool {
	known := func() int64 {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.id
	}
	if known() == 0 {
		// Without an answer nothing is ours; the next sweep asks again.
		_, _ = r.Check(ctx)
	}
	return known() == id
}

// appClient is the REST API as the GitHub App itself; nil without one.
func appClient(cfg Config, base http.RoundTripper) (*github.Client, error) {
	if cfg.App == nil {
		return nil, nil
	}
	transport, err := ghinstallation.NewAppsTransport(base, cfg.App.ID, cfg.App.PrivateKey)
	if err != nil {
		return nil, &ConfigError{"App.PrivateKey", err.Error()}
	}
	api, err := url.Parse(cfg.APIURL)
	if err != nil {
		return nil, &ConfigError{"APIURL", err.Error()}
	}
	client := github.NewClient(&http.Client{Transport: apiOnly{api, transport, base}, Timeout: restTimeout})
	client.UserAgent = "githubjobs"
	client.BaseURL = api.JoinPath("/")
	return client, nil
}

// bare is an address without what may be secret in it.
func bare(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	return u.Scheme + "://" + u.Host + u.Path
}

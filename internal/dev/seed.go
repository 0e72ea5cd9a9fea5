package dev

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// The demo repository and the person who owns it.
const (
	demoOwner = "demo"
	demoName  = "reports"
)

// secrets are kept between starts, in a file that only its owner reads.
type secrets struct {
	Token         string `json:"token"`          // of the demo user, for the server
	WebhookSecret string `json:"webhook_secret"` // between localhub and the server
}

// seed brings the demo repository into being, as far as it is not there. It may be
// interrupted anywhere: the next start goes on.
func seed(ctx context.Context, hub *localhub.Server, dataDir string, now time.Time) (secrets, error) {
	if _, err := hub.CreateUser(demoOwner); err != nil && !errors.Is(err, localhub.ErrExists) {
		return secrets{}, err
	}
	s, err := loadSecrets(hub, filepath.Join(dataDir, "dev.json"))
	if err != nil {
		return secrets{}, err
	}
	_, err = hub.CreateRepository(demoOwner, demoName, rest.RepositoryOptions{Description: "Readings of weather stations, and reports on them"})
	if err != nil && !errors.Is(err, localhub.ErrExists) {
		return secrets{}, err
	}
	client, err := restClient(hub, s.Token)
	if err != nil {
		return secrets{}, err
	}
	_, response, err := client.Repositories.GetBranch(ctx, demoOwner, demoName, "main", 0)
	if response == nil || err != nil && response.StatusCode != 404 {
		return secrets{}, err
	}
	if err != nil {
		err = pushDemoHistory(ctx, hub.URL()+"/"+demoOwner+"/"+demoName+".git", s.Token, now)
	}
	return s, err
}

func loadSecrets(hub *localhub.Server, path string) (s secrets, err error) {
	raw, err := os.ReadFile(path)
	switch {
	case err == nil:
		if err := json.Unmarshal(raw, &s); err != nil || s.Token == "" || s.WebhookSecret == "" {
			return s, fmt.Errorf("%s is damaged; remove it, and new secrets will be made", path)
		}
		return s, nil
	case !errors.Is(err, fs.ErrNotExist):
		return s, err
	}
	if s.Token, err = hub.CreateToken(demoOwner, "server"); err != nil {
		return s, err
	}
	s.WebhookSecret = rand.Text()
	raw, err = json.MarshalIndent(s, "", "  ")
	if err != nil {
		return s, err
	}
	return s, os.WriteFile(path, raw, 0o600)
}

func restClient(hub *localhub.Server, token string) (*github.Client, error) {
	return github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(hub.URL(), hub.URL())
}

// hookEvents are the events that the server makes facts of.
var hookEvents = []string{"push", "delete", "workflow_run", "pull_request", "pull_request_review", "check_run", "check_suite", "status"}

// ensureHook points the repository's webhook to the server, whose address may have
// changed since the last start.
func ensureHook(ctx context.Context, hub *localhub.Server, s secrets, url string) error {
	client, err := restClient(hub, s.Token)
	if err != nil {
		return err
	}
	want := &github.Hook{
		Name: github.String("web"), Active: github.Bool(true), Events: hookEvents,
		Config: &github.HookConfig{URL: &url, ContentType: github.String("json"), Secret: &s.WebhookSecret},
	}
	hooks, _, err := client.Repositories.ListHooks(ctx, demoOwner, demoName, nil)
	if err != nil {
		return err
	}
	if len(hooks) == 0 {
		_, _, err = client.Repositories.CreateHook(ctx, demoOwner, demoName, want)
	} else {
		_, _, err = client.Repositories.EditHook(ctx, demoOwner, demoName, hooks[0].GetID(), want)
	}
	return err
}

// setServer tells the workflow where the server is, whose address may have changed since
// the last start.
func setServer(hub *localhub.Server, url string) error {
	return hub.SetVariable(demoOwner, demoName, "GITHUBJOBS_SERVER", url)
}

// setRuntime tells the workflow how to run the agent.
func setRuntime(hub *localhub.Server, runtime Runtime, c Config, agent string) error {
	return errors.Join(
		hub.SetVariable(demoOwner, demoName, "GITHUBJOBS_RUNTIME", string(runtime)),
		hub.SetVariable(demoOwner, demoName, "GITHUBJOBS_UNSAFE_SAME_USER", strconv.FormatBool(runtime.sameUser())),
		hub.SetVariable(demoOwner, demoName, "GITHUBJOBS_IMAGE", c.Image),
		hub.SetVariable(demoOwner, demoName, "GITHUBJOBS_AGENT", agent),
		hub.Configure(demoOwner, demoName, func(r *state.Repository) { r.Actions.CanApprovePullRequestReviews = true }),
	)
}

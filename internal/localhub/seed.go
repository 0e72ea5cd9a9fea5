package localhub

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// ErrExists: what was to be created is there already.
var ErrExists = errors.New("exists already")

// ErrNotFound: what was named is not there.
var ErrNotFound = errors.New("not found")

// actionsBot is GitHub's own account for workflow runs, with its real id.
var actionsBot = state.User{ID: 41898282, Login: "github-actions[bot]", Type: state.TypeBot,
	Email: "41898282+github-actions[bot]@users.noreply.github.com"}

// addBuiltin makes the accounts that every GitHub has.
func (s *Server) addBuiltin() error {
	return s.db.Update(func(tx *state.Tx) error {
		if _, ok := tx.Users.Get(actionsBot.ID); !ok {
			bot := actionsBot
			bot.CreatedAt = s.now()
			tx.Users.Put(bot)
		}
		return nil
	})
}

func (s *Server) now() time.Time { return s.cfg.Now().UTC().Truncate(time.Second) }

// CreateUser makes a person's account. Its email is GitHub's noreply address. ErrExists when the login is taken.
func (s *Server) CreateUser(login string) (u state.User, err error) {
	err = s.db.Update(func(tx *state.Tx) error {
		u, err = s.addUser(tx, state.User{Login: login, Type: state.TypeUser})
		return err
	})
	return u, err
}

// CreateOrganization makes an organisation's account. ErrExists when the login is taken.
func (s *Server) CreateOrganization(login string) (u state.User, err error) {
	err = s.db.Update(func(tx *state.Tx) error {
		u, err = s.addUser(tx, state.User{Login: login, Type: state.TypeOrganization})
		return err
	})
	return u, err
}

func (s *Server) addUser(tx *state.Tx, u state.User) (state.User, error) {
	if _, taken := tx.Users.ByName(state.UserName(u.Login)); taken || u.Login == "" {
		return state.User{}, fmt.Errorf("user %q: %w", u.Login, ErrExists)
	}
	u.ID, u.CreatedAt = tx.Users.NextID(), s.now()
	u.Email = fmt.Sprintf("%d+%s@users.noreply.github.com", u.ID, u.Login)
	tx.Users.Put(u)
	return u, nil
}

// CreateToken makes a personal access token of a user and returns its secret, which is not kept.
func (s *Server) CreateToken(login, note string) (secret string, err error) {
	err = s.db.Update(func(tx *state.Tx) error {
		u, ok := tx.Users.ByName(state.UserName(login))
		if !ok {
			return fmt.Errorf("user %q: %w", login, ErrNotFound)
		}
		secret = tx.NewToken(state.Token{Kind: state.TokenPersonal, UserID: u.ID, Note: note, CreatedAt: s.now()})
		return nil
	})
	return secret, err
}

// CreateRepository makes an empty repository (or one with a README, when options say AutoInit). ErrExists when the name is taken.
func (s *Server) CreateRepository(owner, name string, o rest.RepositoryOptions) (state.Repository, error) {
	var u state.User
	s.db.View(func(tx *state.Tx) { u, _ = tx.Users.ByName(state.UserName(owner)) })
	if u.ID == 0 {
		return state.Repository{}, fmt.Errorf("user %q: %w", owner, ErrNotFound)
	}
	if _, err := s.Repository(owner, name); err == nil {
		return state.Repository{}, fmt.Errorf("repository %s/%s: %w", owner, name, ErrExists)
	}
	return s.rest.CreateRepository(context.Background(), u, name, o)
}

// Repository finds a repository. ErrNotFound when there is none of this name.
func (s *Server) Repository(owner, name string) (r state.Repository, err error) {
	s.db.View(func(tx *state.Tx) { r, err = findRepository(tx, owner, name) })
	return r, err
}

func findRepository(tx *state.Tx, owner, name string) (state.Repository, error) {
	r, ok := tx.Repositories.ByName(state.RepositoryName(owner, name))
	if !ok {
		return r, fmt.Errorf("repository %s/%s: %w", owner, name, ErrNotFound)
	}
	return r, nil
}

// Configure changes the settings of a repository, such as Actions.CanApprovePullRequestReviews ("Allow GitHub Actions to create and approve pull
// requests"), Actions.DefaultPermissions, Collaborators or DeleteBranchOnMerge. Maps must be replaced, not edited.
func (s *Server) Configure(owner, name string, change func(*state.Repository)) error {
	return s.withRepository(owner, name, func(tx *state.Tx, r state.Repository) error {
		change(&r)
		tx.Repositories.Put(r)
		return nil
	})
}

func (s *Server) withRepository(owner, name string, do func(*state.Tx, state.Repository) error) error {
	return s.db.Update(func(tx *state.Tx) error {
		r, err := findRepository(tx, owner, name)
		if err != nil {
			return err
		}
		return do(tx, r)
	})
}

// RepositoryPath is the folder of the bare git repository.
func (s *Server) RepositoryPath(owner, name string) (string, error) {
	r, err := s.Repository(owner, name)
	if err != nil {
		return "", err
	}
	git, err := s.git.Open(r.Owner, r.Name)
	if err != nil {
		return "", err
	}
	return git.Dir(), nil
}

// SetVariable sets an Actions variable of a repository.
func (s *Server) SetVariable(owner, name, key, value string) error {
	return s.withRepository(owner, name, func(tx *state.Tx, r state.Repository) error {
		v, ok := tx.Variables.ByName(state.SettingName(r.ID, key))
		if !ok {
			v = state.Variable{ID: tx.Variables.NextID(), RepositoryID: r.ID, Name: key, CreatedAt: s.now()}
		}
		v.Value, v.UpdatedAt = value, s.now()
		tx.Variables.Put(v)
		return nil
	})
}

// SetSecret sets an Actions secret of a repository.
func (s *Server) SetSecret(owner, name, key, value string) error {
	return s.withRepository(owner, name, func(tx *state.Tx, r state.Repository) error {
		v, ok := tx.Secrets.ByName(state.SettingName(r.ID, key))
		if !ok {
			v = state.Secret{ID: tx.Secrets.NextID(), RepositoryID: r.ID, Name: key, CreatedAt: s.now()}
		}
		v.Value, v.UpdatedAt = value, s.now()
		tx.Secrets.Put(v)
		return nil
	})
}

// SetOrganizationSecret sets an Actions secret of an organisation, for all of its repositories. ErrNotFound when there is no such organisation.
func (s *Server) SetOrganizationSecret(organization, key, value string) error {
	return s.db.Update(func(tx *state.Tx) error {
		owner, ok := tx.Users.ByName(state.UserName(organization))
		if !ok || owner.Type != state.TypeOrganization {
			return fmt.Errorf("organization %q: %w", organization, ErrNotFound)
		}
		v, ok := tx.OrganizationSecrets.ByName(state.SettingName(owner.ID, key))
		if !ok {
			v = state.OrganizationSecret{ID: tx.OrganizationSecrets.NextID(), OwnerID: owner.ID, Name: key, CreatedAt: s.now()}
		}
		v.Value, v.UpdatedAt = value, s.now()
		tx.OrganizationSecrets.Put(v)
		return nil
	})
}

// CreateHook makes a webhook of a repository, with JSON bodies. Unlike GitHub's, it is not pinged. Events may be "*".
func (s *Server) CreateHook(owner, name, url, secret string, events ...string) (h state.Hook, err error) {
	err = s.withRepository(owner, name, func(tx *state.Tx, r state.Repository) error {
		h = state.Hook{ID: tx.Hooks.NextID(), RepositoryID: r.ID, URL: url, Secret: secret, ContentType: "json", InsecureSSL: "0", Events: events,
			Active: true, CreatedAt: s.now(), UpdatedAt: s.now()}
		tx.Hooks.Put(h)
		return nil
	})
	return h, err
}

// App describes a GitHub App to be created.
type App struct {
	Owner         string // login
	Slug          string
	Permissions   map[string]string // name → "read" | "write"
	Events        []string
	WebhookURL    string // empty: no webhook
	WebhookSecret string
	Key           *rsa.PrivateKey // nil: a new one is made, which takes a tenth of a second
}

// CreateApp makes a GitHub App with its bot account, and returns its private key (PEM, PKCS #1), which is not kept.
func (s *Server) CreateApp(a App) (app state.App, privateKey []byte, err error) {
	key := a.Key
	if key == nil {
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return state.App{}, nil, err
		}
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return state.App{}, nil, err
	}
	err = s.db.Update(func(tx *state.Tx) error {
		owner, ok := tx.Users.ByName(state.UserName(a.Owner))
		if !ok {
			return fmt.Errorf("user %q: %w", a.Owner, ErrNotFound)
		}
		bot, err := s.addUser(tx, state.User{Login: a.Slug + "[bot]", Type: state.TypeBot})
		if err != nil {
			return err
		}
		app = state.App{ID: tx.Apps.NextID(), Slug: a.Slug, Name: a.Slug, OwnerID: owner.ID, BotID: bot.ID, Permissions: a.Permissions,
			Events: a.Events, WebhookURL: a.WebhookURL, WebhookSecret: a.WebhookSecret, CreatedAt: s.now(),
			PublicKeyPEM: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}
		tx.Apps.Put(app)
		if a.WebhookURL != "" {
			tx.Hooks.Put(state.Hook{ID: tx.Hooks.NextID(), AppID: app.ID, URL: a.WebhookURL, Secret: a.WebhookSecret, ContentType: "json",
				InsecureSSL: "0", Events: a.Events, Active: true, CreatedAt: s.now(), UpdatedAt: s.now()})
		}
		return nil
	})
	return app, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), err
}

// InstallApp installs an App on an account, for all of its repositories or for those named. The App's permissions and events are accepted.
func (s *Server) InstallApp(appID int64, account string, repositories ...string) (in state.Installation, err error) {
	err = s.db.Update(func(tx *state.Tx) error {
		app, ok := tx.Apps.Get(appID)
		owner, found := tx.Users.ByName(state.UserName(account))
		if !ok || !found {
			return fmt.Errorf("app %d or user %q: %w", appID, account, ErrNotFound)
		}
		in = state.Installation{ID: tx.Installations.NextID(), AppID: app.ID, AccountID: owner.ID, Permissions: app.Permissions, Events: app.Events,
			CreatedAt: s.now()}
		for _, name := range repositories {
			r, err := findRepository(tx, account, name)
			if err != nil {
				return err
			}
			in.RepositoryIDs = append(in.RepositoryIDs, r.ID)
		}
		tx.Installations.Put(in)
		return nil
	})
	return in, err
}

// MarkReady makes a draft a pull request that can be merged, as the button "Ready for review" does; GitHub's REST API has
// nothing for that. ErrNotFound when there is no open draft of this number.
func (s *Server) MarkReady(login, owner, name string, number int) error {
	repo, err := s.Repository(owner, name)
	if err != nil {
		return err
	}
	var by state.User
	s.db.View(func(tx *state.Tx) { by, _ = tx.Users.ByName(state.UserName(login)) })
	found, err := s.rest.MarkReady(by, repo, number)
	if err == nil && !found {
		err = fmt.Errorf("draft #%d of %s/%s: %w", number, owner, name, ErrNotFound)
	}
	return err
}

// MergeQueued lets the merge queue come to a pull request that is in it, as GitHub does when its checks have passed; who may not be merged leaves it.
func (s *Server) MergeQueued(ctx context.Context, owner, name string, number int) error {
	repo, err := s.Repository(owner, name)
	if err != nil {
		return err
	}
	return s.rest.MergeQueued(ctx, repo, number)
}

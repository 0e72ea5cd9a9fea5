package hub

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/google/go-github/v60/github"
)

const (
	restTimeout = 30 * time.Second // GitHub itself gives up after 10 s
	gitTimeout  = 10 * time.Minute // of one request of a push or fetch
)

// Repository is one job repository on one GitHub. It is safe for concurrent use.
type Repository struct {
	cfg      Config
	client   *github.Client
	app      *github.Client // as the GitHub App itself; nil without one
	git      transport.Transport
	endpoint *transport.Endpoint
	tokens   tokenFunc
	meter    *meter
	trees    *lru // of commits
	proved   *lru // see caughtUp
	looks    looks

	mu   sync.Mutex
	base string // the default branch, once it was looked up
	id   int64  // GitHub's, once it was looked up
}

// New returns the repository that the Config names. It makes no request; see Check.
func New(cfg Config) (*Repository, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	endpoint, err := transport.NewEndpoint(cfg.ServerURL + "/" + cfg.Owner + "/" + cfg.Name + ".git")
	if err != nil {
		return nil, &ConfigError{"ServerURL", err.Error()}
	}
	meter := &meter{base: waitForLimits(cfg)}
	auth, tokens, err := credentials(cfg, patient{newConditional(meter)})
	if err != nil {
		return nil, err
	}
	app, err := appClient(cfg, meter)
	if err != nil {
		return nil, err
	}
	client := github.NewClient(&http.Client{Transport: auth, Timeout: restTimeout})
	client.UserAgent = "githubjobs"
	if client.BaseURL, err = url.Parse(cfg.APIURL + "/"); err != nil {
		return nil, &ConfigError{"APIURL", err.Error()}
	}
	return &Repository{
		cfg:      cfg,
		client:   client,
		app:      app,
		git:      githttp.NewClient(&http.Client{Transport: gitTransport{cfg.Transport}, Timeout: gitTimeout}),
		endpoint: endpoint,
		tokens:   tokens,
		meter:    meter,
		trees:    newLRU(maxKnownTrees),
		proved:   newLRU(maxProved),
		base:     cfg.Base,
	}, nil
}

// FullName is owner/name.
func (r *Repository) FullName() string { return r.cfg.Owner + "/" + r.cfg.Name }

// URL is the repository's address for people.
func (r *Repository) URL() string { return r.cfg.ServerURL + "/" + r.FullName() }

// Base is the branch that jobs start from when their spec does not say: the
// configured one, else the repository's default branch, which is looked up once.
func (r *Repository) Base(ctx context.Context) (string, error) {
	r.mu.Lock()
	base := r.base
	r.mu.Unlock()
	if base != "" {
		return base, nil
	}
	found, err := r.Check(ctx)
	return found, err
}

// Check asks GitHub for the repository, and so tells whether address and
// credentials are good. It returns the base branch. A configured one that does not
// exist is an ErrNotFound.
func (r *Repository) Check(ctx context.Context) (base string, err error) {
	repo, _, err := r.client.Repositories.Get(ctx, r.cfg.Owner, r.cfg.Name)
	if err != nil {
		return "", fail(ctx, "read the repository "+r.FullName(), err)
	}
	r.mu.Lock()
	r.id = repo.GetID()
	r.mu.Unlock()
	if r.cfg.Base != "" {
		return r.cfg.Base, r.checkBase(ctx)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.base == "" {
		r.base = repo.GetDefaultBranch()
	}
	return r.base, nil
}

func (r *Repository) checkBase(ctx context.Context) error {
	head, _, err := r.head(ctx, r.cfg.Base)
	if err != nil || head != "" {
		return err
	}
	return &Error{Op: "find the base branch", Kind: ErrNotFound, Message: fmt.Sprintf("%s has no branch %q; set the base branch to one that it has, or leave it unset for the default branch", r.FullName(), r.cfg.Base)}
}

// LearnBase tells the tree of a commit, as a push webhook knows it
// (head_commit.tree_id), so that Submit need not ask for it.
func (r *Repository) LearnBase(commit, tree string) {
	if isSHA(commit) && isSHA(tree) {
		r.trees.add(commit, tree)
	}
}

func isSHA(s string) bool {
	return len(s) == 40 && strings.Trim(s, "0123456789abcdef") == ""
}

package localhub

import (
	"context"
	"crypto/rsa"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func (h *hub) private() {
	h.t.Helper()
	if err := h.Configure("alice", "reports", func(r *state.Repository) { r.Private = true }); err != nil {
		h.t.Fatal(err)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx := hubtest.Within(t)
	user, _, err := h.alice().Users.Get(ctx, "")
	if err != nil || user.GetLogin() != "alice" || user.GetType() != "User" {
		t.Errorf("GET /user: %v, %v", user, err)
	}
	_, _, err = h.client("wrong").Users.Get(ctx, "")
	hubtest.WantStatus(t, err, 401, "Bad credentials")
	_, _, err = h.client("").Users.Get(ctx, "")
	hubtest.WantStatus(t, err, 401, "Requires authentication")
	if _, _, err := h.client("").Repositories.Get(ctx, "alice", "reports"); err != nil {
		t.Errorf("a public repository without credentials: %v", err)
	}
	h.private()
	_, _, err = h.client("").Repositories.Get(ctx, "alice", "reports")
	hubtest.WantStatus(t, err, 404, "Not Found")
	if _, _, err := h.alice().Repositories.Get(ctx, "alice", "reports"); err != nil {
		t.Errorf("the owner's private repository: %v", err)
	}
}

func TestRolesOfPeople(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx := hubtest.Within(t)
	bob, err := h.CreateUser("bob")
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.CreateToken("bob", "tests")
	if err != nil {
		t.Fatal(err)
	}
	main, _, err := h.alice().Git.GetRef(ctx, "alice", "reports", "heads/main")
	if err != nil {
		t.Fatal(err)
	}
	create := func(name string) error {
		_, _, err := h.client(token).Git.CreateRef(ctx, "alice", "reports", &github.Reference{Ref: github.String(name), Object: main.Object})
		return err
	}
	hubtest.WantStatus(t, create("refs/heads/x"), 403, "push access")
	h.Configure("alice", "reports", func(r *state.Repository) { r.Private = true })
	hubtest.WantStatus(t, create("refs/heads/x"), 404, "Not Found")
	h.Configure("alice", "reports", func(r *state.Repository) { r.Collaborators = map[int64]string{bob.ID: "write"} })
	if err := create("refs/heads/x"); err != nil {
		t.Errorf("a collaborator with write creates a branch: %v", err)
	}
	_, _, err = h.client(token).Repositories.ListHooks(ctx, "alice", "reports", nil)
	hubtest.WantStatus(t, err, 403, "admin rights")
}

func TestRunTokenHasItsPermissionsOnly(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.private()
	ctx := hubtest.Within(t)
	reader := h.client(h.runToken(map[string]string{"contents": "read"}))
	main, _, err := reader.Git.GetRef(ctx, "alice", "reports", "heads/main")
	if err != nil {
		t.Fatalf("contents: read reads: %v", err)
	}
	branch := &github.Reference{Ref: github.String("refs/heads/x"), Object: main.Object}
	_, res, err := reader.Git.CreateRef(ctx, "alice", "reports", branch)
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
	if got := res.Header.Get("X-Accepted-Github-Permissions"); got != "contents=write" {
		t.Errorf("X-Accepted-GitHub-Permissions: %q", got)
	}
	if _, _, err := h.client(h.runToken(map[string]string{"contents": "write"})).Git.CreateRef(ctx, "alice", "reports", branch); err != nil {
		t.Errorf("contents: write creates a ref: %v", err)
	}
	nothing := h.client(h.runToken(nil))
	_, _, err = nothing.Git.GetRef(ctx, "alice", "reports", "heads/main")
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
	if _, _, err := nothing.Repositories.Get(ctx, "alice", "reports"); err != nil {
		t.Errorf("metadata is always read: %v", err)
	}
	_, _, err = reader.Users.Get(ctx, "")
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
}

func TestRunTokenOverGit(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.private()
	if out, err := hubtest.TryGit(hubtest.Within(t), "", "ls-remote", h.URL()+"/alice/reports.git"); err == nil || !strings.Contains(out, "could not read Username") {
		t.Errorf("without credentials: %v\n%s", err, out)
	}
	if out, err := hubtest.TryGit(hubtest.Within(t), "", "ls-remote", h.remote("wrong")); err == nil || !strings.Contains(out, "Authentication failed") {
		t.Errorf("with a wrong token: %v\n%s", err, out)
	}
	reader := h.runToken(map[string]string{"contents": "read"})
	dir := h.clone(reader)
	h.commit(dir, "a.txt", "a\n", "Add a")
	if out, err := hubtest.TryGit(hubtest.Within(t), dir, "push", "origin", "HEAD:refs/heads/x"); err == nil || !strings.Contains(out, "403") {
		t.Errorf("push with contents: read: %v\n%s", err, out)
	}
	writer := h.remote(h.runToken(map[string]string{"contents": "write"}))
	h.git(dir, "push", "-q", writer, "HEAD:refs/heads/x")
	h.commit(dir, ".github/workflows/ci.yml", "on: push\n", "Add a workflow")
	out, err := hubtest.TryGit(hubtest.Within(t), dir, "push", writer, "HEAD:refs/heads/y")
	if err == nil || !strings.Contains(out, "refusing to allow") {
		t.Errorf("push of a workflow file with a run token: %v\n%s", err, out)
	}
	h.git(dir, "push", "-q", h.remote(h.token), "HEAD:refs/heads/y")
}

// TestWorkflowFilesOverREST: objects that hold a changed workflow can be made, but no ref can be pointed at them.
func TestWorkflowFilesOverREST(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx := hubtest.Within(t)
	c := h.client(h.runToken(map[string]string{"contents": "write"}))
	_, _, err := c.Repositories.CreateFile(ctx, "alice", "reports", ".github/workflows/ci.yml",
		&github.RepositoryContentFileOptions{Message: github.String("Add"), Content: []byte("on: push\n")})
	hubtest.WantStatus(t, err, 403, "Resource not accessible by integration")
}

func TestAppAndInstallationTokens(t *testing.T) {
	t.Parallel()
	h := setup(t)
	h.private()
	ctx := hubtest.Within(t)
	if _, err := h.CreateRepository("alice", "other", rest.RepositoryOptions{Private: true, AutoInit: true}); err != nil {
		t.Fatal(err)
	}
	app, key, err := h.CreateApp(App{Owner: "alice", Slug: "jobs", Permissions: map[string]string{"contents": "write", "actions": "read"}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.InstallApp(app.ID, "alice", "reports")
	if err != nil {
		t.Fatal(err)
	}
	transport, err := ghinstallation.New(http.DefaultTransport, app.ID, in.ID, key)
	if err != nil {
		t.Fatal(err)
	}
	transport.BaseURL = h.URL() + rest.Prefix
	c, err := github.NewClient(&http.Client{Transport: transport}).WithEnterpriseURLs(h.URL(), h.URL())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.Git.GetRef(ctx, "alice", "reports", "heads/main"); err != nil {
		t.Errorf("the installation reads its repository: %v", err)
	}
	_, _, err = c.Repositories.Get(ctx, "alice", "other")
	hubtest.WantStatus(t, err, 404, "Not Found")
	repos, _, err := c.Apps.ListRepos(ctx, nil)
	if err != nil || repos.GetTotalCount() != 1 || repos.Repositories[0].GetName() != "reports" {
		t.Errorf("GET /installation/repositories: %v, %v", repos, err)
	}
	appClient := h.client(appJWT(t, app.ID, key, time.Now()))
	self, _, err := appClient.Apps.Get(ctx, "")
	if err != nil || self.GetSlug() != "jobs" {
		t.Errorf("GET /app: %v, %v", self, err)
	}
	narrow, _, err := appClient.Apps.CreateInstallationToken(ctx, in.ID, &github.InstallationTokenOptions{
		Permissions: &github.InstallationPermissions{Contents: github.String("read")}})
	if err != nil || narrow.GetPermissions().GetContents() != "read" || narrow.GetPermissions().GetActions() != "" {
		t.Errorf("a narrowed token: %v, %v", narrow, err)
	}
	_, _, err = appClient.Apps.CreateInstallationToken(ctx, in.ID, &github.InstallationTokenOptions{
		Permissions: &github.InstallationPermissions{Administration: github.String("write")}})
	hubtest.WantStatus(t, err, 422, "not granted")
	_, _, err = appClient.Apps.CreateInstallationToken(ctx, in.ID, &github.InstallationTokenOptions{Repositories: []string{"other"}})
	hubtest.WantStatus(t, err, 422, "not accessible")
	_, _, err = h.client(appJWT(t, app.ID, key, time.Now().Add(-time.Hour))).Apps.Get(ctx, "")
	hubtest.WantStatus(t, err, 401, "JSON web token")
}

func TestInstallationTokenExpires(t *testing.T) {
	t.Parallel()
	clock := newClock()
	h := setup(t, func(c *Config) { c.Now = clock.now })
	app, key, err := h.CreateApp(App{Owner: "alice", Slug: "jobs", Permissions: map[string]string{"contents": "read"}})
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.InstallApp(app.ID, "alice")
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := h.client(appJWT(t, app.ID, key, clock.now())).Apps.CreateInstallationToken(hubtest.Within(t), in.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := h.client(token.GetToken())
	if _, _, err := c.Git.GetRef(hubtest.Within(t), "alice", "reports", "heads/main"); err != nil {
		t.Errorf("a fresh token: %v", err)
	}
	clock.add(time.Hour)
	_, _, err = c.Git.GetRef(hubtest.Within(t), "alice", "reports", "heads/main")
	hubtest.WantStatus(t, err, 401, "Bad credentials")
}

func appJWT(t *testing.T, id int64, pem []byte, now time.Time) string {
	t.Helper()
	key, err := jwt.ParseRSAPrivateKeyFromPEM(pem)
	if err != nil {
		t.Fatal(err)
	}
	return signJWT(t, key, jwt.RegisteredClaims{Issuer: itoa(id), IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(9 * time.Minute))})
}

func signJWT(t *testing.T, key *rsa.PrivateKey, claims jwt.Claims) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSeedSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	h := setup(t)
	if _, err := h.CreateUser("Alice"); !errors.Is(err, ErrExists) {
		t.Errorf("a login that differs in case: %v", err)
	}
	if _, err := h.CreateRepository("alice", "Reports", rest.RepositoryOptions{}); !errors.Is(err, ErrExists) {
		t.Errorf("a repository that differs in case: %v", err)
	}
	if _, err := h.CreateToken("nobody", ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("a token of nobody: %v", err)
	}
	if err := h.SetSecret("alice", "none", "A", "b"); !errors.Is(err, ErrNotFound) {
		t.Errorf("a secret of no repository: %v", err)
	}
	if err := h.WaitIdle(context.Background()); err != nil {
		t.Errorf("WaitIdle: %v", err)
	}
}

package hub

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/localhub/rest"
)

// statuses are those of the answers that GitHub has given since they were last asked for.
func (f *fixture) statuses() (got []int) {
	for _, r := range f.Requests() {
		got = append(got, r.Status)
	}
	f.ResetRequests()
	return got
}

// The names of secrets cost two requests, and nothing of the limit while they stay the same.
func TestSecretNames(t *testing.T) {
	t.Parallel()
	f := setup(t)
	read := func(want int, statuses ...int) []string {
		t.Helper()
		f.ResetRequests()
		names, err := f.repo.SecretNames(t.Context())
		if got := f.statuses(); err != nil || len(names) != want || !slices.Equal(got, statuses) {
			t.Errorf("%d names, %v, by %v; want %d by %v", len(names), err, got, want, statuses)
		}
		return names
	}
	read(0, 200, 200)
	f.must(f.SetSecret("alice", "reports", "AGENT_KEY", "value"))
	if names := read(1, 200, 304); !slices.Equal(names, []string{"AGENT_KEY"}) {
		t.Errorf("%q", names)
	}
	read(1, 304, 304)
	for i := range 200 {
		f.must(f.SetSecret("alice", "reports", fmt.Sprintf("OTHER_%03d", i), "value"))
	}
	read(201, 200, 200, 200, 304)
	read(201, 304, 304, 304, 304)
}

func TestSecretNamesOfAnOrganisation(t *testing.T) {
	t.Parallel()
	f := setup(t)
	_, err := f.CreateOrganization("acme")
	f.must(err)
	_, err = f.CreateRepository("acme", "reports", rest.RepositoryOptions{AutoInit: true})
	f.must(err)
	f.must(f.SetOrganizationSecret("acme", "AGENT_SHARED", "value"))
	f.must(f.SetSecret("acme", "reports", "AGENT_OWN", "value"))
	app := appOf("reader")
	app.Owner, app.Permissions = "alice", map[string]string{"secrets": "read", "metadata": "read"}
	made, key, err := f.CreateApp(app)
	f.must(err)
	in, err := f.InstallApp(made.ID, "acme")
	f.must(err)
	repo, err := New(Config{ServerURL: f.URL(), Owner: "acme", Name: "reports", Base: "main", App: &App{ID: made.ID, InstallationID: in.ID, PrivateKey: key}})
	f.must(err)
	if names, err := repo.SecretNames(t.Context()); err != nil || !slices.Equal(names, []string{"AGENT_OWN", "AGENT_SHARED"}) {
		t.Errorf("%q, %v", names, err)
	}
	if f.SetOrganizationSecret("alice", "X", "value") == nil {
		t.Error("a person has secrets of an organisation")
	}
}

// Who may not read one of the lists knows nothing; a repository without an organisation has no
// second one.
func TestSecretNamesThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.must(f.SetSecret("alice", "reports", "AGENT_KEY", "value"))
	if _, err := f.app().SecretNames(t.Context()); !errors.Is(err, ErrForbidden) {
		t.Errorf("an App without the right: %v", err)
	}
	for status, want := range map[int]error{http.StatusForbidden: ErrForbidden, http.StatusNotFound: nil, http.StatusBadRequest: ErrInvalid} {
		repo := f.behind(func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/organization-secrets") {
					w.WriteHeader(status)
					return
				}
				next.ServeHTTP(w, r)
			})
		})
		names, err := repo.SecretNames(t.Context())
		if want != nil && !errors.Is(err, want) || want == nil && (err != nil || !slices.Equal(names, []string{"AGENT_KEY"})) {
			t.Errorf("%d: %q, %v", status, names, err)
		}
	}
}

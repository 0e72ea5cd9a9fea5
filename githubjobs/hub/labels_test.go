package hub

import (
	"fmt"
	"slices"
	"testing"

	"github.com/githubjobs/githubjobs/internal/localhub"
)

// Labels that the repository does not have are made, also where it has more than a page of them;
// those that the token may not make are told, and nothing is asked about the rest.
func TestMakeLabels(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var many []string
	for n := range perPage + 1 {
		many = append(many, fmt.Sprintf("label-%03d", n))
	}
	if lacking, err := f.repo.MakeLabels(t.Context(), many); err != nil || len(lacking) != 0 {
		t.Fatalf("lacking %q, %v", lacking, err)
	}
	f.ResetRequests()
	if lacking, err := f.repo.MakeLabels(t.Context(), []string{"LABEL-000", many[perPage]}); err != nil || len(lacking) != 0 || len(f.Requests()) != 2 {
		t.Errorf("those that there are: lacking %q, %v, after %d requests", lacking, err, len(f.Requests()))
	}
	app, key, err := f.CreateApp(localhub.App{Owner: "alice", Slug: "limited", Permissions: map[string]string{"contents": "write", "metadata": "read", "pull_requests": "write"}})
	f.must(err)
	installation, err := f.InstallApp(app.ID, "alice")
	f.must(err)
	limited, err := New(Config{ServerURL: f.URL(), Owner: "alice", Name: "reports", App: &App{ID: app.ID, InstallationID: installation.ID, PrivateKey: key}})
	f.must(err)
	lacking, err := limited.MakeLabels(t.Context(), []string{"label-007", "new-1", "new-2"})
	if err != nil || !slices.Equal(lacking, []string{"new-1", "new-2"}) {
		t.Errorf("lacking %q, %v", lacking, err)
	}
}

package live

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// Each claim that is looked at, wrong once; and what is no token of the issuer's at all.
func TestTokensThatProveNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.learn(t, facts("b", "in_progress"))
	other := "octo/renamed/.github/workflows/run-job.yml@refs/heads/main"
	for name, change := range map[string]map[string]any{
		"another issuer":                      {"iss": "https://token.actions.githubusercontent.example"},
		"another audience":                    {"aud": "sts.amazonaws.com"},
		"no audience":                         {"aud": nil},
		"another repository":                  {"repository_id": "4712"},
		"no repository":                       {"repository_id": nil},
		"a number for a text":                 {"repository_id": 4711},
		"the base branch":                     {"ref": "refs/heads/main", "workflow_ref": other, "job_workflow_ref": other},
		"a tag named like a job":              {"ref": "refs/tags/job/a"},
		"another job than its workflow":       {"ref": "refs/heads/job/b"},
		"a name that is no job's":             {"ref": "refs/heads/job/../a"},
		"no run":                              {"run_id": nil},
		"a run that is no number":             {"run_id": "7 or 8"},
		"run 0":                               {"run_id": "0"},
		"no attempt":                          {"run_attempt": nil},
		"attempt 0":                           {"run_attempt": "0"},
		"another workflow":                    {"workflow_ref": "octo/renamed/.github/workflows/evil.yml@refs/heads/job/a"},
		"the workflow of another branch":      {"workflow_ref": other},
		"the workflow of another repository":  {"workflow_ref": "octo/evil/.github/workflows/run-job.yml@refs/heads/job/a"},
		"no workflow":                         {"workflow_ref": nil},
		"a workflow that the workflow called": {"job_workflow_ref": "octo/evil/.github/workflows/called.yml@refs/heads/main"},
		"another event":                       {"event_name": "workflow_dispatch"},
		"no commit":                           {"sha": nil},
		"expired":                             {"exp": now.Add(-time.Second).Unix()},
		"without an end":                      {"exp": nil},
		"not valid yet":                       {"nbf": now.Add(time.Hour).Unix()},
	} {
		if _, err := w.Exchange(t.Context(), w.issuer.token(t, change)); !errors.Is(err, ErrIdentity) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := w.issuer.token(t, nil)
	parts := strings.Split(good, ".")
	claims := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(good, claims); err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{
		"nothing": "", "no token": "hello", "no signature": parts[0] + "." + parts[1] + ".",
		"a signature of something else": parts[0] + "." + strings.Split(w.issuer.token(t, map[string]any{"ref": "refs/heads/job/b"}), ".")[1] + "." + parts[2],
		"another key of the same name":  sign(t, claims, keys()[1], jwt.SigningMethodRS256),
		"signed by nobody":              sign(t, claims, jwt.UnsafeAllowNoneSignatureType, jwt.SigningMethodNone),
		"signed with what is public":    sign(t, claims, keys()[0].N.Bytes(), jwt.SigningMethodHS256),
	} {
		if _, err := w.Exchange(t.Context(), token); !errors.Is(err, ErrIdentity) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.store.Stream(t.Context(), "p", "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("something was opened: %v", err)
	}
}

// What is not looked at, or may be either way, keeps no run from it.
func TestTokensThatProveARun(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, change := range map[string]map[string]any{
		"as it is":                  {},
		"another form of sub":       {"sub": "repo@4711:ref:refs/heads/job/a"},
		"of a GitHub without calls": {"job_workflow_ref": nil},
		"several audiences":         {"aud": []string{"other", githubjobs.LiveAudience}},
	} {
		g, err := w.Exchange(t.Context(), w.issuer.token(t, change))
		if err != nil || g.Job != "a" || g.Attempt != 1 || !strings.HasPrefix(g.Capability, "gjl_") || !g.ExpiresAt.Equal(now.Add(githubjobs.DefaultTimeout+spare)) {
			t.Errorf("%s: %+v, %v", name, g, err)
		}
	}
	if _, err := w.Exchange(t.Context(), w.issuer.token(t, map[string]any{"sha": "other"})); !errors.Is(err, ErrOver) {
		t.Errorf("the run of a commit that did not make the job: %v", err)
	}
	const of = "octo/renamed/.github/workflows/run-job.yml@refs/heads/job/nobody"
	if _, err := w.Exchange(t.Context(), w.issuer.token(t, map[string]any{"ref": "refs/heads/job/nobody", "workflow_ref": of, "job_workflow_ref": of})); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown job: %v", err)
	}
	w.repository.Store(4712)
	if _, err := w.Exchange(t.Context(), w.issuer.token(t, nil)); !errors.Is(err, ErrIdentity) {
		t.Errorf("a repository that took the place of another: %v", err)
	}
}

// While the issuer is away tokens can't be checked, which is no fault of theirs.
func TestTheIssuerIsAway(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.issuer.down.Store(true)
	if _, err := w.Exchange(t.Context(), w.issuer.token(t, nil)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("no discovery: %v", err)
	}
	w.issuer.down.Store(false)
	w.grant(t)
}

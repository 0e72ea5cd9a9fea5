package live

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store/sqlite"
)

var now = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// issuer signs tokens as GitHub's does, also such as GitHub's never would.
type issuer struct {
	*httptest.Server
	down atomic.Bool
}

// keys are made once: that takes long.
var keys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var made [2]*rsa.PrivateKey
	for i := range made {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		made[i] = key
	}
	return made
})

func newIssuer(t testing.TB) *issuer {
	i := &issuer{}
	mux := http.NewServeMux()
	answer := func(v func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if i.down.Load() {
				http.Error(w, "down", http.StatusServiceUnavailable)
				return
			}
			json.NewEncoder(w).Encode(v())
		}
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", answer(func() any {
		return map[string]any{"issuer": i.URL, "jwks_uri": i.URL + "/jwks", "id_token_signing_alg_values_supported": []string{"RS256"}}
	}))
	mux.HandleFunc("GET /jwks", answer(func() any {
		public, enc := keys()[0].PublicKey, base64.RawURLEncoding
		return map[string]any{"keys": []map[string]string{{"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "k",
			"n": enc.EncodeToString(public.N.Bytes()), "e": enc.EncodeToString(big.NewInt(int64(public.E)).Bytes())}}}
	}))
	i.Server = httptest.NewServer(mux)
	t.Cleanup(i.Close)
	return i
}

// token is one that is good, with some claims changed; nil takes one away.
func (i *issuer) token(t testing.TB, change map[string]any) string {
	t.Helper()
	const ref = "refs/heads/job/a"
	claims := jwt.MapClaims{
		"iss": i.URL, "aud": githubjobs.LiveAudience, "sub": "anything", "jti": "1",
		"iat": now.Unix(), "nbf": now.Add(-10 * time.Minute).Unix(), "exp": now.Add(5 * time.Minute).Unix(),
		"repository_id": "4711", "repository": "octo/renamed", "ref": ref, "sha": "abc", "event_name": "push", "run_id": "7", "run_attempt": "1",
		"workflow_ref": "octo/renamed/.github/workflows/run-job.yml@" + ref, "job_workflow_ref": "octo/renamed/.github/workflows/run-job.yml@" + ref,
	}
	maps.Copy(claims, change)
	for name, value := range claims {
		if value == nil {
			delete(claims, name)
		}
	}
	return sign(t, claims, keys()[0], jwt.SigningMethodRS256)
}

func sign(t testing.TB, claims jwt.MapClaims, key any, method jwt.SigningMethod) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = "k"
	text, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// world is a service over a real store, in which job a runs.
type world struct {
	*Service
	issuer     *issuer
	store      *sqlite.Store
	repository atomic.Int64
	clock      atomic.Int64 // seconds after now
}

func setup(t testing.TB) *world {
	t.Helper()
	w := &world{issuer: newIssuer(t)}
	w.repository.Store(4711)
	at := func() time.Time { return now.Add(time.Duration(w.clock.Load()) * time.Second) }
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	w.store = db
	w.Service = New(Options{
		Project: "p", Store: db, Issuer: w.issuer.URL, Workflow: ".github/workflows/run-job.yml", Log: slog.New(slog.DiscardHandler), Now: at,
		Repository: func(context.Context, bool) (int64, error) { return w.repository.Load(), nil },
	})
	w.learn(t, facts("a", "in_progress"))
	return w
}

// facts are those of a job whose run 7 has a status.
func facts(id, status string) githubjobs.Facts {
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindCommand, Prompt: "x", Base: "main"}
	spec.Normalize(now)
	f := githubjobs.Facts{ID: id, Spec: &spec, Created: []string{"abc"}, Branch: &githubjobs.BranchFact{Head: "abc", At: now}}
	if status != "" {
		f.Runs = []githubjobs.RunFact{{ID: 7, Attempt: 1, Status: status, HeadSHA: "abc", StartedAt: now, At: now}}
	}
	return f
}

func (w *world) learn(t testing.TB, f ...githubjobs.Facts) {
	t.Helper()
	if err := w.store.MergeFacts(t.Context(), "p", f...); err != nil {
		t.Fatal(err)
	}
}

func (w *world) grant(t testing.TB) Grant {
	t.Helper()
	g, err := w.Exchange(t.Context(), w.issuer.token(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func (w *world) job(t testing.TB) githubjobs.Job {
	t.Helper()
	f, err := w.store.Facts(t.Context(), "p", "a")
	if err != nil {
		t.Fatal(err)
	}
	j, _ := w.Show(t.Context(), githubjobs.Reduce(f, w.Now()))
	return j
}

func lines(from int64, texts ...string) (list []githubjobs.Event) {
	for i, text := range texts {
		list = append(list, githubjobs.Event{Seq: from + int64(i), Type: githubjobs.EventLog, At: now, Text: text})
	}
	return list
}

// tell adds events as who shows a capability.
func (w *world) tell(ctx context.Context, job, capability string, events []githubjobs.Event) (int64, error) {
	stream, err := w.Admit(ctx, job, capability)
	if err != nil {
		return 0, err
	}
	return w.Append(ctx, stream, events)
}

package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// authenticate lets a request pass that bears a known API key.
func (a *api) authenticate(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	if !a.known(keyOf(r)) {
		problem.New(problem.Unauthorized, "Unauthorized").Write(w)
		return
	}
	next(ctx)
}

// withKey does what authenticate does, for a plain handler.
func (a *api) withKey(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.known(keyOf(r)) {
			problem.New(problem.Unauthorized, "Unauthorized").Write(w)
			return
		}
		next(w, r)
	}
}

// keyOf is the key that a request bears, in either of its two places.
func keyOf(r *http.Request) string {
	if key := r.Header.Get("X-Api-Key"); key != "" {
		return key
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// known compares with every key, by digests of equal length, so that the time
// tells nothing of a key or of its place in the list.
func (a *api) known(key string) bool {
	given, found := sha256.Sum256([]byte(key)), 0
	for i := range a.digests {
		found |= subtle.ConstantTimeCompare(given[:], a.digests[i][:])
	}
	return found == 1 && key != ""
}

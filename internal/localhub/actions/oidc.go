package actions

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
)

// tokenPath is where the issuer lives below the server URL, as on GitHub Enterprise Server.
const tokenPath = "/_services/token"

// tokenLife is how long an OIDC token is valid.
const tokenLife = 5 * time.Minute

// Issuer gives OpenID Connect tokens to jobs that have the permission id-token: write, and publishes the key that proves them.
// https://docs.github.com/en/actions/reference/security/oidc
type Issuer struct {
	server string
	now    func() time.Time
	load   func() (*rsa.PrivateKey, error) // reads or makes the key, once: making one takes long

	mu     sync.Mutex
	grants map[string]grant // by request token
}

// grant is what a job may have put into tokens.
type grant struct {
	jobID  int64
	owner  string
	claims jwt.MapClaims
}

// newIssuer keeps its key in file.
func newIssuer(file, server string, now func() time.Time) *Issuer {
	load := sync.OnceValues(func() (*rsa.PrivateKey, error) {
		key, err := readKey(file)
		if errors.Is(err, os.ErrNotExist) {
			key, err = makeKey(file)
		}
		if err != nil {
			return nil, fmt.Errorf("key of OIDC tokens: %w", err)
		}
		return key, nil
	})
	return &Issuer{server: server, now: now, load: load, grants: map[string]grant{}}
}

// keyID names a key in the key set.
func keyID(key *rsa.PrivateKey) string {
	sum := sha256.Sum256(key.N.Bytes())
	return hex.EncodeToString(sum[:20])
}

func readKey(file string) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block: remove it, a new key is made then", file)
	}
	return x509.ParsePKCS1PrivateKey(block.Bytes)
}

func makeKey(file string) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return key, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), 0o600)
}

// grant lets a job ask for tokens, by the variables that it returns.
func (i *Issuer) grant(g grant) map[string]string {
	secret := rand.Text() + rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.grants[secret] = g
	return map[string]string{
		"ACTIONS_ID_TOKEN_REQUEST_URL":   i.server + tokenPath + "/request?api-version=2.0", // clients append &audience=
		"ACTIONS_ID_TOKEN_REQUEST_TOKEN": secret,
	}
}

// forget ends what grant began.
func (i *Issuer) forget(jobID int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	maps.DeleteFunc(i.grants, func(_ string, g grant) bool { return g.jobID == jobID })
}

func (i *Issuer) find(r *http.Request) (grant, bool) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return grant{}, false
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	for known, g := range i.grants {
		if subtle.ConstantTimeCompare([]byte(known), []byte(secret)) == 1 {
			return g, true
		}
	}
	return grant{}, false
}

// routes adds the issuer's addresses.
func (i *Issuer) routes(mux *http.ServeMux) {
	issuer := i.server + tokenPath
	mux.HandleFunc("GET "+tokenPath+"/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{
			"issuer": issuer, "jwks_uri": issuer + "/.well-known/jwks", "subject_types_supported": []string{"public", "pairwise"},
			"response_types_supported": []string{"id_token"}, "id_token_signing_alg_values_supported": []string{"RS256"},
			"scopes_supported": []string{"openid"}, "claims_supported": claimNames,
		})
	})
	mux.HandleFunc("GET "+tokenPath+"/.well-known/jwks", func(w http.ResponseWriter, _ *http.Request) {
		key, err := i.load()
		if err != nil {
			writeJSON(w, http.StatusInternalServerError, map[string]string{"message": err.Error()})
			return
		}
		enc := base64.RawURLEncoding
		writeJSON(w, http.StatusOK, map[string]any{"keys": []map[string]string{{
			"kty": "RSA", "alg": "RS256", "use": "sig", "kid": keyID(key),
			"n": enc.EncodeToString(key.N.Bytes()), "e": enc.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET "+tokenPath+"/request", i.serveToken)
	mux.HandleFunc("POST "+tokenPath+"/request", i.serveToken)
}

func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	g, ok := i.find(r)
	if !ok {
		writeJSON(w, http.StatusUnauthorized, map[string]string{"message": "this token is not (or no longer) that of a running job"})
		return
	}
	audience := r.URL.Query().Get("audience")
	if audience == "" {
		audience = i.server + "/" + g.owner
	}
	text, err := i.sign(g.claims, audience)
	if err != nil {
		writeJSON(w, http.StatusInternalServerError, map[string]string{"message": err.Error()})
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"count": len(text), "value": text})
}

func (i *Issuer) sign(claims jwt.MapClaims, audience string) (string, error) {
	key, err := i.load()
	if err != nil {
		return "", err
	}
	now := i.now()
	claims = maps.Clone(claims)
	claims["iss"], claims["aud"], claims["jti"] = i.server+tokenPath, audience, uuid.NewString()
	claims["iat"], claims["nbf"], claims["exp"] = now.Unix(), now.Add(-10*time.Minute).Unix(), now.Add(tokenLife).Unix()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	token.Header["kid"] = keyID(key)
	return token.SignedString(key)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) // a write error means that the client has gone
}

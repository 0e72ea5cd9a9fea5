package rest

import (
	"crypto/rsa"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Authenticate finds out who sends r: by `Authorization: Bearer|token …` or by Basic, where the password (or, failing that, the user name) is the
// token, as git sends it. Without credentials the actor is anonymous. Wrong or expired ones are an *Error, 401 "Bad credentials".
func (s *Service) Authenticate(r *http.Request) (Actor, error) {
	secret := credential(r)
	switch {
	case secret == "":
		return Actor{}, nil
	case strings.Count(secret, ".") == 2:
		return s.authenticateApp(secret)
	}
	return s.authenticateToken(secret)
}

func credential(r *http.Request) string {
	if user, password, ok := r.BasicAuth(); ok {
		if password == "" || password == "x-oauth-basic" {
			return user
		}
		return password
	}
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token") {
		return strings.TrimSpace(secret)
	}
	return r.Header.Get("Authorization") // an unknown scheme is a wrong credential, not none
}

func (s *Service) authenticateToken(secret string) (actor Actor, err error) {
	err = errBadCredentials()
	s.DB.View(func(tx *state.Tx) {
		token, ok := tx.Tokens.ByName(state.TokenHash(secret))
		if !ok || !token.ExpiresAt.IsZero() && !s.Now().Before(token.ExpiresAt) {
			return
		}
		actor.Token = token
		actor.User, _ = tx.Users.Get(token.UserID)
		actor.Installation, _ = tx.Installations.Get(token.InstallationID)
		err = nil
	})
	return actor, err
}

// authenticateApp checks a GitHub App's JSON web token: RS256 by the App's key, issuer the App's id, at most 10 minutes long.
func (s *Service) authenticateApp(text string) (Actor, error) {
	var app state.App
	var claims jwt.RegisteredClaims
	key := func(t *jwt.Token) (any, error) {
		issuer, _ := t.Claims.GetIssuer()
		id, _ := strconv.ParseInt(issuer, 10, 64)
		s.DB.View(func(tx *state.Tx) { app, _ = tx.Apps.Get(id) })
		return appKey(app)
	}
	_, err := jwt.ParseWithClaims(text, &claims, key, jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(s.Now), jwt.WithLeeway(time.Minute))
	if err != nil {
		return Actor{}, &Error{Status: http.StatusUnauthorized, Message: "A JSON web token could not be decoded"}
	}
	if claims.IssuedAt == nil || claims.ExpiresAt.Sub(claims.IssuedAt.Time) > 11*time.Minute {
		return Actor{}, &Error{Status: http.StatusUnauthorized, Message: "'Expiration time' claim ('exp') is too far in the future"}
	}
	return Actor{App: app, User: s.user(app.BotID)}, nil
}

func appKey(app state.App) (*rsa.PublicKey, error) {
	return jwt.ParseRSAPublicKeyFromPEM([]byte(app.PublicKeyPEM))
}

func (s *Service) user(id int64) (u state.User) {
	s.DB.View(func(tx *state.Tx) { u, _ = tx.Users.Get(id) })
	return u
}

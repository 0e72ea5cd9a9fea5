package state

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// TokenKind says what a token stands for.
type TokenKind string

const (
	TokenPersonal     TokenKind = "personal"     // a user's personal access token: all that the user may
	TokenInstallation TokenKind = "installation" // an App's installation token: its permissions on its repositories
	TokenRun          TokenKind = "run"          // the GITHUB_TOKEN of a workflow job: its permissions on one repository
)

// Token is a credential. Only its hash is kept. ByName: TokenHash(secret).
type Token struct {
	ID             int64
	Hash           string
	Kind           TokenKind
	Note           string
	UserID         int64             // in whose name it acts: the person, "<app>[bot]" or "github-actions[bot]"
	InstallationID int64             // installation tokens
	RepositoryIDs  []int64           // nil: no limit (personal) or all of the installation; a run token names exactly one
	Permissions    map[string]string // installation and run tokens: name → "read" | "write"; absent: none. metadata is always read
	RunID, JobID   int64             // run tokens
	CreatedAt      time.Time
	ExpiresAt      time.Time // zero: never
}

// TokenHash is the key of Tokens.ByName.
func TokenHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

func (t Token) key() int64     { return t.ID }
func (t Token) parent() int64  { return t.RunID }
func (t Token) unique() string { return t.Hash }

// tokenPrefixes are GitHub's. The secret's length and alphabet mean nothing: nobody may depend on them.
var tokenPrefixes = map[TokenKind]string{TokenPersonal: "ghp_", TokenInstallation: "ghs_", TokenRun: "ghs_"}

// NewToken stores t with a new id and returns the secret that it stands for. Only inside Update.
func (tx *Tx) NewToken(t Token) (secret string) {
	secret = tokenPrefixes[t.Kind] + rand.Text() + rand.Text()
	t.ID = tx.Tokens.NextID()
	t.Hash = TokenHash(secret)
	tx.Tokens.Put(t)
	return secret
}

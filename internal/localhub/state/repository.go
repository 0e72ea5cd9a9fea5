package state

import (
	"strings"
	"time"
)

// Repository is what GitHub keeps of a repository outside of git. It belongs to its owner. ByName: RepositoryName(owner, name).
type Repository struct {
	ID            int64
	OwnerID       int64
	Owner         string // the owner's login
	Name          string
	Description   string
	Private       bool
	Archived      bool
	DefaultBranch string
	Collaborators map[int64]string // user id → "read" | "write" | "admin"; the owner is admin without being named
	LastNumber    int              // the last number given to a pull request or issue

	AllowMergeCommit, AllowSquashMerge, AllowRebaseMerge bool
	DeleteBranchOnMerge                                  bool

	Actions ActionsSettings
	// Protections are the rules for branches, by name. Maps must be replaced, not edited.
	Protections map[string]Protection `json:",omitempty"`

	CreatedAt, UpdatedAt, PushedAt time.Time
}

// ActionsSettings are a repository's settings for GitHub Actions.
type ActionsSettings struct {
	Enabled bool
	// DefaultPermissions is what a workflow without `permissions:` gets: "read" (contents and packages) or "write" (everything).
	DefaultPermissions string
	// CanApprovePullRequestReviews is the setting "Allow GitHub Actions to create and approve pull requests".
	CanApprovePullRequestReviews bool
	// OIDCSubjectClaims customises the `sub` of OIDC tokens (include_claim_keys); nil: GitHub's default.
	OIDCSubjectClaims []string
}

// Protection is what a branch asks of a pull request before it is merged, of an administrator's too.
type Protection struct {
	Approvals  int      // from people with write access
	Checks     []string // names of check runs or contexts of statuses, of whomever
	UpToDate   bool     // the head must have all commits of the branch
	MergeQueue bool     // nothing is merged but through the queue
}

// RepositoryName is the key of Repositories.ByName: names are compared without regard to case.
func RepositoryName(owner, name string) string { return strings.ToLower(owner + "/" + name) }

// FullName returns owner/name.
func (r Repository) FullName() string { return r.Owner + "/" + r.Name }

func (r Repository) key() int64     { return r.ID }
func (r Repository) parent() int64  { return r.OwnerID }
func (r Repository) unique() string { return RepositoryName(r.Owner, r.Name) }

// Hook is a repository's webhook. It belongs to its repository (an App's own hook belongs to nothing: see AppID).
type Hook struct {
	ID           int64
	RepositoryID int64
	AppID        int64 // set for the hook of an App
	URL          string
	Secret       string
	ContentType  string // "json" or "form"
	InsecureSSL  string // "0" or "1"
	Events       []string
	Active       bool
	CreatedAt    time.Time
	UpdatedAt    time.Time
	LastStatus   string // of last_response: "unused", "active", …
	LastCode     int
}

func (h Hook) key() int64     { return h.ID }
func (h Hook) parent() int64  { return h.RepositoryID }
func (h Hook) unique() string { return "" }

// Delivery is one attempt to deliver an event to a hook, to which it belongs. The bodies are blobs of kind BlobRequest and BlobResponse.
type Delivery struct {
	ID              int64
	HookID          int64
	GUID            string
	Event           string
	Action          string
	RepositoryID    int64
	InstallationID  int64
	Change          int64 `json:",omitempty"` // the RefChange that it tells of
	Redelivery      bool
	URL             string
	Done            bool // false: not yet attempted
	DeliveredAt     time.Time
	Duration        time.Duration
	Status          string // "OK", "Internal Server Error", "timed out", …
	StatusCode      int    // 0: no answer
	RequestHeaders  map[string]string
	ResponseHeaders map[string]string
}

// Kinds of the blobs of a Delivery; the key is its id.
const (
	BlobRequest  = "delivery_request"
	BlobResponse = "delivery_response"
)

func (d Delivery) key() int64     { return d.ID }
func (d Delivery) parent() int64  { return d.HookID }
func (d Delivery) unique() string { return "" }

package state

import (
	"strings"
	"time"
)

// UserType is GitHub's `type` of an account.
type UserType string

const (
	TypeUser         UserType = "User"
	TypeOrganization UserType = "Organization"
	TypeBot          UserType = "Bot"
)

// User is an account: a person, an organisation, or a bot. ByName: UserName(login).
type User struct {
	ID        int64
	Login     string
	Name      string
	Email     string
	Type      UserType
	SiteAdmin bool
	CreatedAt time.Time
}

// UserName is the key of Users.ByName: logins are compared without regard to case.
func UserName(login string) string { return strings.ToLower(login) }

func (u User) key() int64     { return u.ID }
func (u User) parent() int64  { return 0 }
func (u User) unique() string { return UserName(u.Login) }

// App is a GitHub App. ByName: its slug.
type App struct {
	ID            int64
	Slug          string
	Name          string
	OwnerID       int64 // a User
	BotID         int64 // the User "<slug>[bot]" in whose name its installations act
	PublicKeyPEM  string
	Permissions   map[string]string // name → "read" | "write"
	Events        []string
	WebhookURL    string
	WebhookSecret string
	CreatedAt     time.Time
}

func (a App) key() int64     { return a.ID }
func (a App) parent() int64  { return 0 }
func (a App) unique() string { return a.Slug }

// Installation is an App installed on one account. It belongs to its App.
type Installation struct {
	ID            int64
	AppID         int64
	AccountID     int64             // the User on whose repositories it is installed
	RepositoryIDs []int64           // nil: all repositories of the account
	Permissions   map[string]string // name → "read" | "write"
	Events        []string
	CreatedAt     time.Time
}

func (i Installation) key() int64     { return i.ID }
func (i Installation) parent() int64  { return i.AppID }
func (i Installation) unique() string { return "" }

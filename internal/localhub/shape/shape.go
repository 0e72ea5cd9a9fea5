// Package shape builds the JSON objects of GitHub's API. REST answers and webhook payloads use the same builders, so they agree in every field.
// It may import state and gitrepo, of which it uses the types only: what must be asked of git is handed to it.
package shape

import (
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Object is a JSON object.
type Object = map[string]any

// Builder builds shapes inside one View or Update.
type Builder struct {
	URL string // the server URL, without a slash at the end
	Tx  *state.Tx
}

// API returns an address in the REST API; path starts with a slash.
func (b Builder) API(format string, a ...any) string {
	return b.URL + "/api/v3" + fmt.Sprintf(format, a...)
}

// HTML returns the address of a page; path starts with a slash.
func (b Builder) HTML(format string, a ...any) string { return b.URL + fmt.Sprintf(format, a...) }

// RepoAPI returns an address in the REST API below /repos/{owner}/{repo}.
func (b Builder) RepoAPI(r state.Repository, format string, a ...any) string {
	return b.API("/repos/%s", r.FullName()) + fmt.Sprintf(format, a...)
}

// RepoHTML returns the address of a page of the repository.
func (b Builder) RepoHTML(r state.Repository, format string, a ...any) string {
	return b.URL + "/" + r.FullName() + fmt.Sprintf(format, a...)
}

// Time is t as GitHub writes it (UTC, RFC 3339, whole seconds), or nil when zero.
func Time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05Z")
}

// NonEmpty is s, or nil when empty: GitHub's null.
func NonEmpty(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// NodeID is a global node id. Its form means nothing.
func NodeID(kind string, id int64) string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "0%d:%s%d", len(kind), kind, id))
}

// EscapePath escapes a path for an address, keeping its slashes.
func EscapePath(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return strings.Join(parts, "/")
}

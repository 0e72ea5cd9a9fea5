package rest

import (
	"net/http"
	"slices"
	"strings"
)

// commitQueries are the operations on a commit whose ref may hold slashes, which a pattern can't say in its middle.
var commitQueries = []string{"check-runs", "check-suites", "status", "statuses", "pulls", "comments"}

// mergeRef makes one path segment of the ref in /commits/{ref}/check-runs and its like.
func mergeRef(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(r.URL.EscapedPath(), "/") // "", api, v3, repos, owner, repo, commits, ref…, query
		if len(parts) > 9 && parts[3] == "repos" && parts[6] == "commits" && slices.Contains(commitQueries, parts[len(parts)-1]) {
			merged := slices.Concat(parts[:7], []string{strings.Join(parts[7:len(parts)-1], "%2F")}, parts[len(parts)-1:])
			r2 := *r
			u := *r.URL
			u.RawPath = strings.Join(merged, "/")
			r2.URL = &u
			r = &r2
		}
		next.ServeHTTP(w, r)
	})
}

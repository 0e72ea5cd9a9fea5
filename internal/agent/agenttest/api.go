package agenttest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// API is the part of GitHub's API by which files of a branch are read, for the repository
// o/r on a server of one's own. It answers those who bear the token.
func (r *Repository) API(token string) http.Handler {
	mux := http.NewServeMux()
	answer := func(pattern string, do func(req *http.Request) (any, error)) {
		mux.HandleFunc("GET /api/v3/repos/o/r/git/"+pattern, func(w http.ResponseWriter, req *http.Request) {
			body, err := do(req)
			switch {
			case req.Header.Get("Authorization") != "Bearer "+token:
				w.WriteHeader(http.StatusUnauthorized)
			case err != nil:
				w.WriteHeader(http.StatusNotFound)
			default:
				_ = json.NewEncoder(w).Encode(body)
			}
		})
	}
	answer("ref/heads/{branch}", func(req *http.Request) (any, error) {
		sha, err := r.try("rev-parse", "--verify", "refs/heads/"+req.PathValue("branch"))
		return map[string]any{"ref": "refs/heads/" + req.PathValue("branch"), "object": map[string]any{"type": "commit", "sha": sha}}, err
	})
	answer("trees/{sha}", func(req *http.Request) (any, error) {
		list, err := r.try("ls-tree", "--long", req.PathValue("sha"))
		entries := []map[string]any{}
		for line := range strings.Lines(list) {
			var mode, kind, sha, size string
			meta, path, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			_, _ = fmt.Sscan(meta, &mode, &kind, &sha, &size)
			entries = append(entries, map[string]any{"path": path, "mode": mode, "type": kind, "sha": sha})
		}
		return map[string]any{"sha": req.PathValue("sha"), "tree": entries, "truncated": false}, err
	})
	answer("blobs/{sha}", func(req *http.Request) (any, error) {
		content, err := r.try("cat-file", "blob", req.PathValue("sha"))
		return map[string]any{"sha": req.PathValue("sha"), "encoding": "base64", "content": base64.StdEncoding.EncodeToString([]byte(content))}, err
	})
	return mux
}

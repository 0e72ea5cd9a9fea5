package report

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/agent/agenttest"
)

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

// busy is a repository with work of people and of jobs over two months.
func busy(t *testing.T) *agenttest.Repository {
	r := agenttest.NewRepository(t)
	commit := func(when, who, message string, write map[string]string, remove ...string) {
		r.Commit(agenttest.Commit{Author: who, At: at(when), Message: message, Write: write, Remove: remove})
	}
	text := func(lines int) string { return strings.Repeat("a line\n", lines) }
	const ada, grace, mallory = "Ada Lovelace <ada@example.com>", "Grace Hopper <grace@example.com>", "Mal | <b>*lory*</b> [x](y) <mal@example.com>"
	commit("2026-10-05 09:00", ada, "First", map[string]string{"README.md": text(10), "main.go": text(100), "old.txt": text(30)})
	commit("2026-11-09 11:00", grace, "Prepare", map[string]string{"main.go": text(110)})
	commit("2026-11-15 23:59", ada, "The last minute of a week", map[string]string{"week.txt": text(3)})
	commit("2026-11-16 00:00", grace, "The first minute of a week", map[string]string{"week.txt": text(4)})
	commit("2026-11-20 12:00", ada, "The day before", map[string]string{"main.go": text(90)})
	commit("2026-11-21 00:00", ada, "feat: add snake_case, see #12 & https://example.com", map[string]string{"main.go": text(140)})
	commit("2026-11-21 09:15", grace, "Rename old.txt", map[string]string{"new name.txt": text(30)}, "old.txt")
	commit("2026-11-21 09:40", mallory, "| ![x](http://evil/x.png) <img src=x> `", map[string]string{"a|b`_c_.md": text(5), "bin": "\x00\x01"})
	commit("2026-11-21 14:00", "githubjobs <bot@example.com>", "Daily report (#7)\n\nJob-Id: abc", map[string]string{"reports/x.md": text(500)})
	commit("2026-11-21 23:59", ada, "Remove what is not needed", map[string]string{"README.md": text(4)})
	r.Git("checkout", "-q", "-b", "side", "HEAD~1")
	commit("2026-11-21 16:30", grace, "On a side branch", map[string]string{"side.txt": text(12)})
	r.Git("checkout", "-q", "main")
	r.GitEnv([]string{"GIT_AUTHOR_DATE=2026-11-21T23:59:30Z", "GIT_COMMITTER_DATE=2026-11-21T23:59:30Z"}, "merge", "-q", "--no-ff", "-m", "Merge side", "side")
	commit("2026-11-22 00:00", grace, "The day after", map[string]string{"main.go": text(1)})
	return r
}

// api answers as GitHub's API does for pull requests and runs.
type api struct {
	pulls, runs []map[string]any
	status      int // of the answer about runs; 0 means 200
}

func (a api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page, _ := strconv.Atoi(r.FormValue("page"))
	size, _ := strconv.Atoi(r.FormValue("per_page"))
	page = max(page, 1)
	cut := func(list []map[string]any) []map[string]any {
		from := min((page-1)*size, len(list))
		to := min(from+size, len(list))
		if to < len(list) {
			next := url.Values{"page": {strconv.Itoa(page + 1)}, "per_page": {strconv.Itoa(size)}}
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, r.Host, r.URL.Path, next.Encode()))
		}
		return list[from:to]
	}
	switch r.URL.Path {
	case "/repos/o/r/pulls":
		json.NewEncoder(w).Encode(cut(a.pulls))
	case "/repos/o/r/actions/runs":
		if a.status != 0 {
			w.WriteHeader(a.status)
			io.WriteString(w, `{"message":"Resource not accessible by integration"}`)
			return
		}
		json.NewEncoder(w).Encode(map[string]any{"total_count": len(a.runs), "workflow_runs": cut(a.runs)})
	default:
		http.NotFound(w, r)
	}
}

func pullRequest(number int, title, user, head, merged, updated string) map[string]any {
	p := map[string]any{
		"number": number, "title": title, "user": map[string]any{"login": user}, "head": map[string]any{"ref": head}, "base": map[string]any{"ref": "main"},
		"html_url": fmt.Sprintf("https://github.example/o/r/pull/%d", number), "updated_at": at(updated), "merged_at": nil,
	}
	if merged != "" {
		p["merged_at"] = at(merged)
	}
	return p
}

func workflowRun(id int, name, branch, conclusion, created string, took time.Duration) map[string]any {
	return map[string]any{
		"id": id, "name": name, "head_branch": branch, "event": "push", "display_title": "Title " + strconv.Itoa(id), "status": "completed",
		"conclusion": conclusion, "created_at": at(created), "run_started_at": at(created).Add(time.Minute), "updated_at": at(created).Add(time.Minute + took),
		"html_url": fmt.Sprintf("https://github.example/o/r/actions/runs/%d", id),
	}
}

func busyAPI() api {
	return api{
		pulls: []map[string]any{ // newest update first
			pullRequest(9, "Merged after the day", "grace", "x", "2026-11-22 00:00", "2026-11-22 08:00"),
			pullRequest(8, "A fix for #3 @ada", "grace", "fix", "2026-11-21 10:00", "2026-11-21 20:00"),
			pullRequest(7, "Daily report", "githubjobs[bot]", "job/abc", "2026-11-21 14:00", "2026-11-21 14:00"),
			pullRequest(6, "Closed only", "ada", "y", "", "2026-11-21 13:00"),
			pullRequest(5, "The day before", "ada", "z", "2026-11-20 10:00", "2026-11-20 10:00"),
			pullRequest(4, "In October", "ada", "z", "2026-10-20 10:00", "2026-10-20 10:00"),
			pullRequest(1, "In September, never reached", "ada", "z", "2026-09-20 10:00", "2026-09-20 10:00"),
		},
		runs: []map[string]any{
			workflowRun(30, "CI", "main", "success", "2026-11-22 00:00", time.Minute),
			workflowRun(21, "CI", "main", "success", "2026-11-21 23:00", 65*time.Second),
			workflowRun(20, "CI", "fix|me", "failure", "2026-11-21 10:10", 30*time.Second),
			workflowRun(19, "CI", "fix|me", "success", "2026-11-21 10:00", 75*time.Second),
			workflowRun(18, "CI", "main", "cancelled", "2026-11-21 09:20", time.Second),
			workflowRun(17, "Nightly *build*", "main", "success", "2026-11-21 02:00", 2*time.Hour+3*time.Minute),
			workflowRun(16, "Run job", "job/abc", "success", "2026-11-21 13:59", 5*time.Second),
			workflowRun(10, "CI", "main", "failure", "2026-11-20 12:00", time.Minute),
			workflowRun(2, "CI", "main", "success", "2026-10-20 12:00", time.Minute),
		},
	}
}

package hub

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub"
)

func BenchmarkSubmit(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := setup(b)
			f.submit(spec("warm"))
			f.ResetRequests()
			round := 0
			for b.Loop() {
				round++
				f.submit(specs(fmt.Sprintf("r%d", round), n)...)
			}
			b.ReportMetric(float64(len(f.Requests()))/float64(round), "requests/op")
			if got := f.CountRequests(localhub.RequestREST); got != 0 {
				b.Errorf("%d REST requests", got)
			}
		})
	}
}

// BenchmarkSubmitAmongRefs pushes one job to a repository that has 20,000 branches, and
// the same commit to another branch with git itself, by turns. The ratio is of the
// medians.
func BenchmarkSubmitAmongRefs(b *testing.B) {
	const refs = 20_000
	f := setup(b)
	f.submit(spec("warm"))
	head := f.git("rev-parse", "main")
	var create strings.Builder
	for i := range refs {
		fmt.Fprintf(&create, "create refs/heads/old/%d %s\n", i, head)
	}
	f.gitIn(create.String(), "update-ref", "--stdin")
	f.git("pack-refs", "--all")
	g := cloneForPushes(b, f)
	var ours, gits []time.Duration
	round := 0
	for b.Loop() {
		round++
		began := time.Now()
		if s := f.submit(spec(fmt.Sprintf("job-%d", round)))[0]; s.Err != nil || !s.Created {
			b.Fatalf("%+v", s)
		}
		ours = append(ours, time.Since(began))
		gits = append(gits, g.push(round))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(ours).Microseconds())/1000, "ms-ours")
	b.ReportMetric(float64(median(gits).Microseconds())/1000, "ms-git")
	b.ReportMetric(float64(median(ours))/float64(median(gits)), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// clone is a clone of the base branch, with commits like those of jobs.
type clone struct {
	b   *testing.B
	dir string
	url string
}

func cloneForPushes(b *testing.B, f *fixture) *clone {
	c := &clone{b: b, dir: filepath.Join(b.TempDir(), "clone"), url: strings.Replace(f.URL(), "://", "://alice:"+f.token+"@", 1) + "/alice/reports.git"}
	c.git(b.TempDir(), "clone", "--quiet", "--single-branch", "--branch", "main", c.url, c.dir)
	return c
}

func (c *clone) git(dir string, args ...string) string {
	c.b.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Bob", "GIT_AUTHOR_EMAIL=bob@example.com", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.b.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// push makes a commit of the base's tree and pushes it to a branch of its own; the time is
// that of the push alone.
func (c *clone) push(n int) time.Duration {
	c.b.Helper()
	sha := c.git(c.dir, "commit-tree", "-p", "origin/main", "-m", fmt.Sprint("job ", n), "origin/main^{tree}")
	began := time.Now()
	c.git(c.dir, "push", "--quiet", c.url, sha+":refs/heads/git/"+fmt.Sprint(n))
	return time.Since(began)
}

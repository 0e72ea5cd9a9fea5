package schedule

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/internal/store"
)

// repository is a repository with one file, and its project.
type repository struct {
	*memory
	document string
	err      error
	head     string
	reads    []string // when the file was read
}

func (r *repository) WatchedFile(_ context.Context, name, branch string) ([]byte, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.reads = append(r.reads, time.Now().Format("15:04:05"))
	if name != ".githubjobs.yml" || branch != "main" {
		return nil, fmt.Errorf("asked for %s on %s", name, branch)
	}
	return []byte(r.document), r.err
}

func (r *repository) Project(context.Context, string) (store.Project, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return store.Project{BaseHead: r.head}, nil
}

// push changes the file, and tells of it.
func (r *repository) push(document string, err error) {
	r.mu.Lock()
	r.document, r.err, r.head = document, err, r.head+"x"
	r.mu.Unlock()
	time.Sleep(longest)
	synctest.Wait()
}

// inForce are the schedules that there are.
func (r *repository) inForce() (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, s := range r.schedules {
		list = append(list, fmt.Sprintf("%s %s %s", name, s.Source, s.Cron))
	}
	slices.Sort(list)
	return list
}

func startFile(t *testing.T, r *repository) (f *File, stop func()) {
	f = NewFile(FileOptions{
		Project: "p", Hub: r, Store: r, Base: func(context.Context) (string, error) { return "main", nil }, Every: time.Hour,
		Read: func(raw []byte, _ string) (store.Plan, error) {
			cron := strings.TrimSuffix(strings.TrimPrefix(string(raw), `{"cron":"`), `"}`)
			if cron == "bad" {
				return store.Plan{}, errors.New("cron: bad")
			}
			return store.Plan{Cron: cron, TimeZone: "UTC", Concurrency: store.Allow, CatchUp: store.CatchUpLast, Job: githubjobs.Spec{Prompt: "x"}}, nil
		},
		Changed: func() {}, Log: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	return f, runs(t, f.Run)
}

const ab = "schedules: [{name: a, cron: '@daily'}, {name: b, cron: '@hourly'}]"

func TestFile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &repository{memory: newMemory(), document: ab}
		r.schedules["mine"] = minutely(func(s *store.Schedule) { s.Name, s.Source = "mine", store.SourceAPI })
		r.schedules["b"] = minutely(func(s *store.Schedule) { s.Name, s.Source, s.LastJob = "b", store.SourceAPI, "j" })
		f, stop := startFile(t, r)
		synctest.Wait()
		holds := func(what, problem string, want ...string) {
			t.Helper()
			if got := r.inForce(); !slices.Equal(got, want) || problem == "" && f.State() != (FileState{}) || !strings.Contains(f.State().Problem, problem) {
				t.Errorf("%s: %q, %+v", what, got, f.State())
			}
		}
		holds("at the start", "", "a file @daily", "b file @hourly", "mine api * * * * *")
		if b := r.schedules["b"]; b.LastJob != "j" || !b.Since.Equal(time.Now()) {
			t.Errorf("one that the file took over: %+v", b)
		}
		before := r.schedules["a"]
		r.push(ab+"\n# a comment", nil)
		if after := r.schedules["a"]; after.Revision != before.Revision {
			t.Error("what is the same is written again")
		}
		r.push("schedules: [{name: a, cron: bad}, {name: c, cron: '@daily'}]", nil)
		holds("a bad plan", "schedule a: cron: bad", "a file @daily", "b file @hourly", "mine api * * * * *")
		since := f.State().Since
		time.Sleep(2 * lag)
		if f.State().Since != since {
			t.Error("the same problem is another")
		}
		r.push("schedules: [{name: A, cron: '@daily'}]", nil)
		holds("a bad name", "no name of a schedule", "a file @daily", "b file @hourly", "mine api * * * * *")
		r.push("schedules: [", nil)
		holds("no YAML", "yaml", "a file @daily", "b file @hourly", "mine api * * * * *")
		r.push(ab, &hub.Error{Kind: hub.ErrNotFound, Message: "there is no branch main"})
		holds("no branch", "no branch main", "a file @daily", "b file @hourly", "mine api * * * * *")
		r.push("schedules: [{name: a, cron: '@weekly'}]", nil)
		time.Sleep(retryFile)
		holds("a change, and one less", "", "a file @weekly", "mine api * * * * *")
		r.push("", &hub.Error{Kind: hub.ErrNotFound, Err: hub.ErrNoFile})
		holds("no file", "", "mine api * * * * *")
		stop()
	})
}

// A file that nobody pushes to is read once, and then each hour.
func TestFileIsReadWhenItChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &repository{memory: newMemory(), document: ab, head: "a"}
		_, stop := startFile(t, r)
		time.Sleep(62*time.Minute + time.Second)
		r.push(ab, nil)
		time.Sleep(time.Minute)
		stop()
		if !slices.Equal(r.reads, []string{"00:00:00", "01:00:00", "01:02:05", "01:02:25"}) {
			t.Errorf("read at %q", r.reads)
		}
	})
}

// What GitHub or the database fail to do is done again.
func TestFileFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &repository{memory: newMemory(), document: ab, err: &hub.Error{Kind: hub.ErrRateLimited, RetryAfter: 10 * time.Minute}}
		r.fail = func(*githubjobs.Spec) (error, error) { return each(2, len(r.reads)), nil }
		f, stop := startFile(t, r)
		synctest.Wait()
		if p := f.State().Problem; !strings.Contains(p, "rate limit") {
			t.Errorf("problem %q", p)
		}
		r.mu.Lock()
		r.err = nil
		r.mu.Unlock()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if p := f.State().Problem; !strings.Contains(p, "database") {
			t.Errorf("problem %q", p)
		}
		time.Sleep(10 * time.Second)
		stop()
		if len(r.inForce()) != 2 || f.State().Problem != "" {
			t.Errorf("%q, %+v, read at %q", r.inForce(), f.State(), r.reads)
		}
	})
}

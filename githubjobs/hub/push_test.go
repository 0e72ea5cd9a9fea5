package hub

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage/memory"
)

func TestPushMovesRefsOnlyFromWhereTheyAre(t *testing.T) {
	t.Parallel()
	f := setup(t)
	main, tree := f.git("rev-parse", "main"), f.git("rev-parse", "main^{tree}")
	next, err := f.repo.Commit(tree, main, "next", created)
	if err != nil {
		t.Fatal(err)
	}
	sha := next.Hash().String()
	f.git("branch", "old", "main")
	f.git("branch", "done", "main")
	f.requests()
	got, err := f.repo.Push(t.Context(), []Update{
		{Ref: "refs/heads/main", Old: main, New: sha},
		{Ref: "refs/heads/new", New: sha},
		{Ref: "refs/heads/old", Old: main},            // deletes
		{Ref: "refs/heads/absent"},                    // deleted already
		{Ref: "refs/heads/done", Old: sha, New: main}, // there already
		{Ref: "refs/heads/elsewhere", Old: main, New: sha},
	}, []plumbing.EncodedObject{next, next})
	if err != nil {
		t.Fatal(err)
	}
	for i, err := range got[:5] {
		if err != nil {
			t.Errorf("%d: %v", i, err)
		}
	}
	if !errors.Is(got[5], ErrRefMoved) || Temporary(got[5]) {
		t.Errorf("moved: %v", got[5])
	}
	want := sha + " main\n" + sha + " new"
	if refs := f.git("for-each-ref", "--format=%(objectname) %(refname:short)", "refs/heads/main", "refs/heads/new", "refs/heads/old"); refs != want {
		t.Errorf("refs:\n%s\nwant\n%s", refs, want)
	}
	if got := f.requests(); len(got) != 2 {
		t.Errorf("%v", got)
	}
}

func TestPushDeletesWithoutAPack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.git("branch", "old", "main")
	got, err := f.repo.Push(t.Context(), []Update{{Ref: "refs/heads/old", Old: f.git("rev-parse", "main")}}, nil)
	if err != nil || got[0] != nil {
		t.Fatal(got, err)
	}
	if refs := f.git("for-each-ref", "refs/heads/old"); refs != "" {
		t.Errorf("still there: %s", refs)
	}
}

// A push whose answer is lost has happened; the next try must find it.
func TestPushSurvivesALostAnswer(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var lost atomic.Bool
	repo := f.behind(func(hub http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost && lost.CompareAndSwap(false, true) {
				hub.ServeHTTP(discard{http.Header{}}, r)
				panic(http.ErrAbortHandler)
			}
			hub.ServeHTTP(w, r)
		})
	})
	_, err := repo.Submit(t.Context(), orders("x", 3))
	if !errors.Is(err, ErrUnavailable) || !Temporary(err) {
		t.Fatalf("lost answer: %v", err)
	}
	again, err := repo.Submit(t.Context(), orders("x", 3))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range again {
		if s.Err != nil || s.Created || s.SHA != f.git("rev-parse", s.Branch) {
			t.Errorf("%+v", s)
		}
	}
}

// discard is a client that has gone.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) WriteHeader(int)             {}
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

func TestPushErrorsAreTyped(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const soon = "in as long as the test says, from the answer on"
	for name, test := range map[string]struct {
		status    int
		header    map[string]string
		body      string
		kind      error
		after     time.Duration
		temporary bool
	}{
		"secondary 429":   {429, map[string]string{"Retry-After": "7"}, "", ErrRateLimited, 7 * time.Second, true},
		"429 unexplained": {429, nil, "", ErrRateLimited, time.Minute, true},
		"secondary 403":   {403, nil, `{"message":"You have exceeded a secondary rate limit"}`, ErrRateLimited, time.Minute, true},
		"primary 403": {403, map[string]string{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": soon},
			"API rate limit exceeded", ErrRateLimited, 90 * time.Second, true},
		"no right": {403, nil, "Write access to repository not granted.", ErrForbidden, 0, false},
		"broken":   {502, nil, "<html>", ErrUnavailable, 0, true},
	} {
		for _, service := range []string{"info/refs", "git-receive-pack"} {
			t.Run(name+" "+service, func(t *testing.T) {
				t.Parallel()
				repo := f.behind(func(hub http.Handler) http.Handler {
					return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if !strings.HasSuffix(r.URL.Path, service) {
							hub.ServeHTTP(w, r)
							return
						}
						for k, v := range test.header {
							if v == soon {
								v = strconv.FormatInt(time.Now().Add(test.after).Unix(), 10)
							}
							w.Header().Set(k, v)
						}
						w.Header().Set("X-GitHub-Request-Id", "AB:12")
						w.WriteHeader(test.status)
						io.WriteString(w, test.body)
					})
				})
				_, err := repo.Submit(t.Context(), orders("x", 1))
				e, ok := errors.AsType[*Error](err)
				if !ok || !errors.Is(err, test.kind) || Temporary(err) != test.temporary {
					t.Fatalf("temporary %v: %v", Temporary(err), err)
				}
				if after := RetryAfter(err); after > test.after || after < test.after-time.Minute/2 {
					t.Errorf("retry after %v, want %v", after, test.after)
				}
				if e.Status != test.status || e.RequestID != "AB:12" || !strings.Contains(e.URL, service) {
					t.Errorf("%+v", e)
				}
				if strings.Contains(e.Public(), "AB:12") || strings.Contains(e.Error(), f.token) {
					t.Errorf("public %q\nerror %q", e.Public(), e.Error())
				}
			})
		}
	}
}

func TestRefusalsAreTemporaryOrFinal(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]error{
		"failed": ErrRefBusy, "": ErrRefBusy, "failed to update ref": ErrRefBusy, "cannot lock ref 'x'": ErrRefBusy,
		"Internal Server Error": ErrRefBusy, "unpacker error": ErrRefBusy, "reference already exists": ErrRefBusy,
		"pre-receive hook declined": ErrRefused, "protected branch hook declined": ErrRefused,
		"push declined due to repository rule violations":                                                                  ErrRefused,
		"refusing to allow a GitHub App to create or update workflow `.github/workflows/x` without `workflows` permission": ErrRefused,
	} {
		if got := refusal("refs/heads/x", status, ""); !errors.Is(got, want) {
			t.Errorf("%q: %v", status, got)
		}
	}
}

func TestFetchReadsABranchAtADepth(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := f.git("rev-parse", "main")
	f.commit("main", "two")
	head := f.commit("main", "three")
	store := memory.NewStorage()
	got, err := f.repo.Fetch(t.Context(), "main", 2, store)
	if err != nil || got.Head != head || got.Branch("main") != head || got.Branch("gone") != "" {
		t.Fatal(got, err)
	}
	if n := len(store.Commits); n != 2 {
		t.Errorf("%d commits, want 2", n)
	}
	if len(store.Trees) == 0 || len(store.Blobs) != 0 {
		t.Errorf("%d trees and the content of %d files, want trees and no content", len(store.Trees), len(store.Blobs))
	}
	if _, ok := store.Commits[plumbing.NewHash(first)]; ok {
		t.Error("the first commit came along")
	}
	if got := f.requests(); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if _, err := f.repo.Fetch(t.Context(), "gone", 1, store); !errors.Is(err, ErrNotFound) {
		t.Errorf("no branch: %v", err)
	}
}

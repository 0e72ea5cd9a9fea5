package localhub

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

func TestRepositories(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx, c := hubtest.Within(t), h.alice()
	made, _, err := c.Repositories.Create(ctx, "", &github.Repository{Name: github.String("new"), Private: github.Bool(true), AutoInit: github.Bool(true)})
	if err != nil {
		t.Fatal(err)
	}
	if made.GetFullName() != "alice/new" || !made.GetPrivate() || made.GetDefaultBranch() != "main" || made.GetCloneURL() != h.URL()+"/alice/new.git" ||
		made.GetHTMLURL() != h.URL()+"/alice/new" || !made.GetPermissions()["admin"] || made.GetOwner().GetLogin() != "alice" {
		t.Errorf("created repository: %v", made)
	}
	_, _, err = c.Repositories.Create(ctx, "", &github.Repository{Name: github.String("NEW")})
	hubtest.WantStatus(t, err, 422, "Repository creation failed")
	edited, _, err := c.Repositories.Edit(ctx, "alice", "new", &github.Repository{AllowMergeCommit: github.Bool(false), DeleteBranchOnMerge: github.Bool(true)})
	if err != nil || edited.GetAllowMergeCommit() || !edited.GetAllowSquashMerge() || !edited.GetDeleteBranchOnMerge() {
		t.Errorf("edited repository: %v, %v", edited, err)
	}
	_, _, err = c.Repositories.Edit(ctx, "alice", "new", &github.Repository{DefaultBranch: github.String("none")})
	hubtest.WantStatus(t, err, 422, "Validation Failed")
	mine, _, err := c.Repositories.ListByAuthenticatedUser(ctx, nil)
	if err != nil || len(mine) != 2 {
		t.Errorf("own repositories: %v, %v", mine, err)
	}
	public, _, err := h.client("").Repositories.ListByUser(ctx, "alice", nil)
	if err != nil || len(public) != 1 {
		t.Errorf("public repositories: %v, %v", public, err)
	}
	if _, err := c.Repositories.Delete(ctx, "alice", "new"); err != nil {
		t.Error(err)
	}
	_, _, err = c.Repositories.Get(ctx, "alice", "new")
	hubtest.WantStatus(t, err, 404, "Not Found")
	if _, _, err := c.Repositories.Create(ctx, "", &github.Repository{Name: github.String("new")}); err != nil {
		t.Errorf("the name is free again: %v", err)
	}
}

func TestRefs(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx, c := hubtest.Within(t), h.alice()
	main, _, err := c.Git.GetRef(ctx, "alice", "reports", "heads/main")
	if err != nil {
		t.Fatal(err)
	}
	name := "refs/heads/job/01#ü"
	made, _, err := c.Git.CreateRef(ctx, "alice", "reports", &github.Reference{Ref: &name, Object: main.Object})
	if err != nil || made.GetRef() != name || made.GetObject().GetType() != "commit" {
		t.Fatalf("created ref: %v, %v", made, err)
	}
	_, _, err = c.Git.CreateRef(ctx, "alice", "reports", made)
	hubtest.WantStatus(t, err, 422, "Reference already exists")
	_, _, err = c.Git.CreateRef(ctx, "alice", "reports", &github.Reference{Ref: github.String("refs/heads/x"),
		Object: &github.GitObject{SHA: github.String(strings.Repeat("1", 40))}})
	hubtest.WantStatus(t, err, 422, "Object does not exist")
	if got, _, err := c.Git.GetRef(ctx, "alice", "reports", name); err != nil || got.GetObject().GetSHA() != main.GetObject().GetSHA() {
		t.Errorf("ref with # and ü: %v, %v", got, err)
	}
	branch, _, err := c.Repositories.GetBranch(ctx, "alice", "reports", "job/01#ü", 0)
	if err != nil || branch.GetCommit().GetCommit().GetMessage() != "Initial commit" {
		t.Errorf("branch: %v, %v", branch, err)
	}
	matching, _, err := c.Git.ListMatchingRefs(ctx, "alice", "reports", &github.ReferenceListOptions{Ref: "heads/job"})
	if err != nil || len(matching) != 1 || matching[0].GetRef() != name {
		t.Errorf("matching refs: %v, %v", matching, err)
	}
	branches, _, err := c.Repositories.ListBranches(ctx, "alice", "reports", nil)
	if err != nil || len(branches) != 2 {
		t.Errorf("branches: %v, %v", branches, err)
	}
	commit := h.rootCommit(c)
	made.Object.SHA = &commit
	_, _, err = c.Git.UpdateRef(ctx, "alice", "reports", made, false)
	hubtest.WantStatus(t, err, 422, "not a fast forward")
	if moved, _, err := c.Git.UpdateRef(ctx, "alice", "reports", made, true); err != nil || moved.GetObject().GetSHA() != commit {
		t.Errorf("forced update: %v, %v", moved, err)
	}
	if _, err := c.Git.DeleteRef(ctx, "alice", "reports", name); err != nil {
		t.Error(err)
	}
	_, err = c.Git.DeleteRef(ctx, "alice", "reports", name)
	hubtest.WantStatus(t, err, 422, "Reference does not exist")
}

// rootCommit makes a commit without parents through the git database API and returns its SHA.
func (h *hub) rootCommit(c *github.Client) string {
	h.t.Helper()
	ctx := hubtest.Within(h.t)
	blob, _, err := c.Git.CreateBlob(ctx, "alice", "reports", &github.Blob{Content: github.String("aGk="), Encoding: github.String("base64")})
	if err != nil {
		h.t.Fatal(err)
	}
	tree, _, err := c.Git.CreateTree(ctx, "alice", "reports", "", []*github.TreeEntry{
		{Path: github.String("dir/a.txt"), Mode: github.String("100644"), Type: github.String("blob"), SHA: blob.SHA},
		{Path: github.String("b.txt"), Mode: github.String("100755"), Type: github.String("blob"), Content: github.String("b")},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	if len(tree.Entries) != 2 {
		h.t.Errorf("tree: %v", tree)
	}
	commit, _, err := c.Git.CreateCommit(ctx, "alice", "reports", &github.Commit{Message: github.String("Root"), Tree: tree}, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	full, _, err := c.Git.GetTree(ctx, "alice", "reports", commit.GetSHA(), true)
	if err != nil || len(full.Entries) != 3 || full.GetTruncated() {
		h.t.Errorf("recursive tree: %v, %v", full, err)
	}
	raw, _, err := c.Git.GetBlobRaw(ctx, "alice", "reports", blob.GetSHA())
	if err != nil || string(raw) != "hi" {
		h.t.Errorf("raw blob: %q, %v", raw, err)
	}
	return commit.GetSHA()
}

func TestContents(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx, c := hubtest.Within(t), h.alice()
	path := "docs/a b+c.md"
	put := func(content string, sha *string) (*github.RepositoryContentResponse, error) {
		r, _, err := c.Repositories.CreateFile(ctx, "alice", "reports", path,
			&github.RepositoryContentFileOptions{Message: github.String("Write"), Content: []byte(content), SHA: sha})
		return r, err
	}
	first, err := put("one\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = put("two\n", nil)
	hubtest.WantStatus(t, err, 422, `"sha" wasn't supplied`)
	_, err = put("two\n", github.String(strings.Repeat("0", 40)))
	hubtest.WantStatus(t, err, 409, "does not match")
	if _, err := put("two\n", first.Content.SHA); err != nil {
		t.Error(err)
	}
	file, _, _, err := c.Repositories.GetContents(ctx, "alice", "reports", path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := file.GetContent(); err != nil || text != "two\n" || file.GetName() != "a b+c.md" {
		t.Errorf("file: %v, %q, %v", file, text, err)
	}
	old, _, _, err := c.Repositories.GetContents(ctx, "alice", "reports", path, &github.RepositoryContentGetOptions{Ref: first.Commit.GetSHA()})
	if err != nil || old.GetSHA() != first.Content.GetSHA() {
		t.Errorf("file at the first commit: %v, %v", old, err)
	}
	_, folder, _, err := c.Repositories.GetContents(ctx, "alice", "reports", "", nil)
	if err != nil || len(folder) != 2 || folder[1].GetType() != "dir" {
		t.Errorf("root folder: %v, %v", folder, err)
	}
	readme, _, err := c.Repositories.GetReadme(ctx, "alice", "reports", nil)
	if err != nil || readme.GetPath() != "README.md" {
		t.Errorf("readme: %v, %v", readme, err)
	}
	if _, _, err := c.Repositories.DeleteFile(ctx, "alice", "reports", path,
		&github.RepositoryContentFileOptions{Message: github.String("Remove"), SHA: file.SHA}); err != nil {
		t.Error(err)
	}
	_, _, _, err = c.Repositories.GetContents(ctx, "alice", "reports", path, nil)
	hubtest.WantStatus(t, err, 404, "Not Found")
	_, _, _, err = c.Repositories.GetContents(ctx, "alice", "reports", "", &github.RepositoryContentGetOptions{Ref: "none"})
	hubtest.WantStatus(t, err, 404, "No commit found for the ref none")
	if body := h.get("/repos/alice/reports/contents/README.md", "Accept", "application/vnd.github.raw+json"); !strings.HasPrefix(body, "# reports") {
		t.Errorf("raw file: %q", body)
	}
}

// A link to a file of the repository is answered with that file's content, any other
// as a link. A folder says of both what they are.
func TestContentsOfLinks(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx, c := hubtest.Within(t), h.alice()
	entry := func(path, mode, content string) *github.TreeEntry {
		return &github.TreeEntry{Path: &path, Mode: &mode, Type: github.String("blob"), Content: &content}
	}
	const link = "120000"
	tree, _, err := c.Git.CreateTree(ctx, "alice", "reports", "", []*github.TreeEntry{
		entry("docs/a.md", "100644", "text\n"), entry("to-file", link, "docs/a.md"), entry("docs/up", link, "../docs/a.md"),
		entry("to-folder", link, "docs"), entry("to-nothing", link, "none"), entry("out", link, "../docs/a.md"), entry("rooted", link, "/docs/a.md"), entry("to-link", link, "to-file"),
	})
	if err != nil {
		t.Fatal(err)
	}
	commit, _, err := c.Git.CreateCommit(ctx, "alice", "reports", &github.Commit{Message: github.String("Links"), Tree: tree}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := &github.RepositoryContentGetOptions{Ref: commit.GetSHA()}
	for _, path := range []string{"to-file", "docs/up"} {
		file, _, _, err := c.Repositories.GetContents(ctx, "alice", "reports", path, at)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := file.GetContent(); err != nil || text != "text\n" || file.GetType() != "file" || file.GetPath() != path || file.GetSize() != 5 {
			t.Errorf("%s: %v, %v", path, file, err)
		}
	}
	for path, target := range map[string]string{"to-folder": "docs", "to-nothing": "none", "out": "../docs/a.md", "rooted": "/docs/a.md", "to-link": "to-file"} {
		file, _, _, err := c.Repositories.GetContents(ctx, "alice", "reports", path, at)
		if err != nil || file.GetType() != "symlink" || file.GetTarget() != target {
			t.Errorf("%s: %v, %v", path, file, err)
		}
	}
	_, folder, _, err := c.Repositories.GetContents(ctx, "alice", "reports", "docs", at)
	if err != nil || len(folder) != 2 || folder[1].GetType() != "symlink" {
		t.Errorf("folder: %v, %v", folder, err)
	}
}

// get reads an address of the API as alice; headers come in pairs.
func (h *hub) get(path string, headers ...string) string {
	h.t.Helper()
	_, body := h.request(path, headers...)
	return body
}

func (h *hub) request(path string, headers ...string) (*http.Response, string) {
	h.t.Helper()
	req := h.newRequest("GET", h.URL()+"/api/v3"+path, "")
	req.Header.Set("Authorization", "token "+h.token)
	for pair := range slices.Chunk(headers, 2) {
		req.Header.Set(pair[0], pair[1])
	}
	return h.send(req)
}

func TestCommitsAndComparison(t *testing.T) {
	t.Parallel()
	h := setup(t)
	ctx, c := hubtest.Within(t), h.alice()
	dir := h.clone(h.token)
	for i := range 5 {
		h.commit(dir, "a.txt", strings.Repeat("line\n", i+1), fmt.Sprintf("Change %d\n\nBody.", i))
	}
	h.git(dir, "mv", "a.txt", "b.txt")
	tip := h.commit(dir, "c.txt", "c\n", "Rename and add")
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/job/x")
	list, res, err := c.Repositories.ListCommits(ctx, "alice", "reports", &github.CommitsListOptions{SHA: "job/x", ListOptions: github.ListOptions{PerPage: 3}})
	if err != nil || len(list) != 3 || list[0].GetSHA() != tip || res.NextPage != 2 || res.LastPage != 3 {
		t.Errorf("commits: %v, next %d, last %d, %v", list, res.NextPage, res.LastPage, err)
	}
	touching, _, err := c.Repositories.ListCommits(ctx, "alice", "reports", &github.CommitsListOptions{SHA: tip, Path: "README.md"})
	if err != nil || len(touching) != 1 || touching[0].GetAuthor().GetLogin() != "alice" {
		t.Errorf("commits of README.md: %v, %v", touching, err)
	}
	one, _, err := c.Repositories.GetCommit(ctx, "alice", "reports", "job/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if one.GetStats().GetAdditions() != 1 || len(one.Files) != 2 || one.Files[0].GetPreviousFilename() != "a.txt" || one.Files[0].GetStatus() != "renamed" {
		t.Errorf("commit: %v", one)
	}
	sha, _, err := c.Repositories.GetCommitSHA1(ctx, "alice", "reports", "job/x", "")
	if err != nil || sha != tip {
		t.Errorf("SHA of job/x: %s, %v", sha, err)
	}
	h.git(dir, "checkout", "-q", "-b", "side", "origin/main")
	h.commit(dir, "side.txt", "s\n", "Side")
	h.git(dir, "push", "-q", "origin", "HEAD:main")
	cmp, _, err := c.Repositories.CompareCommits(ctx, "alice", "reports", "main", "job/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	if cmp.GetStatus() != "diverged" || cmp.GetAheadBy() != 6 || cmp.GetBehindBy() != 1 || len(cmp.Commits) != 6 || cmp.Commits[5].GetSHA() != tip ||
		len(cmp.Files) != 2 || cmp.Files[0].GetStatus() != "added" || !strings.HasPrefix(cmp.Files[0].GetPatch(), "@@") {
		t.Errorf("comparison: %s ahead %d behind %d, %d commits, files %v", cmp.GetStatus(), cmp.GetAheadBy(), cmp.GetBehindBy(), len(cmp.Commits), cmp.Files)
	}
	_, _, err = c.Repositories.GetCommit(ctx, "alice", "reports", "none", nil)
	hubtest.WantStatus(t, err, 422, "No commit found for SHA: none")
}

func TestBadBodies(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for _, tc := range []struct {
		name, body string
		status     int
		text       string
	}{
		{"no JSON", "{", 400, "Problems parsing JSON"},
		{"wrong type", `{"ref": 1}`, 422, "Invalid request"},
		{"not an object", `[]`, 422, "Invalid request"},
		{"empty", ``, 422, "Reference name"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			req, _ := http.NewRequestWithContext(hubtest.Within(t), "POST", h.URL()+"/api/v3/repos/alice/reports/git/refs", strings.NewReader(tc.body))
			req.SetBasicAuth("x-access-token", h.token)
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, _ := io.ReadAll(res.Body)
			if res.StatusCode != tc.status || !strings.Contains(string(body), tc.text) {
				t.Errorf("%d %s, want %d %s", res.StatusCode, body, tc.status, tc.text)
			}
		})
	}
}

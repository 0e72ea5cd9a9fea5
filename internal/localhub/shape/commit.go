package shape

import (
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Person is the author or committer of a commit as git knows them.
func Person(s gitrepo.Signature) Object {
	return Object{"name": s.Name, "email": s.Email, "date": Time(s.When)}
}

// unverified is the "verification" of a commit without a signature.
func unverified() Object {
	return Object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
}

// UserByEmail is the account whose commits bear this address: its own, or GitHub's noreply address of it.
func (b Builder) UserByEmail(email string) (state.User, bool) {
	if login, ok := strings.CutSuffix(email, "@users.noreply.github.com"); ok {
		if _, name, ok := strings.Cut(login, "+"); ok {
			login = name
		}
		return b.Tx.Users.ByName(state.UserName(login))
	}
	for _, u := range b.Tx.Users.All() {
		if email != "" && strings.EqualFold(u.Email, email) {
			return u, true
		}
	}
	return state.User{}, false
}

// account is the simple-user of a commit's address, or null.
func (b Builder) account(email string) any {
	if u, ok := b.UserByEmail(email); ok {
		return b.User(u)
	}
	return nil
}

// message is a commit's message as GitHub shows it: without the newlines at its end.
func message(c gitrepo.Commit) string { return strings.TrimRight(c.Message, "\n") }

// simpleCommit is GitHub's simple-commit, as in check suites.
func simpleCommit(c gitrepo.Commit) Object {
	return Object{
		"id": c.SHA, "tree_id": c.Tree, "message": message(c), "timestamp": Time(c.Committer.When),
		"author":    Object{"name": c.Author.Name, "email": c.Author.Email},
		"committer": Object{"name": c.Committer.Name, "email": c.Committer.Email},
	}
}

// GitCommit is a commit of the git database API (git/commits).
func (b Builder) GitCommit(r state.Repository, c gitrepo.Commit) Object {
	parents := make([]Object, 0, len(c.Parents))
	for _, p := range c.Parents {
		parents = append(parents, Object{"sha": p, "url": b.RepoAPI(r, "/git/commits/%s", p), "html_url": b.RepoHTML(r, "/commit/%s", p)})
	}
	return Object{
		"sha": c.SHA, "node_id": "C_" + c.SHA, "url": b.RepoAPI(r, "/git/commits/%s", c.SHA), "html_url": b.RepoHTML(r, "/commit/%s", c.SHA),
		"author": Person(c.Author), "committer": Person(c.Committer), "message": message(c),
		"tree":    Object{"sha": c.Tree, "url": b.RepoAPI(r, "/git/trees/%s", c.Tree)},
		"parents": parents, "verification": unverified(),
	}
}

// Commit is a commit of the commits API, without stats and files.
func (b Builder) Commit(r state.Repository, c gitrepo.Commit) Object {
	parents := make([]Object, 0, len(c.Parents))
	for _, p := range c.Parents {
		parents = append(parents, Object{"sha": p, "url": b.RepoAPI(r, "/commits/%s", p), "html_url": b.RepoHTML(r, "/commit/%s", p)})
	}
	return Object{
		"sha": c.SHA, "node_id": "C_" + c.SHA, "url": b.RepoAPI(r, "/commits/%s", c.SHA), "html_url": b.RepoHTML(r, "/commit/%s", c.SHA),
		"comments_url": b.RepoAPI(r, "/commits/%s/comments", c.SHA),
		"commit": Object{
			"author": Person(c.Author), "committer": Person(c.Committer), "message": message(c),
			"tree": Object{"sha": c.Tree, "url": b.RepoAPI(r, "/git/trees/%s", c.Tree)},
			"url":  b.RepoAPI(r, "/git/commits/%s", c.SHA), "comment_count": 0, "verification": unverified(),
		},
		"author": b.account(c.Author.Email), "committer": b.account(c.Committer.Email), "parents": parents,
	}
}

// File is a changed file of a commit, a comparison or a pull request; ref is the commit after the change.
func (b Builder) File(r state.Repository, f gitrepo.FileChange, ref string) Object {
	path := EscapePath(f.Path)
	o := Object{
		"sha": f.SHA, "filename": f.Path, "status": f.Status, "additions": f.Additions, "deletions": f.Deletions, "changes": f.Additions + f.Deletions,
		"blob_url": b.RepoHTML(r, "/blob/%s/%s", ref, path), "raw_url": b.RepoHTML(r, "/raw/%s/%s", ref, path),
		"contents_url": b.RepoAPI(r, "/contents/%s?ref=%s", path, ref),
	}
	if f.Patch != "" {
		o["patch"] = f.Patch
	}
	if f.OldPath != "" {
		o["previous_filename"] = f.OldPath
	}
	return o
}

// Files is File of each.
func (b Builder) Files(r state.Repository, files []gitrepo.FileChange, ref string) []Object {
	list := make([]Object, 0, len(files))
	for _, f := range files {
		list = append(list, b.File(r, f, ref))
	}
	return list
}

// PushCommit is a commit in the payload of a push.
func (b Builder) PushCommit(r state.Repository, c gitrepo.Commit, files []gitrepo.FileChange) Object {
	changed := map[string][]string{"added": {}, "removed": {}, "modified": {}}
	for _, f := range files {
		switch f.Status {
		case "added", "removed":
			changed[f.Status] = append(changed[f.Status], f.Path)
		case "renamed":
			changed["removed"] = append(changed["removed"], f.OldPath)
			changed["added"] = append(changed["added"], f.Path)
		default:
			changed["modified"] = append(changed["modified"], f.Path)
		}
	}
	return Object{
		"id": c.SHA, "tree_id": c.Tree, "distinct": true, "message": message(c), "timestamp": c.Committer.When.Format(time.RFC3339),
		"url": b.RepoHTML(r, "/commit/%s", c.SHA), "author": b.pushPerson(c.Author), "committer": b.pushPerson(c.Committer),
		"added": changed["added"], "removed": changed["removed"], "modified": changed["modified"],
	}
}

func (b Builder) pushPerson(s gitrepo.Signature) Object {
	o := Object{"name": s.Name, "email": s.Email, "date": s.When.Format(time.RFC3339)}
	if u, ok := b.UserByEmail(s.Email); ok {
		o["username"] = u.Login
	}
	return o
}

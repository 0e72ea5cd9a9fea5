package gatekeeper

import (
	"context"

	"github.com/google/go-github/v60/github"
)

// putFile writes a file onto the default branch, as a person does.
func putFile(url, token, path, content string) error {
	client, err := github.NewClient(nil).WithAuthToken(token).WithEnterpriseURLs(url, url)
	if err != nil {
		return err
	}
	opts := &github.RepositoryContentFileOptions{Message: github.String("Change " + path), Content: []byte(content)}
	if there, _, _, err := client.Repositories.GetContents(context.Background(), "alice", "reports", path, nil); err == nil {
		opts.SHA = github.String(there.GetSHA())
	}
	_, _, err = client.Repositories.CreateFile(context.Background(), "alice", "reports", path, opts)
	return err
}

package hub

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"
)

// CommitBytes is a commit object as git has it, made again of what GitHub's API tells: one
// REST call. Its error is ErrInvalid for a commit that can't be made again, such as one by a
// clock in another time zone that is not signed: the API tells all times in UTC.
func (r *Repository) CommitBytes(ctx context.Context, sha string) ([]byte, error) {
	c, err := r.ReadCommit(ctx, sha)
	if err != nil {
		return nil, err
	}
	for _, raw := range rawCommits(c) {
		if sum := sha1.Sum(fmt.Appendf(nil, "commit %d\x00%s", len(raw), raw)); hex.EncodeToString(sum[:]) == sha {
			return []byte(raw), nil
		}
	}
	return nil, &Error{Op: fmt.Sprintf("read commit %.7s", sha), Kind: ErrInvalid, Message: fmt.Sprintf("what GitHub tells of commit %.7s is not all that it holds", sha)}
}

// rawCommits are what the commit may be. Of one that is signed GitHub tells what was signed,
// byte by byte, which is the commit without the signature.
func rawCommits(c *github.Commit) (list []string) {
	v := c.GetVerification()
	if head, message, ok := strings.Cut(v.GetPayload(), "\n\n"); ok && v.GetSignature() != "" {
		signature := strings.TrimRight(v.GetSignature(), "\n")
		for _, s := range []string{signature, signature + "\n", v.GetSignature()} {
			list = append(list, head+"\ngpgsig "+strings.ReplaceAll(s, "\n", "\n ")+"\n\n"+message)
		}
		return list
	}
	var b strings.Builder
	fmt.Fprintf(&b, "tree %s\n", c.GetTree().GetSHA())
	for _, p := range c.Parents {
		fmt.Fprintf(&b, "parent %s\n", p.GetSHA())
	}
	fmt.Fprintf(&b, "author %s\ncommitter %s\n\n", signed(c.GetAuthor()), signed(c.GetCommitter()))
	return []string{b.String() + c.GetMessage(), b.String() + c.GetMessage() + "\n"}
}

func signed(a *github.CommitAuthor) string {
	return fmt.Sprintf("%s <%s> %d +0000", a.GetName(), a.GetEmail(), a.GetDate().In(time.UTC).Unix())
}

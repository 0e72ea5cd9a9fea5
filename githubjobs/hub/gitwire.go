package hub

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// maxAnswer bounds how much of a refusal's body is read.
const maxAnswer = 4 << 10

// gitTransport turns refusals into Errors with everything that GitHub said;
// go-git itself keeps neither headers nor, for most, the text.
type gitTransport struct{ base http.RoundTripper }

func (t gitTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := t.base.RoundTrip(r)
	if err != nil || res.StatusCode < 400 {
		return res, err
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer)) // what could be read is good enough for a message
	res.Request = r
	return nil, answer("", res, strings.TrimSpace(strings.ToValidUTF8(string(body), "\uFFFD")))
}

// failGit is fail for what go-git returned: its wrappers hide their cause.
func failGit(ctx context.Context, op string, err error) error {
	if unexpected, ok := errors.AsType[*plumbing.UnexpectedError](err); ok {
		err = unexpected.Err
	}
	if permanent, ok := errors.AsType[*plumbing.PermanentError](err); ok {
		err = permanent.Err
	}
	return fail(ctx, op, err)
}

// gitAuth is what git's own clients send for a token (docs.github.com, "About
// authentication with a GitHub App": x-access-token as the user's name).
func (r *Repository) gitAuth(ctx context.Context) (transport.AuthMethod, error) {
	token, err := r.tokens(ctx)
	if err != nil {
		return nil, err
	}
	return &githttp.BasicAuth{Username: "x-access-token", Password: token}, nil
}

// receiver is one push in progress: the refs were read, nothing is sent yet.
type receiver struct {
	session transport.ReceivePackSession
	adv     *packp.AdvRefs
}

// openPush reads the refs that GitHub advertises to a push: one HTTP request.
func (r *Repository) openPush(ctx context.Context) (*receiver, error) {
	auth, err := r.gitAuth(ctx)
	if err != nil {
		return nil, fail(ctx, "get a token", err)
	}
	session, err := r.git.NewReceivePackSession(r.endpoint, auth)
	if err != nil {
		return nil, failGit(ctx, "push", err)
	}
	adv, err := session.AdvertisedReferencesContext(ctx)
	if err != nil {
		return nil, failGit(ctx, "read the refs of "+r.FullName(), err)
	}
	return &receiver{session, adv}, nil
}

// ref is the SHA that the advertisement gives a ref; empty when there is none.
func (p *receiver) ref(name string) string {
	if h, ok := p.adv.References[name]; ok && !h.IsZero() {
		return h.String()
	}
	return ""
}

package live

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// askTime bounds a request to the issuer.
const askTime = 10 * time.Second

// verifier checks tokens by the keys that their issuer publishes. These are asked for
// when the first token comes, and again when a token is signed with one that is new.
type verifier struct {
	issuer string
	now    func() time.Time

	mu       sync.Mutex
	verifier *oidc.IDTokenVerifier
}

func (v *verifier) get() (*oidc.IDTokenVerifier, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.verifier != nil {
		return v.verifier, nil
	}
	// The context lives as long as the keys are renewed by it.
	ctx := oidc.ClientContext(context.Background(), &http.Client{Timeout: askTime})
	provider, err := oidc.NewProvider(ctx, v.issuer)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrUnavailable, v.issuer, err)
	}
	v.verifier = provider.Verifier(&oidc.Config{ClientID: githubjobs.LiveAudience, SupportedSigningAlgs: []string{oidc.RS256}, Now: v.now})
	return v.verifier, nil
}

// claims are those of GitHub's tokens that are looked at. `sub` is not: its form is the
// repository's choice. See docs.github.com, "OpenID Connect reference".
type claims struct {
	RepositoryID   string `json:"repository_id"`
	Repository     string `json:"repository"`
	Ref            string `json:"ref"`
	SHA            string `json:"sha"`
	EventName      string `json:"event_name"`
	RunID          string `json:"run_id"`
	RunAttempt     string `json:"run_attempt"`
	WorkflowRef    string `json:"workflow_ref"`
	JobWorkflowRef string `json:"job_workflow_ref"`
}

// identify says which attempt a token is of.
func (s *Service) identify(ctx context.Context, token string) (githubjobs.Speaker, error) {
	v, err := s.verifier.get()
	if err != nil {
		return githubjobs.Speaker{}, err
	}
	verified, err := v.Verify(ctx, token)
	if err != nil {
		// What stands here in the way is the issuer, not the token.
		if strings.Contains(err.Error(), "fetching keys") {
			return githubjobs.Speaker{}, fmt.Errorf("%w: %w", ErrUnavailable, err)
		}
		return githubjobs.Speaker{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	var c claims
	if err := verified.Claims(&c); err != nil {
		return githubjobs.Speaker{}, fmt.Errorf("%w: %w", ErrIdentity, err)
	}
	if err := s.ours(ctx, c.RepositoryID); err != nil {
		return githubjobs.Speaker{}, err
	}
	return c.speaker(s.Workflow)
}

// ours says whether a token is of this project's repository, by its number: names can be
// given anew. Who has the same name and another number may have taken its place.
func (s *Service) ours(ctx context.Context, given string) error {
	for _, fresh := range []bool{false, true} {
		id, err := s.Repository(ctx, fresh)
		if err != nil {
			return fmt.Errorf("%w: the repository's number is not known: %w", ErrUnavailable, err)
		}
		if strconv.FormatInt(id, 10) == given {
			return nil
		}
	}
	return fmt.Errorf("%w: it is of the repository with the number %.20q", ErrIdentity, given)
}

// speaker reads the claims of a token of our repository: it must be of a run of the
// workflow that runs jobs, as the job's own branch has it, started by a push to that.
func (c claims) speaker(workflow string) (who githubjobs.Speaker, err error) {
	branch, isBranch := strings.CutPrefix(c.Ref, "refs/heads/")
	name, isJob := githubjobs.ParseBranch(branch)
	run, runErr := strconv.ParseInt(c.RunID, 10, 64)
	attempt, attemptErr := strconv.Atoi(c.RunAttempt)
	want := c.Repository + "/" + workflow + "@" + c.Ref
	switch {
	case !isBranch || !isJob:
		return who, fmt.Errorf("%w: its ref is %.100q", ErrIdentity, c.Ref)
	case runErr != nil || run < 1 || attemptErr != nil || attempt < 1:
		return who, fmt.Errorf("%w: its run is %.20q, attempt %.20q", ErrIdentity, c.RunID, c.RunAttempt)
	case c.EventName != "push":
		return who, fmt.Errorf("%w: its run was started by the event %.40q", ErrIdentity, c.EventName)
	case c.WorkflowRef != want || c.JobWorkflowRef != "" && c.JobWorkflowRef != want:
		return who, fmt.Errorf("%w: its workflow is %.200q", ErrIdentity, c.WorkflowRef)
	case c.SHA == "":
		return who, fmt.Errorf("%w: it names no commit", ErrIdentity)
	}
	return githubjobs.Speaker{Name: name, Run: run, RunAttempt: attempt, SHA: c.SHA}, nil
}

// Package live takes what runs tell of themselves while they go on, and hands it on. A
// run proves by GitHub's OpenID Connect token which attempt of which job it is, and gets
// a capability to add events to that attempt alone. What it tells adds to a job's
// status, and decides nothing.
//
// It imports githubjobs and internal/store.
package live

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

var (
	// ErrIdentity: the token proves no run of the project's jobs.
	ErrIdentity = errors.New("the token does not prove a run of a job")
	// ErrUnavailable: GitHub could not be asked what is needed to check a token.
	ErrUnavailable = errors.New("the token cannot be checked at present")
	// ErrOver: the attempt has nothing more to tell.
	ErrOver = errors.New("nothing is taken of this attempt any more")
	// ErrTooFast: more requests than an agent makes.
	ErrTooFast = errors.New("too many requests")
)

const (
	// spare is how long a capability outlives the deadline of the task: what comes before
	// and after it takes time too.
	spare = 75 * time.Minute

	appendRate, appendBurst     = 4, 40  // requests of an attempt in a second
	exchangeRate, exchangeBurst = 20, 60 // of all runs together
	maxLimits                   = 4096   // attempts that are counted at the same time

	// MaxListeners is how many requests may listen at the same time.
	MaxListeners = 1000
)

// Store is what the service needs of the store; see there.
type Store interface {
	store.Streams
	Facts(ctx context.Context, project, id string) (githubjobs.Facts, error)
}

// Options are what a service is made of. Every field must be set.
type Options struct {
	Project string
	Store   Store
	Issuer  string // of the tokens; see hub.Issuer
	// Repository returns the number of the project's repository; fresh asks GitHub again.
	Repository func(ctx context.Context, fresh bool) (int64, error)
	Workflow   string // path of the workflow that runs jobs
	Log        *slog.Logger
	Now        func() time.Time
}

// Service is the live side of one server process. All methods may be called concurrently.
type Service struct {
	Options
	began    time.Time // since when heartbeats would have been heard
	verifier verifier
	exchange *rate.Limiter

	mu        sync.Mutex
	limits    map[string]*rate.Limiter
	listeners map[string]map[chan struct{}]bool // by job
	listening int
	quietAt   map[string]time.Time // see quiet
	tails     map[string]tail      // of jobs that are running

	once    sync.Once
	stopped chan struct{}
}

// New makes a service.
func New(o Options) *Service {
	return &Service{
		Options: o, began: o.Now(), verifier: verifier{issuer: o.Issuer, now: o.Now},
		exchange: rate.NewLimiter(exchangeRate, exchangeBurst), limits: map[string]*rate.Limiter{}, quietAt: map[string]time.Time{}, tails: map[string]tail{}, listeners: map[string]map[chan struct{}]bool{}, stopped: make(chan struct{}),
	}
}

// Grant is what a run gets for its token.
type Grant struct {
	Job        string
	Attempt    int
	Capability string
	ExpiresAt  time.Time
	Seq        int64 // the last event that is known of the attempt
}

// Exchange trades a run's token for a capability. A former one of the same attempt ends.
// Its errors are ErrIdentity, ErrUnavailable, ErrOver, ErrTooFast, store.ErrNotFound for a
// job that is not known, and those of the store.
func (s *Service) Exchange(ctx context.Context, token string) (Grant, error) {
	if !s.exchange.Allow() {
		return Grant{}, ErrTooFast
	}
	who, err := s.identify(ctx, token)
	if err != nil {
		return Grant{}, err
	}
	facts, err := s.Store.Facts(ctx, s.Project, who.Name.ID)
	if err != nil {
		return Grant{}, err
	}
	now := s.Now()
	if why := facts.Silence(who, now); why != "" {
		return Grant{}, fmt.Errorf("%w: %s", ErrOver, why)
	}
	capability := "gjl_" + rand.Text() + rand.Text()
	open := store.Stream{Job: who.Name.ID, Capability: digest(capability), ExpiresAt: now.Add(facts.Spec.Timeout() + spare).UTC()}
	open.Attempt, open.Run, open.RunAttempt = max(who.Name.Attempt, 1), who.Run, who.RunAttempt
	stream, err := s.Store.OpenStream(ctx, s.Project, open)
	if errors.Is(err, store.ErrSuperseded) {
		return Grant{}, fmt.Errorf("%w: %w", ErrOver, err)
	}
	if err != nil {
		return Grant{}, err
	}
	s.wake(stream.Job)
	return Grant{stream.Job, stream.Attempt, capability, open.ExpiresAt, stream.Seq}, nil
}

func digest(capability string) []byte {
	sum := sha256.Sum256([]byte(capability))
	return sum[:]
}

// Admit says whether who shows a capability may tell of a job now, before anything of
// what they send is read, and returns the job's stream for Append. Its errors are
// store.ErrCapability, ErrTooFast, and those of the store.
func (s *Service) Admit(ctx context.Context, job, capability string) (store.Stream, error) {
	stream, err := s.Store.Stream(ctx, s.Project, job)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return store.Stream{}, store.ErrCapability
	case err != nil:
		return store.Stream{}, err
	case subtle.ConstantTimeCompare(stream.Capability, digest(capability)) != 1:
		return store.Stream{}, store.ErrCapability
	case !s.limit(job).Allow():
		return store.Stream{}, ErrTooFast
	}
	return stream, nil
}

// Append adds events to the attempt that a stream is of, as Admit has returned it, and
// returns the number of the last one that is known. Events must have been cleaned. Its
// errors are store.ErrCapability, ErrOver, and those of the store.
func (s *Service) Append(ctx context.Context, stream store.Stream, events []githubjobs.Event) (int64, error) {
	job := stream.Job
	facts, err := s.Store.Facts(ctx, s.Project, job)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return 0, err
	}
	who := githubjobs.Speaker{Name: githubjobs.Name{ID: job, Attempt: stream.Attempt}, Run: stream.Run, RunAttempt: stream.RunAttempt}
	if why := facts.Silence(who, s.Now()); why != "" {
		return 0, fmt.Errorf("%w: %s", ErrOver, why)
	}
	after, err := s.Store.AppendEvents(ctx, s.Project, job, stream.Capability, events)
	if err != nil {
		return 0, err
	}
	s.wake(job)
	return after.Seq, nil
}

// limit is the limiter of an attempt's requests.
func (s *Service) limit(job string) *rate.Limiter {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.limits[job]
	if l == nil {
		if len(s.limits) >= maxLimits {
			clear(s.limits) // each of them begins anew, which an agent does not notice
		}
		l = rate.NewLimiter(appendRate, appendBurst)
		s.limits[job] = l
	}
	return l
}

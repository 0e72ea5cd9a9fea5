// Package choice settles, when a job of kind prompt is taken, which engine does it and
// whether that will have a key: by what the job says, the policy on the job's base
// branch, and the server's defaults.
//
// It imports githubjobs, githubjobs/engine, githubjobs/hub and githubjobs/policy.
package choice

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/engine"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// Hub reads a file of the repository; see hub.Repository.
type Hub interface {
	WatchedFile(ctx context.Context, name, branch string) ([]byte, error)
}

// Chooser chooses engines. It reads the policy of a branch when a job needs it, and keeps
// it for a while. It may be used from several goroutines.
type Chooser struct {
	Hub     Hub
	Secrets *Secrets                // nil where the policy alone says whether there is a key
	Default githubjobs.PromptConfig // of the server
	Log     *slog.Logger
	Now     func() time.Time

	mu       sync.Mutex
	branches map[string]*known
}

// known is what is known of one branch; mu keeps a second reader waiting for the first.
type known struct {
	mu sync.Mutex
	rules
}

// rules are what is known of a branch's policy.
type rules struct {
	policy.Policy
	wrong error     // why the policy is not valid
	known bool      // it was read at least once
	read  time.Time // when GitHub was last asked
	next  time.Time // when it is asked again
}

const (
	fresh       = time.Minute      // how long a policy counts as it was read
	tooFresh    = 2 * time.Second  // a refusal by one that was read before is not spoken without reading again
	afterError  = 30 * time.Second // between two reads that fail
	patience    = 3 * time.Second  // a caller waits for GitHub
	maxBranches = 100
)

// Choose fills in the spec's config what the job leaves open. Its errors are a
// *githubjobs.FieldError, an *engine.NoKeyError where no key is allowed or set, an *engine.AddressError
// where it may not be sent to the job's address, and an *engine.PolicyError. While the
// policy is not known, because GitHub is out of reach, the job is left as it is: the agent
// chooses by the policy, too.
func (c *Chooser) Choose(ctx context.Context, spec *githubjobs.Spec) error {
	given, err := spec.PromptConfig()
	if err != nil {
		return err
	}
	r := c.rules(ctx, spec.Base, fresh)
	if !r.known {
		if given.Engine != "" {
			_, err = engine.Choose(nil, given)
		}
		return err
	}
	choice, err := c.judge(ctx, r, given, spec)
	if err != nil { // Perhaps it has been mended since.
		choice, err = c.judge(ctx, c.rules(ctx, spec.Base, tooFresh), given, spec)
	}
	if err != nil {
		return err
	}
	spec.Config, err = json.Marshal(choice.PromptConfig)
	return err
}

// judge chooses by a policy that is known.
func (c *Chooser) judge(ctx context.Context, r rules, given githubjobs.PromptConfig, spec *githubjobs.Spec) (engine.Choice, error) {
	if r.wrong != nil {
		return engine.Choice{}, &engine.PolicyError{Base: spec.Base, Err: r.wrong}
	}
	choice, err := engine.Choose(r.Prompt.Engines, given, githubjobs.PromptConfig(r.Prompt.PromptChoice), c.Default)
	switch {
	case err != nil || len(choice.Keys) == 0:
		return choice, err
	case spec.Offline():
		return choice, &githubjobs.FieldError{Field: "network", Message: "none keeps " + choice.Engine + " from its model; leave it out"}
	}
	err = choice.CheckAddress(r.Prompt.AllowsAddress, spec.Base)
	if e, ok := errors.AsType[*engine.AddressError](err); ok {
		e.FromServer = given.BaseURL == ""
		return choice, e
	}
	return choice, c.keyless(ctx, r, choice, spec.Base)
}

// keyless says why the engine of a choice would have no key; nil where it has one, as far as
// the server knows.
func (c *Chooser) keyless(ctx context.Context, r rules, choice engine.Choice, base string) error {
	allowed := slices.DeleteFunc(slices.Clone(choice.Keys), func(key string) bool { return !r.AllowsKey(key) })
	if len(allowed) == 0 {
		return &engine.NoKeyError{Choice: choice, Base: base}
	}
	if c.Secrets != nil && len(c.Secrets.Unset(ctx, allowed)) == len(allowed) {
		return &engine.NoKeyError{Choice: choice, Base: base, Unset: allowed}
	}
	return nil
}

// rules are those of a branch, of which GitHub was asked within an age.
func (c *Chooser) rules(ctx context.Context, name string, age time.Duration) rules {
	b := c.branch(name)
	b.mu.Lock()
	defer b.mu.Unlock()
	r, now := &b.rules, c.Now()
	if r.known && now.Sub(r.read) < age || now.Before(r.next) && (age == fresh || !r.known) {
		return *r
	}
	// Others ask for the same: it is read to its end, also when this caller has gone.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	document, err := c.Hub.WatchedFile(ctx, policy.Path, name)
	r.read, r.next = now, now.Add(fresh)
	switch {
	case err == nil, errors.Is(err, hub.ErrNoFile):
		r.known = true
		r.Policy, r.wrong = policy.Parse(document)
	default:
		r.next = now.Add(max(afterError, hub.RetryAfter(err)))
		c.Log.Warn("the policy that jobs of kind prompt are chosen by could not be read", "branch", name, "known_before", r.known, "error", err)
	}
	return *r
}

func (c *Chooser) branch(name string) *known {
	c.mu.Lock()
	defer c.mu.Unlock()
	b := c.branches[name]
	if b == nil {
		if c.branches == nil || len(c.branches) >= maxBranches {
			c.branches = map[string]*known{}
		}
		b = &known{}
		c.branches[name] = b
	}
	return b
}

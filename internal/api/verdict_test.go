package api

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/gate"
	"github.com/githubjobs/githubjobs/githubjobs/hub"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
	"github.com/githubjobs/githubjobs/internal/gatekeeper"
)

// judge is a gate that answers what the test wants; how it judges is tested elsewhere.
type judge struct {
	err     error
	instead *policy.Policy
	opened  bool
}

func (j *judge) Verdict(_ context.Context, _ githubjobs.Facts, instead *policy.Policy) (gate.Judgement, error) {
	p := policy.Policy{}
	if j.instead = instead; instead != nil {
		p = *instead
	}
	return gate.Judgement{Pull: 7, PullURL: "https://github.com/o/r/pull/7", HeadSHA: "aa", PolicySHA: "bb", Title: "Not merged: why.", Verdict: policy.Judge(p, policy.View{HeadSHA: "aa", Now: now}), At: now}, j.err
}

func (j *judge) Undo(context.Context, githubjobs.Facts) (gatekeeper.Undone, error) {
	return gatekeeper.Undone{Undo: githubjobs.Undo{Pull: 8, Open: true}, Opened: j.opened, Why: "the policy says no"}, j.err
}

func (s *server) aJob(t *testing.T, id string) {
	t.Helper()
	spec := githubjobs.Spec{ID: id, Kind: githubjobs.KindReport, Prompt: "x", Base: "main"}
	spec.Normalize(now)
	if err := s.store.Accept(t.Context(), "p", spec); err != nil {
		t.Fatal(err)
	}
}

const verdictPath = "/api/jobs/j1/merge-verdict"

func TestMergeVerdict(t *testing.T) {
	t.Parallel()
	s := setup(t, func(o *Options) { o.Gate = &judge{} })
	if res := s.do(t, "GET", verdictPath, ""); res.StatusCode != 404 {
		t.Errorf("no job: %d %s", res.StatusCode, res.body)
	}
	s.aJob(t, "j1")
	res := s.do(t, "GET", verdictPath, "")
	var v Verdict
	if err := json.Unmarshal([]byte(res.body), &v); err != nil || res.StatusCode != 200 {
		t.Fatalf("%d %s", res.StatusCode, res.body)
	}
	enabled := slices.IndexFunc(v.Rules, func(r RuleVerdict) bool { return r.Rule == string(policy.RuleEnabled) })
	if v.Allowed || v.Base != "main" || v.PolicySHA != "bb" || v.Pull != 7 || !v.JudgedAt.Equal(now) || enabled < 0 || v.Rules[enabled].State != ruleFailed || v.Rules[enabled].Why == "" {
		t.Errorf("%s", res.body)
	}
}

func TestDryRunReadsThePolicy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body   string
		status int
		says   string
	}{
		"a closed window":   {"merge: {enabled: true, windows: [{hours: 00:00-00:01}]}", 200, `"awaits":"window","opens_at":"20`},
		"a missing check":   {"merge: {enabled: true, required_checks: all}", 200, "not all checks on the head are known"},
		"YAML":              {"merge:\n  enabled: true\n", 200, ""},
		"an object":         {`{"policy": {"merge": {"enabled": true}}}`, 200, ""},
		"a text":            {`{"policy": "merge: {enabled: true}"}`, 200, ""},
		"nothing":           {"", 422, "There is no policy"},
		"an empty text":     {`{"policy": " "}`, 422, "There is no policy"},
		"a misspelt rule":   {"merge: {enabeld: true}", 422, "enabeld is not a setting"},
		"no YAML":           {"merge: [", 422, "is not valid"},
		"a bad glob":        {`{"policy": {"merge": {"paths": {"allow": ["/a"]}}}}`, 422, "without a leading '/'"},
		"another field too": {`{"policy": "", "name": 1}`, 400, "The only field is policy"},
		"too large":         {strings.Repeat("#", maxBody+1), 400, "more than"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := &judge{}
			s := setup(t, func(o *Options) { o.Gate = j })
			s.aJob(t, "j1")
			res := s.do(t, "POST", verdictPath, test.body)
			if res.StatusCode != test.status || !strings.Contains(res.body, test.says) {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
			if (j.instead != nil && j.instead.Merge.Enabled) != (test.status == 200) {
				t.Errorf("judged by %+v", j.instead)
			}
		})
	}
}

func TestVerdictsThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err    error
		status int
		code   string
	}{
		"no pull request": {gatekeeper.ErrNothingToJudge, 409, "nothing_to_judge"},
		"busy":            {gatekeeper.ErrBusy, 429, "too_many_verdicts"},
		"GitHub is down":  {&hub.Error{Kind: hub.ErrUnavailable}, 503, "github_unavailable"},
		"limited":         {&hub.Error{Kind: hub.ErrRateLimited, RetryAfter: time.Minute}, 503, "github_unavailable"},
		"no right":        {&hub.Error{Kind: hub.ErrForbidden}, 502, "github_refused"},
		"anything else":   {errors.New("secret"), 502, "github_refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t, func(o *Options) { o.Gate = &judge{err: test.err} })
			s.aJob(t, "j1")
			res := s.do(t, "GET", verdictPath, "")
			if res.StatusCode != test.status || !strings.Contains(res.body, `"code":"`+test.code+`"`) || strings.Contains(res.body, "secret") {
				t.Errorf("%d %s", res.StatusCode, res.body)
			}
			if wait := res.Header.Get("Retry-After"); (wait != "") != (test.status == 429 || test.status == 503) {
				t.Errorf("Retry-After %q", wait)
			}
		})
	}
}

func TestWhatToDoWhereThereIsNothingToJudge(t *testing.T) {
	t.Parallel()
	for want, job := range map[string]githubjobs.Job{
		"when the job has ended": {Status: githubjobs.StatusRunning, Reason: githubjobs.ReasonRunning},
		"/undo":                  {Status: githubjobs.StatusMerged, Reason: githubjobs.ReasonMerged, Terminal: true},
		"Reopen":                 {Status: githubjobs.StatusCompleted, Reason: githubjobs.ReasonPRClosed, Terminal: true},
		"nothing to merge":       {Status: githubjobs.StatusCompleted, Reason: githubjobs.ReasonNoChanges, Terminal: true},
		"/retry":                 {Status: githubjobs.StatusFailed, Reason: githubjobs.ReasonTaskFailed, Terminal: true},
		"its status follows":     {Status: githubjobs.StatusCompleted, Reason: githubjobs.ReasonPROpen, Terminal: true},
	} {
		if got := nothingToJudge(job); !strings.Contains(got.Message, want) {
			t.Errorf("%s: %q", job.Reason, got.Message)
		}
	}
}

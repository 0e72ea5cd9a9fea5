// Package leak finds credentials in what a task leaves: tokens and keys that are known
// by their own form, such as ghp_…, AKIA… or a PEM private key.
//
// The forms are those of gitleaks. Its rules that go by the word beside a value
// ("password = …") are left out: they are often wrong, and here a finding costs a job
// its result; they also take minutes for a few megabytes.
//
// The package imports gitleaks and the standard library.
package leak

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/rs/zerolog"
	"github.com/zricethezav/gitleaks/v8/detect"
	"github.com/zricethezav/gitleaks/v8/logging"
)

// Finding is a credential in a text.
type Finding struct {
	Rule   string // the name that gitleaks gives its form, such as github-pat
	Line   int    // from 1 on
	Secret string // it is for comparing, and never to be shown
}

const (
	chunk   = 64 << 10 // what is looked at together
	overlap = 8 << 10  // and again with the next: as long as a credential can be
)

// Prepare makes ready what Find needs, which takes a tenth of a second: whoever will search
// soon does it beside something else.
func Prepare() { _, _ = detector() } // Find tells the error

// Find lists the credentials in content, by line. It ends early with ctx's error.
func Find(ctx context.Context, content []byte) (found []Finding, err error) {
	d, err := detector()
	if err != nil {
		return nil, err
	}
	seen := map[Finding]bool{}
	for from := 0; from < len(content); from += chunk - overlap {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		line := bytes.Count(content[:from], []byte("\n")) + 1
		for _, f := range d.DetectBytes(content[from:min(from+chunk, len(content))]) {
			one := Finding{f.RuleID, line + f.StartLine, f.Secret}
			if !seen[one] {
				seen[one] = true
				found = append(found, one)
			}
		}
	}
	slices.SortFunc(found, func(a, b Finding) int { return cmp.Or(a.Line-b.Line, strings.Compare(a.Rule, b.Rule)) })
	return found, nil
}

// Redact replaces the credentials in a text by three stars.
func Redact(ctx context.Context, text string) (string, error) {
	found, err := Find(ctx, []byte(text))
	for _, f := range found {
		text = strings.ReplaceAll(text, f.Secret, "***")
	}
	return text, err
}

// byWord are rules that do not know a credential by its own form, or know what is none.
var byWord = map[string]bool{
	"generic-api-key": true, "curl-auth-header": true, "curl-auth-user": true, "kubernetes-secret-yaml": true, "nuget-config-password": true,
	"sidekiq-secret": true, "sidekiq-sensitive-url": true, "jwt": true, "jwt-base64": true, "microsoft-teams-webhook": true,
}

// detector is made once: to compile the rules takes a tenth of a second.
var detector = sync.OnceValues(func() (*detect.Detector, error) {
	logging.Logger = zerolog.Nop() // it would write into the step's log
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		return nil, err
	}
	for id, rule := range d.Config.Rules {
		// gitleaks makes the rules that go by a word beside the value with this beginning.
		if rule.Regex == nil || byWord[id] || strings.Contains(rule.Regex.String(), `[\w.-]{0,50}?`) {
			delete(d.Config.Rules, id)
		}
	}
	d.IgnoreGitleaksAllow = true // a task must not allow itself anything
	return d, nil
})

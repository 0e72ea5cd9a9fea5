package policy

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Access says whether somebody may write to the repository.
type Access string

// What is known of somebody's access; that nothing is known is the zero value.
const (
	AccessUnknown Access = ""
	AccessNone    Access = "none"  // may not write
	AccessWrite   Access = "write" // may write, or more
)

// The states of a review in the words of GitHub's API. Of these, comments and what has
// not been submitted change nobody's opinion.
const (
	approved         = "APPROVED"
	changesRequested = "CHANGES_REQUESTED"
	commented        = "COMMENTED"
	notSubmitted     = "PENDING"
)

// Review is what somebody has said of the pull request, at one commit.
type Review struct {
	ID     int64
	Author string // login
	Person bool   // an App's bot is none
	State  string // as in GitHub's API
	SHA    string // the head that was reviewed
	At     time.Time
	Access Access // see Reviewers
}

// maxApprovals is above what anybody asks for.
const maxApprovals = 20

// opinions are the reviews that count: everybody's latest that is more than a comment.
// Those of the pull request's own author are none.
func opinions(v View) []Review {
	latest := map[string]Review{}
	for _, r := range v.Reviews {
		who := strings.ToLower(r.Author)
		if r.State == commented || r.State == notSubmitted || strings.EqualFold(r.Author, v.Author) {
			continue
		}
		if old, there := latest[who]; !there || cmp.Or(r.At.Compare(old.At), cmp.Compare(r.ID, old.ID)) > 0 {
			latest[who] = r
		}
	}
	var all []Review
	for _, who := range slices.Sorted(maps.Keys(latest)) {
		all = append(all, latest[who])
	}
	return all
}

// Reviewers are the logins of those whose access has to be known for the rule on
// approvals, sorted. All other reviews have no say.
func Reviewers(p Policy, v View) []string {
	var logins []string
	if p.Merge.RequiredApprovals == 0 {
		return nil
	}
	for _, r := range opinions(v) {
		if r.Person && r.Author != "" && (r.State == changesRequested || p.Merge.counts(r, v)) {
			logins = append(logins, r.Author)
		}
	}
	return logins
}

// counts says whether a review is an approval of this head, or of a commit that makes the very
// same change on an older base; or of any older head where these count too.
func (m MergeRules) counts(r Review, v View) bool {
	return r.State == approved && (m.OlderApprovals || r.SHA == v.HeadSHA || r.SHA != "" && slices.Contains(v.Carried, r.SHA))
}

func (m MergeRules) judgeApprovals(v View) Finding {
	switch {
	case m.RequiredApprovals == 0:
		return judge(RuleApprovals, true, "")
	case !v.ReviewsKnown || v.Author == "":
		return v.unknown(RuleApprovals, "not all reviews of the pull request are known")
	}
	given := 0
	var against, unknown, aside []string
	for _, r := range opinions(v) {
		who := cmp.Or(r.Author, "a deleted account")
		switch {
		case r.State == changesRequested && r.Access != AccessNone:
			against = append(against, who)
		case r.State != approved:
		case !r.Person:
			aside = append(aside, who+" is no person")
		case r.Access == AccessNone:
			aside = append(aside, who+" has no write access")
		case !m.counts(r, v):
			aside = append(aside, who+" approved another commit, "+short(r.SHA))
		case r.Access == AccessWrite:
			given++
		default:
			unknown = append(unknown, who)
		}
	}
	return m.approvals(given, against, unknown, aside)
}

// approvals is the finding on so many approvals.
func (m MergeRules) approvals(given int, against, unknown, aside []string) Finding {
	if len(against) > 0 {
		return judge(RuleApprovals, false, "changes are requested by "+list(against)+"; they must approve, or their reviews be dismissed")
	}
	why := fmt.Sprintf("%d of %d required approvals", given, m.RequiredApprovals)
	if len(unknown) > 0 {
		why += "; it is not known whether these have write access: " + list(unknown)
	}
	if len(aside) > 0 {
		why += "; not counted: " + list(aside)
	}
	f := judge(RuleApprovals, given >= m.RequiredApprovals, why)
	if !f.Passed && given+len(unknown) < m.RequiredApprovals {
		f.Awaits = AwaitApprovals
	}
	return f
}

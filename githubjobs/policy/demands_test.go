package policy

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The demands of a policy beside paths and sizes: labels, checks, approvals, windows.

var (
	labelNames = rapid.SampledFrom([]string{"hold", "HOLD", "daily", "wait"})
	sources    = rapid.SampledFrom([]string{"ci", "bot", AnySource})
	outcomes   = rapid.SampledFrom([]string{"success", "success", "success", "", "failure", "skipped", "neutral"})
	people     = rapid.SampledFrom([]string{"alice", "bob", "Bob", "carol", ""})
	opinion    = rapid.SampledFrom([]string{"APPROVED", "APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"})
	zones      = rapid.SampledFrom([]string{"UTC", "Europe/Berlin", "America/New_York", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata"})
)

func drawRequired(t *rapid.T) RequiredCheck {
	c := RequiredCheck{Name: rapid.SampledFrom([]string{"test", "lint"}).Draw(t, "required check")}
	if rapid.Bool().Draw(t, "status") {
		c.Creator = sources.Draw(t, "creator")
		return c
	}
	c.App, c.Conclusions = sources.Draw(t, "app"), rapid.SliceOfN(rapid.SampledFrom(passing), 0, 2).Draw(t, "conclusions")
	return c
}

func drawCheck(t *rapid.T) Check {
	c := Check{ID: int64(rapid.IntRange(1, 100).Draw(t, "id")), Name: rapid.SampledFrom([]string{"test", "lint", OwnCheck}).Draw(t, "check"), Status: rapid.Bool().Draw(t, "status"), Outcome: outcomes.Draw(t, "outcome")}
	if source := rapid.SampledFrom([]string{"ci", "bot", "eve"}).Draw(t, "source"); c.Status {
		c.Creator = source
	} else {
		c.App = source
	}
	return c
}

func drawReview(t *rapid.T) Review {
	return Review{
		ID: int64(rapid.IntRange(1, 100).Draw(t, "id")), Author: people.Draw(t, "reviewer"), Person: rapid.IntRange(0, 4).Draw(t, "person") > 0, State: opinion.Draw(t, "opinion"),
		SHA: rapid.SampledFrom([]string{"a", "a", "b"}).Draw(t, "reviewed"), Access: rapid.SampledFrom([]Access{AccessWrite, AccessWrite, AccessNone, AccessUnknown}).Draw(t, "access"),
	}
}

func drawWindow(t *rapid.T) Window {
	var w Window
	location, err := time.LoadLocation(zones.Draw(t, "zone"))
	if err != nil {
		t.Fatal(err)
	}
	w.TimeZone.location = location
	if rapid.Bool().Draw(t, "some days") {
		w.Days = Days{}
		for _, day := range rapid.SliceOfN(rapid.IntRange(0, 6), 1, 5).Draw(t, "days") {
			w.Days[time.Weekday(day)] = true
		}
	}
	if rapid.Bool().Draw(t, "some hours") {
		from, to := rapid.IntRange(0, wholeDay-1).Draw(t, "from"), rapid.IntRange(0, wholeDay).Draw(t, "to")
		if from != to {
			w.Hours = Hours{from, to}
		}
	}
	return w
}

// moment is any time in some years, or one about the turns of clocks.
func moment(t *rapid.T) time.Time {
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if rapid.Bool().Draw(t, "about a turn") {
		begin = rapid.SampledFrom([]time.Time{
			time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC), time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
			time.Date(2011, 12, 29, 0, 0, 0, 0, time.UTC), // Samoa left out a day
		}).Draw(t, "turn")
		return begin.Add(time.Duration(rapid.IntRange(0, 48*60*60).Draw(t, "seconds")) * time.Second)
	}
	return begin.Add(time.Duration(rapid.IntRange(0, 365*24*60).Draw(t, "minutes")) * time.Minute)
}

// drawDemands adds demands, mostly such that are met.
func drawDemands(t *rapid.T, mostly func(string) bool, m *MergeRules, v *View) {
	rarely := func(name string) bool { return !mostly(name) || !mostly(name) }
	v.Author, v.Now = "alice", moment(t)
	v.LabelsKnown, v.ChecksKnown, v.ReviewsKnown, v.BehindKnown = mostly("labels known"), mostly("checks known"), mostly("reviews known"), mostly("behind known")
	if rarely("holds") {
		m.HoldLabels = rapid.SliceOfN(labelNames, 1, 2).Draw(t, "hold labels")
	}
	v.Labels = rapid.SliceOfN(labelNames, 0, 2).Draw(t, "labels")
	if m.UpToDate = rarely("up to date"); rarely("behind") {
		v.Behind = 1
	}
	if rarely("checks") {
		m.RequiredChecks = RequiredChecks{All: rapid.Bool().Draw(t, "all checks")}
		if !m.RequiredChecks.All {
			m.RequiredChecks.List = rapid.SliceOfN(rapid.Custom(drawRequired), 1, 2).Draw(t, "required")
		}
	}
	v.Checks = rapid.SliceOfNDistinct(rapid.Custom(drawCheck), 0, 4, func(c Check) int64 { return c.ID }).Draw(t, "checks")
	if rarely("approvals") {
		m.RequiredApprovals, m.OlderApprovals = rapid.IntRange(1, 2).Draw(t, "approvals"), rapid.Bool().Draw(t, "older approvals")
	}
	v.Reviews = rapid.SliceOfNDistinct(rapid.Custom(drawReview), 0, 4, func(r Review) int64 { return r.ID }).Draw(t, "reviews")
	if rarely("windows") {
		m.Windows = rapid.SliceOfN(rapid.Custom(drawWindow), 1, 3).Draw(t, "windows")
	}
}

func shuffleDemands(t *rapid.T, m *MergeRules, v *View) {
	m.HoldLabels = rapid.Permutation(m.HoldLabels).Draw(t, "hold labels again")
	m.RequiredChecks.List = rapid.Permutation(m.RequiredChecks.List).Draw(t, "required again")
	m.Windows = rapid.Permutation(m.Windows).Draw(t, "windows again")
	v.Labels, v.Checks, v.Reviews = rapid.Permutation(v.Labels).Draw(t, "labels again"), rapid.Permutation(v.Checks).Draw(t, "checks again"), rapid.Permutation(v.Reviews).Draw(t, "reviews again")
}

// stricterDemands see stricter.
var stricterDemands = map[string]func(*rapid.T, *Policy, *View){
	"another label holds": func(t *rapid.T, p *Policy, _ *View) {
		p.Merge.HoldLabels = append(slices.Clone(p.Merge.HoldLabels), labelNames.Draw(t, "hold"))
	},
	"it gets another label": func(t *rapid.T, _ *Policy, v *View) {
		v.Labels = append(slices.Clone(v.Labels), labelNames.Draw(t, "label"))
	},
	"another check is required": func(t *rapid.T, p *Policy, _ *View) {
		if !p.Merge.RequiredChecks.All {
			p.Merge.RequiredChecks.List = append(slices.Clone(p.Merge.RequiredChecks.List), drawRequired(t))
		}
	},
	"all checks are required where none was": func(_ *rapid.T, p *Policy, _ *View) {
		p.Merge.RequiredChecks.All = p.Merge.RequiredChecks.All || p.Merge.RequiredChecks.None()
	},
	"fewer conclusions pass": func(_ *rapid.T, p *Policy, _ *View) {
		p.Merge.RequiredChecks.List = slices.Clone(p.Merge.RequiredChecks.List)
		for i := range p.Merge.RequiredChecks.List {
			p.Merge.RequiredChecks.List[i].Conclusions = nil
		}
	},
	"a source is named": func(t *rapid.T, p *Policy, _ *View) {
		p.Merge.RequiredChecks.List = slices.Clone(p.Merge.RequiredChecks.List)
		for i, c := range p.Merge.RequiredChecks.List {
			if c.App == AnySource {
				p.Merge.RequiredChecks.List[i].App = "ci"
			}
		}
	},
	"a check is under way again": func(_ *rapid.T, _ *Policy, v *View) {
		v.Checks = slices.Clone(v.Checks)
		for i := range v.Checks {
			v.Checks[i].Outcome = ""
		}
	},
	"one more approval": func(_ *rapid.T, p *Policy, _ *View) { p.Merge.RequiredApprovals++ },
	"older approvals are not counted": func(_ *rapid.T, p *Policy, _ *View) {
		p.Merge.OlderApprovals = false
	},
	"somebody asks for changes": func(_ *rapid.T, _ *Policy, v *View) {
		v.Reviews = append(slices.Clone(v.Reviews), Review{ID: 1000, Author: "dave", Person: true, State: changesRequested, Access: AccessWrite})
	},
	"a reviewer may not write any more": func(_ *rapid.T, _ *Policy, v *View) {
		v.Reviews = slices.Clone(v.Reviews)
		for i, r := range v.Reviews {
			if r.State == approved {
				v.Reviews[i].Access = AccessNone
			}
		}
	},
	"nobody's access is known": func(_ *rapid.T, _ *Policy, v *View) {
		v.Reviews = slices.Clone(v.Reviews)
		for i := range v.Reviews {
			v.Reviews[i].Access = AccessUnknown
		}
	},
	"it must be up to date": func(_ *rapid.T, p *Policy, _ *View) { p.Merge.UpToDate = true },
	"the base moves":        func(_ *rapid.T, _ *Policy, v *View) { v.Behind++ },
	"a window where there was none": func(t *rapid.T, p *Policy, _ *View) {
		if len(p.Merge.Windows) == 0 {
			p.Merge.Windows = []Window{drawWindow(t)}
		}
	},
	"one window less": func(_ *rapid.T, p *Policy, _ *View) {
		if len(p.Merge.Windows) > 1 {
			p.Merge.Windows = p.Merge.Windows[1:]
		}
	},
	"the time is not known":    func(_ *rapid.T, _ *Policy, v *View) { v.Now = time.Time{} },
	"the labels are not known": func(_ *rapid.T, _ *Policy, v *View) { v.LabelsKnown = false },
	"the checks are not known": func(_ *rapid.T, _ *Policy, v *View) { v.ChecksKnown = false },
	"the reviews are not known": func(_ *rapid.T, _ *Policy, v *View) {
		v.ReviewsKnown = false
	},
	"the author is not known":    func(_ *rapid.T, _ *Policy, v *View) { v.Author = "" },
	"the distance is not known":  func(_ *rapid.T, _ *Policy, v *View) { v.BehindKnown = false },
	"it becomes a draft":         func(_ *rapid.T, _ *Policy, v *View) { v.Draft = true },
	"the attempt has failed":     func(_ *rapid.T, _ *Policy, v *View) { v.Successful = false },
	"the branch is force-pushed": func(_ *rapid.T, _ *Policy, v *View) { v.HeadSHA = "c" },
}

// What a rule needs and nobody knows never merges, whatever else is good.
func TestTheUnknownNeverMerges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p, v := drawCase(t, 1)
		verdict := Judge(p, v)
		m := p.Merge
		unknown := len(m.HoldLabels) > 0 && !v.LabelsKnown || m.UpToDate && !v.BehindKnown || !m.RequiredChecks.None() && !v.ChecksKnown ||
			m.RequiredApprovals > 0 && (!v.ReviewsKnown || v.Author == "") || m.MaxBytes > 0 && !v.BytesKnown || v.BesideCut || v.TotalFiles != len(v.Files)
		if unknown && (verdict.Allowed() || verdict.Waits()) {
			t.Fatalf("allowed %t, waits %t: %+v", verdict.Allowed(), verdict.Waits(), verdict.Findings)
		}
	})
}

// The next opening is the first minute at which a window is open, by asking all of them.
func TestTheNextOpening(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		windows, now := rapid.SliceOfN(rapid.Custom(drawWindow), 1, 2).Draw(t, "windows"), moment(t)
		open := func(at time.Time) bool {
			return slices.ContainsFunc(windows, func(w Window) bool { return w.contains(at) })
		}
		f := MergeRules{Windows: windows}.judgeWindow(View{Now: now})
		if f.Passed != open(now) {
			t.Fatalf("passed: %t", f.Passed)
		}
		if f.Passed {
			return
		}
		at := now.Truncate(time.Minute)
		for end := at.AddDate(0, 0, horizon-1); at.Before(end) && !open(at); at = at.Add(time.Minute) {
		}
		if open(at) != !f.Opens.IsZero() || open(at) && !f.Opens.Equal(at) || f.Awaits != AwaitWindow {
			t.Fatalf("at %s it opens at %s, and not %s", now, at, f.Opens)
		}
	})
}

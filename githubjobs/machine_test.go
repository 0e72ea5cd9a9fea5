package githubjobs

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the files in testdata anew")

// machine writes the job for the product of everything that decides it: branch, run
// status, conclusion, attempt, pull request; and, in columns, the result. A cell is
// the reason; where time alone changes it, the second is that of an hour later.
func machine() string {
	var b strings.Builder
	b.WriteString("# branch, attempt, run, pull request → reason, by the result of the attempt. Written by: go test -run TestMachine -update\n")
	columns := []string{"no result", "success", "no changes", "failure", "problem", "result before"}
	fmt.Fprintf(&b, "%-8s %-2s %-26s %-14s", "branch", "#", "run", "pull request")
	for _, c := range columns {
		fmt.Fprintf(&b, " | %s", c)
	}
	b.WriteByte('\n')
	for _, branch := range []string{"none", "there", "deleted"} {
		for _, run := range machineRuns() {
			for _, pull := range []string{"none", "open", "blocked", "closed", "merged"} {
				fmt.Fprintf(&b, "%-8s %-2s %-26s %-14s", branch, run.attempt(), run.name, pull)
				for _, c := range columns {
					f := machineFacts(branch, run, pull, c)
					early, late := Reduce(f, at(61)), Reduce(f, at(3600))
					cell := string(early.Reason)
					if late.Reason != early.Reason {
						cell += " > " + string(late.Reason)
					}
					b.WriteString(" | " + cell)
				}
				b.WriteByte('\n')
			}
		}
	}
	machineAttempts(&b)
	return b.String()
}

// machineAttempts writes what follows each end of an attempt in a job of two attempts that
// follow by themselves: of the first attempt and of the last.
func machineAttempts(b *strings.Builder) {
	b.WriteString("# the end of an attempt → of attempt 1 | of attempt 3, which is the last | of attempt 1, with a pull request | cancelled by a request | its branch deleted\n")
	for _, run := range machineRuns() {
		if len(run.runs) != 1 || !strings.HasPrefix(run.name, "completed") {
			continue
		}
		for _, result := range []string{"no result", "failure", "problem"} {
			fmt.Fprintf(b, "%-26s %-10s", run.name, result)
			for _, change := range []func(*Facts){
				func(*Facts) {}, func(f *Facts) { f.Attempt = 3 },
				func(f *Facts) { f.Pulls = []PullFact{{Number: 1, HeadSHA: "r", Base: "main", At: at(55)}} },
				func(f *Facts) { f.Cancel = &CancelFact{By: "x", At: at(61)} },
				func(f *Facts) { f.Branch.Deleted = true },
			} {
				f := machineFacts("there", run, "none", result)
				f.Spec, f.Created = retrySpec(Retry{BackoffLimit: 2}), []string{"c"}
				change(&f)
				fmt.Fprintf(b, " | %s", Reduce(f, at(3600)).Reason)
			}
			b.WriteByte('\n')
		}
	}
}

type machineRun struct {
	name string
	runs []RunFact
}

func (m machineRun) attempt() string { return fmt.Sprint(len(m.runs)) }

func machineRuns() []machineRun {
	states := [][2]string{}
	for _, s := range append(slices.Clone(waiting), "in_progress", "unheard_of") {
		states = append(states, [2]string{s})
	}
	for _, c := range []string{"success", "failure", "cancelled", "skipped", "timed_out", "action_required", "neutral", "stale", "startup_failure", "unheard_of"} {
		states = append(states, [2]string{"completed", c})
	}
	list := []machineRun{{name: "none"}}
	for _, s := range states {
		name := strings.TrimSuffix(s[0]+" "+s[1], " ")
		list = append(list,
			machineRun{name, []RunFact{run(1, s[0], s[1], 60)}},
			machineRun{name, []RunFact{run(1, "completed", "failure", 30), run(2, s[0], s[1], 60)}})
	}
	return list
}

func machineFacts(branch string, r machineRun, pull, result string) Facts {
	f := Facts{ID: "a", Runs: r.runs}
	if branch != "none" {
		f.Branch = &BranchFact{Head: "c", Deleted: branch == "deleted", At: at(0)}
	}
	pulls := map[string]PullFact{
		"open": {Number: 1, Open: true, HeadSHA: "r"}, "blocked": {Number: 1, Open: true, HeadSHA: "r"},
		"closed": {Number: 1, HeadSHA: "r"}, "merged": {Number: 1, Merged: true, MergedAt: at(55), HeadSHA: "r"},
	}
	if p, ok := pulls[pull]; ok {
		f.Pulls = []PullFact{p}
	}
	if pull == "blocked" {
		f.Gates = []GateFact{{HeadSHA: "r", Conclusion: "action_required", Title: "No."}}
	}
	attempt := max(len(r.runs), 1)
	of := func(n int) func(*Result) { return func(r *Result) { r.Attempt = n } }
	f.Result = map[string]*ResultFact{
		"success": resultFact(OutcomeSuccess, 1, of(attempt)), "no changes": resultFact(OutcomeSuccess, 0, of(attempt)),
		"failure": resultFact(OutcomeFailure, 0, of(attempt)), "problem": resultFact(OutcomeSuccess, 1, of(attempt), withProblem(ReasonPRForbidden)),
		"result before": resultFact(OutcomeSuccess, 1, of(attempt-1)),
	}[result]
	return f
}

// TestMachine holds that no change of the machine passes unseen: the whole table is
// in testdata, and a review shows what a change does to it.
func TestMachine(t *testing.T) {
	t.Parallel()
	file := filepath.Join("testdata", "machine.txt")
	got := machine()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	was := strings.Split(string(want), "\n")
	for i, line := range strings.Split(got, "\n") {
		if i >= len(was) || was[i] != line {
			t.Fatalf("%s:%d: the machine has changed; if that is meant, run the test with -update and have the difference reviewed:\nis  %s", file, i+1, line)
		}
	}
	t.Fatalf("%s has more lines than the machine", file)
}

// document is docs/state-machine.md.
func document(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile("../docs/state-machine.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// TestDocumentedReasons holds that the document lists every reason with its status
// and with whether that is an end, and no other.
func TestDocumentedReasons(t *testing.T) {
	t.Parallel()
	type entry struct {
		status Status
		end    bool
	}
	documented := map[Reason]entry{}
	for _, row := range regexp.MustCompile("(?m)^\\| (\\w+) \\| `(\\w+)` \\| (yes|no) \\| \\S").FindAllStringSubmatch(document(t), -1) {
		documented[Reason(row[2])] = entry{Status(row[1]), row[3] == "yes"}
	}
	for reason, status := range reasonStatus {
		if got := documented[reason]; got != (entry{status, status.Terminal()}) {
			t.Errorf("%s is %s, an end: %t; the document says %+v", reason, status, status.Terminal(), got)
		}
	}
	for reason := range documented {
		if err := reason.Validate(); err != nil {
			t.Errorf("the document lists %s: %v", reason, err)
		}
	}
}

// TestDocumentedTransitions holds that the document lists every change of status that
// the news of random histories cause, told in their order, and no other.
func TestDocumentedTransitions(t *testing.T) {
	t.Parallel()
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\| (\w+) → (\w+) \| \S`).FindAllStringSubmatch(document(t), -1) {
		documented[row[1]+" → "+row[2]] = true
	}
	seen := map[string]string{}
	for seed := range int64(5_000) {
		h := newHistory(rand.New(rand.NewSource(seed)).Intn)
		var f Facts
		var last Status
		step := func(cause string, now time.Time) {
			if j := Reduce(f, now); last != "" && last != j.Status {
				seen[string(last)+" → "+string(j.Status)] = cause
			}
			last = Reduce(f, now).Status
		}
		for _, e := range h.news {
			f = Merge(f, e.facts)
			step(e.cause, e.at)
		}
		step("time", at(h.second).Add(NeverStarted+time.Hour))
	}
	for transition, cause := range seen {
		if !documented[transition] {
			t.Errorf("%s happens (%s) and is not in the document", transition, cause)
		}
	}
	for transition := range documented {
		if seen[transition] == "" {
			t.Errorf("the document has %s, which no history shows", transition)
		}
	}
}

// TestDocumentedDiagnoses holds that the document lists every code, and no other.
func TestDocumentedDiagnoses(t *testing.T) {
	t.Parallel()
	var documented []DiagnosisCode
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)` \\| \\S").FindAllStringSubmatch(document(t), -1) {
		documented = append(documented, DiagnosisCode(row[1]))
	}
	if !slices.Equal(documented, DiagnosisCodes()) {
		t.Errorf("the document lists\n%v, want\n%v", documented, DiagnosisCodes())
	}
}

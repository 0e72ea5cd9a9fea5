package api

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// batch decodes an answer that tells of a batch.
func (a answer) batch(t testing.TB) (b Batch) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &b); err != nil || b.BatchID == "" {
		t.Fatalf("%d %q is no batch: %v", a.StatusCode, a.body, err)
	}
	return b
}

func (s *server) specs(t testing.TB, b Batch) (list []githubjobs.Spec) {
	t.Helper()
	for i := range b.Total {
		f, err := s.store.Facts(t.Context(), "p", githubjobs.MemberID(b.BatchID, i))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, *f.Spec)
	}
	return list
}

func TestBatchOfJobs(t *testing.T) {
	t.Parallel()
	s := setup(t)
	res := s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"one","labels":["b"],"config":null},{"job":"two","kind":"command","config":{"script":"true"},"delay_until":"2026-11-22T01:00:00+01:00","priority":3}],"labels":["a","b"],"max_failures":1}`)
	b := res.batch(t)
	one := 1
	want := Batch{BatchID: b.BatchID, Total: 2, Counts: Counts{Pending: 2}, MaxFailures: &one, Indexed: true, CreatedAt: now}
	if res.StatusCode != 201 || !reflect.DeepEqual(b, want) || !githubjobs.IsWholeBatch(b.BatchID) || s.accepted.Load() != 1 {
		t.Fatalf("%d %+v; the dispatcher was called %d times", res.StatusCode, b, s.accepted.Load())
	}
	if read := s.do(t, "GET", "/api/batches/"+b.BatchID, "").batch(t); !reflect.DeepEqual(read, want) {
		t.Errorf("read %+v, created %+v", read, want)
	}
	specs := s.specs(t, b)
	for i, want := range []githubjobs.Spec{
		{Kind: "report", Title: "one", Prompt: "one", Labels: []string{"a", "b"}},
		{Kind: "command", Title: "two", Prompt: "two", Labels: []string{"a", "b"}, Config: json.RawMessage(`{"script":"true"}`), Priority: 3, DelayUntil: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)},
	} {
		want.Version, want.ID, want.Base, want.TimeoutSeconds, want.CreatedAt = 1, githubjobs.MemberID(b.BatchID, i), "main", 1800, now
		want.Batch, want.Member = b.BatchID, &githubjobs.Member{Index: i, Of: 2, MaxFailures: &one}
		if !reflect.DeepEqual(specs[i], want) {
			t.Errorf("spec %+v\nwant %+v", specs[i], want)
		}
	}
	if again := s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"one"}]}`).batch(t); again.BatchID == b.BatchID || again.MaxFailures != nil {
		t.Errorf("without a key it is another batch: %+v", again)
	}
}

// An input is a JSON Merge Patch on the template (RFC 7396).
func TestBatchOfATemplate(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.do(t, "POST", "/api/batches", `{"template":{"job":"all","title":"T","config":{"period":"daily","date":"2026-11-20"},"labels":["x"],"timeout_seconds":60},
		"inputs":[{},{"job":"two","title":null,"config":{"period":"weekly"}},{"labels":["y"],"timeout_seconds":null,"config":{"date":null}}]}`).batch(t)
	for i, got := range s.specs(t, b) {
		want := []githubjobs.Spec{
			{Title: "T", Prompt: "all", Config: json.RawMessage(`{"period":"daily","date":"2026-11-20"}`), Labels: []string{"x"}, TimeoutSeconds: 60},
			{Title: "two", Prompt: "two", Config: json.RawMessage(`{"date":"2026-11-20","period":"weekly"}`), Labels: []string{"x"}, TimeoutSeconds: 60},
			{Title: "T", Prompt: "all", Config: json.RawMessage(`{"period":"daily"}`), Labels: []string{"y"}, TimeoutSeconds: 1800},
		}[i]
		if got.Title != want.Title || got.Prompt != want.Prompt || got.Kind != "report" || !slices.Equal(got.Labels, want.Labels) || string(got.Config) != string(want.Config) || got.TimeoutSeconds != want.TimeoutSeconds {
			t.Errorf("%d: spec %+v config %s\nwant %+v config %s", i, got, got.Config, want, want.Config)
		}
	}
}

func TestMergePatch(t *testing.T) {
	t.Parallel()
	// The examples of RFC 7396, appendix A, whose target and patch are objects.
	for _, c := range [][3]string{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
	} {
		var target, patch map[string]json.RawMessage
		if err := json.Unmarshal([]byte(c[0]), &target); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(c[1]), &patch); err != nil {
			t.Fatal(err)
		}
		merged, err := mergePatch(target, patch)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(merged); err != nil || string(got) != c[2] {
			t.Errorf("%s with %s: %s, %v, want %s", c[0], c[1], got, err, c[2])
		}
	}
}

func TestBatchRefuses(t *testing.T) {
	t.Parallel()
	s := setup(t)
	many := `{"jobs":[` + strings.Repeat(`{"job":"x"},`, githubjobs.MaxBatch) + `{"job":"x"}]}`
	labels := `"` + strings.Repeat(`a","a`, 1) + `"`
	for i := range 20 {
		labels += fmt.Sprintf(`,"l%d"`, i)
	}
	for name, c := range map[string]struct {
		body  string
		code  problem.Code
		field string
		says  string
	}{
		"nothing":                {``, problem.InvalidJSON, "", "empty"},
		"no JSON":                {"{\n\"jobs\": [}", problem.InvalidJSON, "", "line 2"},
		"no jobs":                {`{}`, problem.MissingField, "jobs", "jobs is missing"},
		"an empty list":          {`{"jobs":[]}`, problem.InvalidField, "jobs", "1 to 10000"},
		"no list":                {`{"jobs":{"job":"x"}}`, problem.InvalidField, "jobs", "must be a list of objects, not an object"},
		"jobs and a template":    {`{"jobs":[{"job":"x"}],"template":{"job":"x"}}`, problem.InvalidField, "jobs", "the one or the other"},
		"a template alone":       {`{"template":{"job":"x"}}`, problem.MissingField, "inputs", "inputs is missing"},
		"inputs alone":           {`{"inputs":[{"job":"x"}]}`, problem.MissingField, "template", "template is missing"},
		"another field":          {`{"job":[]}`, problem.UnknownField, "job", "Did you mean jobs?"},
		"an entry that is none":  {`{"jobs":[{"job":"x"},"y"]}`, problem.InvalidField, "jobs[1]", "must be an object"},
		"a field of an entry":    {`{"jobs":[{"job":"x"},{"job":"y","timeout_seconds":0}]}`, problem.InvalidField, "jobs[1].timeout_seconds", "1 to 20700"},
		"an unknown field":       {`{"jobs":[{"job":"x","prompt":"y"}]}`, problem.UnknownField, "jobs[0].prompt", "Did you mean job?"},
		"no job":                 {`{"jobs":[{"title":"x"}]}`, problem.MissingField, "jobs[0].job", "job is missing"},
		"a batch of an entry":    {`{"jobs":[{"job":"x","batch_id":"b"}]}`, problem.InvalidField, "jobs[0].batch_id", "leave it out"},
		"a key of an entry":      {`{"jobs":[{"job":"x","idempotency_key":"b"}]}`, problem.InvalidField, "jobs[0].idempotency_key", "names the whole batch"},
		"what only a spec knows": {`{"jobs":[{"job":"x"},{"job":"x","base":"a..b"}]}`, problem.InvalidField, "jobs[1].base", "is not a branch"},
		"too many labels":        {`{"jobs":[{"job":"x"}],"labels":[` + labels + `]}`, problem.InvalidField, "jobs[0].labels", "at most 20"},
		"a label":                {`{"jobs":[{"job":"x"}],"labels":[1]}`, problem.InvalidField, "labels", "[0]"},
		"max_failures":           {`{"jobs":[{"job":"x"}],"max_failures":-1}`, problem.InvalidField, "max_failures", "0 to 10000"},
		"the key":                {`{"jobs":[{"job":"x"}],"idempotency_key":" "}`, problem.InvalidField, "idempotency_key", "white space"},
		"too many":               {many, problem.InvalidField, "jobs", "more than 10000"},
		"a template's field":     {`{"template":{"job":"x","timeout_seconds":"1"},"inputs":[{},{}]}`, problem.InvalidField, "template.timeout_seconds", "whole number"},
		"a template's name":      {`{"template":{"jb":"x"},"inputs":[{}]}`, problem.UnknownField, "template.jb", "no field"},
		"a template's job":       {`{"template":{"job":7},"inputs":[{}]}`, problem.InvalidField, "template.job", "must be a string"},
		"no template":            {`{"template":[],"inputs":[{}]}`, problem.InvalidField, "template", "must be an object"},
		"a name":                 {`{"jobs":[{"job":"x","name":"a b"}]}`, problem.InvalidField, "jobs[0].name", "can't name a job"},
		"a name twice":           {`{"jobs":[{"job":"x","name":"a"},{"job":"x"},{"job":"x","name":"a"}]}`, problem.InvalidField, "jobs[2].name", "is that of jobs[0]"},
		"itself":                 {`{"jobs":[{"job":"x","name":"a","depends_on":["a"]}]}`, problem.InvalidField, "jobs[0].depends_on[0]", "the job itself"},
		"no name and no id":      {`{"jobs":[{"job":"x","depends_on":["A b"]}]}`, problem.InvalidField, "jobs[0].depends_on[0]", "neither the name"},
		"a circle": {`{"jobs":[{"job":"x","name":"a","depends_on":["c"]},{"job":"x","name":"b"},{"job":"x","name":"c","depends_on":["b","#3"]},{"job":"x","depends_on":["a"]}]}`, problem.InvalidField, "jobs[0].depends_on",
			"jobs[0] (a) → jobs[2] (c) → jobs[3] → jobs[0] (a)"},
		"an input":             {`{"template":{"job":"x"},"inputs":[{},{"priority":1000}]}`, problem.InvalidField, "inputs[1].priority", "-100 to 100"},
		"an input without job": {`{"template":{"kind":"report"},"inputs":[{}]}`, problem.MissingField, "inputs[0].job", "job is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := s.do(t, "POST", "/api/batches", c.body)
			if p := res.problem(t); res.StatusCode != c.code.Status() || p.Code != c.code || p.Field != c.field || !strings.Contains(p.Message, c.says) || len(p.Mistakes) != 0 {
				t.Errorf("%d %+v", res.StatusCode, p)
			}
		})
	}
	t.Cleanup(func() {
		if c, err := s.store.Counts(context.Background(), "p"); err != nil || c.Jobs != 0 {
			t.Errorf("jobs were created: %+v, %v", c, err)
		}
	})
}

// Entries name each other, in any order.
func TestBatchOrder(t *testing.T) {
	t.Parallel()
	s := setup(t)
	first := s.do(t, "POST", "/api/create-job", `{"job":"x"}`)
	var created Created
	if err := json.Unmarshal([]byte(first.body), &created); err != nil {
		t.Fatal(err)
	}
	b := s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"x","name":"test","depends_on":["build","`+created.JobID+`"]},{"job":"x","name":"build"},{"job":"x","depends_on":["test","build"],"on_dependency_failure":"skip"}]}`).batch(t)
	specs := s.specs(t, b)
	id := func(i int) string { return githubjobs.MemberID(b.BatchID, i) }
	want := [][]string{{created.JobID, id(1)}, nil, {id(0), id(1)}}
	for i, spec := range specs {
		if slices.Sort(want[i]); !slices.Equal(spec.DependsOn, want[i]) {
			t.Errorf("job %d depends on %v, want %v", i, spec.DependsOn, want[i])
		}
	}
	if res := s.do(t, "GET", "/api/batches/"+b.BatchID+"/results", ""); !strings.Contains(res.body, `"name":"build"`) {
		t.Error(res.body)
	}
}

// Several mistakes are told in one answer, up to a bound; none of the jobs is created.
func TestBatchTellsItsMistakes(t *testing.T) {
	t.Parallel()
	s := setup(t)
	res := s.do(t, "POST", "/api/batches", `{"jobs":[{"job":"x"},{"job":1},{"job":"x"},{"title":"x"},{"job":"x","kidn":"report"}]}`)
	var fields []string
	p := res.problem(t)
	for _, m := range p.Mistakes {
		fields = append(fields, m.Field)
	}
	if res.StatusCode != 400 || p.Field != "jobs[1].job" || !slices.Equal(fields, []string{"jobs[1].job", "jobs[3].job", "jobs[4].kidn"}) || p.Mistakes[2].Code != problem.UnknownField {
		t.Errorf("%d %+v", res.StatusCode, p)
	}
	p = s.do(t, "POST", "/api/batches", `{"jobs":[`+strings.Repeat(`{"job":"x","base":"a..b"},`, 30)+`{"job":"x"}]}`).problem(t)
	if len(p.Mistakes) != mostMistakes || p.Mistakes[19].Field != "jobs[19].base" {
		t.Errorf("%d mistakes: %+v", len(p.Mistakes), p)
	}
}

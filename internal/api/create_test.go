package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body string
		want githubjobs.Spec // the fields that the body decides
	}{
		"the job alone":   {`{"job":"Daily report\nof all"}`, githubjobs.Spec{Kind: "report", Title: "Daily report", Prompt: "Daily report\nof all", TimeoutSeconds: 1800, Base: "main"}},
		"everything":      {`{"job":"x","kind":"command","title":"A title","config":{"script":"echo [skip ci]"},"timeout_seconds":60,"base":"release/1","secrets":["B_2","A","B_2"],"labels":["b","a=1","b"],"batch_id":"n-7","priority":-5,"network":"none","on_dependency_failure":"skip","concurrency_key":"deploy/eu","concurrency_policy":"keep_newest","delay_until":"2026-11-22T01:00:00+01:00","queue_ttl_seconds":600}`, githubjobs.Spec{Kind: "command", Title: "A title", Prompt: "x", Config: json.RawMessage(`{"script":"echo [skip ci]"}`), TimeoutSeconds: 60, Base: "release/1", Priority: -5, Network: "none", OnDependencyFailure: "skip", ConcurrencyKey: "deploy/eu", ConcurrencyPolicy: "keep_newest", DelayUntil: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC), QueueTTLSeconds: 600, Secrets: []string{"A", "B_2"}, Labels: []string{"a=1", "b"}, Batch: "n-7"}},
		"nulls":           {`{"job":"x","kind":null,"title":null,"config":null,"timeout_seconds":null,"base":null,"secrets":null,"labels":null,"batch_id":null,"priority":null,"retry":null,"network":null,"depends_on":null,"on_dependency_failure":null,"concurrency_key":null,"concurrency_policy":null,"delay_until":null,"queue_ttl_seconds":null,"pull_request":null}`, githubjobs.Spec{Kind: "report", Title: "x", Prompt: "x", TimeoutSeconds: 1800, Base: "main"}},
		"space around":    {" \r\n\t{ \"job\" : \"x\" } \n", githubjobs.Spec{Kind: "report", Title: "x", Prompt: "x", TimeoutSeconds: 1800, Base: "main"}},
		"text that turns": {"{\"job\":\"a\u202eb\\u2066c\u009b\"}", githubjobs.Spec{Kind: "report", Title: "abc", Prompt: "a\u202eb\u2066c\u009b", TimeoutSeconds: 1800, Base: "main"}},
		"other languages": {`{"job":"日報 📈 \u00e9"}`, githubjobs.Spec{Kind: "report", Title: "日報 📈 é", Prompt: "日報 📈 é", TimeoutSeconds: 1800, Base: "main"}},
	} {
		for _, contentType := range []string{"", "application/json", "application/x-www-form-urlencoded", "text/plain", "nonsense"} {
			t.Run(name+" as "+contentType, func(t *testing.T) {
				t.Parallel()
				s := setup(t)
				res := s.do(t, "POST", "/api/create-job", c.body, "Content-Type", contentType)
				var created map[string]string
				if err := json.Unmarshal([]byte(res.body), &created); err != nil || res.StatusCode != 200 {
					t.Fatalf("%d %s", res.StatusCode, res.body)
				}
				if len(created) != 3 || created["branch"] != "job/"+created["job_id"] || created["status"] != "pending" {
					t.Errorf("answer %v", created)
				}
				f, err := s.store.Facts(t.Context(), "p", created["job_id"])
				if err != nil || s.accepted.Load() != 1 {
					t.Fatalf("stored %+v, %v; the dispatcher was called %d times", f, err, s.accepted.Load())
				}
				want := c.want
				want.Version, want.ID, want.CreatedAt = 1, created["job_id"], now
				if !reflect.DeepEqual(*f.Spec, want) {
					t.Errorf("spec %+v\nwant %+v", *f.Spec, want)
				}
			})
		}
	}
}

func TestCreateRefuses(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for name, c := range map[string]struct {
		body   string
		status int
		code   problem.Code
		field  string
		says   []string
	}{
		"nothing":             {"", 400, "invalid_json", "", []string{"The body is empty", `{"job": "Daily`}},
		"white space":         {" \n ", 400, "invalid_json", "", []string{"The body is empty"}},
		"no JSON":             {"job=Daily", 400, "invalid_json", "", []string{"line 1, column 1", "invalid character 'j'"}},
		"cut off":             {"{\n \"job\": \"x", 400, "invalid_json", "", []string{"line 2", "unexpected end"}},
		"a comma too many":    {"{\n \"jöb\": 1,\n}", 400, "invalid_json", "", []string{"line 3, column 1"}},
		"trailing garbage":    {`{"job":"x"} {}`, 400, "invalid_json", "", []string{"column 13", "after top-level value"}},
		"a list":              {`[{"job":"x"}]`, 400, "invalid_json", "", []string{"must be a JSON object", "not a list"}},
		"null":                {`null`, 400, "invalid_json", "", []string{"not null"}},
		"a string":            {`"job"`, 400, "invalid_json", "", []string{"not a string"}},
		"bad UTF-8":           {"{\"job\":\"a\xffb\"}", 400, "invalid_json", "", []string{"not valid UTF-8 at line 1, column 10"}},
		"deep nesting":        {strings.Repeat("[", 20000), 400, "invalid_json", "", []string{"max depth"}},
		"no job":              {`{"kind":"report"}`, 400, "missing_field", "job", []string{"job is missing"}},
		"an empty job":        {`{"job":" \n"}`, 400, "missing_field", "job", []string{"job is missing"}},
		"a job of null":       {`{"job":null}`, 400, "missing_field", "job", []string{"job is missing"}},
		"a job of a number":   {`{"job":5}`, 400, "invalid_field", "job", []string{"job must be a string, not a number"}},
		"a title of true":     {`{"job":"x","title":true}`, 400, "invalid_field", "title", []string{"title must be a string, not true or false"}},
		"a long title":        {`{"job":"x","title":"` + strings.Repeat("y", 73) + `"}`, 400, "invalid_field", "title", []string{"at most 72"}},
		"a kind unknown":      {`{"job":"x","kind":"cook"}`, 400, "invalid_field", "kind", []string{`"cook" is unknown`, "command, report"}},
		"an empty kind":       {`{"job":"x","kind":""}`, 400, "invalid_field", "kind", []string{"command, report"}},
		"a config of text":    {`{"job":"x","config":"a"}`, 400, "invalid_field", "config", []string{"config must be an object, not a string"}},
		"a config misspelt":   {`{"job":"x","config":{"peroid":"daily"}}`, 400, "invalid_field", "config.peroid", []string{"is not a setting"}},
		"a config's value":    {`{"job":"x","config":{"period":"hourly"}}`, 400, "invalid_field", "config.period", []string{"daily, weekly, monthly"}},
		"no script":           {`{"job":"x","kind":"command"}`, 400, "invalid_field", "config.script", []string{"is missing"}},
		"seconds as text":     {`{"job":"x","timeout_seconds":"60"}`, 400, "invalid_field", "timeout_seconds", []string{"must be a whole number of seconds, not a string"}},
		"a priority of text":  {`{"job":"x","priority":"high"}`, 400, "invalid_field", "priority", []string{"priority must be a whole number, not a string"}},
		"a priority too high": {`{"job":"x","priority":101}`, 400, "invalid_field", "priority", []string{"give -100 to 100"}},
		"a delay of words":    {`{"job":"x","delay_until":"tomorrow"}`, 400, "invalid_field", "delay_until", []string{`"tomorrow" is not a time such as`}},
		"a delay of years":    {`{"job":"x","delay_until":"2099-01-01T00:00:00Z"}`, 400, "invalid_field", "delay_until", []string{"more than a year away"}},
		"no time to begin":    {`{"job":"x","queue_ttl_seconds":0}`, 400, "invalid_field", "queue_ttl_seconds", []string{"1 to 2592000"}},
		"half a second":       {`{"job":"x","timeout_seconds":0.5}`, 400, "invalid_field", "timeout_seconds", []string{"not 0.5"}},
		"no time":             {`{"job":"x","timeout_seconds":0}`, 400, "invalid_field", "timeout_seconds", []string{"0 is out of range", "1 to 20700"}},
		"for ever":            {`{"job":"x","timeout_seconds":99999999999999999999}`, 400, "invalid_field", "timeout_seconds", []string{"out of range"}},
		"a base of a job":     {`{"job":"x","base":"job/1"}`, 400, "invalid_field", "base", []string{"job/1"}},
		"a base with dots":    {`{"job":"x","base":"a..b"}`, 400, "invalid_field", "base", []string{"a..b"}},
		"several at once":     {`{"job":"x","kind":"cook","base":"-"}`, 400, "invalid_field", "kind", []string{"kind:", "base:"}},
		"no such dependency":  {`{"job":"x","depends_on":["nobody"]}`, 422, "dependency_not_found", "depends_on", []string{`depends on the job "nobody"`, "Create that one first"}},
		"dependency's name":   {`{"job":"x","depends_on":["A B"]}`, 400, "invalid_field", "depends_on[0]", []string{`"A B" is not the id of a job`}},
		"one dependency":      {`{"job":"x","depends_on":"a"}`, 400, "invalid_field", "depends_on", []string{"must be a list of strings, not a string"}},
		"failure's policy":    {`{"job":"x","on_dependency_failure":"ignore"}`, 400, "invalid_field", "on_dependency_failure", []string{`"ignore" is unknown; use one of fail, skip`}},
		"concurrency's key":   {`{"job":"x","concurrency_key":""}`, 400, "invalid_field", "concurrency_key", []string{"is empty"}},
		"a policy unknown":    {`{"job":"x","concurrency_key":"k","concurrency_policy":"allow"}`, 400, "invalid_field", "concurrency_policy", []string{"queue, cancel_in_progress, keep_newest"}},
		"a policy alone":      {`{"job":"x","concurrency_policy":"queue"}`, 400, "invalid_field", "concurrency_policy", []string{"concurrency_key, and there is none"}},
		"needs":               {`{"job":"x","needs":["a"]}`, 400, "unknown_field", "needs", []string{"Did you mean depends_on?"}},
		"a network's name":    {`{"job":"x","network":"host"}`, 400, "invalid_field", "network", []string{`"host" is unknown; use default or none`}},
		"secrets of text":     {`{"job":"x","secrets":"A"}`, 400, "invalid_field", "secrets", []string{"secrets must be a list of strings, not a string"}},
		"a secret's prefix":   {`{"job":"x","secrets":["A","AGENT_KEY"]}`, 400, "invalid_field", "secrets[1]", []string{`write it without AGENT_: "KEY"`}},
		"a secret that runs":  {`{"job":"x","secrets":["LD_PRELOAD"]}`, 400, "invalid_field", "secrets[0]", []string{"would replace a variable"}},
		"labels of text":      {`{"job":"x","labels":"a"}`, 400, "invalid_field", "labels", []string{"labels must be a list of strings, not a string"}},
		"a label of numbers":  {`{"job":"x","labels":["a",1]}`, 400, "invalid_field", "labels", []string{"labels [1] must be a string, not a number"}},
		"a label with space":  {`{"job":"x","labels":["a b"]}`, 400, "invalid_field", "labels[0]", []string{`"a b" is not a label`}},
		"a batch in capital":  {`{"job":"x","batch_id":"A"}`, 400, "invalid_field", "batch_id", []string{"must match"}},
		"a field misspelt":    {`{"jobs":"x"}`, 400, "unknown_field", "jobs", []string{`no field "jobs"`, "Did you mean job?"}},
		"another's field":     {`{"job":"x","prompt":"y"}`, 400, "unknown_field", "prompt", []string{"Did you mean job?"}},
		"case":                {`{"Job":"x"}`, 400, "unknown_field", "Job", []string{"Did you mean job?"}},
		"camel case":          {`{"job":"x","timeoutSeconds":1}`, 400, "unknown_field", "timeoutSeconds", []string{"Did you mean timeout_seconds?"}},
		"a field of nobody":   {`{"job":"x","zzzzzzzzz":1}`, 400, "unknown_field", "zzzzzzzzz", []string{"The fields are base, batch_id, concurrency_key, concurrency_policy, config, delay_until, depends_on, engine, idempotency_key, job"}},
		"more than a spec":    {`{"job":"` + strings.Repeat("x", 70<<10) + `"}`, 400, "invalid_field", "job", []string{"at most 65536", "Put long material"}},
		"more than a body":    {`{"job":"` + strings.Repeat("x", 1<<20) + `"}`, 400, "body_too_large", "", []string{"1048576", "65536"}},
		"a NUL in the text":   {`{"job":"a\u0000b"}`, 400, "invalid_field", "job", []string{"NUL"}},
		"a title that turns":  {"{\"job\":\"x\",\"title\":\"a\u202eb\"}", 400, "invalid_field", "title", []string{"U+202A"}},
		"a control in title":  {`{"job":"x","title":"a\u001bb"}`, 400, "invalid_field", "title", []string{"one line"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res := s.do(t, "POST", "/api/create-job", c.body)
			p := res.problem(t)
			if res.StatusCode != c.status || p.Code != c.code || p.Field != c.field || res.Header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s field %q (%s), want %d %s field %q: %s", res.StatusCode, p.Code, p.Field, res.Header.Get("Content-Type"), c.status, c.code, c.field, p.Message)
			}
			for _, text := range c.says {
				if !strings.Contains(p.Message, text) {
					t.Errorf("%q does not say %q", p.Message, text)
				}
			}
		})
	}
	t.Cleanup(func() {
		if specs, err := s.store.Waiting(context.Background(), "p", 10); len(specs) != 0 || s.accepted.Load() != 0 || err != nil && !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("refused jobs were stored: %v, %v", specs, err)
		}
	})
}

// FuzzCreate: whatever the body, the answer is a job or an error of the caller's.
func FuzzCreate(f *testing.F) {
	for _, seed := range []string{`{"job":"x"}`, `{"job":"x","config":{}}`, "{", `{"job":"\ud800"}`, `{"job":"x","job":"y"}`, `{"job":"a\u2028b","timeout_seconds":1e3}`, "\xef\xbb\xbf{}", `{"":1}`} {
		f.Add([]byte(seed))
	}
	s := setup(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		req := httptest.NewRequest("POST", "/api/create-job", strings.NewReader(string(body)))
		req.Header.Set("X-Api-Key", "first-key")
		w := httptest.NewRecorder()
		s.Config.Handler.ServeHTTP(w, req)
		if w.Code != 200 && w.Code != 400 && w.Code != 422 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Errorf("not JSON: %s", w.Body)
		}
	})
}

package api

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/require"
)

// tree is a part of a JSON document.
type tree map[string]any

func (o tree) at(t *testing.T, names ...string) tree {
	t.Helper()
	for _, name := range names {
		inner, ok := o[name].(map[string]any)
		if !ok {
			t.Fatalf("the description has no %s", strings.Join(names, " → "))
		}
		o = inner
	}
	return o
}

// description is the description that a server gives, to anybody.
func description(t *testing.T) tree {
	t.Helper()
	res := setup(t).do(t, "GET", "/openapi.json", "", "X-Api-Key", "")
	var doc tree
	if err := json.Unmarshal([]byte(res.body), &doc); err != nil || res.StatusCode != 200 {
		t.Fatalf("%d: %v", res.StatusCode, err)
	}
	return doc
}

// The description is what the OpenAPI Initiative's own schema says that it may be.
func TestDescriptionIsOpenAPI(t *testing.T) {
	t.Parallel()
	file, err := os.Open(require.NPM(t, require.OpenAPISchema))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	raw, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatal(err)
	}
	const location = "https://example.com/schema.json"
	compiler := jsonschema.NewCompiler()
	delete(raw.(map[string]any), "$id") // which would be looked for on the network
	if err := compiler.AddResource(location, raw); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(location)
	if err != nil {
		t.Fatal(err)
	}
	doc := map[string]any(description(t))
	if err := schema.Validate(doc); err != nil {
		t.Error(err)
	}
	doc["paths"].(map[string]any)["/healthz"].(map[string]any)["get"].(map[string]any)["respones"] = map[string]any{}
	if schema.Validate(doc) == nil {
		t.Error("a misspelt field passes: the schema holds nothing")
	}
}

// Every schema of the description is one, and says of every field what it means.
func TestSchemasOfDescription(t *testing.T) {
	t.Parallel()
	doc := description(t)
	const location = "https://example.com/openapi.json"
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource(location, map[string]any(doc)); err != nil {
		t.Fatal(err)
	}
	for name := range doc.at(t, "components", "schemas") {
		if _, err := compiler.Compile(location + "#/components/schemas/" + name); err != nil {
			t.Error(err)
		}
		for field, s := range doc.at(t, "components", "schemas", name, "properties") {
			if text, _ := s.(map[string]any)["description"].(string); text == "" && s.(map[string]any)["$ref"] == nil {
				t.Errorf("%s.%s has no description", name, field)
			}
		}
	}
}

// words are the strings of an enum.
func words(list any) (all []string) {
	for _, w := range list.([]any) {
		text, _ := w.(string)
		all = append(all, text)
	}
	return all
}

func TestDescription(t *testing.T) {
	t.Parallel()
	doc := description(t)
	schemas := doc.at(t, "components", "schemas")
	for field := range createFields {
		schemas.at(t, "CreateRequest", "properties", field)
	}
	if n := len(schemas.at(t, "CreateRequest", "properties")); n != len(createFields) {
		t.Errorf("the description has %d fields of create-job, the endpoint %d", n, len(createFields))
	}
	job := schemas.at(t, "Job", "properties")
	if got := words(job.at(t, "status")["enum"]); !slices.Equal(got, []string{"pending", "running", "completed", "failed", "merged"}) {
		t.Errorf("statuses %q", got)
	}
	if got := words(job.at(t, "reason")["enum"]); len(got) != len(githubjobs.Reasons()) || !slices.Contains(got, "merge_blocked") {
		t.Errorf("reasons %q", got)
	}
	for _, c := range []struct {
		path, method, status string
		codes                []string // all that the error can have
	}{
		{"/api/create-job", "post", "400", []string{"body_too_large", "invalid_body", "invalid_field", "invalid_json", "missing_field", "unknown_field"}},
		{"/api/create-job", "post", "503", []string{"base_unknown", "dependency_unknown", "storage_unavailable"}},
		{"/api/create-job", "post", "422", []string{"address_not_allowed", "dependency_not_found", "invalid_policy", "no_model_key", "secret_not_allowed", "secret_not_set"}},
		{"/api/create-job", "post", "507", []string{"storage_full"}},
		{"/api/jobs/status", "get", "404", []string{"job_not_found"}},
		{"/webhooks/github", "post", "401", []string{"invalid_signature"}},
		{"/webhooks/github", "post", "503", []string{"storage_unavailable", "too_many_deliveries", "webhooks_disabled"}},
	} {
		schema := doc.at(t, "paths", c.path, c.method, "responses", c.status, "content", "application/json", "schema")
		parts := schema["allOf"].([]any)
		if ref := parts[0].(map[string]any)["$ref"]; ref != "#/components/schemas/Error" {
			t.Errorf("%s %s is described as %v", c.path, c.status, ref)
		}
		if got := words(tree(parts[1].(map[string]any)).at(t, "properties", "code")["enum"]); !slices.Equal(got, c.codes) {
			t.Errorf("%s %s: codes %q, want %q", c.path, c.status, got, c.codes)
		}
	}
	if ref := doc.at(t, "paths", "/readyz", "get", "responses", "503", "content", "application/json", "schema")["$ref"]; ref != "#/components/schemas/Readiness" {
		t.Errorf("503 of readyz is described as %v", ref)
	}
	if p := doc.at(t, "paths", "/api/jobs/status", "get")["parameters"].([]any); len(p) != 1 || p[0].(map[string]any)["required"] != true {
		t.Errorf("parameters %v", p)
	}
}

// Every endpoint and every field of create-job stands in docs/api.md.
func TestThePageTellsEveryEndpoint(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	page, doc := string(raw), description(t)
	for path := range doc.at(t, "paths") {
		whole, last := strings.Contains(page, path), "/"+path[strings.LastIndexByte(path, '/')+1:]
		if !whole && !strings.Contains(page, "…"+last+"`") && !strings.Contains(page, "`"+last+"`") {
			t.Errorf("%s is not told", path)
		}
	}
	for field := range createFields {
		if !strings.Contains(page, "`"+field+"`") {
			t.Errorf("the field %s of create-job is not told", field)
		}
	}
}

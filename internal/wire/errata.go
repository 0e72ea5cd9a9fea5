package wire

import (
	"maps"
	"slices"
)

// An erratum is a place where GitHub's description is not what GitHub does. It is mended before anything is held to the
// description; what is not mended here, one by one and with the reason, is not let through.
type erratum struct {
	what string
	why  string
	mend func(doc object) (mended int)
}

// errata are all of them. Where one has nothing left to mend the description is refused, so that this list can only be true.
var errata = []erratum{
	{
		what: "errors without status",
		why:  "GitHub's error answers hold their status as text; only basic-error says so",
		mend: func(doc object) int { return mendObjects(doc, "status", "message", "documentation_url") },
	},
	{
		what: "users of webhooks without user_view_type",
		why:  "GitHub gives it with every user since 2024; the description names it in some of its many users only",
		mend: func(doc object) int { return mendObjects(doc, "user_view_type", "login", "gravatar_id") },
	},
	{
		what: "workflow_run in_progress without display_title",
		why:  "the description has it in the run of requested and of completed, and the run is the same",
		mend: func(doc object) int {
			return mendObjects(doc, "display_title", "run_number", "run_attempt", "check_suite_node_id", "rerun_url")
		},
	},
	{
		what: "actions/list-workflow-runs: created is a date-time",
		why:  `its text says that it is a range of them, in the syntax of searches, such as "2026-11-01..2026-11-21"`,
		mend: func(doc object) int {
			schema := at(doc, "components", "parameters", "created", "schema")
			before := len(schema)
			delete(schema, "format")
			return before - len(schema)
		},
	},
	{
		what: "apps/list-installations: an account that is a user and an enterprise at once",
		why:  "apps/get-installation describes the same account as one of the two",
		mend: func(doc object) int {
			account := at(doc, "paths", "/app/installations", "get", "responses", "200", "content", "application/json", "schema", "items", "properties", "account")
			list, _ := account["allOf"].([]any)
			delete(account, "allOf")
			account["anyOf"] = list
			return len(list)
		},
	},
	{
		what: "pull requests in lists: labels without a null description",
		why:  "a label without a description has null there, as pulls/get describes it",
		mend: func(doc object) int {
			description := at(doc, "components", "schemas", "pull-request-simple", "properties", "labels", "items", "properties", "description")
			if description == nil || description["nullable"] == true {
				return 0
			}
			description["nullable"] = true
			return 1
		},
	},
	{
		what: "git/delete-ref: 422 without a body",
		why:  `GitHub answers "Reference does not exist" in its usual form`,
		mend: func(doc object) int {
			responses, n := at(doc, "paths", "/repos/{owner}/{repo}/git/refs/{ref}", "delete", "responses"), 0
			if unprocessable := at(responses, "422"); unprocessable["content"] == nil {
				responses["422"] = object{"$ref": "#/components/responses/validation_failed"}
				n++
			}
			return n
		},
	},
	{
		what: "repos/get-content: without a path",
		why:  `the operation's text says "If you omit the path parameter, you will receive the contents of the repository's root directory"`,
		mend: func(doc object) int {
			paths := at(doc, "paths")
			const root = "/repos/{owner}/{repo}/contents"
			if _, there := paths[root]; there {
				return 0
			}
			get := maps.Clone(at(paths, root+"/{path}", "get"))
			get["parameters"] = slices.DeleteFunc(slices.Clone(get["parameters"].([]any)), func(p any) bool { return p.(object)["name"] == "path" })
			paths[root] = object{"get": get}
			return 1
		},
	},
	{
		what: "meta/get: installed_version",
		why:  "GitHub Enterprise Server has it, and localhub is one to its clients: its API is below /api/v3",
		mend: func(doc object) int {
			fields := at(doc, "components", "schemas", "api-overview", "properties")
			if _, there := fields["installed_version"]; there || fields == nil {
				return 0
			}
			fields["installed_version"] = object{"type": "string"}
			return 1
		},
	},
	{
		what: "issues/add-labels: a list of labels as the body",
		why:  `the operation's text says "You can also pass an array of labels directly", which go-github does`,
		mend: func(doc object) int {
			schema := at(doc, "paths", "/repos/{owner}/{repo}/issues/{issue_number}/labels", "post", "requestBody", "content", "application/json", "schema")
			list, _ := schema["oneOf"].([]any)
			schema["oneOf"] = append(list, object{"type": "array", "items": object{"type": "string"}})
			return len(list)
		},
	},
	{
		what: "repos/delete-file: content in the request",
		why:  "go-github has one type for all changes of a file, and sends content: null; GitHub does not mind. No request of ours does",
		mend: func(doc object) int {
			schema := at(doc, "paths", "/repos/{owner}/{repo}/contents/{path}", "delete", "requestBody", "content", "application/json", "schema")
			fields := at(schema, "properties")
			if _, there := fields["content"]; there || fields == nil {
				return 0
			}
			fields["content"] = object{"type": "string", "nullable": true}
			return 1
		},
	},
	{
		what: "apps/create-installation-access-token: null as the body",
		why:  "go-github sends null for no restrictions; GitHub takes it for no body. No request of ours does",
		mend: func(doc object) int {
			schema := at(doc, "paths", "/app/installations/{installation_id}/access_tokens", "post", "requestBody", "content", "application/json", "schema")
			schema["nullable"] = true
			return len(schema) - 1
		},
	},
}

// mendObjects adds a text field to every schema of an object that has these fields and not that one.
func mendObjects(doc object, field string, has ...string) (mended int) {
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case object:
			fields := at(v, "properties")
			lacks := func(name string) bool { return fields[name] == nil }
			if lacks(field) && !slices.ContainsFunc(has, lacks) {
				fields[field] = object{"type": "string"}
				mended++
			}
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(doc)
	return mended
}

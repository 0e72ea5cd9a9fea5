package wire

import (
	"bytes"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Exchange is one request to the REST API and its answer.
type Exchange struct {
	Method, Path string // Path is escaped and begins with a slash, without the API's own prefix
	Query        url.Values
	Header       http.Header
	Body         []byte
	Status       int
	Answer       []byte
	AnswerHeader http.Header
	Gone         bool // the client had gone before it was answered
}

// statusClientGone is what proxies, and localhub, note in place of the answer to a client that has gone.
const statusClientGone = 499

// Check returns the operation and what GitHub would not have sent or taken. A request that was refused as invalid is
// taken for the test's own mistake, and only its answer is checked.
func (d *Description) Check(e Exchange) (Operation, []string) {
	op, values, ok := d.Operation(e.Method, e.Path)
	return op, d.check(op, values, ok, e)
}

// check is Check for what Operation has found.
func (d *Description) check(op Operation, values map[string]string, ok bool, e Exchange) (problems []string) {
	if !ok {
		if e.Status == http.StatusNotImplemented {
			return nil // localhub's own word for what it does not have
		}
		return []string{"GitHub describes no such operation"}
	}
	if e.Status != http.StatusBadRequest && e.Status != http.StatusUnprocessableEntity && e.Status != http.StatusNotFound {
		problems = append(problems, d.checkParameters(op, values, e.Query)...)
		problems = append(problems, d.checkBody(op, e.Body)...)
	}
	if e.Gone && e.Status == statusClientGone {
		return problems // no answer was sent
	}
	return append(problems, d.checkAnswer(op, e)...)
}

func (d *Description) checkParameters(op Operation, values map[string]string, query url.Values) (problems []string) {
	for at, p := range op.parameters {
		in, name, _ := strings.Cut(at, " ")
		var given []string
		switch in {
		case "path":
			given = []string{values[groupName(name)]}
		case "query":
			given = query[name]
			if p.required && len(given) == 0 {
				problems = append(problems, fmt.Sprintf("request: parameter %s is missing", name))
			}
		}
		for _, value := range given {
			if err := d.checkParameter(p, value); err != nil {
				problems = append(problems, fmt.Sprintf("request: parameter %s=%q%s", name, value, explain(err)))
			}
		}
	}
	for name := range query {
		if _, ok := op.parameters["query "+name]; !ok {
			problems = append(problems, fmt.Sprintf("request: GitHub knows no parameter %s", name))
		}
	}
	slices.Sort(problems)
	return problems
}

// checkParameter takes the text for any type of value that it can be.
func (d *Description) checkParameter(p parameter, text string) error {
	schema, err := d.schema(p.pointer)
	if err != nil {
		return err
	}
	readings := []any{text}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		readings = append(readings, n)
	}
	if b, err := strconv.ParseBool(text); err == nil {
		readings = append(readings, b)
	}
	for _, v := range readings {
		if err = schema.Validate(v); err == nil {
			return nil
		}
	}
	return err
}

func (d *Description) checkBody(op Operation, body []byte) []string {
	described, _ := op.described["requestBody"].(object)
	if len(body) == 0 {
		if described["required"] == true {
			return []string{"request: the body is missing"}
		}
		return nil
	}
	at, content := jsonContent(op.pointer+"/requestBody", described)
	if content == nil {
		return []string{"request: GitHub takes no body"}
	}
	return d.validate("request", at, body)
}

// checkAnswer holds the answer to what GitHub describes for its status.
func (d *Description) checkAnswer(op Operation, e Exchange) []string {
	responses, _ := op.described["responses"].(object)
	response, ok := responses[strconv.Itoa(e.Status)].(object)
	at := op.pointer + pointer("responses", strconv.Itoa(e.Status))
	switch {
	case ok:
		at, response = resolve(d.doc, at, response)
	case e.Status == http.StatusNotModified:
		// GitHub names it for a few of the operations that answer so.
	case e.Status == http.StatusUnprocessableEntity:
		at, response = resolve(d.doc, "", object{"$ref": "#/components/responses/validation_failed"})
	case e.Status >= 400:
		// Errors that any operation may end in are not described with each.
		at, response = resolve(d.doc, "", object{"$ref": "#/components/responses/not_found"})
	default:
		return []string{fmt.Sprintf("answer: GitHub describes no status %d", e.Status)}
	}
	at, content := jsonContent(at, response)
	kind, _, _ := mime.ParseMediaType(e.AnswerHeader.Get("Content-Type"))
	switch {
	case len(e.Answer) == 0 && content == nil, e.Method == http.MethodHead:
		return nil
	case len(e.Answer) == 0:
		return []string{fmt.Sprintf("answer: the body of status %d is missing", e.Status)}
	case kind != "application/json" && e.Status < 300:
		return nil // raw content, diffs and the like have no schema
	case content == nil:
		return []string{fmt.Sprintf("answer: status %d has a body, and GitHub's has none", e.Status)}
	}
	return d.validate("answer", at, e.Answer)
}

// jsonContent finds the JSON among the described contents.
func jsonContent(at string, described object) (string, object) {
	contents, _ := described["content"].(object)
	for _, kind := range []string{"application/json", "application/scim+json"} {
		if content, ok := contents[kind].(object); ok {
			return at + pointer("content", kind, "schema"), content
		}
	}
	return "", nil
}

func (d *Description) validate(what, at string, body []byte) (problems []string) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return []string{what + ": not JSON: " + err.Error()}
	}
	schema, err := d.schema(at)
	if err != nil {
		return []string{err.Error()}
	}
	if err := schema.Validate(v); err != nil {
		for _, line := range explain(err) {
			problems = append(problems, what+": "+line)
		}
	}
	return problems
}

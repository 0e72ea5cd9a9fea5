// Package apitest holds the server's answers to the server's own description of its
// API, in whatever test makes requests.
//
// Only tests import it. It imports nothing of this module.
package apitest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Client is a client whose every exchange is held to the description that the server
// itself gives; what is not described fails the test.
func Client(t testing.TB) *http.Client { return &http.Client{Transport: transport{t}} }

type transport struct{ t testing.TB }

// RoundTrip implements http.RoundTripper.
func (h transport) RoundTrip(req *http.Request) (*http.Response, error) {
	var sent []byte
	if req.GetBody != nil {
		body, err := req.GetBody()
		if err != nil {
			return nil, err
		}
		if sent, err = io.ReadAll(body); err != nil {
			return nil, err
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(answer))
	d, err := of(req)
	if _, gone := errors.AsType[*url.Error](err); gone {
		return res, nil // the test has ended the server meanwhile
	}
	if err != nil {
		h.t.Errorf("the description of the API: %v", err)
		return res, nil
	}
	for _, problem := range d.check(req, sent, res, answer) {
		h.t.Errorf("%s %s → %d: %s\n%.2000s", req.Method, req.URL.Path, res.StatusCode, problem, answer)
	}
	return res, nil
}

// object is a JSON object.
type object = map[string]any

// description is that of the API. It is the same for every server of a test process.
type description struct {
	doc object

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer
	fits     map[[sha256.Size]byte]bool    // bodies that fit, with their schema: who polls gets the same again and again
}

var shared struct {
	sync.Mutex
	description *description
}

// of is the description that the server of a request gives.
func of(req *http.Request) (*description, error) {
	shared.Lock()
	defer shared.Unlock()
	if shared.description != nil {
		return shared.description, nil
	}
	res, err := http.Get(req.URL.Scheme + "://" + req.URL.Host + "/openapi.json")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := jsonschema.UnmarshalJSON(res.Body)
	if err != nil {
		return nil, err
	}
	doc, ok := raw.(object)
	if !ok || res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %v", res.Status, raw)
	}
	closeObjects(doc)
	d := &description{doc: doc, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}, fits: map[[sha256.Size]byte]bool{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	if err := d.compiler.AddResource(location, doc); err != nil {
		return nil, err
	}
	shared.description = d
	return d, nil
}

const location = "https://example.com/openapi.json"

// closeObjects refuses fields that are not described. The description itself leaves
// objects open, for what a later version may tell.
func closeObjects(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			closeObjects(item)
		}
	case object:
		if _, open := v["additionalProperties"]; !open && v["type"] == "object" && v["properties"] != nil {
			v["additionalProperties"] = false
		}
		for _, inner := range v {
			closeObjects(inner)
		}
	}
}

// at goes down the path of names; it returns nil where there is no such object.
func at(o object, names ...string) object {
	for _, name := range names {
		o, _ = o[name].(object)
	}
	return o
}

var escape = strings.NewReplacer("~", "~0", "/", "~1")

func pointer(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString("/" + escape.Replace(name))
	}
	return b.String()
}

func (d *description) check(req *http.Request, sent []byte, res *http.Response, answer []byte) (problems []string) {
	if res.Header.Get("X-Request-Id") == "" {
		problems = append(problems, "it has no X-Request-Id")
	}
	if res.Header.Get("Cache-Control") != "no-store" {
		problems = append(problems, "a cache on the way may keep it")
	}
	method := strings.ToLower(req.Method)
	if method == "head" {
		method = "get"
	}
	place := []string{"paths", d.path(req.URL.EscapedPath()), method}
	op := at(d.doc, place...)
	status := strconv.Itoa(res.StatusCode)
	response := at(op, "responses", status)
	switch {
	case op == nil && (res.StatusCode == http.StatusNotFound || res.StatusCode == http.StatusMethodNotAllowed):
		return append(problems, d.validate(answer, "components", "schemas", "Error")...)
	case op == nil:
		return append(problems, "the operation is not described")
	case response == nil:
		return append(problems, "the status is not described")
	case req.Method == http.MethodHead:
		return problems
	}
	if list := at(response, "content"); list != nil {
		kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
		if list[kind] == nil {
			return append(problems, fmt.Sprintf("its content type %q is not described", kind))
		}
		if kind == "application/json" {
			problems = append(problems, d.validate(answer, append(place, "responses", status, "content", kind, "schema")...)...)
		}
	}
	if res.Header.Get("WWW-Authenticate") != "" && at(response, "headers", "WWW-Authenticate") == nil {
		problems = append(problems, "its WWW-Authenticate is not described")
	}
	if after := res.Header.Get("Retry-After"); after != "" {
		if n, err := strconv.Atoi(after); err != nil || n < 1 || at(response, "headers", "Retry-After") == nil {
			problems = append(problems, "its Retry-After is not described, or no number of seconds: "+after)
		}
	}
	if res.StatusCode < 300 && at(op, "requestBody", "content", "application/json") != nil && json.Valid(sent) {
		for _, problem := range d.validate(sent, append(place, "requestBody", "content", "application/json", "schema")...) {
			problems = append(problems, "the request was taken, and does not fit: "+problem)
		}
	}
	return problems
}

// path is the path of the description that a request's path is an instance of; itself
// when there is none.
func (d *description) path(requested string) string {
	paths := at(d.doc, "paths")
	if paths[requested] != nil {
		return requested
	}
	for described := range paths {
		if isInstance(strings.Split(requested, "/"), strings.Split(described, "/")) {
			return described
		}
	}
	return requested
}

// isInstance compares part by part; a parameter stands for any part.
func isInstance(requested, described []string) bool {
	return slices.EqualFunc(requested, described, func(part, pattern string) bool {
		return part == pattern || strings.HasPrefix(pattern, "{") && part != ""
	})
}

// validate holds JSON to the schema at a place of the description.
func (d *description) validate(body []byte, place ...string) []string {
	name := pointer(place...)
	hash := sha256.Sum256(append([]byte(name+"\n"), body...))
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fits[hash] {
		return nil
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return []string{"it is not JSON: " + err.Error()}
	}
	schema := d.schemas[name]
	if schema == nil {
		if schema, err = d.compiler.Compile(location + "#" + name); err != nil {
			return []string{err.Error()}
		}
		d.schemas[name] = schema
	}
	if err := schema.Validate(v); err != nil {
		return []string{err.Error()}
	}
	d.fits[hash] = true
	return nil
}

package api

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// openAPI is the frame of the description at /openapi.json.
func openAPI() huma.Config {
	c := huma.DefaultConfig("githubjobs", "1")
	c.DocsPath, c.SchemasPath = "", "" // a docs page would need a script from elsewhere
	c.CreateHooks = nil                // would add a $schema field to every answer
	c.Info.Description = "Jobs that live on GitHub: one commit on a branch, one workflow run, one pull request."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"apiKey":     {Type: "apiKey", In: "header", Name: "x-api-key"},
		"bearer":     {Type: "http", Scheme: "bearer"},
		"capability": {Type: "http", Scheme: "bearer", Description: "What live-token has answered"},
		"githubSignature": {Type: "apiKey", In: "header", Name: "X-Hub-Signature-256",
			Description: "sha256= and the HMAC-SHA-256 of the body, with the webhook's secret as its key, in hexadecimal"},
	}
	errorSchema(c.Components.Schemas)
	return c
}

// route registers one endpoint: one struct in, one struct out.
func route[I, O any](h huma.API, op huma.Operation, handle func(context.Context, *I) (*O, error)) {
	huma.Register(h, op, handle)
}

// plain describes an endpoint by its structs, and gives it to a handler that does
// without them.
func plain[I, O any](mux *http.ServeMux, config huma.Config, op huma.Operation, handle http.HandlerFunc) {
	paper := huma.NewAPI(config, onPaper{}) // shares the description, and serves nothing
	huma.Register(paper, op, func(context.Context, *I) (*O, error) { return nil, nil })
	mux.HandleFunc(op.Method+" "+op.Path, handle)
}

// onPaper is a huma.Adapter without a router.
type onPaper struct{}

func (onPaper) Handle(*huma.Operation, func(huma.Context))   {}
func (onPaper) ServeHTTP(http.ResponseWriter, *http.Request) {}

func errorSchema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[problem.Error](), true, "Error")
}

// errorResponses describes the errors of an operation, by HTTP status: each has the
// shape of all errors, and one of some codes.
func errorResponses(codes []problem.Code) map[string]*huma.Response {
	responses := map[string]*huma.Response{}
	slices.SortFunc(codes, func(a, b problem.Code) int {
		return cmp.Or(a.Status()-b.Status(), strings.Compare(string(a), string(b)))
	})
	for _, code := range codes {
		key := strconv.Itoa(code.Status())
		r := responses[key]
		if r == nil {
			r = &huma.Response{Headers: errorHeaders(code), Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{AllOf: []*huma.Schema{
				{Ref: "#/components/schemas/Error"},
			}}}}}
			responses[key] = r
		}
		r.Description = strings.TrimPrefix(r.Description+", "+string(code), ", ")
		if problem.New(code, "").Code != "" {
			allow(r.Content["application/json"].Schema, code)
		}
	}
	return responses
}

// allow adds a code to those that an error may have.
func allow(s *huma.Schema, code problem.Code) {
	if len(s.AllOf) == 1 {
		s.AllOf = append(s.AllOf, &huma.Schema{Properties: map[string]*huma.Schema{"code": {}}})
	}
	field := s.AllOf[1].Properties["code"]
	field.Enum = append(field.Enum, string(code))
}

func errorHeaders(code problem.Code) map[string]*huma.Param {
	switch status := code.Status(); {
	case code == problem.Unauthorized:
		return map[string]*huma.Param{"WWW-Authenticate": {Description: "How to authenticate", Schema: &huma.Schema{Type: huma.TypeString}}}
	case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable, status == http.StatusInsufficientStorage:
		return map[string]*huma.Param{"Retry-After": {Description: "In how many seconds it is worth to try again", Schema: &huma.Schema{Type: huma.TypeInteger}}}
	}
	return nil
}

package wire

import (
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// convert makes a description in OpenAPI 3.0 one whose schemas are JSON Schemas of 2020-12, and closes its objects: a field
// that a schema does not name is an error where it names others.
func convert(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			convert(item)
		}
	case object:
		delete(v, "example")
		delete(v, "examples")
		for name, inner := range v {
			if fields, ok := inner.(object); ok && name == "properties" {
				for field, schema := range fields { // no schema itself: its keys are fields' names
					convert(schema)
					fields[field] = closed(schema)
				}
				continue
			}
			convert(inner)
			if name == "items" || name == "schema" || name == "additionalProperties" {
				v[name] = closed(inner)
			}
		}
		unnamed(v)
		overlap(v)
		nullable(v)
	}
}

// unnamed lets an object without named fields have any.
func unnamed(schema object) {
	if kindOf(schema) != "object" {
		return
	}
	for _, name := range []string{"properties", "additionalProperties", "allOf", "anyOf", "oneOf"} {
		if _, ok := schema[name]; ok {
			return
		}
	}
	schema["additionalProperties"] = true
}

// overlap makes oneOf anyOf: GitHub's alternatives are not exclusive (a user fits both simple-user and public-user).
func overlap(schema object) {
	if list, ok := schema["oneOf"].([]any); ok {
		delete(schema, "oneOf")
		schema["anyOf"] = list
	}
}

// nullable says in JSON Schema's way that a value may be null.
func nullable(schema object) {
	if schema["nullable"] != true {
		return
	}
	delete(schema, "nullable")
	name, typed := schema["type"].(string)
	_, composed := schema["anyOf"]
	if _, all := schema["allOf"]; typed && !composed && !all {
		schema["type"] = []any{name, "null"}
		if list, ok := schema["enum"].([]any); ok && !slices.Contains(list, nil) {
			schema["enum"] = append(list, nil)
		}
		return
	}
	whole := object{}
	for name, v := range schema {
		whole[name] = v
		delete(schema, name)
	}
	schema["anyOf"] = []any{object{"type": "null"}, whole}
}

// closed refuses fields that none of the schema's parts names. The schema itself stays open: others may build on it.
func closed(schema any) any {
	o, ok := schema.(object)
	if !ok {
		return schema
	}
	for _, name := range []string{"$ref", "properties", "allOf", "anyOf", "oneOf"} {
		if _, ok := o[name]; ok {
			return object{"allOf": []any{o}, "unevaluatedProperties": false}
		}
	}
	return schema
}

// kindOf is the type of a schema's values, "" where it has none of its own.
func kindOf(schema object) string {
	switch name := schema["type"].(type) {
	case string:
		return name
	case []any:
		first, _ := name[0].(string)
		return first
	}
	return ""
}

// explain tells what is wrong with a value: a line "/place: what" for each mistake.
func explain(err error) []string {
	failed, ok := err.(*jsonschema.ValidationError)
	if !ok {
		return []string{err.Error()}
	}
	var mistakes, unknown []string
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			walk(cause)
		}
		at := "/" + strings.Join(e.InstanceLocation, "/")
		switch _, refused := e.ErrorKind.(*kind.FalseSchema); {
		case refused:
			unknown = append(unknown, at)
		case len(e.Causes) == 0:
			mistakes = append(mistakes, at+": "+e.BasicOutput().Error.String())
		}
	}
	walk(failed)
	if len(mistakes) == 0 {
		for _, at := range innermost(unknown) {
			mistakes = append(mistakes, at+": GitHub knows no such field")
		}
	}
	slices.Sort(mistakes)
	return slices.Compact(mistakes)
}

// innermost leaves out the fields that are unknown only because an object beside or in them fits nowhere.
func innermost(places []string) (inner []string) {
	for _, at := range places {
		object := at[:strings.LastIndexByte(at, '/')+1]
		deeper := func(other string) bool {
			rest, below := strings.CutPrefix(other, object)
			return below && strings.Contains(rest, "/")
		}
		if !slices.ContainsFunc(places, deeper) {
			inner = append(inner, at)
		}
	}
	return inner
}

var email = regexp.MustCompile(`^[^@\s]+@[^@\s]+$`)

// checkEmail takes brackets, too: the bots of GitHub have them in their addresses.
func checkEmail(v any) error {
	if text, ok := v.(string); ok && !email.MatchString(text) {
		return errors.New("is no address")
	}
	return nil
}

// uriTemplate is RFC 6570 as far as GitHub goes: expressions with an operator, in an absolute address.
var uriTemplate = regexp.MustCompile(`^https?://[^{}\s]+(\{[+#./;?&]?[A-Za-z_]+(,[A-Za-z_]+)*\}[^{}\s]*)*$`)

func checkTemplate(v any) error {
	if text, ok := v.(string); ok && !uriTemplate.MatchString(text) {
		return errors.New("is no template of an address")
	}
	return nil
}

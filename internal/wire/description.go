package wire

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/githubjobs/githubjobs/internal/require"
)

// Description is GitHub's description of its API. It is safe for concurrent use.
type Description struct {
	doc        object
	operations []Operation

	mu       sync.Mutex // guards what follows
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer
}

// object is a JSON object.
type object = map[string]any

// at goes down the path of names; it returns nil where there is no such object.
func at(o object, names ...string) object {
	for _, name := range names {
		o, _ = o[name].(object)
	}
	return o
}

// Operation is one operation as GitHub describes it.
type Operation struct {
	ID     string // such as pulls/merge
	Method string
	Path   string // with {parameters}

	pointer    string // of the operation in the description
	described  object
	parameters map[string]parameter // by "in name"
	match      *regexp.Regexp
	parts      []string // see may
	open       bool     // more may follow the parts
}

type parameter struct {
	required bool
	pointer  string // of its schema
}

// One description serves all tests of a process.
var (
	once   sync.Once
	shared *Description
	broken error
)

// Load returns the description. The test is skipped where it cannot be had, or fails where REQUIRE names npm.
func Load(t testing.TB) *Description {
	t.Helper()
	return load(t, require.NPM(t, require.OpenAPI))
}

func load(t testing.TB, file string) *Description {
	t.Helper()
	once.Do(func() { shared, broken = read(file) })
	if broken != nil {
		t.Fatalf("GitHub's description %s: %v", file, broken)
	}
	return shared
}

// read reads and indexes the description.
func read(file string) (*Description, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		return nil, err
	}
	doc, _ := raw.(object)
	for _, e := range errata {
		if e.mend(doc) == 0 {
			return nil, fmt.Errorf("%s: nothing is left to mend; take it off the errata", e.what)
		}
	}
	convert(doc)
	d := &Description{doc: doc, compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	d.compiler.RegisterFormat(&jsonschema.Format{Name: "uri-template", Validate: checkTemplate})
	d.compiler.RegisterFormat(&jsonschema.Format{Name: "email", Validate: checkEmail})
	if err := d.compiler.AddResource(location, doc); err != nil {
		return nil, err
	}
	return d, d.index(doc)
}

const location = "https://api.github.com/description.json"

// index lists the operations, the more specific first.
func (d *Description) index(doc object) error {
	paths, _ := doc["paths"].(object)
	for path, methods := range paths {
		for method, described := range methods.(object) {
			op := Operation{Method: strings.ToUpper(method), Path: path, pointer: pointer("paths", path, method), parameters: map[string]parameter{}}
			op.described = described.(object)
			op.ID, _ = op.described["operationId"].(string)
			slashes := map[string]bool{}
			list, _ := op.described["parameters"].([]any)
			for i, p := range list {
				place, p := resolve(doc, op.pointer+pointer("parameters", fmt.Sprint(i)), p.(object))
				name, _ := p["name"].(string)
				in, _ := p["in"].(string)
				required, _ := p["required"].(bool)
				op.parameters[in+" "+name] = parameter{required: required, pointer: place + "/schema"}
				slashes[name] = p["x-multi-segment"] == true
			}
			op.match = pattern(path, slashes)
			op.parts, op.open = parts(path, slashes)
			d.operations = append(d.operations, op)
		}
	}
	slices.SortFunc(d.operations, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(strings.Count(b.Path, "/"), strings.Count(a.Path, "/")),
			strings.Compare(literalFirst.Replace(a.Path), literalFirst.Replace(b.Path)))
	})
	if len(d.operations) < 500 {
		return fmt.Errorf("it has %d operations only", len(d.operations))
	}
	return nil
}

// literalFirst makes a path sort by its literals: a parameter comes after any of them.
var literalFirst = strings.NewReplacer("{", "~{")

// pattern matches the paths of an operation; only some parameters may hold slashes.
func pattern(path string, slashes map[string]bool) *regexp.Regexp {
	var b strings.Builder
	b.WriteString("^")
	for i, part := range strings.FieldsFunc(path, func(r rune) bool { return r == '{' || r == '}' }) {
		_, parameter := slashes[part]
		switch {
		case i%2 == 0:
			b.WriteString(regexp.QuoteMeta(part))
		case parameter && slashes[part]:
			b.WriteString("(?P<" + groupName(part) + ">.+)")
		default:
			b.WriteString("(?P<" + groupName(part) + ">[^/]+)")
		}
	}
	return regexp.MustCompile(b.String() + "$")
}

// parts are what is between the slashes of a path, empty for what holds a parameter. They end, open, before a parameter
// that may hold slashes.
func parts(path string, slashes map[string]bool) (list []string, open bool) {
	for part := range strings.SplitSeq(path, "/") {
		for name, any := range slashes {
			if any && strings.Contains(part, "{"+name+"}") {
				return list, true
			}
		}
		if strings.Contains(part, "{") {
			part = ""
		}
		list = append(list, part)
	}
	return list, false
}

// may says whether a path, by its parts, can be one of the operation: that spares a thousand regular expressions.
func (o *Operation) may(path []string) bool {
	if o.open && len(path) > len(o.parts) {
		path = path[:len(o.parts)]
	}
	return slices.EqualFunc(o.parts, path, func(want, got string) bool { return want == "" || want == got })
}

func groupName(parameter string) string { return strings.ReplaceAll(parameter, "-", "_") }

// Operation finds the operation that a request is for. path is escaped and begins with a slash; ok is false when GitHub
// describes none.
func (d *Description) Operation(method, path string) (op Operation, values map[string]string, ok bool) {
	path = "/" + strings.Trim(path, "/") // GitHub takes a slash at the end
	asked := strings.Split(path, "/")
	for i := range d.operations {
		op := &d.operations[i]
		if op.Method != method || !op.may(asked) {
			continue
		}
		found := op.match.FindStringSubmatch(path)
		if found == nil {
			continue
		}
		values = map[string]string{}
		for i, name := range op.match.SubexpNames()[1:] {
			value, err := url.PathUnescape(found[i+1])
			if err != nil {
				return *op, nil, false
			}
			values[name] = value
		}
		return *op, values, true
	}
	return op, nil, false
}

// ByID finds an operation by its id.
func (d *Description) ByID(id string) (Operation, bool) {
	i := slices.IndexFunc(d.operations, func(op Operation) bool { return op.ID == id })
	if i < 0 {
		return Operation{}, false
	}
	return d.operations[i], true
}

// schema compiles the schema at a pointer, once.
func (d *Description) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s, ok := d.schemas[pointer]; ok {
		return s, nil
	}
	s, err := d.compiler.Compile(location + "#" + pointer)
	if err != nil {
		return nil, fmt.Errorf("GitHub's schema %s: %w", pointer, err)
	}
	d.schemas[pointer] = s
	return s, nil
}

// pointer is a JSON pointer.
func pointer(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(p)))
	}
	return b.String()
}

// resolve follows a reference into the components.
func resolve(doc object, place string, o object) (string, object) {
	ref, ok := o["$ref"].(string)
	if !ok {
		return place, o
	}
	return strings.TrimPrefix(ref, "#"), at(doc, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
}

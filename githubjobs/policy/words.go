package policy

import (
	"regexp"
	"strings"
)

// The YAML library names types of Go where a document is wrong, which tell the
// policy's author nothing.
var (
	unknownKey = regexp.MustCompile(`field (\S+) not found in type \S+`)
	wrongValue = regexp.MustCompile("cannot unmarshal !!(\\w+)( `[^\n]*`)? into (\\S+)")
	manyErrors = "yaml: unmarshal errors:\n"
)

// inWords says an error of the YAML library in the words of the document.
func inWords(err error) string {
	text := unknownKey.ReplaceAllString(err.Error(), "$1 is not a setting")
	text = wrongValue.ReplaceAllStringFunc(text, func(s string) string {
		m := wrongValue.FindStringSubmatch(s)
		what := strings.TrimSpace(m[2])
		switch {
		case what != "":
		case m[1] == "map":
			what = "a group of settings"
		case m[1] == "seq":
			what = "a list"
		default:
			what = "what is there"
		}
		return what + " stands where " + wanted(m[3]) + " must stand"
	})
	list, many := strings.CutPrefix(text, manyErrors)
	if !many {
		return text
	}
	lines := strings.Split(strings.TrimSpace(list), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "; ")
}

// wanted says of a type of Go what is written for it in YAML.
func wanted(name string) string {
	switch {
	case strings.HasPrefix(name, "[]"):
		return "a list"
	case name == "bool":
		return "true or false"
	case strings.HasPrefix(name, "int"), strings.HasPrefix(name, "uint"):
		return "a whole number"
	case name == "string", name == "policy.Method":
		return "a text"
	}
	return "a group of settings (name: value)"
}

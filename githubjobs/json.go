package githubjobs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"unicode/utf8"
)

func jsonTypeName(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Struct, reflect.Map:
		return "an object"
	case reflect.Slice, reflect.Array:
		return "an array"
	}
	return "a number"
}

// encodeJSONLine encodes v as one line of JSON in which no string holds a text
// that GitHub acts upon (see defuse) or that turns the direction of what stands
// around it. It panics on a type that JSON cannot hold,
// which is a mistake in this package: a RawMessage that is no JSON counts as null.
func encodeJSONLine(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("githubjobs: encoding %T: %v", v, err))
	}
	return escapeInStrings(raw)
}

var (
	jsonString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	jsonTrap   = regexp.MustCompile(`(?i)[\[#@\x{202a}-\x{202e}\x{2066}-\x{2069}]|gh-|skip-checks|://`)
)

// escapeInStrings writes, inside JSON strings only, the characters that make a
// trap for GitHub as escapes that every JSON decoder reads back.
func escapeInStrings(raw []byte) []byte {
	return jsonString.ReplaceAllFunc(raw, func(s []byte) []byte {
		return jsonTrap.ReplaceAllFunc(s, func(trap []byte) []byte {
			switch {
			case utf8.RuneCount(trap) == 1:
				r, _ := utf8.DecodeRune(trap)
				return fmt.Appendf(nil, `\u%04x`, r)
			case trap[0] == ':':
				return []byte(`:\/\/`)
			}
			return bytes.Replace(trap, []byte("-"), []byte(`\u002d`), 1)
		})
	})
}

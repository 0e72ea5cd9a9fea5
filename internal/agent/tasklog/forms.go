package tasklog

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// forms are the ways in which programs write a text down, from which it is read again
// without knowing anything else: the text itself, in URLs, JSON, HTML, shell words,
// hexadecimal, and base64 wherever in a longer text it stood before that was encoded; of
// base64 and hexadecimal that begin with it also the lines into which they are broken, if
// they have at least so many characters.
func forms(secret string, least int) (list []string) {
	list = append(list, secret, html.EscapeString(secret), strings.ReplaceAll(secret, "'", `'\''`))
	for _, escaped := range []string{url.QueryEscape(secret), url.PathEscape(secret)} {
		list = append(list, escaped, percents.ReplaceAllStringFunc(escaped, strings.ToLower))
	}
	list = append(list, inJSON(secret, true), inJSON(secret, false))
	digits := hex.EncodeToString([]byte(secret))
	list = append(list, digits, strings.ToUpper(digits))
	list = append(list, base64.StdEncoding.EncodeToString([]byte(secret)), base64.URLEncoding.EncodeToString([]byte(secret)))
	for before := range 3 {
		list = append(list, inBase64(base64.StdEncoding, secret, before), inBase64(base64.URLEncoding, secret, before))
	}
	// As base64, openssl and xxd break what is longer than their lines.
	encoded := inBase64(base64.StdEncoding, secret, 0)
	return slices.Concat(list, broken(encoded, 76, least), broken(encoded, 64, least), broken(digits, 60, least))
}

// broken are the lines of a text of which each but the last has as many characters; none
// of a text that is no longer than one line. An end of fewer characters than least is left out.
func broken(text string, line, least int) (list []string) {
	if len(text) <= line {
		return nil
	}
	for part := range slices.Chunk([]byte(text), line) {
		if len(part) >= least {
			list = append(list, string(part))
		}
	}
	return list
}

// percents are the bytes that a URL has as numbers; both cases of their letters are in use.
var percents = regexp.MustCompile(`%[0-9A-F]{2}`)

func inJSON(secret string, html bool) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(html)
	if err := encoder.Encode(secret); err != nil {
		return secret // a string is always encoded
	}
	return strings.Trim(strings.TrimSuffix(b.String(), "\n"), `"`)
}

// inBase64 is the part of an encoded text that depends on the secret in it alone, when
// as many bytes are before it, to a multiple of three.
func inBase64(encoding *base64.Encoding, secret string, before int) string {
	text := encoding.EncodeToString(append(make([]byte, before), secret...))
	from, to := (8*before+5)/6, 8*(before+len(secret))/6
	return text[from:to]
}

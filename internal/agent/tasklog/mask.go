package tasklog

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// MinSecret is the length from which a value is masked. Shorter ones stand in
// ordinary text too often, and can be guessed anyway.
const MinSecret = 6

// tokens are the credentials that GitHub issues, known by their prefix. Their
// length is not fixed.
var tokens = regexp.MustCompile(`\b(?:gh[opsur]_|github_pat_)[A-Za-z0-9_.\-]{16,}`)

// SecretsIn picks the values of variables whose names say that they are secret.
func SecretsIn(environ []string) []string {
	var secrets []string
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		if secretName.MatchString(name) {
			secrets = append(secrets, value)
		}
	}
	return secrets
}

var secretName = regexp.MustCompile(`(?i)(?:^|_)(?:TOKEN|SECRET|SECRETS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|(?:API_?|PRIVATE_?|ACCESS_?)KEY)(?:_|$)|_KEY$`)

// Mask replaces secrets within whole lines, in every form that programs write them in.
type Mask struct{ values [][]byte }

// NewMask makes a mask of these secrets: of each as a whole, of each of its lines, and of
// the texts in it where it is JSON.
func NewMask(secrets []string) Mask {
	var all []string
	for _, secret := range secrets {
		for _, part := range parts(secret) {
			all = append(all, forms(part, MinSecret)...)
		}
	}
	return newMask(all)
}

// Telling makes a mask for texts in which a secret must stand as a whole, or a part of it
// that can't be anything else: a line, or a text in JSON, that is long and random enough.
// It is for judging a text, where NewMask is for hiding in it.
func Telling(secret string) Mask {
	var all []string
	for _, part := range parts(secret) {
		if part == secret || part == strings.TrimSpace(secret) || random(part) {
			all = append(all, forms(part, minRandom)...)
		}
	}
	return newMask(all)
}

func newMask(all []string) Mask {
	// A secret that holds another one must go first, or a part of it stays.
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var m Mask
	for _, form := range slices.Compact(all) {
		if len(form) >= MinSecret {
			m.values = append(m.values, []byte(form))
		}
	}
	return m
}

// Maskable says whether nothing of the secret is too short to be masked.
func Maskable(secret string) bool {
	for line := range strings.Lines(secret) {
		if n := len(strings.TrimSpace(line)); n > 0 && n < MinSecret && !strings.ContainsAny(line, "{}[]") {
			return false
		}
	}
	return true
}

// parts are the texts that must not be seen of a secret. Encoded, the whole may be in one
// line however many it has; as it is, each of its lines is in one of the log.
func parts(secret string) (list []string) {
	add := func(part string) {
		if len(part) >= MinSecret {
			list = append(list, part)
		}
	}
	add(secret)
	add(strings.TrimSpace(secret))
	for line := range strings.Lines(secret) {
		add(strings.TrimSpace(line))
	}
	var value any
	if json.Unmarshal([]byte(secret), &value) == nil {
		for _, text := range textsIn(value) {
			add(text)
			for line := range strings.Lines(text) {
				add(strings.TrimSpace(line))
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// textsIn are the texts of a JSON value, without the names of its fields.
func textsIn(value any) (list []string) {
	switch v := value.(type) {
	case string:
		list = append(list, v)
	case []any:
		for _, one := range v {
			list = append(list, textsIn(one)...)
		}
	case map[string]any:
		for _, one := range v {
			list = append(list, textsIn(one)...)
		}
	}
	return list
}

// minRandom is the length from which a part of a secret is taken for nothing else.
const minRandom = 20

// random says whether a part of a secret looks made by a machine: long, without blanks,
// of letters and digits, and no address.
func random(s string) bool {
	return len(s) >= minRandom && !strings.ContainsFunc(s, unicode.IsSpace) && !strings.Contains(s, "://") &&
		strings.ContainsFunc(s, unicode.IsLetter) && strings.ContainsFunc(s, unicode.IsDigit)
}

func (m Mask) apply(line []byte) []byte {
	for _, value := range m.values {
		if bytes.Contains(line, value) {
			line = bytes.ReplaceAll(line, value, []byte("***"))
		}
	}
	if mayHoldToken(line) {
		line = tokens.ReplaceAll(line, []byte("***"))
	}
	return line
}

// mayHoldToken spares most texts the regular expression.
func mayHoldToken(text []byte) bool {
	return bytes.Contains(text, []byte("gh")) || bytes.Contains(text, []byte("github_pat_"))
}

// finds says whether a text of any number of lines may hold something to mask. It is quicker
// than apply on each line, and never says no where that would mask something.
func (m Mask) finds(text []byte) bool {
	return m.Find(text) >= 0 || mayHoldToken(text) && tokens.Match(text)
}

// Text returns a text with the secrets in it masked.
func (m Mask) Text(text string) string { return string(m.apply([]byte(text))) }

// Find says at which byte of a content the first secret begins; -1 where there is none.
func (m Mask) Find(content []byte) int {
	first := -1
	for _, value := range m.values {
		if i := bytes.Index(content, value); i >= 0 && (first < 0 || i < first) {
			first = i
		}
	}
	return first
}

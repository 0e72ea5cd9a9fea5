package tasklog

import (
	"bytes"
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// minSecret is the length from which a value is masked. Shorter ones stand in
// ordinary text too often, and can be guessed anyway.
const minSecret = 6

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

// mask replaces secrets within whole lines.
type mask struct{ values [][]byte }

func newMask(secrets []string) mask {
	var all []string
	for _, secret := range secrets {
		if len(secret) >= minSecret { // encoded, it may be in one line however many it has
			all = append(all, forms(secret)...)
		}
		// The log is masked line by line, so each line of a secret is one.
		for line := range strings.Lines(secret) {
			if line = strings.TrimSpace(line); len(line) >= minSecret {
				all = append(all, forms(line)...)
			}
		}
	}
	// A secret that holds another one must go first, or a part of it stays.
	slices.SortFunc(all, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	var m mask
	for _, form := range slices.Compact(all) {
		if len(form) >= minSecret {
			m.values = append(m.values, []byte(form))
		}
	}
	return m
}

func (m mask) apply(line []byte) []byte {
	for _, value := range m.values {
		line = bytes.ReplaceAll(line, value, []byte("***"))
	}
	if bytes.Contains(line, []byte("gh")) || bytes.Contains(line, []byte("github_pat_")) {
		line = tokens.ReplaceAll(line, []byte("***"))
	}
	return line
}

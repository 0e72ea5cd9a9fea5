package githubjobs

import (
	"regexp"
	"strings"
	"unicode"
)

// joiner is U+2060 WORD JOINER: no width, no glyph, no line break. One of them
// inside a text that GitHub acts upon takes its effect and leaves its look.
const joiner = "\u2060"

// traps are the texts of a commit message that GitHub acts upon. The first group
// ends where the joiner goes; the second is what makes the first one dangerous,
// or a joiner that stood there already and must not be taken for ours.
//
// Sources: docs.github.com "Skipping workflow runs", "Autolinked references and
// URLs", "Linking a pull request to an issue using a keyword".
var traps = []*regexp.Regexp{
	regexp.MustCompile(`(?i)(\[)(\x{2060}|skip |ci |no |actions )`),
	regexp.MustCompile(`(?i)(skip-)(\x{2060}|checks)`),
	regexp.MustCompile(`(#)(\x{2060}|[0-9])`),
	regexp.MustCompile(`(@)(\x{2060}|[0-9A-Za-z])`),
	regexp.MustCompile(`(?i)(gh-)(\x{2060}|[0-9])`),
	regexp.MustCompile(`(?i)((?:issues|pull|discussions|commit)/)(\x{2060}|[0-9A-Fa-f])`),
}

var defused = regexp.MustCompile(`(?i)(\[|skip-|#|@|gh-|(?:issues|pull|discussions|commit)/)\x{2060}`)

// Defuse makes a text harmless wherever GitHub reads it (titles, bodies, comments):
// it looks the same, and mentions nobody, links nothing and closes nothing.
func Defuse(s string) string { return defuse(s) }

// defuse makes a text harmless in a commit message; undefuse(defuse(s)) == s.
func defuse(s string) string {
	for _, trap := range traps {
		s = trap.ReplaceAllString(s, "${1}"+joiner+"${2}")
	}
	return s
}

func undefuse(s string) string { return defused.ReplaceAllString(s, "${1}") }

var ansiSequence = regexp.MustCompile(`\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])`)

// PlainText is the form in which text of a task goes into a commit message, and
// comes out of it again unchanged: valid UTF-8, lines ended by \n alone, no
// terminal sequences, no control characters but tab, no white space at the end.
func PlainText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	s = ansiSequence.ReplaceAllString(s, "")
	s = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && unicode.IsControl(r) {
			return -1
		}
		return r
	}, s)
	return strings.TrimRight(s, " \t\n")
}

package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// escape makes any text one line of plain text in Markdown, also within a table:
// a name or a title can't make a link, a picture, emphasis or another cell. What
// needs no escape stays as it is, so that the source can be read too.
func escape(s string) string {
	text := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " "))
	var b strings.Builder
	for i, r := range text {
		inWord := i > 0 && isWord(text[i-1]) && i+1 < len(text) && isWord(text[i+1])
		followed := i+1 < len(text) && (isWord(text[i+1]) || text[i+1] == '/')
		switch {
		case unicode.IsControl(r) || turns(r):
		case r == '<':
			b.WriteString("&lt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == ':' && followed: // an address, or an :emoji:
			b.WriteString("&#58;")
		case strings.ContainsRune("\\`*[]|~$", r), r == '_' && !inWord, r == '#' && followed:
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "www.", "www&#46;")
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// turns says whether the character changes the direction in which text is shown:
// with such, a name can look like another.
func turns(r rune) bool { return r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069' }

// code is a path as a code span within a table. HTML takes what a code span of
// Markdown can't hold.
func code(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	ordinary := func(r rune) bool { return isWord(r) || strings.ContainsRune("/._-+ ,=@()#", r) }
	if strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool { return !ordinary(r) }) {
		return "`" + s + "`"
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsControl(r) || turns(r):
			b.WriteString("\uFFFD")
		case ordinary(r) && r != '_' && r != '#':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "&#%d;", r)
		}
	}
	return "<code>" + b.String() + "</code>"
}

// short cuts a title.
func short(s string) string {
	const limit = 80
	if r := []rune(s); len(r) > limit {
		return strings.TrimSpace(string(r[:limit-1])) + "…"
	}
	return s
}

// number writes thousands apart, so that large figures can be read.
func number(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return number(n) + " " + noun + "s"
}

func was(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func change(n int) string {
	switch {
	case n > 0:
		return "+" + number(n)
	case n < 0:
		return "−" + number(-n)
	}
	return "±0"
}

func lines(added, removed int) string { return "+" + number(added) + " −" + number(removed) }

func percent(n int, ok bool) string {
	if !ok {
		return "–"
	}
	return strconv.Itoa(n) + "%"
}

func duration(d time.Duration) string {
	switch d = d.Round(time.Second); {
	case d == 0:
		return "–"
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%d h %02d min", int(d.Hours()), int(d.Minutes())%60)
}

// longer is by how much a duration has grown; unknown where there was none.
func longer(now, before time.Duration) string {
	switch d := (now - before).Round(time.Second); {
	case now == 0 || before == 0:
		return "–"
	case d > 0:
		return "+" + duration(d)
	case d < 0:
		return "−" + duration(-d)
	}
	return "±0"
}

func first[T any](list []T, n int) []T { return list[:min(n, len(list))] }

// more ends a table or a list, and says what is not in it.
func more(b *strings.Builder, total, shown int) {
	b.WriteString("\n")
	if total > shown {
		fmt.Fprintf(b, "… and %s more.\n\n", number(total-shown))
	}
}

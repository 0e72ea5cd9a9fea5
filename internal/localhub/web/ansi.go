package web

import (
	"html/template"
	"slices"
	"strconv"
	"strings"
)

// ansi turns a line with terminal escape sequences into HTML: colours and bold become spans, all other sequences and control characters go.
func ansi(line string) template.HTML {
	var out strings.Builder
	var style ansiStyle
	for line != "" {
		at := strings.IndexByte(line, 0x1b)
		if at < 0 {
			at = len(line)
		}
		writeToken(&out, printable(line[:at]), style.class())
		codes, rest := escape(line[at:])
		for _, code := range codes {
			style.apply(code)
		}
		line = rest
	}
	return safe(out.String())
}

// ansiStyle is what the sequences so far ask for.
type ansiStyle struct {
	bold   bool
	colour int // 0: none, 1 to 8: black … white
}

func (s ansiStyle) class() string {
	var classes []string
	if s.bold {
		classes = append(classes, "ansi-bold")
	}
	if s.colour > 0 {
		classes = append(classes, "ansi-"+strconv.Itoa(s.colour-1))
	}
	return strings.Join(classes, " ")
}

func (s *ansiStyle) apply(code int) {
	switch {
	case code == 0:
		*s = ansiStyle{}
	case code == 1:
		s.bold = true
	case code == 22:
		s.bold = false
	case code == 39:
		s.colour = 0
	case code >= 30 && code <= 37:
		s.colour = code - 29
	case code >= 90 && code <= 97:
		s.colour = code - 89
	}
}

// escape reads the sequence that text begins with and returns the codes of a colour sequence (none for any other) and what follows.
func escape(text string) (codes []int, rest string) {
	if len(text) < 2 {
		return nil, ""
	}
	switch text[1] {
	case '[':
		return colours(text[2:])
	case ']': // a title or a link, up to BEL or ESC \
		end := strings.IndexAny(text[2:], "\a\x1b")
		if end < 0 {
			return nil, ""
		}
		rest = text[2+end:]
		return nil, strings.TrimPrefix(strings.TrimPrefix(rest, "\x1b\\"), "\a")
	}
	return nil, text[2:]
}

func colours(text string) (codes []int, rest string) {
	end := strings.IndexFunc(text, func(c rune) bool { return c >= '@' && c <= '~' })
	if end < 0 {
		return nil, ""
	}
	if text[end] != 'm' {
		return nil, text[end+1:]
	}
	for field := range strings.SplitSeq(text[:end], ";") {
		code, err := strconv.Atoi("0" + field)
		if err != nil {
			return nil, text[end+1:]
		}
		codes = append(codes, code)
	}
	if i := slices.IndexFunc(codes, func(c int) bool { return c == 38 || c == 48 }); i >= 0 {
		codes = codes[:i] // 256 colours and more: left as they are
	}
	return codes, text[end+1:]
}

// printable drops control characters other than a tab, and replaces bytes that are no text.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' && c != '\t' || c >= 0x7f && c < 0xa0 {
			return -1
		}
		return c
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

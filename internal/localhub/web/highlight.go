package web

import (
	"html/template"
	"strings"

	"github.com/alecthomas/chroma/v2"
	"github.com/alecthomas/chroma/v2/lexers"
)

// maxHighlight is the longest text that is coloured, in bytes.
const maxHighlight = 256 << 10

// highlight returns the lines of text, coloured by the language of lexer, which may be nil.
func highlight(lexer chroma.Lexer, text string) []template.HTML {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if lexer == nil || len(text) > maxHighlight {
		return plainLines(text)
	}
	tokens, err := chroma.Tokenise(chroma.Coalesce(lexer), nil, text+"\n")
	if err != nil {
		return plainLines(text) // colour is a courtesy
	}
	var lines []template.HTML
	for _, line := range chroma.SplitTokensIntoLines(tokens) {
		var b strings.Builder
		for _, t := range line {
			writeToken(&b, strings.TrimSuffix(t.Value, "\n"), tokenClass(t.Type))
		}
		lines = append(lines, safe(b.String()))
	}
	return lines
}

func plainLines(text string) []template.HTML {
	var lines []template.HTML
	for line := range strings.SplitSeq(text, "\n") {
		lines = append(lines, escaped(line))
	}
	return lines
}

func writeToken(b *strings.Builder, text, class string) {
	switch {
	case text == "":
	case class == "":
		b.WriteString(template.HTMLEscapeString(text))
	default:
		b.WriteString(`<span class="` + class + `">` + template.HTMLEscapeString(text) + `</span>`)
	}
}

// tokenClass is the style sheet's class for a kind of token: a few colours are easier to read than many.
func tokenClass(t chroma.TokenType) string {
	switch {
	case t.InCategory(chroma.Comment):
		return "hl-c"
	case t.InCategory(chroma.Keyword):
		return "hl-k"
	case t.InSubCategory(chroma.LiteralString):
		return "hl-s"
	case t.InSubCategory(chroma.LiteralNumber):
		return "hl-m"
	}
	switch t {
	case chroma.NameFunction, chroma.NameClass, chroma.NameDecorator:
		return "hl-f"
	case chroma.NameTag, chroma.NameAttribute, chroma.NameBuiltin, chroma.NameConstant:
		return "hl-t"
	case chroma.GenericInserted:
		return "hl-i"
	case chroma.GenericDeleted:
		return "hl-d"
	case chroma.GenericHeading, chroma.GenericSubheading:
		return "hl-k"
	}
	return ""
}

// fileLexer is the language of a file by its name, or nil.
func fileLexer(name string) chroma.Lexer { return lexers.Match(name) }

// namedLexer is the language of a fenced block, or nil.
func namedLexer(name string) chroma.Lexer {
	if name == "" {
		return nil
	}
	return lexers.Get(name)
}

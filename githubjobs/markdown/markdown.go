// Package markdown puts text that a task or its caller wrote into Markdown, so that
// it stays in its place and is shown as it is. What GitHub would act upon is the
// concern of githubjobs.Defuse.
//
// The package imports the standard library and goldmark; the gate and the agent import it.
package markdown

import (
	"html"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"
)

// Text is one line in which nothing is markup; it also fits into a table's cell.
// Only what Markdown would act upon is escaped, mostly by a backslash: people read
// the source too, where a program shows it.
func Text(s string) string {
	text := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(s, "\uFFFD")), " "))
	at := func(i int) rune {
		if i < 0 || i >= len(text) {
			return ' '
		}
		return text[i]
	}
	var b strings.Builder
	for i, r := range text {
		switch {
		case unicode.IsControl(r):
			continue
		case r == '|': // a backslash is not always one in a cell
			b.WriteString("&#124;")
			continue
		case r == '&' && (isWord(at(i+1)) || at(i+1) == '#'):
			b.WriteString("&amp;")
			continue
		case r == '<' && at(i+1) != ' ', strings.ContainsRune("\\`*[]~", r), r == '_' && !(isWord(at(i-1)) && isWord(at(i+1))), opensBlock(text, i):
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// opensBlock: at the beginning of a line the character would make it a heading, a
// list, a quotation or the like.
func opensBlock(text []rune, i int) bool {
	switch r := text[i]; r {
	case '#', '-', '+', '=', '>', ':':
		return i == 0
	case '.', ')':
		return i > 0 && !slices.ContainsFunc(text[:i], func(r rune) bool { return r < '0' || r > '9' })
	}
	return false
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// verbatim is text of which HTML and Markdown leave every character as it is.
var verbatim = strings.NewReplacer("|", "&#124;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "]", "&#93;", "\\", "&#92;", "~", "&#126;", "\n", " ")

// plain is a text that backticks hold safely, also in a table's cell.
var plain = regexp.MustCompile(`^[A-Za-z0-9._/+-]+$`)

// Code is a piece of code within a line or a table's cell; GitHub acts upon nothing
// in it. An ordinary name stands in backticks, which people read as text too.
func Code(s string) string {
	if plain.MatchString(s) {
		return "`" + s + "`"
	}
	return "<code>" + verbatim.Replace(html.EscapeString(s)) + "</code>"
}

var backticks = regexp.MustCompile("`+")

// Block is a block of code that no line of the text can close.
func Block(text string) string {
	longest := 2
	for _, run := range backticks.FindAllString(text, -1) {
		longest = max(longest, len(run))
	}
	fence := strings.Repeat("`", longest+1)
	return fence + "\n" + text + "\n" + fence
}

var htmlTag = regexp.MustCompile(`<([A-Za-z/!?])`)

// Contain keeps Markdown from spilling over what follows it: HTML is shown, not
// used, and what leaves something open is shown as it was written.
func Contain(source string) string {
	if html, _ := examine(source); html {
		source = htmlTag.ReplaceAllString(source, "&lt;$1")
	}
	if html, closed := examine(source); html || !closed {
		return Block(source)
	}
	return source
}

// examine parses Markdown as GitHub does. It tells whether there is HTML in it, and
// whether a paragraph that follows it would be one.
func examine(source string) (hasHTML, closed bool) {
	const probe = "end of the text"
	text := []byte(source + "\n\n" + probe + "\n")
	doc := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(gmtext.NewReader(text))
	// The walker below returns no error of its own.
	_ = ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if k := n.Kind(); k == ast.KindHTMLBlock || k == ast.KindRawHTML {
			hasHTML = true
		}
		return ast.WalkContinue, nil
	})
	last, ok := doc.LastChild().(*ast.Paragraph)
	return hasHTML, ok && strings.TrimSpace(string(last.Lines().Value(text))) == probe
}

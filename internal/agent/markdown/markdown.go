// Package markdown puts text that a task or its caller wrote into Markdown, so that
// it stays in its place and is shown as it is. What GitHub would act upon is the
// concern of githubjobs.Defuse.
//
// The package imports the standard library and goldmark; publish and merge import it.
package markdown

import (
	"html"
	"regexp"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	gmtext "github.com/yuin/goldmark/text"
)

var special = strings.NewReplacer("|", "&#124;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "]", "&#93;", "\\", "&#92;", "~", "&#126;", "\n", " ")

// Text is one line in which nothing is markup; it also fits into a table's cell.
func Text(s string) string { return special.Replace(html.EscapeString(s)) }

// plain is a text that backticks hold safely, also in a table's cell.
var plain = regexp.MustCompile(`^[A-Za-z0-9._/+-]+$`)

// Code is a piece of code within a line or a table's cell; GitHub acts upon nothing
// in it. An ordinary name stands in backticks, which people read as text too.
func Code(s string) string {
	if plain.MatchString(s) {
		return "`" + s + "`"
	}
	return "<code>" + Text(s) + "</code>"
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

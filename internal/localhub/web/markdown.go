package web

import (
	"bytes"
	"html/template"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	gmhtml "github.com/yuin/goldmark/renderer/html"
	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// maxMarkdown is the longest text that is rendered, in bytes; longer ones are shown as they are.
const maxMarkdown = 1 << 20

// markdown renders GitHub Flavored Markdown. Its last step is always the sanitiser. It is safe for concurrent use.
type markdown struct {
	parser goldmark.Markdown
	policy *bluemonday.Policy
}

// place is where a text stands, which decides where its relative links lead.
type place struct {
	blob, raw string // addresses of the repository's root as pages and as bare files, with a slash at the end; empty: links stay as they are
	folder    string // of the file in the repository, without slashes at its ends
	anchors   bool   // headings get ids; only for the one text that a page is about
}

func newMarkdown() *markdown {
	align := extension.WithTableCellAlignMethod(extension.TableCellAlignAttribute) // a style attribute would be refused by our own policy
	policy := bluemonday.UGCPolicy()
	policy.AllowAttrs("type").Matching(regexp.MustCompile(`^checkbox$`)).OnElements("input")
	policy.AllowAttrs("checked", "disabled").Matching(regexp.MustCompile(`^$`)).OnElements("input")
	policy.AllowAttrs("class").Matching(regexp.MustCompile(`^hl-[a-z]$`)).OnElements("span")
	policy.AllowAttrs("class").Matching(regexp.MustCompile(`^scroll$`)).OnElements("div")
	policy.AllowElements("kbd")
	policy.RequireNoFollowOnLinks(false)
	policy.RequireNoReferrerOnFullyQualifiedLinks(true)
	return &markdown{
		parser: goldmark.New(
			goldmark.WithExtensions(extension.Linkify, extension.NewTable(align), extension.Strikethrough, extension.TaskList),
			goldmark.WithParserOptions(parser.WithAutoHeadingID()),
			goldmark.WithRendererOptions(gmhtml.WithUnsafe())), // GitHub allows some HTML; the sanitiser decides which
		policy: policy,
	}
}

// render returns source as harmless HTML.
func (m *markdown) render(source string, at place) template.HTML {
	var out bytes.Buffer
	if len(source) > maxMarkdown || m.parser.Convert([]byte(source), &out) != nil {
		return pre(source)
	}
	body := &html.Node{Type: html.ElementNode, Data: "body", DataAtom: atom.Body}
	nodes, err := html.ParseFragment(&out, body)
	if err != nil { // nested deeper than anybody reads
		return pre(source)
	}
	for _, n := range nodes {
		body.AppendChild(n)
	}
	at.rewrite(body)
	var rewritten bytes.Buffer
	for n := range body.ChildNodes() {
		html.Render(&rewritten, n) // a buffer takes all
	}
	return safe(m.policy.Sanitize(rewritten.String()))
}

// rewrite makes relative links and images lead to the repository's files, colours code, and lets wide tables scroll.
func (at place) rewrite(parent *html.Node) {
	for n := parent.FirstChild; n != nil; {
		next := n.NextSibling
		switch n.DataAtom {
		case atom.A:
			at.relink(n, "href", at.blob)
		case atom.Img:
			at.relink(n, "src", at.raw)
			describe(n)
		case atom.Pre:
			colourBlock(n)
		case atom.Table:
			box := &html.Node{Type: html.ElementNode, Data: "div", DataAtom: atom.Div, Attr: []html.Attribute{{Key: "class", Val: "scroll"}}}
			parent.InsertBefore(box, n)
			parent.RemoveChild(n)
			box.AppendChild(n)
		}
		at.identify(n)
		at.rewrite(n)
		n = next
	}
}

// describe gives an image without a description an empty one, so that a screen reader does not spell its address.
func describe(img *html.Node) {
	if !slices.ContainsFunc(img.Attr, func(a html.Attribute) bool { return a.Key == "alt" }) {
		img.Attr = append(img.Attr, html.Attribute{Key: "alt"})
	}
}

// identify drops ids that could be taken for the page's own, or for those of another text on it.
func (at place) identify(n *html.Node) {
	kept := n.Attr[:0]
	for _, a := range n.Attr {
		if a.Key != "id" || at.anchors && !strings.HasPrefix(a.Val, "page-") {
			kept = append(kept, a)
		}
	}
	n.Attr = kept
}

// relink makes a relative address absolute, as GitHub does: from the file's folder or, with a leading slash, from the repository's root.
func (at place) relink(n *html.Node, key, root string) {
	for i, a := range n.Attr {
		if a.Key != key || root == "" {
			continue
		}
		u, err := url.Parse(a.Val)
		if err != nil || u.IsAbs() || u.Host != "" || u.Path == "" {
			continue
		}
		folder := "/" + at.folder
		if u.Path[0] == '/' {
			folder = "/"
		}
		to := url.URL{Path: path.Join(folder, u.Path), RawQuery: u.RawQuery, Fragment: u.Fragment}
		n.Attr[i].Val = root + strings.TrimPrefix(to.String(), "/")
	}
}

// colourBlock replaces the text of <pre><code class="language-x"> by coloured spans.
func colourBlock(pre *html.Node) {
	code := pre.FirstChild
	if code == nil || code.DataAtom != atom.Code || code.FirstChild == nil || code.FirstChild.Type != html.TextNode || code.FirstChild.NextSibling != nil {
		return
	}
	lexer := namedLexer(language(code))
	if lexer == nil {
		return
	}
	var text strings.Builder
	for _, line := range highlight(lexer, code.FirstChild.Data) {
		text.WriteString(string(line) + "\n")
	}
	nodes, err := html.ParseFragment(strings.NewReader(text.String()), code)
	if err != nil {
		return
	}
	code.RemoveChild(code.FirstChild)
	for _, n := range nodes {
		code.AppendChild(n)
	}
}

func language(code *html.Node) string {
	for _, a := range code.Attr {
		if a.Key == "class" {
			return strings.TrimPrefix(a.Val, "language-")
		}
	}
	return ""
}

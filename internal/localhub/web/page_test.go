package web

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// answer is what a page request got.
type answer struct {
	*httptest.ResponseRecorder
	root *html.Node
}

// get asks for a page; token may be empty.
func (h *hub) get(path, token string) answer {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), "GET", path, nil)
	if token != "" {
		r.SetBasicAuth("anyone", token)
	}
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	root, err := html.Parse(strings.NewReader(w.Body.String()))
	h.must(err)
	return answer{w, root}
}

// page asks for a page that must be there and be valid.
func (h *hub) page(path string) answer {
	h.t.Helper()
	a := h.get(path, "")
	if a.Code != http.StatusOK {
		h.t.Fatalf("GET %s: %d, want 200\n%s", path, a.Code, text(a.root))
	}
	for _, problem := range problems(a.Body.String(), a.root) {
		h.t.Errorf("GET %s: %s", path, problem)
	}
	return a
}

// wants checks that a page's text has all of these.
func (a answer) wants(t *testing.T, texts ...string) {
	t.Helper()
	shown := text(a.root)
	for _, want := range texts {
		if !strings.Contains(shown, want) {
			t.Errorf("the page lacks %q; it says:\n%s", want, shown)
		}
	}
}

// links returns the addresses of all links with exactly this text.
func (a answer) links(label string) (addresses []string) {
	for n := range a.root.Descendants() {
		if n.DataAtom == atom.A && text(n) == label {
			addresses = append(addresses, attribute(n, "href"))
		}
	}
	return addresses
}

func (a answer) wantLink(t *testing.T, label, address string) {
	t.Helper()
	if got := a.links(label); !slices.Contains(got, address) {
		t.Errorf("links named %q lead to %q, want %s", label, got, address)
	}
}

// text is what a node says, with runs of spaces as one.
func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode && d.Parent.DataAtom != atom.Style {
			b.WriteString(d.Data)
			if d.NextSibling == nil {
				b.WriteString(" ")
			}
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// problems lists what is wrong with a page as HTML, as a page for all, and as one that must be harmless.
func problems(source string, root *html.Node) (all []string) {
	found := elements(root)
	for name, n := range starts(source) {
		if found[name] != n {
			all = append(all, fmt.Sprintf("%d <%s> in the source, %d in the parsed page: badly nested", n, name, found[name]))
		}
	}
	for _, name := range []string{"html", "title", "main", "h1"} {
		if found[name] != 1 && !(name == "h1" && found[name] > 1) {
			all = append(all, fmt.Sprintf("%d <%s>", found[name], name))
		}
	}
	ids := map[string]int{}
	for n := range root.Descendants() {
		if id := attribute(n, "id"); id != "" {
			if ids[id]++; ids[id] > 1 {
				all = append(all, "two elements have the id "+id)
			}
		}
	}
	for n := range root.Descendants() {
		all = append(all, faults(n, ids)...)
	}
	return all
}

// faults are those of one element.
func faults(n *html.Node, ids map[string]int) (all []string) {
	if n.Type != html.ElementNode {
		return nil
	}
	switch n.DataAtom {
	case atom.Script, atom.Style, atom.Iframe, atom.Object, atom.Embed, atom.Base:
		all = append(all, "has a <"+n.Data+">")
	case atom.Img:
		if !slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "alt" }) {
			all = append(all, "an image has no alt: "+attribute(n, "src"))
		}
	case atom.A:
		if text(n) == "" && !hasImage(n) {
			all = append(all, "a link has no text: "+attribute(n, "href"))
		}
	}
	for _, a := range n.Attr {
		refers := a.Key == "for" || a.Key == "aria-labelledby"
		switch {
		case strings.HasPrefix(a.Key, "on") || a.Key == "style":
			all = append(all, fmt.Sprintf("<%s %s=%q>", n.Data, a.Key, a.Val))
		case strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:"):
			all = append(all, "an address with a script: "+a.Val)
		case refers && ids[a.Val] == 0:
			all = append(all, a.Key+" names an id that is not there: "+a.Val)
		}
	}
	return all
}

func hasImage(n *html.Node) bool {
	for d := range n.Descendants() {
		if d.DataAtom == atom.Img {
			return true
		}
	}
	return false
}

// elements counts the elements of a parsed page by name.
func elements(root *html.Node) map[string]int {
	counts := map[string]int{}
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			counts[n.Data]++
		}
	}
	return counts
}

// starts counts the start tags of a page's source by name.
func starts(source string) map[string]int {
	counts := map[string]int{}
	z := html.NewTokenizer(strings.NewReader(source))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return maps.Clone(counts)
		case html.StartTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			counts[string(name)]++
		}
	}
}

package web

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

func TestMarkdownIsHarmless(t *testing.T) {
	t.Parallel()
	m := newMarkdown()
	for _, source := range []string{
		"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[a](javascript:alert(1))", "[a](JaVaScRiPt:alert(1))", "[a](\tjavascript:alert(1))",
		"![a](javascript:alert(1))", "<a href=\"jav&#x09;ascript:alert(1)\">x</a>", "[a](data:text/html,<script>alert(1)</script>)",
		"<iframe src=//evil.test></iframe>", "<style>*{display:none}</style>", "<div style=\"position:fixed\">x</div>", "<svg onload=alert(1)></svg>",
		"<form action=//evil.test><input name=a></form>", "<base href=//evil.test>", "<meta http-equiv=refresh content=0>", "<object data=x></object>",
		"<math><mi//xlink:href=\"data:x,<script>alert(4)</script>\">", "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">",
		"```html\n<script>alert(1)</script>\n```", "```\"><script>\nalert(1)\n```", "<details ontoggle=alert(1) open><summary>x</summary></details>",
		strings.Repeat("<div>", 2000) + "<script>alert(1)</script>", strings.Repeat("> ", 3000) + "x", strings.Repeat("x", maxMarkdown) + "<script>alert(1)</script>",
	} {
		out := string(m.render(source, place{blob: "/o/r/blob/main/", raw: "/o/r/raw/main/", anchors: true}))
		root, err := html.Parse(strings.NewReader(out))
		if err != nil {
			continue // too deep for a parser, also for this test's; a browser flattens it
		}
		for n := range root.Descendants() {
			for _, fault := range faults(n, nil) {
				t.Errorf("%.80q: %s", source, fault)
			}
			if n.Data == "form" || n.Data == "meta" || n.Data == "math" || n.Data == "svg" {
				t.Errorf("%.80q leaves a <%s>", source, n.Data)
			}
		}
	}
}

func TestMarkdownLinks(t *testing.T) {
	t.Parallel()
	m := newMarkdown()
	at := place{blob: "/o/r/blob/job/1/", raw: "/o/r/raw/job/1/", folder: "a/b", anchors: true}
	for source, want := range map[string]string{
		"[x](c.md)":                     `href="/o/r/blob/job/1/a/b/c.md"`,
		"[x](./c.md?plain=1#L3)":        `href="/o/r/blob/job/1/a/b/c.md?plain=1#L3"`,
		"[x](../c.md)":                  `href="/o/r/blob/job/1/a/c.md"`,
		"[x](../../../../../etc/hosts)": `href="/o/r/blob/job/1/etc/hosts"`,
		"[x](/c.md)":                    `href="/o/r/blob/job/1/c.md"`,
		"[x](a%20b.md)":                 `href="/o/r/blob/job/1/a/b/a%20b.md"`,
		"[x](#there)":                   `href="#there"`,
		"[x](https://example.com/y)":    `href="https://example.com/y"`,
		"[x](mailto:a@example.com)":     `href="mailto:a@example.com"`,
		"![x](c.svg)":                   `src="/o/r/raw/job/1/a/b/c.svg"`,
		`<img src="c.png" width="10">`:  `src="/o/r/raw/job/1/a/b/c.png"`,
		`<a href="c.md">x</a>`:          `href="/o/r/blob/job/1/a/b/c.md"`,
	} {
		if got := string(m.render(source, at)); !strings.Contains(got, want) {
			t.Errorf("%s → %s, want %s", source, got, want)
		}
	}
	if got := string(m.render("[x](c.md)", place{})); !strings.Contains(got, `href="c.md"`) {
		t.Errorf("without a place, a link changed: %s", got)
	}
}

func TestMarkdownOfGitHub(t *testing.T) {
	t.Parallel()
	m := newMarkdown()
	for source, want := range map[string]string{
		"| a | b |\n|--|--:|\n| 1 | 2 |": `<td align="right">2</td>`,
		"- [x] done":                     `<input checked="" disabled="" type="checkbox"/> done`,
		"~~gone~~":                       "<del>gone</del>",
		"see https://example.com/a":      `<a href="https://example.com/a"`,
		"## A heading":                   `<h2 id="a-heading">`,
		"```go\nfunc f() {}\n```":        `<span class="hl-k">func</span>`,
		"```\na < b\n```":                "a &lt; b",
		"<details><summary>More</summary>\n\nHidden\n\n</details>": "<details><summary>More</summary>",
		`<h1 id="page-main">x</h1>`:                                "<h1>x</h1>",
	} {
		if got := string(m.render(source, place{anchors: true})); !strings.Contains(got, want) {
			t.Errorf("%s → %s, want %s", source, got, want)
		}
	}
}

package markdown

import (
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	"pgregory.net/rapid"
)

// rendered is what GitHub's dialect makes of Markdown.
func rendered(t interface{ Fatal(...any) }, source string) string {
	var b strings.Builder
	gfm := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := gfm.Convert([]byte(source), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var pieces = rapid.SampledFrom([]string{
	"`", "``", "```", "~~~", "~~~~", "|", "*", "_", "[x](y)", "\\", "<b>", "</details>", "<!--", "-->", "<details>", "&amp;", "&#96;",
	"max_files", "#", "+", "1) ", "=", ":", "&", "<", ">", "a@b", "\n", "\n\n", "    ", "# ", "> ", "- ", "1. ", "word", "é", "---", "<script>", "![i](u)", "\t",
})

func text(t *rapid.T) string {
	return strings.Join(rapid.SliceOf(pieces).Draw(t, "pieces"), "")
}

func TestCodeStaysInItsCell(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := strings.TrimSpace(text(t))
		got := rendered(t, "| a | b |\n|---|---|\n| "+Code(s)+" | end |\n")
		if strings.Count(got, "<td>") != 2 || !strings.Contains(got, "<td>end</td>") || strings.Count(got, "<code>") != 1 {
			t.Fatalf("%q became\n%s", s, got)
		}
	})
}

func TestTextIsShownAsItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := text(t)
		shown := escape(strings.Join(strings.Fields(s), " "))
		for _, frame := range []struct{ before, after, html string }{
			{"", "\n", "<p>" + shown + "</p>\n"},
			{"- ", "\n", "<ul>\n<li>" + shown + "</li>\n</ul>\n"},
			{"| a | b |\n|---|---|\n| ", " | end |\n", "<td>" + shown + "</td>\n<td>end</td>\n"},
		} {
			if got := rendered(t, frame.before+Text(s)+frame.after); shown != "" && !strings.Contains(got, frame.html) {
				t.Fatalf("%q as %q became\n%s", s, Text(s), got)
			}
		}
	})
}

// escape is how the renderer writes plain text.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

func TestTextIsReadableAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"5 files changed, merge.max_files allows 1.", "Not merged: reports/a_b-c.md (2 > 1) & more; 50% <= x #3 it's \"so\"", "naïve_Größe",
	} {
		if got := Text(s); strings.ReplaceAll(got, `\<`, "<") != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestBlockCannotBeClosedFromWithin(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got := rendered(t, Block(text(t))+"\n\nend\n")
		if !strings.HasSuffix(got, "</code></pre>\n<p>end</p>\n") || strings.Count(got, "<pre>") != 1 {
			t.Fatalf("%s", got)
		}
	})
}

func TestContainedMarkdownEndsWhereItEnds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		got := rendered(t, Contain(text(t))+"\n\n<end/>\n")
		if !strings.HasSuffix(got, "<end/>\n") || strings.Contains(strings.TrimSuffix(got, "<end/>\n"), "<!--") {
			t.Fatalf("%s", got)
		}
	})
}

func TestContainKeepsMarkdown(t *testing.T) {
	t.Parallel()
	const source = "# Title\n\n**bold** 1 < 2 [link](https://example.com)\n\n```html\n<b>\n```\n"
	if got := Contain(source); got != source {
		t.Errorf("got %q", got)
	}
}

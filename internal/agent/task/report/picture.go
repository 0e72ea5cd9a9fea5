package report

import (
	"fmt"
	"strings"
)

// The picture is shown by GitHub on a light or a dark page, and a picture can't
// know which: the reader's choice there is not that of the browser. So it has no
// background, and each colour stands out from white and from GitHub's black alike:
// that of text by 4.3 : 1 from both, and no colour does better.
//
// The charts stand one below the other, so that on a telephone, which shows the
// picture at some seven tenths of its size, the text can still be read.
const (
	ink    = "#717a85"
	faint  = "#717a8540"
	blue   = "#3f83f8"
	green  = "#2da44e"
	red    = "#e5534b"
	panelW = 480
	panelH = 140
	gap    = 24
	top    = 44  // of the plot in its panel
	bottom = 116 // of the plot

	titleSize = 16
	noteSize  = 15
	scaleSize = 13
)

// panel is one small chart: bars that grow upwards from a line, and others that
// grow downwards or on top of them.
type panel struct {
	title, note string
	up, more    []int // the second grows on top of the first …
	down        []int // … or this one from the line downwards
	upColor     string
	moreColor   string
	downColor   string
}

// picture is the charts of the report as SVG; empty when there is nothing to show.
func (p page) picture() string {
	panels := p.panels()
	if len(panels) == 0 {
		return ""
	}
	height := len(panels)*panelH + (len(panels)-1)*gap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%[1]d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" role="img" aria-label="%[3]s" font-family="-apple-system,BlinkMacSystemFont,'Segoe UI','Noto Sans',Helvetica,Arial,sans-serif">`+"\n",
		panelW, height, p.caption())
	for i, panel := range panels {
		fmt.Fprintf(&b, `<g transform="translate(0 %d)">`+"\n", i*(panelH+gap))
		panel.draw(&b, p.Span)
		b.WriteString("</g>\n")
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// caption says in words what the picture shows.
func (p page) caption() string {
	unit := "day"
	if p.Span.buckets() == 24 {
		unit = "hour"
	}
	var names []string
	for _, panel := range p.panels() {
		names = append(names, strings.ToLower(panel.title))
	}
	return fmt.Sprintf("Charts by %s: %s", unit, strings.Join(names, ", "))
}

func (p page) panels() []panel {
	f := p.Now
	var commits, added, removed, succeeded, failed []int
	for _, bar := range f.Bars {
		commits, added, removed = append(commits, bar.Commits), append(added, bar.Added), append(removed, bar.Removed)
		succeeded, failed = append(succeeded, bar.Succeeded), append(failed, bar.Failed)
	}
	var panels []panel
	if len(f.Commits) > 0 {
		panels = append(panels, panel{title: "Commits", note: number(len(f.Commits)), up: commits, upColor: blue})
	}
	if f.Added+f.Removed > 0 {
		panels = append(panels, panel{title: "Lines changed", note: lines(f.Added, f.Removed), up: added, upColor: green, down: removed, downColor: red})
	}
	if rate, ok := f.Runs.rate(); ok {
		panels = append(panels, panel{title: "Workflow runs", note: percent(rate, ok) + " succeeded", up: succeeded, upColor: green, more: failed, moreColor: red})
	}
	return panels
}

// draw draws the panel at the origin.
func (c panel) draw(b *strings.Builder, s span) {
	fmt.Fprintf(b, `<text x="0" y="16" font-size="%d" font-weight="600" fill="%s">%s</text>`+"\n", titleSize, ink, c.title)
	fmt.Fprintf(b, `<text x="%d" y="16" font-size="%d" text-anchor="end" fill="%s">%s</text>`+"\n", panelW, noteSize, ink, c.note)
	highest, lowest := c.extent()
	unit := float64(bottom-top) / float64(highest+lowest)
	line := float64(bottom) - unit*float64(lowest)
	fmt.Fprintf(b, `<line x1="0" x2="%d" y1="%d" y2="%d" stroke="%s"/>`+"\n", panelW, top, top, faint)
	scale := number(highest)
	if lowest > 0 {
		scale = lines(highest, lowest)
		fmt.Fprintf(b, `<line x1="0" x2="%d" y1="%d" y2="%d" stroke="%s"/>`+"\n", panelW, bottom, bottom, faint)
	}
	fmt.Fprintf(b, `<text x="0" y="%d" font-size="%d" fill="%s">%s</text>`+"\n", top-4, scaleSize, ink, scale)
	step := float64(panelW) / float64(len(c.up))
	for i := range c.up {
		x, w := float64(i)*step+step*0.15, step*0.7
		h := bar1(b, x, line, w, -unit*float64(c.up[i]), c.upColor)
		if c.more != nil {
			bar1(b, x, line-h, w, -unit*float64(c.more[i]), c.moreColor)
		}
		if c.down != nil {
			bar1(b, x, line, w, unit*float64(c.down[i]), c.downColor)
		}
		if name := s.bucketName(i); name != "" {
			middle := max(x+w/2, float64(4*len(name))) // not over the edge
			fmt.Fprintf(b, `<text x="%.1f" y="%d" font-size="%d" text-anchor="middle" fill="%s">%s</text>`+"\n", middle, panelH-6, scaleSize, ink, name)
		}
	}
	fmt.Fprintf(b, `<line x1="0" x2="%d" y1="%.1f" y2="%.1f" stroke="%s"/>`+"\n", panelW, line, line, ink)
}

// extent is how far the bars grow upwards and downwards.
func (c panel) extent() (highest, lowest int) {
	for i, n := range c.up {
		if c.more != nil {
			n += c.more[i]
		}
		highest = max(highest, n)
		if c.down != nil {
			lowest = max(lowest, c.down[i])
		}
	}
	return highest, lowest
}

// bar1 draws a bar from y, upwards if the height is negative, and returns how high
// it came out: what is there at all can be seen.
func bar1(b *strings.Builder, x, y, w, height float64, color string) float64 {
	if height == 0 {
		return 0
	}
	size := max(height, -height, 1.5)
	if height < 0 {
		y -= size
	}
	fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="1" fill="%s"/>`+"\n", x, y, w, size, color)
	return size
}

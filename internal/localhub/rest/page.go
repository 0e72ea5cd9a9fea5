package rest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Page is which part of a list is asked for.
type Page struct {
	Number int // from 1
	Size   int // 1 to 100
}

// Page returns the page asked for by ?page and ?per_page (default 30, at most 100).
func (c *Context) Page() Page {
	p := Page{Number: 1, Size: 30}
	if n, err := strconv.Atoi(c.Query("page")); err == nil && n > 0 {
		p.Number = n
	}
	if n, err := strconv.Atoi(c.Query("per_page")); err == nil && n > 0 {
		p.Size = min(n, 100)
	}
	return p
}

// Range returns the part [from, to) of a list of total items.
func (p Page) Range(total int) (from, to int) {
	from = min((p.Number-1)*p.Size, total)
	return from, min(from+p.Size, total)
}

// Paginate cuts the page asked for out of items and sets the Link header.
func Paginate[T any](c *Context, items []T) []T {
	p := c.Page()
	from, to := p.Range(len(items))
	c.SetLink(p, len(items))
	if from == to {
		return []T{} // encodes as [], not null
	}
	return items[from:to]
}

// SetLink sets the Link header for a list of total items.
func (c *Context) SetLink(p Page, total int) {
	last := max((total+p.Size-1)/p.Size, 1)
	var links []string
	add := func(number int, rel string) {
		links = append(links, fmt.Sprintf(`<%s>; rel="%s"`, c.pageURL(url.Values{"page": {strconv.Itoa(number)}}), rel))
	}
	if p.Number > 1 {
		add(min(p.Number-1, last), "prev")
	}
	if p.Number < last {
		add(p.Number+1, "next")
		add(last, "last")
	}
	if p.Number > 1 {
		add(1, "first")
	}
	if len(links) > 0 {
		c.W.Header().Set("Link", strings.Join(links, ", "))
	}
}

// pageURL returns this request's own address with some query parameters replaced.
func (c *Context) pageURL(replace url.Values) string {
	q := c.URL.Query()
	for k, v := range replace {
		q[k] = v
	}
	return c.S.ServerURL + c.URL.EscapedPath() + "?" + q.Encode()
}

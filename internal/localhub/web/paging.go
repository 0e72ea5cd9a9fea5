package web

import (
	"strconv"
)

// paging is which part of a list is shown, by ?page=.
type paging struct {
	Number     int    // from 1
	Prev, Next string // addresses of the neighbours; empty: none
	size       int
	q          *request
}

// paging reads the page asked for.
func (q *request) paging(size int) paging {
	n, err := strconv.Atoi(q.FormValue("page"))
	if err != nil || n < 1 || n > 1_000_000 {
		n = 1
	}
	return paging{Number: n, size: size, q: q}
}

// skip is how many items come before the page.
func (p paging) skip() int { return (p.Number - 1) * p.size }

// with sets the neighbours, given whether items follow this page.
func (p paging) with(more bool) paging {
	if p.Number > 1 {
		p.Prev = p.address(p.Number - 1)
	}
	if more {
		p.Next = p.address(p.Number + 1)
	}
	return p
}

func (p paging) address(number int) string {
	query := p.q.URL.Query()
	query.Set("page", strconv.Itoa(number))
	return p.q.URL.EscapedPath() + "?" + query.Encode()
}

// cut returns the part of items that the page shows.
func cut[T any](p paging, items []T) ([]T, paging) {
	from := min(p.skip(), len(items))
	to := min(from+p.size, len(items))
	return items[from:to], p.with(to < len(items))
}

package web

import (
	"fmt"
	"html/template"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// person is an account as pages show it.
type person struct{ Login, URL, Avatar string }

// personByID is the account with this id. One that is gone is shown as GitHub does, as "ghost".
func personByID(tx *state.Tx, id int64) person {
	u, ok := tx.Users.Get(id)
	if !ok {
		u.Login = "ghost"
	}
	return personOf(u)
}

func personOf(u state.User) person {
	p := person{Login: u.Login, Avatar: fmt.Sprintf("/avatars/u/%d", u.ID)}
	if u.ID != 0 {
		p.URL = "/" + u.Login
	}
	return p
}

// serveAvatar draws an account's first letter on a colour of its own.
func serveAvatar(q *request) error {
	id := q.number("id")
	var u state.User
	q.site.DB.View(func(tx *state.Tx) { u, _ = tx.Users.Get(id) })
	letter := template.HTMLEscapeString(strings.ToUpper(string([]rune(u.Login + "?")[:1])))
	q.w.Header().Set("Content-Type", "image/svg+xml")
	q.w.Header().Set("Content-Security-Policy", rawPolicy)
	q.w.Header().Set("Cache-Control", "private, max-age=3600")
	_, err := fmt.Fprintf(q.w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" fill="hsl(%d 45%% 42%%)"/>`+
		`<text x="20" y="28" font-family="sans-serif" font-size="22" fill="#fff" text-anchor="middle">%s</text></svg>`, max(id, 0)*137%360, letter)
	return err
}

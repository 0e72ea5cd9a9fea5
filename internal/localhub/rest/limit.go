package rest

import (
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Limits are the primary rate limits, in requests an hour. A zero field means GitHub's own number.
type Limits struct {
	Personal     int // a user's token, and installation tokens: 5,000
	Run          int // the GITHUB_TOKEN, per repository: 1,000
	Unauthorized int // without credentials, per address: 60
}

// Budget is what is left of a limit.
type Budget struct {
	Limit, Used int
	Reset       time.Time
}

// Remaining is never negative.
func (b Budget) Remaining() int { return max(b.Limit-b.Used, 0) }

// limiter counts requests per budget in windows of an hour.
type limiter struct {
	mu      sync.Mutex
	budgets map[string]Budget
}

// get returns the budget named key as it stands, and if charge is set takes one request from it.
func (l *limiter) get(key string, limit int, now time.Time, charge bool) Budget {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.budgets == nil {
		l.budgets = map[string]Budget{}
	}
	b, ok := l.budgets[key]
	if !ok || !now.Before(b.Reset) {
		b = Budget{Limit: limit, Reset: now.Add(time.Hour).Truncate(time.Second)}
	}
	if charge {
		b.Used++
		l.budgets[key] = b
	}
	return b
}

// budget names the budget that the actor's requests are counted on, and its limit.
func (s *Service) budget(actor Actor, r *http.Request) (key string, limit int) {
	switch {
	case actor.ByRun():
		return fmt.Sprint("run/", actor.Token.RepositoryIDs), orDefault(s.Limits.Run, 1000)
	case actor.Token.Kind == state.TokenInstallation:
		return fmt.Sprint("installation/", actor.Token.InstallationID), orDefault(s.Limits.Personal, 5000)
	case actor.App.ID != 0:
		return fmt.Sprint("app/", actor.App.ID), orDefault(s.Limits.Personal, 5000)
	case !actor.Anonymous():
		return fmt.Sprint("user/", actor.User.ID), orDefault(s.Limits.Personal, 5000)
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return "address/" + host, orDefault(s.Limits.Unauthorized, 60)
}

func orDefault(n, standard int) int {
	if n == 0 {
		return standard
	}
	return n
}

func setLimitHeaders(h http.Header, b Budget) {
	h.Set("X-Ratelimit-Limit", strconv.Itoa(b.Limit))
	h.Set("X-Ratelimit-Remaining", strconv.Itoa(b.Remaining()))
	h.Set("X-Ratelimit-Used", strconv.Itoa(b.Used))
	h.Set("X-Ratelimit-Reset", strconv.FormatInt(b.Reset.Unix(), 10))
	h.Set("X-Ratelimit-Resource", "core")
}

func errLimited(actor Actor) *Error {
	who := "user ID " + strconv.FormatInt(actor.User.ID, 10)
	if actor.Anonymous() {
		who = "your address"
	}
	return Forbidden("API rate limit exceeded for " + who + ".")
}

package rest

import "github.com/githubjobs/githubjobs/internal/localhub/shape"

var metaOperations = []Operation{
	{"GET", "/{$}", "meta/root", Anyone(), getRoot},
	{"GET", "/meta", "meta/get", Anyone(), getMeta},
	{"GET", "/zen", "meta/get-zen", Anyone(), getZen},
	{"GET", "/rate_limit", "rate-limit/get", Anyone(), getRateLimit},
}

// getMeta answers as GitHub Enterprise Server does, whose clients tell it by installed_version.
func getMeta(*Context) (Response, error) {
	return OK(shape.Object{"verifiable_password_authentication": false, "installed_version": "3.18.0"}), nil
}

func getZen(*Context) (Response, error) {
	return Raw("text/plain;charset=utf-8", []byte("Keep it logically awesome.")), nil
}

func getRateLimit(c *Context) (Response, error) {
	key, limit := c.S.budget(c.Actor, c.Request)
	b := c.S.limiter.get(key, limit, c.S.Now(), false)
	core := shape.Object{"limit": b.Limit, "used": b.Used, "remaining": b.Remaining(), "reset": b.Reset.Unix()}
	search := shape.Object{"limit": 30, "used": 0, "remaining": 30, "reset": b.Reset.Unix()} // GitHub's; localhub has no search
	return OK(shape.Object{"resources": shape.Object{"core": core, "search": search}, "rate": core}), nil
}

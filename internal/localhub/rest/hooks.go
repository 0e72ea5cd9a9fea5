package rest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/githubjobs/githubjobs/internal/localhub/hooks"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var hookOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/hooks", "repos/list-webhooks", Read("repository_hooks"), listHooks},
	{"POST", "/repos/{owner}/{repo}/hooks", "repos/create-webhook", Write("repository_hooks"), createHook},
	{"GET", "/repos/{owner}/{repo}/hooks/{hook_id}", "repos/get-webhook", Read("repository_hooks"), getHook},
	{"PATCH", "/repos/{owner}/{repo}/hooks/{hook_id}", "repos/update-webhook", Write("repository_hooks"), updateHook},
	{"DELETE", "/repos/{owner}/{repo}/hooks/{hook_id}", "repos/delete-webhook", Write("repository_hooks"), deleteHook},
	{"POST", "/repos/{owner}/{repo}/hooks/{hook_id}/pings", "repos/ping-webhook", Read("repository_hooks"), pingHook},
	{"POST", "/repos/{owner}/{repo}/hooks/{hook_id}/tests", "repos/test-push-webhook", Read("repository_hooks"), testHook},
	{"GET", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries", "repos/list-webhook-deliveries", Read("repository_hooks"), listDeliveries},
	{"GET", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}", "repos/get-webhook-delivery", Read("repository_hooks"), getDelivery},
	{"POST", "/repos/{owner}/{repo}/hooks/{hook_id}/deliveries/{delivery_id}/attempts", "repos/redeliver-webhook-delivery",
		Write("repository_hooks"), redeliver},
	{"GET", "/app/hook/config", "apps/get-webhook-config-for-app", AppJWT(), getAppHookConfig},
	{"GET", "/app/hook/deliveries", "apps/list-webhook-deliveries", AppJWT(), listDeliveries},
	{"GET", "/app/hook/deliveries/{delivery_id}", "apps/get-webhook-delivery", AppJWT(), getDelivery},
	{"POST", "/app/hook/deliveries/{delivery_id}/attempts", "apps/redeliver-webhook-delivery", AppJWT(), redeliver},
}

// hook finds the hook that the request is about: a repository's, or the App's own.
func (c *Context) hook() (h state.Hook, err error) {
	err = NotFound()
	c.View(func(tx *state.Tx, _ shape.Builder) {
		if c.Repo.ID == 0 {
			for own := range tx.Hooks.Of(0) {
				if own.AppID == c.Actor.App.ID {
					h, err = own, nil
				}
			}
			return
		}
		id, idErr := c.ID("hook_id")
		if found, ok := tx.Hooks.Get(id); ok && idErr == nil && found.RepositoryID == c.Repo.ID {
			h, err = found, nil
		}
	})
	return h, err
}

func (c *Context) hookBody(h state.Hook) (body shape.Object) {
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Hook(h, c.Repo) })
	return body
}

func listHooks(c *Context) (Response, error) {
	list := []shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		for h := range tx.Hooks.Of(c.Repo.ID) {
			list = append(list, b.Hook(h, c.Repo))
		}
	})
	return OK(Paginate(c, list)), nil
}

// hookSettings is the body of a POST or PATCH; absent fields stay as they are.
type hookSettings struct {
	Name         string
	Config       *hookConfig
	Events       []string
	AddEvents    []string `json:"add_events"`
	RemoveEvents []string `json:"remove_events"`
	Active       *bool
}

type hookConfig struct {
	URL         string          `json:"url"`
	ContentType string          `json:"content_type"`
	Secret      string          `json:"secret"`
	InsecureSSL json.RawMessage `json:"insecure_ssl"` // "0", 0, "1" or 1
}

func (in hookSettings) apply(h *state.Hook) error {
	if in.Config != nil {
		u, err := url.Parse(in.Config.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return Invalid("Validation Failed", FieldError{Resource: "Hook", Field: "url", Code: "custom", Message: "url is missing a scheme or host"})
		}
		h.URL, h.Secret, h.ContentType, h.InsecureSSL = in.Config.URL, in.Config.Secret, "form", "0"
		if in.Config.ContentType == "json" {
			h.ContentType = "json"
		}
		if slices.Contains([]string{`"1"`, "1"}, string(in.Config.InsecureSSL)) {
			h.InsecureSSL = "1"
		}
	}
	if len(in.Events) > 0 {
		h.Events = in.Events
	}
	events := slices.DeleteFunc(slices.Clone(h.Events), func(e string) bool { return slices.Contains(in.RemoveEvents, e) })
	for _, e := range in.AddEvents {
		if !slices.Contains(events, e) {
			events = append(events, e)
		}
	}
	h.Events = events
	set(&h.Active, in.Active)
	return nil
}

func createHook(c *Context) (Response, error) {
	in := hookSettings{Events: []string{"push"}}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.Config == nil || in.Name != "" && in.Name != "web" {
		return Response{}, MissingField("Hook", "config")
	}
	h := state.Hook{RepositoryID: c.Repo.ID, Active: true, CreatedAt: c.Now(), UpdatedAt: c.Now()}
	if err := in.apply(&h); err != nil {
		return Response{}, err
	}
	err := c.Update(func(tx *state.Tx, _ shape.Builder) error {
		for other := range tx.Hooks.Of(c.Repo.ID) {
			if other.URL == h.URL && slices.Equal(other.Events, h.Events) {
				return Invalid("Validation Failed", FieldError{Resource: "Hook", Code: "custom", Message: "Hook already exists on this repository"})
			}
		}
		h.ID = tx.Hooks.NextID()
		tx.Hooks.Put(h)
		return nil
	})
	if err != nil {
		return Response{}, err
	}
	return Created(c.hookBody(h)), c.S.Hooks.Ping(c.Event(), h)
}

func getHook(c *Context) (Response, error) {
	h, err := c.hook()
	return OK(c.hookBody(h)), err
}

func getAppHookConfig(c *Context) (Response, error) {
	h, err := c.hook()
	return OK(shape.HookConfig(h)), err
}

func updateHook(c *Context) (Response, error) {
	var in hookSettings
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	h, err := c.hook()
	if err != nil {
		return Response{}, err
	}
	err = c.Update(func(tx *state.Tx, _ shape.Builder) error {
		var ok bool
		if h, ok = tx.Hooks.Get(h.ID); !ok {
			return NotFound()
		}
		if err := in.apply(&h); err != nil {
			return err
		}
		h.UpdatedAt = c.Now()
		tx.Hooks.Put(h)
		return nil
	})
	return OK(c.hookBody(h)), err
}

func deleteHook(c *Context) (Response, error) {
	h, err := c.hook()
	if err != nil {
		return Response{}, err
	}
	return NoContent(), c.Update(func(tx *state.Tx, _ shape.Builder) error {
		tx.Hooks.Delete(h.ID)
		return nil
	})
}

func pingHook(c *Context) (Response, error) {
	h, err := c.hook()
	if err != nil {
		return Response{}, err
	}
	return NoContent(), c.S.Hooks.Ping(c.Event(), h)
}

func testHook(c *Context) (Response, error) {
	h, err := c.hook()
	if err != nil {
		return Response{}, err
	}
	return NoContent(), c.S.Hooks.Test(c.Context(), c.Event(), h)
}

// listDeliveries pages by cursor, as GitHub's does: newest first, the cursor being the id before which the page starts.
func listDeliveries(c *Context) (Response, error) {
	h, err := c.hook()
	if err != nil {
		return Response{}, err
	}
	cursor, _ := strconv.ParseInt(c.Query("cursor"), 10, 64)
	size := c.Page().Size
	list, more, last := []shape.Object{}, false, int64(0)
	c.View(func(tx *state.Tx, b shape.Builder) {
		for d := range tx.Deliveries.Newest(h.ID) {
			if !d.Done || cursor > 0 && d.ID >= cursor {
				continue
			}
			if more = len(list) == size; more {
				return
			}
			list, last = append(list, b.Delivery(d)), d.ID
		}
	})
	if more {
		next := url.Values{"cursor": {strconv.FormatInt(last, 10)}}
		c.W.Header().Set("Link", "<"+c.pageURL(next)+`>; rel="next"`)
	}
	return OK(list), nil
}

// delivery finds the delivery that the request is about.
func (c *Context) delivery() (d state.Delivery, err error) {
	h, err := c.hook()
	if err != nil {
		return d, err
	}
	id, err := c.ID("delivery_id")
	if err != nil {
		return d, err
	}
	err = NotFound()
	c.View(func(tx *state.Tx, _ shape.Builder) {
		if found, ok := tx.Deliveries.Get(id); ok && found.HookID == h.ID {
			d, err = found, nil
		}
	})
	return d, err
}

func getDelivery(c *Context) (Response, error) {
	d, err := c.delivery()
	if err != nil {
		return Response{}, err
	}
	request, err := c.S.DB.Blob(state.BlobRequest, d.ID)
	if err != nil {
		return Response{}, err
	}
	response, err := c.S.DB.Blob(state.BlobResponse, d.ID)
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.FullDelivery(d, request, response) })
	return OK(body), nil
}

func redeliver(c *Context) (Response, error) {
	d, err := c.delivery()
	if err != nil {
		return Response{}, err
	}
	err = c.S.Hooks.Redeliver(d.ID)
	if errors.Is(err, hooks.ErrNoDelivery) {
		return Response{}, NotFound()
	}
	return Response{Status: http.StatusAccepted, Body: shape.Object{}}, err
}

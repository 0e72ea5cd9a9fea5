package shape

import (
	"encoding/json"
	"net/url"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// Hook is a repository's webhook. Its secret is masked, as on GitHub.
func (b Builder) Hook(h state.Hook, r state.Repository) Object {
	last := Object{"code": nil, "status": "unused", "message": nil}
	if h.LastStatus != "" {
		last = Object{"code": h.LastCode, "status": h.LastStatus, "message": nil}
	}
	api := b.RepoAPI(r, "/hooks/%d", h.ID)
	return Object{
		"type": "Repository", "id": h.ID, "name": "web", "active": h.Active, "events": h.Events, "config": HookConfig(h),
		"updated_at": Time(h.UpdatedAt), "created_at": Time(h.CreatedAt), "url": api, "test_url": api + "/test", "ping_url": api + "/pings",
		"deliveries_url": api + "/deliveries", "last_response": last,
	}
}

// HookConfig is where a hook delivers, and how. The secret is not shown.
func HookConfig(h state.Hook) Object {
	config := Object{"url": h.URL, "content_type": h.ContentType, "insecure_ssl": h.InsecureSSL}
	if h.Secret != "" {
		config["secret"] = "********"
	}
	return config
}

// Delivery is a delivery in a list.
func (b Builder) Delivery(d state.Delivery) Object {
	o := Object{
		"id": d.ID, "guid": d.GUID, "delivered_at": d.DeliveredAt.UTC().Format("2006-01-02T15:04:05.000Z"), "redelivery": d.Redelivery,
		"duration": d.Duration.Seconds(), "status": d.Status, "status_code": d.StatusCode, "event": d.Event, "action": NonEmpty(d.Action),
		"installation_id": nil, "repository_id": d.RepositoryID, "throttled_at": nil,
	}
	if d.InstallationID != 0 {
		o["installation_id"] = d.InstallationID
	}
	return o
}

// FullDelivery is one delivery with what was sent and answered.
func (b Builder) FullDelivery(d state.Delivery, request, response []byte) Object {
	o := b.Delivery(d)
	o["url"] = d.URL
	o["request"] = Object{"headers": d.RequestHeaders, "payload": payload(request)}
	answer := Object{"headers": Object{}, "payload": string(response)}
	if d.ResponseHeaders != nil {
		answer["headers"] = d.ResponseHeaders
	}
	o["response"] = answer
	return o
}

// payload is the JSON that was sent, also when it was sent as a form.
func payload(body []byte) any {
	if form, ok := strings.CutPrefix(string(body), "payload="); ok {
		text, _ := url.QueryUnescape(form) // of localhub's own making
		body = []byte(text)
	}
	if !json.Valid(body) {
		return nil
	}
	return json.RawMessage(body)
}

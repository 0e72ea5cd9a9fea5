package web

import "github.com/githubjobs/githubjobs/internal/localhub/state"

// maxDeliveries is how many deliveries of a webhook are shown: the newest.
const maxDeliveries = 100

type hookItem struct {
	state.Hook
	Page string // address of its deliveries
}

// showHooks lists the repository's webhooks.
func showHooks(q *request) error {
	var hooks []hookItem
	q.site.DB.View(func(tx *state.Tx) {
		for h := range tx.Hooks.Of(q.repo.ID) {
			hooks = append(hooks, q.hookItem(h))
		}
	})
	return q.show("hooks", "Webhooks", hooks)
}

func (q *request) hookItem(h state.Hook) hookItem {
	return hookItem{h, q.link("settings/hooks", itoa(h.ID))}
}

// hookPage is the data of a webhook's page.
type hookPage struct {
	Hook       hookItem
	Deliveries []deliveryItem
}

type deliveryItem struct {
	state.Delivery
	Outcome string
}

// showHook lists the newest deliveries of a webhook.
func showHook(q *request) error {
	id := q.number("hook")
	var page hookPage
	q.site.DB.View(func(tx *state.Tx) {
		h, _ := tx.Hooks.Get(id)
		if h.RepositoryID != q.repo.ID {
			return
		}
		page.Hook = q.hookItem(h)
		for d := range tx.Deliveries.Newest(id) {
			if len(page.Deliveries) == maxDeliveries {
				break
			}
			page.Deliveries = append(page.Deliveries, deliveryItem{d, deliveryOutcome(d)})
		}
	})
	if page.Hook.ID == 0 {
		return errNotFound
	}
	return q.show("hook", "Webhook", page)
}

func deliveryOutcome(d state.Delivery) string {
	switch {
	case !d.Done:
		return "pending"
	case d.StatusCode >= 200 && d.StatusCode < 300:
		return "success"
	}
	return "failure"
}

// hookState is how the last delivery of a webhook ended.
func hookState(h state.Hook) string {
	switch {
	case !h.Active || h.LastCode == 0:
		return "neutral"
	case h.LastCode < 300:
		return "success"
	}
	return "failure"
}

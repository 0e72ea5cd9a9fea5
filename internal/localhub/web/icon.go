package web

import (
	"fmt"
	"html/template"
	"strings"
)

// icons are drawn on 16×16, in the colour of the text around them.
var icons = map[string]string{
	"success":     `<path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm3.9 5.3-1.1-1.1-4 4.1-1.7-1.7L4 7.7l2.8 2.8z"/>`,
	"failure":     `<path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm3.2 5.9-1.1-1.1L8 6.9 5.9 4.8 4.8 5.9 6.9 8l-2.1 2.1 1.1 1.1L8 9.1l2.1 2.1 1.1-1.1L9.1 8z"/>`,
	"cancelled":   `<path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm0 1.5a6.5 6.5 0 0 0-5.1 10.5L12 2.9a6.5 6.5 0 0 0-4-1.4Zm5.1 2.5L4 13.1A6.5 6.5 0 0 0 13.1 4Z"/>`,
	"skipped":     `<path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm0 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM11.5 4 12.6 5 5 12.6 4 11.5z"/>`,
	"neutral":     `<path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm0 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM5 7.2h6v1.6H5z"/>`,
	"queued":      `<path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm0 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13Zm.7 2.7v3.5l2.3 2.2-1 1.1L7.2 8.4V4.2z"/>`,
	"in_progress": `<path opacity=".3" d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm0 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2Z"/><path d="M8 0a8 8 0 0 1 8 8h-2a6 6 0 0 0-6-6z"/>`,
	"action":      `<path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0ZM7.2 3.5v5.6h1.6V3.5zm0 7.2v1.8h1.6v-1.8z"/>`,
	"pull":        `<path d="M3.5 1a2.5 2.5 0 0 1 .8 4.9v4.2a2.5 2.5 0 1 1-1.5 0V5.9A2.5 2.5 0 0 1 3.5 1Zm0 1.5a1 1 0 1 0 0 2 1 1 0 0 0 0-2Zm0 9a1 1 0 1 0 0 2 1 1 0 0 0 0-2ZM9.8.5v2.3h.9a2.6 2.6 0 0 1 2.6 2.6v4.7a2.5 2.5 0 1 1-1.5 0V5.4c0-.6-.5-1.1-1.1-1.1h-.9v2.3L6.7 3.5zm2.7 11a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z"/>`,
	"closed":      `<path d="M3.5 1a2.5 2.5 0 0 1 .8 4.9v4.2a2.5 2.5 0 1 1-1.5 0V5.9A2.5 2.5 0 0 1 3.5 1Zm0 1.5a1 1 0 1 0 0 2 1 1 0 0 0 0-2Zm0 9a1 1 0 1 0 0 2 1 1 0 0 0 0-2ZM14.6.4l1 1-2 2.1 2 2.1-1 1-2.1-2-2.1 2-1-1 2-2.1-2-2.1 1-1 2.1 2zm-2.9 7.1h1.6v2.6a2.5 2.5 0 1 1-1.6 0zm.8 4a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z"/>`,
	"merged":      `<path d="M4.5 1a2.5 2.5 0 0 1 1.2 4.7A6 6 0 0 0 9.6 8a2.5 2.5 0 1 1 0 1.6 7.5 7.5 0 0 1-4.3-1.9v2.4a2.5 2.5 0 1 1-1.6 0V5.9A2.5 2.5 0 0 1 4.5 1Zm0 1.5a1 1 0 1 0 0 2 1 1 0 0 0 0-2Zm0 9a1 1 0 1 0 0 2 1 1 0 0 0 0-2Zm7.5-3.7a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z"/>`,
	"folder":      `<path d="M1.8 2h4.3l1.6 2h6.5C15.2 4 16 4.8 16 5.8v6.5c0 1-.8 1.7-1.8 1.7H1.8C.8 14 0 13.3 0 12.3V3.7C0 2.8.8 2 1.8 2Z"/>`,
	"file":        `<path d="M3.8 0h5.7L14 4.5v9.7c0 1-.8 1.8-1.8 1.8H3.8C2.8 16 2 15.2 2 14.2V1.8C2 .8 2.8 0 3.8 0Zm0 1.5a.3.3 0 0 0-.3.3v12.4c0 .2.1.3.3.3h8.4c.2 0 .3-.1.3-.3V6H9.8C8.8 6 8 5.2 8 4.2V1.5Zm5.7.6v2.1c0 .2.1.3.3.3h2.1z"/>`,
	"link":        `<path d="M1.8 2H7v1.5H1.8a.3.3 0 0 0-.3.3v8.4c0 .2.1.3.3.3h8.4c.2 0 .3-.1.3-.3V8H12v4.2c0 1-.8 1.8-1.8 1.8H1.8C.8 14 0 13.2 0 12.2V3.8C0 2.8.8 2 1.8 2ZM9 1h6v6h-1.5V3.6L8.5 8.5l-1-1 4.9-5H9z"/>`,
	"module":      `<path d="M1 1h6v6H1zm1.5 1.5v3h3v-3zM9 1h6v6H9zm1.5 1.5v3h3v-3zM1 9h6v6H1zm1.5 1.5v3h3v-3zM9 9h6v6H9z"/>`,
	"branch":      `<path d="M4 1a2.5 2.5 0 0 1 .8 4.9v2.3c.5-.3 1-.4 1.5-.4h3.5c.7 0 1.3-.5 1.4-1.2V6A2.5 2.5 0 1 1 12.8 6v.6a2.9 2.9 0 0 1-3 2.7H6.3c-.8 0-1.4.5-1.5 1.2v-.4a2.5 2.5 0 1 1-1.6 0V5.9A2.5 2.5 0 0 1 4 1Zm0 1.5a1 1 0 1 0 0 2 1 1 0 0 0 0-2Zm0 9a1 1 0 1 0 0 2 1 1 0 0 0 0-2Zm8-9a1 1 0 1 0 0 2 1 1 0 0 0 0-2Z"/>`,
	"repo":        `<path d="M4.5 0H14v12H4.5a1 1 0 0 0-1 1c0 .6.4 1 1 1H5v-1h3v1h6v1.5H8V16l-1.5-1L5 16v-.5h-.5A2.5 2.5 0 0 1 2 13V2.5A2.5 2.5 0 0 1 4.5 0Zm0 1.5a1 1 0 0 0-1 1v8.2c.3-.1.6-.2 1-.2h8v-9z"/>`,
	"code":        `<path d="m4.7 3.2 1 1.1L2.2 8l3.5 3.7-1 1.1L0 8zm6.6 0L16 8l-4.7 4.8-1-1.1L13.8 8l-3.5-3.7z"/>`,
	"play":        `<path d="M8 0a8 8 0 1 1 0 16A8 8 0 0 1 8 0Zm0 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13ZM6.3 4.6 11.6 8l-5.3 3.4z"/>`,
	"hub":         `<path d="M4 1.5A2.5 2.5 0 0 1 4.8 6v2.2c3.2-.1 5-.6 5.4-2.3a2.5 2.5 0 1 1 1.5.1c-.5 2.9-3.2 3.7-6.9 3.8v.4a2.5 2.5 0 1 1-1.5 0V6A2.5 2.5 0 0 1 4 1.5Z"/>`,
	"commit":      `<path d="M8 4a4 4 0 0 1 3.9 3.2H16v1.6h-4.1a4 4 0 0 1-7.8 0H0V7.2h4.1A4 4 0 0 1 8 4Zm0 1.6a2.4 2.4 0 1 0 0 4.8 2.4 2.4 0 0 0 0-4.8Z"/>`,
	"comment":     `<path d="M1.8 1h12.4c1 0 1.8.8 1.8 1.8v8.4c0 1-.8 1.8-1.8 1.8H9l-4 3v-3H1.8C.8 13 0 12.2 0 11.2V2.8C0 1.8.8 1 1.8 1Zm0 1.5a.3.3 0 0 0-.3.3v8.4c0 .2.1.3.3.3h4.7V13l2-1.5h5.7c.2 0 .3-.1.3-.3V2.8a.3.3 0 0 0-.3-.3z"/>`,
	"hook":        `<path d="M8 1a4 4 0 0 1 4 4h-1.6a2.4 2.4 0 1 0-3.6 2.1L4.9 10.5a1.7 1.7 0 1 1-1.4-.8l1.6-2.8A4 4 0 0 1 8 1Zm0 2.5a1.5 1.5 0 0 1 1.3 2.2l1.5 2.6a4 4 0 1 1-2 7.4l.8-1.4a2.4 2.4 0 1 0 .5-4.5L7.9 6.5A1.5 1.5 0 0 1 8 3.5ZM12 10.5a1.5 1.5 0 1 1-1.3 2.3H7.9v-1.6h2.8c.3-.4.7-.7 1.3-.7Z"/>`,
}

// icon draws an icon that says nothing to a screen reader: the text beside it does.
func icon(name string) template.HTML {
	return safe(fmt.Sprintf(`<svg class="icon icon-%s" viewBox="0 0 16 16" width="16" height="16" aria-hidden="true" focusable="false">%s</svg>`,
		name, icons[name]))
}

// outcome is a run's, job's or check's conclusion, or its status while it has none.
func outcome(status, conclusion string) string {
	if conclusion != "" {
		return conclusion
	}
	return status
}

// looks says how each outcome of GitHub's looks: its icon, and its colour in the style sheet.
var looks = map[string]struct{ icon, tone string }{
	"success": {"success", "good"}, "failure": {"failure", "bad"}, "timed_out": {"failure", "bad"}, "startup_failure": {"failure", "bad"},
	"error": {"failure", "bad"}, "cancelled": {"cancelled", "quiet"}, "skipped": {"skipped", "quiet"}, "neutral": {"neutral", "quiet"},
	"stale": {"neutral", "quiet"}, "action_required": {"action", "warn"}, "in_progress": {"in_progress", "busy"}, "queued": {"queued", "warn"},
	"waiting": {"queued", "warn"}, "pending": {"queued", "warn"}, "requested": {"queued", "warn"},
	"open": {"pull", "good"}, "closed": {"closed", "bad"}, "merged": {"merged", "done"}, "draft": {"pull", "quiet"},
}

// badge is an outcome's icon with its name for screen readers and as a tooltip.
func badge(outcome string) template.HTML {
	look, ok := looks[outcome]
	if !ok {
		look = looks["neutral"]
	}
	name := template.HTMLEscapeString(words(outcome))
	return safe(`<span class="badge tone-` + look.tone + `" title="` + name + `">` + string(icon(look.icon)) +
		`<span class="sr">` + name + `:</span></span>`)
}

// words writes an outcome as a person would: timed_out → Timed out.
func words(outcome string) string {
	text := strings.ReplaceAll(outcome, "_", " ")
	if text == "" {
		return "Unknown"
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

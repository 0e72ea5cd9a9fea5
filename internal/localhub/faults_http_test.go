package localhub

import (
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
)

// TestFaultsOverHTTP does what the documentation tells, and what a page of another origin would try.
func TestFaultsOverHTTP(t *testing.T) {
	t.Parallel()
	h := setup(t)
	const one = `{"seed": 3, "faults": [{"kind": "server-error", "operation": "users/*", "count": 1, "status": 503}]}`
	if code, body := h.faults("PUT", "", one); code != 200 || !strings.Contains(body, `"matched": 0`) {
		t.Errorf("PUT: %d %s", code, body)
	}
	_, _, err := h.alice().Users.Get(hubtest.Within(t), "")
	hubtest.WantStatus(t, err, 503, "")
	if code, body := h.faults("GET", "", ""); code != 200 || !strings.Contains(body, `"struck": 1`) || !strings.Contains(body, `"seed": 3`) {
		t.Errorf("GET: %d %s", code, body)
	}
	if code, body := h.faults("POST", "", `{"kind": "latency", "delay": "1ms"}`); code != 201 || !strings.Contains(body, `"id": 2`) {
		t.Errorf("POST: %d %s", code, body)
	}
	if code, body := h.faults("DELETE", "/1", ""); code != 200 || strings.Contains(body, "server-error") || !strings.Contains(body, "latency") {
		t.Errorf("DELETE one: %d %s", code, body)
	}
	if code, _ := h.faults("DELETE", "/1", ""); code != 404 {
		t.Errorf("DELETE it again: %d", code)
	}
	if code, body := h.faults("DELETE", "", ""); code != 200 || strings.Contains(body, "latency") {
		t.Errorf("DELETE: %d %s", code, body)
	}
	for body, want := range map[string]string{
		`{"kind": "explode"}`: "is unknown; use one of drop-delivery", `{"kind": "zombie", "delay": "1s"}`: "delay means nothing for zombie",
		`{"kind": "latency"}`: "delay is missing", `{"kind": "server-error", "status": 404}`: "from 500 to 599",
	} {
		if code, got := h.faults("POST", "", body); code != 422 || !strings.Contains(got, want) {
			t.Errorf("POST %s: %d %s", body, code, got)
		}
	}
	for _, body := range []string{`{`, `{"kind": "zombie"} x`, `{"sort": "zombie"}`, `{"kind": "latency", "delay": 5}`} {
		if code, got := h.faults("POST", "", body); code != 400 {
			t.Errorf("POST %s: %d %s", body, code, got)
		}
	}
	for name, header := range map[string][]string{
		"another origin": {"Origin", "https://evil.example"}, "another site": {"Sec-Fetch-Site", "cross-site"}, "a neighbour": {"Sec-Fetch-Site", "same-site"},
		"another name": {"Host", "evil.example"}, "a form": {"Content-Type", "text/plain"},
	} {
		code, got := h.faults("POST", "", `{"kind": "zombie"}`, header...)
		if want := map[bool]int{true: 415, false: 403}[name == "a form"]; code != want {
			t.Errorf("%s: %d %s", name, code, got)
		}
	}
	if code, _ := h.faults("GET", "", "", "Host", "evil.example"); code != 403 {
		t.Errorf("a page under another name reads the faults: %d", code)
	}
	if list, _ := h.Faults().List(); len(list) != 0 {
		t.Errorf("switched on: %v", list)
	}
}

// faults sends a request about faults and returns status and body.
func (h *hub) faults(method, path, body string, header ...string) (int, string) {
	h.t.Helper()
	req := h.newRequest(method, h.URL()+faults.Path+path, body)
	req.Header.Set("Content-Type", "application/json")
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[1])
		if pair[0] == "Host" {
			req.Host = pair[1]
		}
	}
	res, text := h.send(req)
	return res.StatusCode, text
}

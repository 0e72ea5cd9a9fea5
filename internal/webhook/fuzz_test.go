package webhook

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/store"
)

// kept is a store that keeps the last delivery: a database's own work would tell the
// fuzzer nothing, and cover other code each time.
type kept struct {
	Store
	last store.Delivery
}

func (k *kept) RecordDelivery(_ context.Context, d store.Delivery) error {
	k.last = d
	return nil
}

// FuzzDelivery: no headers and no body make a panic or an answer of 5xx, and what is
// answered with success is stored as it came and can be processed. signed says whether the body
// bears its signature; else the headers must bring one.
func FuzzDelivery(f *testing.F) {
	fix := setup(f)
	db := &kept{Store: fix.Store}
	fix.Store = db
	sha := strings.Repeat("a", 40)
	const headers = "X-GitHub-Event: push\r\nX-GitHub-Delivery: 72d3162e-cc78-11e3-81ab-4c9367dc0958\r\nContent-Type: application/json\r\n"
	for event, body := range examples(f) {
		f.Add([]byte(strings.Replace(headers, "push", event, 1)), body, true)
	}
	f.Add([]byte(headers), encode(object{"ref": "refs/heads/job/j1", "after": sha, "created": true, "repository": ours, "head_commit": commit(sha, specMessage("j1"))}), true)
	f.Add([]byte(headers), []byte(`{}`), false)
	f.Add([]byte(headers+"X-Hub-Signature-256: sha256="+strings.Repeat("0", 64)+"\r\n"), []byte(`{}`), false)
	f.Add([]byte(strings.Replace(headers, "application/json", "application/x-www-form-urlencoded", 1)), []byte(`payload=%7B%7D`), true)
	f.Add([]byte(strings.Replace(headers, "push", "installation", 1)), encode(object{"action": "deleted", "repositories": []any{nil, ours}}), true)
	f.Add([]byte(strings.Replace(headers, "push", "workflow_job", 1)), encode(object{"repository": ours, "workflow_job": object{"run_id": -1, "head_branch": "job/j1", "status": "waiting"}}), true)
	f.Fuzz(func(t *testing.T, headers, body []byte, sign bool) {
		header, err := textproto.NewReader(bufio.NewReader(bytes.NewReader(append(headers, "\r\n\r\n"...)))).ReadMIMEHeader()
		if err != nil {
			return // net/http answers 400 before the endpoint
		}
		req := httptest.NewRequest("POST", "/webhooks/github", bytes.NewReader(body))
		req.Header = http.Header(header)
		if sign {
			req.Header.Set("X-Hub-Signature-256", signed(string(body)))
		}
		w := httptest.NewRecorder()
		fix.ServeHTTP(w, req)
		if w.Code >= 500 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code != http.StatusAccepted {
			return
		}
		if db.last.GUID != req.Header.Get("X-GitHub-Delivery") || db.last.Event != req.Header.Get("X-GitHub-Event") || len(db.last.Body) == 0 {
			t.Errorf("stored %+v", db.last)
		}
		got := fix.interpret(db.last)
		if got.outcome == "" && got.progress == nil || strings.Contains(got.outcome, "made a mistake") {
			t.Errorf("outcome %q", got.outcome)
		}
		for _, fact := range got.facts {
			if raw, err := json.Marshal(fact); err != nil || !githubjobs.ValidID(fact.ID) {
				t.Errorf("facts %s, %v", raw, err)
			}
		}
	})
}

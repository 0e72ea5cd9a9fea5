package hooks

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/faults"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var errTooLarge = errors.New("payload above 25 MB, which GitHub does not deliver")

// maxResponse is how many bytes are kept of an answer.
const maxResponse = 1 << 20

// deliver makes the one attempt and records it. One that is broken off since localhub stops is none: the next start makes it.
func (d *Deliverer) deliver(ctx context.Context, m message) {
	if ctx.Err() != nil {
		return
	}
	start := time.Now()
	status, code, header, answer := d.post(ctx, m)
	if code == 0 && ctx.Err() != nil {
		return
	}
	m.delivery.Done, m.delivery.Status, m.delivery.StatusCode, m.delivery.ResponseHeaders = true, status, code, header
	m.delivery.Duration, m.delivery.DeliveredAt = time.Since(start), d.Now().UTC()
	err := d.Payloads.DB.Update(func(tx *state.Tx) error {
		if h, ok := tx.Hooks.Get(m.hook.ID); ok && (h.LastCode != code || h.LastStatus != "active") {
			h.LastCode, h.LastStatus = code, "active"
			tx.Hooks.Put(h)
		}
		tx.Deliveries.Put(m.delivery)
		tx.PutBlob(state.BlobResponse, m.delivery.ID, answer)
		return nil
	})
	if err != nil {
		d.Log.Error("webhook delivery not recorded", "hook", m.hook.ID, "error", err)
	}
}

func (d *Deliverer) post(ctx context.Context, m message) (status string, code int, header map[string]string, answer []byte) {
	if d.struck(faults.DropDelivery, m) {
		return "failed to connect to host", 0, nil, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, m.hook.URL, bytes.NewReader(m.body))
	if err != nil {
		return "invalid address", 0, nil, nil
	}
	for k, v := range m.delivery.RequestHeaders {
		req.Header.Set(k, v)
	}
	res, err := d.Client.Do(req)
	if err != nil {
		d.Log.Info("webhook not received", "hook", m.hook.ID, "event", m.delivery.Event, "error", err)
		if timeout, ok := errors.AsType[*url.Error](err); ok && timeout.Timeout() {
			return "timed out", 0, nil, nil
		}
		return "failed to connect to host", 0, nil, nil
	}
	defer res.Body.Close()
	answer, _ = io.ReadAll(io.LimitReader(res.Body, maxResponse)) // what came is kept for the record
	header = map[string]string{}
	for k := range res.Header {
		header[k] = res.Header.Get(k)
	}
	status = http.StatusText(res.StatusCode)
	if status == "" {
		status = "Invalid HTTP Response: " + strconv.Itoa(res.StatusCode)
	}
	return status, res.StatusCode, header, answer
}

// headers are those of GitHub's deliveries. body is what is signed: the JSON, or the form that holds it.
func headers(h state.Hook, d state.Delivery, body []byte) map[string]string {
	kind, id := "repository", h.RepositoryID
	if h.AppID != 0 {
		kind, id = "integration", h.AppID
	}
	out := map[string]string{
		"Accept": "*/*", "Content-Type": "application/json", "User-Agent": "GitHub-Hookshot/1ocal00",
		"X-GitHub-Event": d.Event, "X-GitHub-Delivery": d.GUID, "X-GitHub-Hook-ID": fmt.Sprint(h.ID),
		"X-GitHub-Hook-Installation-Target-Type": kind, "X-GitHub-Hook-Installation-Target-ID": fmt.Sprint(id),
	}
	if h.ContentType == "form" {
		out["Content-Type"] = "application/x-www-form-urlencoded"
	}
	if h.Secret != "" {
		out["X-Hub-Signature"] = "sha1=" + sign(sha1.New, h.Secret, body)
		out["X-Hub-Signature-256"] = "sha256=" + sign(sha256.New, h.Secret, body)
	}
	return out
}

func sign(algorithm func() hash.Hash, secret string, body []byte) string {
	mac := hmac.New(algorithm, []byte(secret))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/failpoint"
	"github.com/githubjobs/githubjobs/internal/store"
)

// GitHub's names of events, and its GUIDs.
var (
	eventPattern = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	guidPattern  = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// ServeHTTP answers when the delivery is durable: 202, or 200 for one that was
// received before. What its headers already show to be no delivery of GitHub's is
// answered before its body is read.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	d, signature, p := r.readHeader(req)
	if p != nil {
		r.refuse(w, req, p)
		return
	}
	sender := r.intake.enter(req.Context(), http.NewResponseController(w))
	if sender == nil {
		r.refuse(w, req, tooMany())
		return
	}
	defer sender.leave()
	body, p := sender.read(req.Body, req.ContentLength)
	if cut := sender.sent(); cut {
		p = tooMany()
	}
	if p != nil {
		sender.leave() // before refuse, which takes its time
		r.refuse(w, req, p)
		return
	}
	if !hmac.Equal(signature, sign(r.Secret, body)) {
		problem.New(problem.InvalidSignature, "The signature does not fit: the webhook's secret is not the one that WEBHOOK_SECRET has.").Write(w)
		return
	}
	if d.Body, p = sender.payload(req, body); p != nil {
		p.Write(w)
		return
	}
	r.record(w, req, d)
}

// readHeader is what the headers tell: the delivery without its body, and its signature.
func (r *Receiver) readHeader(req *http.Request) (d store.Delivery, signature []byte, p *problem.Error) {
	if req.ContentLength > maxBody {
		return d, nil, tooLarge()
	}
	if r.Secret == "" {
		return d, nil, problem.New(problem.WebhooksDisabled, "No webhook secret is configured: set WEBHOOK_SECRET to the secret of the repository's webhook.")
	}
	header := req.Header.Get("X-Hub-Signature-256")
	if header == "" {
		return d, nil, problem.New(problem.InvalidSignature, "The delivery bears no X-Hub-Signature-256: give the webhook the secret that WEBHOOK_SECRET has.")
	}
	digits, prefixed := strings.CutPrefix(header, "sha256=")
	signature, err := hex.DecodeString(digits)
	if !prefixed || err != nil || len(signature) != sha256.Size {
		return d, nil, problem.New(problem.InvalidSignature, "X-Hub-Signature-256 is malformed: it is sha256= and 64 hexadecimal digits.")
	}
	d = store.Delivery{Project: r.Project, GUID: req.Header.Get("X-GitHub-Delivery"), Event: req.Header.Get("X-GitHub-Event"), ReceivedAt: r.Now()}
	if !guidPattern.MatchString(d.GUID) || !eventPattern.MatchString(d.Event) {
		return d, nil, problem.New(problem.InvalidDelivery, "The headers X-GitHub-Delivery and X-GitHub-Event are missing or malformed.")
	}
	return d, signature, nil
}

// refuse answers a delivery whose body was not read to its end. The answer does not
// wait for the rest; the rest is thrown away for a while, since a connection that is
// closed in the middle of it loses the answer.
func (r *Receiver) refuse(w http.ResponseWriter, req *http.Request, p *problem.Error) {
	conn := http.NewResponseController(w)
	w.Header().Set("Connection", "close")
	// Errors mean a connection that knows no deadlines, or one that the sender has left.
	_ = conn.EnableFullDuplex()
	p.Write(w)
	_ = conn.Flush()
	_ = conn.SetReadDeadline(time.Now().Add(r.intake.lingerTime))
	_, _ = io.CopyN(io.Discard, req.Body, maxBody)
}

func (r *Receiver) record(w http.ResponseWriter, req *http.Request, d store.Delivery) {
	failpoint.Here("webhook/record")
	switch err := r.Store.RecordDelivery(req.Context(), d); {
	case errors.Is(err, store.ErrDuplicate):
		answer(w, http.StatusOK, "received before")
	case err != nil:
		r.Log.Error("storing a webhook delivery", "guid", d.GUID, "event", d.Event, "error", err)
		problem.New(problem.StorageUnavailable, "The delivery could not be stored; redeliver it later. What it tells is also found by reading GitHub.").After(10 * time.Second).Write(w)
	default:
		failpoint.Here("webhook/recorded")
		r.Wake()
		answer(w, http.StatusAccepted, "accepted")
	}
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// An error here is GitHub's connection, which nobody can answer any more.
	_ = json.NewEncoder(w).Encode(map[string]string{"status": text})
}

func sign(secret string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

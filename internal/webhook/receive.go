package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/internal/api/problem"
	"github.com/githubjobs/githubjobs/internal/store"
)

const maxBody = 25 << 20 // GitHub sends no larger payload

// GitHub's names of events, and its GUIDs.
var (
	eventPattern = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)
	guidPattern  = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)
)

// ServeHTTP answers when the delivery is durable: 202, or 200 for one that was
// received before.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.ContentLength > maxBody {
		tooLarge().Write(w)
		return
	}
	leave, ok := r.intake.enter(req)
	if !ok {
		problem.New(problem.StorageUnavailable, "Too many deliveries at once; redeliver it later. What it tells is also found by reading GitHub.").After(10 * time.Second).Write(w)
		return
	}
	defer leave()
	// Who sends slowly must not keep others out. An error means a connection that knows no deadlines.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(r.intake.readTime))
	d, p := r.read(w, req)
	if p != nil {
		p.Write(w)
		return
	}
	switch err := r.Store.RecordDelivery(req.Context(), d); {
	case errors.Is(err, store.ErrDuplicate):
		answer(w, http.StatusOK, "received before")
	case err != nil:
		r.Log.Error("storing a webhook delivery", "guid", d.GUID, "event", d.Event, "error", err)
		problem.New(problem.StorageUnavailable, "The delivery could not be stored; redeliver it later. What it tells is also found by reading GitHub.").After(10 * time.Second).Write(w)
	default:
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

// read verifies a delivery before it looks into it.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request) (store.Delivery, *problem.Error) {
	var d store.Delivery
	if r.Secret == "" {
		return d, problem.New(problem.WebhooksDisabled, "No webhook secret is configured: set WEBHOOK_SECRET to the secret of the repository's webhook.")
	}
	header := req.Header.Get("X-Hub-Signature-256")
	if header == "" {
		return d, problem.New(problem.InvalidSignature, "The delivery bears no X-Hub-Signature-256: give the webhook the secret that WEBHOOK_SECRET has.")
	}
	signature, err := hex.DecodeString(strings.TrimPrefix(header, "sha256="))
	if err != nil || len(signature) != sha256.Size {
		return d, problem.New(problem.InvalidSignature, "X-Hub-Signature-256 is malformed: it is sha256= and 64 hexadecimal digits.")
	}
	body, p := readBody(w, req)
	if p != nil {
		return d, p
	}
	if !hmac.Equal(signature, sign(r.Secret, body)) {
		return d, problem.New(problem.InvalidSignature, "The signature does not fit: the webhook's secret is not the one that WEBHOOK_SECRET has.")
	}
	d = store.Delivery{Project: r.Project, GUID: req.Header.Get("X-GitHub-Delivery"), Event: req.Header.Get("X-GitHub-Event"), ReceivedAt: r.Now()}
	if !guidPattern.MatchString(d.GUID) || !eventPattern.MatchString(d.Event) {
		return d, problem.New(problem.InvalidDelivery, "The headers X-GitHub-Delivery and X-GitHub-Event are missing or malformed.")
	}
	d.Body, p = payload(req, body)
	return d, p
}

func readBody(w http.ResponseWriter, req *http.Request) (body []byte, p *problem.Error) {
	var err error
	if req.ContentLength >= 0 {
		body = make([]byte, req.ContentLength) // not more, as growing would
		_, err = io.ReadFull(req.Body, body)
	} else {
		body, err = io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooLarge()
	}
	if err != nil {
		return nil, problem.New(problem.InvalidBody, "The body could not be read to its end: %s.", err)
	}
	return body, nil
}

func tooLarge() *problem.Error {
	return problem.New(problem.DeliveryTooLarge, "The delivery has more than %d bytes; GitHub sends none of that size.", maxBody)
}

func sign(secret string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return mac.Sum(nil)
}

// payload is the JSON of a delivery, in either of the two content types that a
// webhook can be set to.
func payload(req *http.Request, body []byte) ([]byte, *problem.Error) {
	if isForm(req) {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, problem.New(problem.InvalidJSON, "The delivery is not a form: %s. Set the webhook's content type to application/json.", err)
		}
		if !form.Has("payload") {
			return nil, problem.New(problem.InvalidJSON, "The delivery says that it is a form, and has no field payload. Set the webhook's content type to application/json.")
		}
		body = []byte(form.Get("payload"))
	}
	if !json.Valid(body) {
		return nil, problem.New(problem.InvalidJSON, "The delivery's payload is not valid JSON.")
	}
	return body, nil
}

func isForm(req *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return kind == "application/x-www-form-urlencoded"
}

package webhook

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/githubjobs/githubjobs/internal/api/problem"
)

const maxBody = 25 << 20 // bytes; GitHub sends no larger payload

// growth is by how much a buffer that is full becomes larger.
const growth = 4

// read reads a body to its end. Its buffer grows with what comes, in the room that
// there is; length is what was announced, or -1. Buffers that have become too small
// keep their room, as they keep their memory for a while.
func (s *sender) read(body io.Reader, length int64) ([]byte, *problem.Error) {
	most := length
	if most < 0 {
		most = maxBody + 1
	}
	buffer := make([]byte, 0, min(most, leastHeld))
	for int64(len(buffer)) != length {
		if len(buffer) > maxBody {
			return nil, tooLarge()
		}
		if len(buffer) == cap(buffer) {
			larger := min(growth*int64(cap(buffer)), most)
			if !s.more(larger) {
				return nil, tooMany()
			}
			buffer = append(make([]byte, 0, larger), buffer...)
		}
		n, err := body.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		switch {
		case errors.Is(err, io.EOF) && int64(len(buffer)) >= length:
			return buffer, nil
		case err != nil:
			return nil, problem.New(problem.InvalidBody, "The body could not be read to its end: %s.", err)
		}
	}
	return buffer, nil
}

func tooLarge() *problem.Error {
	return problem.New(problem.DeliveryTooLarge, "The delivery has more than %d bytes; GitHub sends none of that size.", maxBody)
}

func tooMany() *problem.Error {
	return problem.New(problem.TooManyDeliveries, "Too many deliveries at once; redeliver it later. What it tells is also found by reading GitHub.").After(10 * time.Second)
}

// payload is the JSON of a delivery, in either of the two content types that a
// webhook can be set to.
func (s *sender) payload(req *http.Request, body []byte) ([]byte, *problem.Error) {
	if isForm(req) {
		// For the form's values and the payload among them; waiting for more than all would be in vain.
		if !s.more(min(2*int64(len(body)), s.intake.size-s.held)) {
			return nil, tooMany()
		}
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, problem.New(problem.InvalidJSON, "The delivery is not a form: %s. Set the webhook's content type to application/json.", err)
		}
		if !form.Has("payload") {
			return nil, problem.New(problem.InvalidJSON, "The delivery says that it is a form, and has no field payload. Set the webhook's content type to application/json.")
		}
		body = []byte(form.Get("payload"))
	}
	if !framed(body) {
		return nil, problem.New(problem.InvalidJSON, "The delivery's payload is not a JSON object.")
	}
	return body, nil
}

// framed says whether a body looks like a JSON object from without. Whether it is one
// shows when it is read, apart from the request: to look through it twice would take
// longer than all else that is done before the answer.
func framed(body []byte) bool {
	body = bytes.TrimSpace(body)
	return bytes.HasPrefix(body, []byte("{")) && bytes.HasSuffix(body, []byte("}"))
}

func isForm(req *http.Request) bool {
	kind, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	return kind == "application/x-www-form-urlencoded"
}

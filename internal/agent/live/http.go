package live

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/work"
)

// maxAnswer bounds the answers that are read.
const maxAnswer = 64 << 10

// newClient returns one that finds out soon that nobody is there, and waits longer for who is.
func newClient() *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = (&net.Dialer{Timeout: Patience}).DialContext
	return &http.Client{Timeout: requestTime, Transport: transport}
}

// errBusy: the server asks to wait.
type errBusy struct {
	after time.Duration
	error
}

// send tells the server some events; none are a heartbeat.
func (s *Session) send(ctx context.Context, batch []githubjobs.Event) error {
	s.mu.Lock()
	grant := s.grant
	s.mu.Unlock()
	if batch == nil {
		batch = []githubjobs.Event{}
	}
	return post(ctx, s.client, grant.Server+"/api/live/"+url.PathEscape(grant.JobID)+"/events", grant.Capability, map[string]any{"events": batch}, nil)
}

// post makes a request with JSON and reads the answer. A refusal is an errRefused.
func post(ctx context.Context, client *http.Client, address, bearer string, body, into any) error {
	var raw bytes.Buffer
	encoder := json.NewEncoder(&raw)
	encoder.SetEscapeHTML(false) // a log full of < would be six times as long, and too long for the server
	if err := encoder.Encode(body); err != nil {
		return errRefused{err.Error()}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, &raw)
	if err != nil {
		return errRefused{err.Error()}
	}
	req.Header.Set("Content-Type", "application/json")
	return do(client, req, bearer, into)
}

func do(client *http.Client, req *http.Request, bearer string, into any) error {
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	switch {
	case res.StatusCode >= 500 || res.StatusCode == http.StatusTooManyRequests:
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")) // 0 where it says nothing
		return errBusy{time.Duration(seconds) * time.Second, errors.New(res.Status)}
	case res.StatusCode != http.StatusOK:
		return errRefused{refusal(res, raw)}
	case err != nil:
		return err
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return errRefused{fmt.Sprintf("%s does not answer as a server of jobs does: %v", req.URL.Host, err)}
	}
	return nil
}

// refusal is what the server says, in one line.
func refusal(res *http.Response, raw []byte) string {
	var said struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(raw, &said) != nil || said.Error == "" {
		return fmt.Sprintf("%s answers %s", res.Request.URL.Host, res.Status)
	}
	return githubjobs.OneLine(strings.ReplaceAll(said.Error, "\n", " "), 500)
}

// Identity is how a step of a run asks GitHub for a token that proves which run it is
// (docs.github.com, "OpenID Connect reference"). The step that does the task has none.
type Identity struct {
	URL   string // ACTIONS_ID_TOKEN_REQUEST_URL
	Token string // ACTIONS_ID_TOKEN_REQUEST_TOKEN
}

// Exchange asks GitHub for a token and trades it for the right to tell the server of this
// run's attempt.
func Exchange(server string, id Identity) func(ctx context.Context) (work.Grant, error) {
	client := newClient()
	return func(ctx context.Context) (work.Grant, error) {
		if id.URL == "" || id.Token == "" {
			return work.Grant{}, errRefused{"the step has no ACTIONS_ID_TOKEN_REQUEST_URL; give the workflow's job the permission `id-token: write`, or unset the variable GITHUBJOBS_SERVER"}
		}
		var proof struct {
			Value string `json:"value"`
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, id.URL+"&audience="+githubjobs.LiveAudience, nil)
		if err != nil {
			return work.Grant{}, errRefused{"ACTIONS_ID_TOKEN_REQUEST_URL: " + err.Error()}
		}
		if err := do(client, req, id.Token, &proof); err != nil {
			return work.Grant{}, err
		}
		grant := work.Grant{Server: server}
		err = post(ctx, client, server+"/api/live/token", "", map[string]string{"token": proof.Value}, &grant)
		if err == nil && (grant.Capability == "" || grant.JobID == "") {
			err = errRefused{"the server gave no capability"}
		}
		return grant, err
	}
}

// Given hands on what an earlier step got.
func Given(grant work.Grant) func(context.Context) (work.Grant, error) {
	return func(context.Context) (work.Grant, error) { return grant, nil }
}

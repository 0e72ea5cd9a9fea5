package server

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/api/apitest"
	"github.com/githubjobs/githubjobs/internal/require"
)

// Every example payload that GitHub publishes, signed, is accepted by the server and
// processed; none is answered with 5xx, and no job comes of it.
func TestGitHubsExamplePayloads(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(require.NPM(t, require.WebhookExamples))
	check(t, err)
	var index []struct {
		Name     string
		Examples []json.RawMessage
	}
	check(t, json.Unmarshal(raw, &index))
	g := startGitHub(t)
	cfg := g.config(t)
	cfg.ReconcileInterval = time.Hour
	s := start(t, cfg)
	n := 0
	for _, event := range index {
		for _, body := range event.Examples {
			n++
			req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL()+"/webhooks/github", bytes.NewReader(body))
			check(t, err)
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(body)
			req.Header = http.Header{"X-Github-Event": {event.Name}, "X-Github-Delivery": {fmt.Sprint("example-", n)}, "Content-Type": {"application/json"},
				"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}
			res, err := apitest.Client(t).Do(req)
			check(t, err)
			res.Body.Close()
			if res.StatusCode != http.StatusAccepted {
				t.Errorf("%s: %s", event.Name, res.Status)
			}
		}
	}
	eventually(t, "all are processed", func() bool {
		c, err := s.store.Counts(t.Context(), s.project)
		return err == nil && c.Deliveries == 0
	})
	if c, err := s.store.Counts(t.Context(), s.project); err != nil || c.Active != 0 || n < 300 {
		t.Errorf("%d examples, counts %+v, %v", n, c, err)
	}
}

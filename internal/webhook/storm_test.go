package webhook

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/githubjobs/githubjobs/internal/store"
)

// stuck is a store whose disk answers when the gate opens.
type stuck struct {
	Store
	gate        chan struct{}
	now, most   atomic.Int64 // bytes that are being stored
	deliveries  atomic.Int64
	peakOfAlloc atomic.Uint64
}

func (s *stuck) RecordDelivery(ctx context.Context, d store.Delivery) error {
	held := s.now.Add(int64(len(d.Body)))
	defer s.now.Add(-int64(len(d.Body)))
	s.most.Store(max(s.most.Load(), held))
	<-s.gate
	s.deliveries.Add(1)
	return nil
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A storm of 600 MB is shed with 503 and Retry-After; what is held stays within bounds,
// and every delivery that was answered with 202 is stored.
func TestStormIsShed(t *testing.T) {
	f := setup(t)
	s := &stuck{Store: f.Store, gate: make(chan struct{})}
	f.Store, f.intake.waitTime = s, 300*time.Millisecond
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	body := []byte(`{"padding":"` + strings.Repeat("x", 1<<20) + `"}`)
	signature := signed(string(body))
	runtime.GC()
	before := heap()

	const storm = 600
	codes := make([]int, storm)
	var wg sync.WaitGroup
	for i := range codes {
		wg.Go(func() { codes[i] = deliver(t, server.URL, fmt.Sprint("storm-", i), signature, body) })
	}
	shed := make(chan struct{})
	go func() {
		for f.intake.waiting.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		for f.intake.waiting.Load() > 0 { // until those who wait have waited in vain
			s.peakOfAlloc.Store(max(s.peakOfAlloc.Load(), heap()))
			time.Sleep(20 * time.Millisecond)
		}
		close(shed)
	}()
	<-shed
	close(s.gate)
	wg.Wait()
	count := map[int]int64{}
	for _, code := range codes {
		count[code]++
	}
	if count[202] == 0 || count[503] == 0 || count[202]+count[503] != storm || count[202] != s.deliveries.Load() {
		t.Errorf("answers %v, stored %d", count, s.deliveries.Load())
	}
	if most := s.most.Load(); most > maxHeld {
		t.Errorf("%d bytes of bodies were held at once, at most %d may be", most, maxHeld)
	}
	if grown := int64(s.peakOfAlloc.Load()) - int64(before); grown > 2*maxHeld {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	if code := deliver(t, server.URL, "after", signature, body); code != 202 {
		t.Errorf("after the storm: %d", code)
	}
}

// deliver posts a delivery and returns the status; what is refused must say when to
// come again.
func deliver(t *testing.T, url, guid, signature string, body []byte) int {
	req, err := http.NewRequestWithContext(t.Context(), "POST", url, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	req.Header = http.Header{"X-Github-Event": {"push"}, "X-Github-Delivery": {guid}, "X-Hub-Signature-256": {signature}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return 0
	}
	defer res.Body.Close()
	io.Copy(io.Discard, res.Body)
	if res.StatusCode == 503 && res.Header.Get("Retry-After") == "" {
		t.Error("a 503 without Retry-After")
	}
	return res.StatusCode
}

// Who announces a body and does not send it keeps room for a while only.
func TestSlowSenderIsCutOff(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.intake.readTime = 200 * time.Millisecond
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: %s\r\nContent-Length: 1000\r\n\r\n{", signed("{}"))
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) {
		t.Errorf("%s, %v", answer, err)
	}
}

func TestHeld(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		length int64
		kind   string
		want   int64
	}{
		"nothing":     {0, "application/json", leastHeld},
		"a megabyte":  {1 << 20, "application/json", 1 << 20},
		"a form":      {1 << 20, "application/x-www-form-urlencoded; charset=utf-8", 3 << 20},
		"no length":   {-1, "application/json", 2 * maxBody},
		"a long form": {maxBody, "application/x-www-form-urlencoded", maxHeld},
	} {
		req := httptest.NewRequest("POST", "/", nil)
		req.ContentLength = c.length
		req.Header.Set("Content-Type", c.kind)
		if got := held(req); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

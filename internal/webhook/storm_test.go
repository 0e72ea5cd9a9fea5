package webhook

import (
	"bytes"
	"context"
	"fmt"
	"io"
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
	gate       chan struct{}
	now, most  atomic.Int64 // bytes that are being stored
	deliveries atomic.Int64
}

func (s *stuck) RecordDelivery(_ context.Context, d store.Delivery) error {
	held := s.now.Add(int64(len(d.Body)))
	defer s.now.Add(-int64(len(d.Body)))
	s.most.Store(max(s.most.Load(), held))
	s.deliveries.Add(1)
	<-s.gate
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
	f.intake.readTime, f.intake.lingerTime = time.Minute, time.Minute // a busy machine takes long to send all this
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	body := []byte(`{"padding":"` + strings.Repeat("x", 1<<20) + `"}`)
	signature := signed(string(body))
	runtime.GC()
	before, peak := heap(), uint64(0)

	const storm = 600
	codes := make(chan int, storm)
	var wg sync.WaitGroup
	for i := range storm {
		wg.Go(func() { codes <- deliver(t, server.URL, fmt.Sprint("storm-", i), signature, body) })
	}
	for int(s.deliveries.Load())+len(codes) < storm { // the others are at the disk
		peak = max(peak, heap())
		time.Sleep(20 * time.Millisecond)
	}
	close(s.gate)
	wg.Wait()
	close(codes)
	count := map[int]int64{}
	for code := range codes {
		count[code]++
	}
	if count[202] < 32 || count[503] == 0 || count[202]+count[503] != storm || count[202] != s.deliveries.Load() {
		t.Errorf("answers %v, stored %d", count, s.deliveries.Load())
	}
	if most := s.most.Load(); most > maxHeld {
		t.Errorf("%d bytes of bodies were held at once, at most %d may be", most, maxHeld)
	}
	if grown := int64(peak) - int64(before); grown > 2*maxHeld {
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

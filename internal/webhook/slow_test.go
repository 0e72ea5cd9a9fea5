package webhook

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// slow is a client that sends headers, the beginning of a body, and then hardly anything.
type slow struct{ net.Conn }

// dial sends a request's head, and the beginning of its body.
func dial(t *testing.T, server *httptest.Server, head ...string) slow {
	t.Helper()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, strings.Join(append([]string{"POST / HTTP/1.1", "Host: x"}, head...), "\r\n")+"\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	return slow{conn}
}

// announce is a head that cannot be told from GitHub's before the body is there.
func announce(guid string, length int) []string {
	return []string{"X-GitHub-Event: push", "X-GitHub-Delivery: " + guid, "X-Hub-Signature-256: " + signed("{}"), fmt.Sprint("Content-Length: ", length)}
}

// answer waits for the server's answer, which must end the connection.
func (s slow) answer(t *testing.T) string {
	t.Helper()
	s.SetReadDeadline(time.Now().Add(30 * time.Second))
	answer, err := io.ReadAll(s)
	if err != nil {
		t.Errorf("%s: %v", answer, err)
	}
	return string(answer)
}

func listen(t *testing.T, f *fixture) *httptest.Server {
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server
}

func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s: " + what)
		}
	}
}

func (i *intake) reading() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.senders)
}

// honest delivers bodies of several sizes side by side; all must be taken.
func honest(t *testing.T, server *httptest.Server, sizes ...int) {
	t.Helper()
	var wg sync.WaitGroup
	for i, size := range sizes {
		body := []byte(`{"` + strings.Repeat("x", size) + `":1}`)
		wg.Go(func() {
			if code := deliver(t, server.URL, fmt.Sprint("honest-", size, "-", i), signed(string(body)), body); code != http.StatusAccepted {
				t.Errorf("an honest delivery of %d bytes: %d", size, code)
			}
		})
	}
	wg.Wait()
}

// Who announces much and sends little holds no more room than he has sent: beside 300
// such clients, none of whom knows the secret, every honest delivery is taken.
func TestSlowSendersKeepNobodyOut(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.intake.readTime = time.Minute // none ends by itself meanwhile
	server := listen(t, f)
	const crowd = 300
	for i := range crowd {
		dial(t, server, announce(fmt.Sprint("slow-", i), maxBody)...)
	}
	waitFor(t, "all are being read", func() bool { return f.intake.reading() == crowd })
	honest(t, server, 10, 1000, 20_000, 50_000, 50_000, 100_000, 1<<20, 1<<20, 3<<20, 10, 10, 20_000)
	if n := f.intake.reading(); n != crowd {
		t.Errorf("%d of %d slow senders are left: there was room enough", n, crowd)
	}
}

// When the slow ones have taken all room, they are cut off for those who come.
func TestSlowSendersMakeRoom(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const crowd = 64
	f.Receiver.intake = newIntake(crowd * leastHeld)
	f.intake.readTime, f.intake.waitTime, f.intake.patience = time.Minute, 20*time.Second, 50*time.Millisecond
	server := listen(t, f)
	var clients []slow
	for i := range crowd {
		clients = append(clients, dial(t, server, announce(fmt.Sprint("slow-", i), 1000)...))
	}
	waitFor(t, "all are being read", func() bool { return f.intake.reading() == crowd })
	honest(t, server, 10, 1000, 20_000)
	honest(t, server, 300_000) // which needs the room of many
	if answer := clients[0].answer(t); !strings.HasPrefix(answer, "HTTP/1.1 503 ") || !strings.Contains(answer, "\r\nRetry-After: ") {
		t.Errorf("the oldest slow sender is told %s", answer)
	}
	if n := f.intake.reading(); n == 0 || n == crowd {
		t.Errorf("%d of %d slow senders are left; those that must, and no more, should be cut off", n, crowd)
	}
}

// When all room is taken by those who send as they should, who comes is told so.
func TestNoRoom(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Receiver.intake = newIntake(leastHeld)
	f.intake.readTime, f.intake.waitTime, f.intake.patience = time.Minute, 10*time.Millisecond, time.Minute
	server := listen(t, f)
	dial(t, server, announce("first", 1000)...)
	waitFor(t, "it is being read", func() bool { return f.intake.reading() == 1 })
	answer := dial(t, server, announce("second", 1000)...).answer(t)
	if !strings.HasPrefix(answer, "HTTP/1.1 503 ") || !strings.Contains(answer, "\r\nRetry-After: 10\r\n") || !strings.Contains(answer, "too_many_deliveries") {
		t.Errorf("%s", answer)
	}
}

// Who announces a body and does not send it is cut off after a while in any case.
func TestSlowSenderIsCutOff(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.intake.readTime = 200 * time.Millisecond
	if answer := dial(t, listen(t, f), announce("slow", 1000)...).answer(t); !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
		t.Errorf("%s", answer)
	}
}

// What the headers show to be no delivery is refused without room, and before its body
// is there.
func TestHeadersAreReadFirst(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.Receiver.intake = newIntake(0)
	server := listen(t, f)
	for name, c := range map[string]struct {
		replace, by string
		status      string
	}{
		"no signature":        {"X-Hub-Signature-256", "X-None", "401"},
		"half a signature":    {"Signature-256: sha256=", "Signature-256: sha256=00", "401"},
		"a bare signature":    {"sha256=", "", "401"},
		"no event":            {"X-GitHub-Event", "X-None", "400"},
		"a strange event":     {"Event: push", "Event: <b>", "400"},
		"no GUID":             {"X-GitHub-Delivery", "X-None", "400"},
		"too much":            {"Content-Length: 1000", fmt.Sprint("Content-Length: ", maxBody+1), "413"},
		"all right, but full": {"", "", "503"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			head := strings.Join(announce("x", 1000), "\n")
			head = strings.Replace(head, c.replace, c.by, 1)
			if answer := dial(t, server, strings.Split(head, "\n")...).answer(t); !strings.HasPrefix(answer, "HTTP/1.1 "+c.status+" ") {
				t.Errorf("%s", answer)
			}
		})
	}
}

// chunked sends a body without saying how long it is.
func chunked(t *testing.T, server *httptest.Server, body []byte) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, io.MultiReader(bytes.NewReader(body)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"X-Github-Event": {"push"}, "X-Github-Delivery": {"chunked"}, "X-Hub-Signature-256": {signed(string(body))}}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	return res.StatusCode
}

// A body may come without a length, as proxies send it; it is held to the same limit.
func TestBodyWithoutLength(t *testing.T) {
	t.Parallel()
	f := setup(t)
	server := listen(t, f)
	body := []byte(`{"` + strings.Repeat("x", 200_000) + `":1}`)
	if code := chunked(t, server, body); code != http.StatusAccepted {
		t.Errorf("%d", code)
	}
	if d, err := f.store.Delivery(t.Context(), "p", "chunked"); err != nil || !bytes.Equal(d.Body, body) {
		t.Errorf("stored %d bytes, %v", len(d.Body), err)
	}
	if w := f.post(strings.Repeat(" ", maxBody+1), "X-Without-Length", "yes"); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("more than there may be: %d", w.Code)
	}
}

// All room is given back, whatever came of a delivery.
func TestRoomIsGivenBack(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const size = 200_000
	f.Receiver.intake = newIntake(4 * size)
	for i, c := range []struct {
		body   string
		header []string
		status int
	}{
		{`{"` + strings.Repeat("x", size) + `":1}`, nil, 202},
		{"payload={" + strings.Repeat("1", size) + "}", []string{"Content-Type", "application/x-www-form-urlencoded"}, 202},
		{`{"` + strings.Repeat("x", size), nil, 400},
		{`{"x":1}`, []string{"X-Hub-Signature-256", signed("{}")}, 401},
		{`{"` + strings.Repeat("x", 3*size), nil, 503}, // the next larger buffer has no room beside it
	} {
		if w := f.post(c.body, append(c.header, "X-GitHub-Delivery", fmt.Sprint(i))...); w.Code != c.status {
			t.Errorf("%d: %d %s, want %d", i, w.Code, w.Body, c.status)
		}
		if !f.intake.room.TryAcquire(4 * size) {
			t.Fatalf("%d: room is missing", i)
		}
		f.intake.room.Release(4 * size)
	}
}

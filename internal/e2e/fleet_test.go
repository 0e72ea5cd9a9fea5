package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
)

// fleet are several servers of one repository, each of which may be killed and started again.
type fleet struct {
	w        *world
	database func(i int) string // variable that names the database of a server
	mu       sync.Mutex
	members  []*member
}

type member struct {
	addr    string
	process *process
}

// startFleet starts n servers on the world's GitHub.
func (w *world) startFleet(n int, database func(i int) string) *fleet {
	w.t.Helper()
	f := &fleet{w: w, database: database}
	for range n {
		f.members = append(f.members, &member{addr: freeAddr(w.t)})
	}
	for i := range n {
		f.start(i)
	}
	return f
}

// start starts one server and waits until it answers.
func (f *fleet) start(i int) {
	f.w.t.Helper()
	m := f.members[i]
	cmd := exec.Command(filepath.Join(binaries, "server"))
	for _, variable := range f.w.serverEnv() {
		if !strings.HasPrefix(variable, "DATABASE_PATH=") && !strings.HasPrefix(variable, "LISTEN_ADDR=") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "LISTEN_ADDR="+m.addr, f.database(i))
	log := f.w.log(fmt.Sprintf("server %d", i))
	cmd.Stdout, cmd.Stderr = log, log
	p := startProcess(f.w.t, cmd)
	f.mu.Lock()
	m.process = p
	f.mu.Unlock()
	f.w.until("a server answers", func() bool { return answers(m.addr) })
}

func answers(addr string) bool {
	response, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// kill ends a server at once.
func (f *fleet) kill(i int) {
	f.mu.Lock()
	p := f.members[i].process
	f.mu.Unlock()
	p.kill()
}

// overlaps counts pushes that reach localhub while another one is under way whose sender still waits for the answer.
type overlaps struct {
	mu     sync.Mutex
	pushes map[*http.Request]bool
	total  atomic.Int64
	found  atomic.Int64
}

func (o *overlaps) wrap(next http.Handler) http.Handler {
	o.pushes = map[*http.Request]bool{}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/git-receive-pack") {
			next.ServeHTTP(w, r)
			return
		}
		o.begin(r)
		defer func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			delete(o.pushes, r)
		}()
		next.ServeHTTP(w, r)
	})
}

func (o *overlaps) begin(r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.total.Add(1)
	for other := range o.pushes {
		if other.Context().Err() == nil {
			o.found.Add(1)
		}
	}
	o.pushes[r] = true
}

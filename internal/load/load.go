// Package load makes HTTP requests as fast as a machine allows, and compares servers
// under the same load. It costs as little as it can itself, since it runs beside
// what it measures. It imports the standard library only, and only benchmarks use it.
package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Target is a server and the requests that are made to it.
type Target struct {
	Name string
	Addr string // host:port
	// Next appends one whole HTTP/1.1 request. It is called from several goroutines.
	Next func(request []byte) []byte
}

// Result is what a target did.
type Result struct {
	Name   string
	Rate   float64 // requests a second
	Median time.Duration
	P99    time.Duration
}

// Comparison is a load on several targets. Each has its own connections, each of
// which waits for the answer before it asks again.
type Comparison struct {
	runs  []*run
	turns int
}

// Compare connects to the targets, and warms each up with some requests. The caller
// closes the comparison.
func Compare(conns, warmup int, targets ...Target) (*Comparison, error) {
	c := &Comparison{}
	for _, t := range targets {
		r, err := dial(t, conns)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c.runs = append(c.runs, r)
	}
	if err := c.Turn(warmup); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	for _, r := range c.runs {
		r.forget()
	}
	return c, nil
}

// Turn makes so many requests to each target, to one after the other, so that what
// else the machine does hits all of them alike. An answer that is not a 2xx is an error.
func (c *Comparison) Turn(requests int) error {
	c.turns++
	for i := range c.runs {
		if err := c.runs[(c.turns+i)%len(c.runs)].turn(requests); err != nil {
			return err
		}
	}
	return nil
}

// Results says what the targets did in all turns.
func (c *Comparison) Results() []Result {
	results := make([]Result, len(c.runs))
	for i, r := range c.runs {
		results[i] = r.result()
	}
	return results
}

// Close ends the connections.
func (c *Comparison) Close() error {
	for _, r := range c.runs {
		r.close()
	}
	return nil
}

// run is the load on one target.
type run struct {
	Target
	callers []*caller
	elapsed time.Duration
}

type caller struct {
	conn    net.Conn
	answers *bufio.Reader
	request []byte
	took    []time.Duration
}

func dial(t Target, conns int) (*run, error) {
	r := &run{Target: t}
	for range conns {
		conn, err := net.Dial("tcp", t.Addr)
		if err != nil {
			r.close()
			return nil, err
		}
		r.callers = append(r.callers, &caller{conn: conn, answers: bufio.NewReaderSize(conn, 16<<10)})
	}
	return r, nil
}

func (r *run) close() {
	for _, c := range r.callers {
		c.conn.Close()
	}
}

func (r *run) forget() {
	r.elapsed = 0
	for _, c := range r.callers {
		c.took = c.took[:0]
	}
}

func (r *run) turn(requests int) error {
	var left atomic.Int64
	left.Store(int64(requests))
	errs := make([]error, len(r.callers))
	var wg sync.WaitGroup
	began := time.Now()
	for i, c := range r.callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 && errs[i] == nil {
				errs[i] = c.call(r.Next)
			}
		})
	}
	wg.Wait()
	r.elapsed += time.Since(began)
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return nil
}

func (c *caller) call(next func([]byte) []byte) error {
	c.request = next(c.request[:0])
	began := time.Now()
	if _, err := c.conn.Write(c.request); err != nil {
		return err
	}
	err := c.answer()
	c.took = append(c.took, time.Since(began))
	return err
}

// answer reads one answer that has a Content-Length.
func (c *caller) answer() error {
	status, length := []byte(nil), -1
	for {
		line, err := c.answers.ReadSlice('\n')
		if err != nil {
			return err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if status == nil {
			status = bytes.Clone(line)
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return err
			}
		}
	}
	if length < 0 {
		return fmt.Errorf("an answer without a Content-Length: %s", status)
	}
	if bytes.HasPrefix(status, []byte("HTTP/1.1 2")) {
		_, err := c.answers.Discard(length)
		return err
	}
	body, err := io.ReadAll(io.LimitReader(c.answers, int64(length)))
	return errors.Join(fmt.Errorf("%s %s", status, body), err)
}

func (r *run) result() Result {
	var took []time.Duration
	for _, c := range r.callers {
		took = append(took, c.took...)
	}
	slices.Sort(took)
	at := func(part float64) time.Duration { return took[int(part*float64(len(took)-1))] }
	return Result{Name: r.Name, Rate: float64(len(took)) / r.elapsed.Seconds(), Median: at(0.5), P99: at(0.99)}
}

package webhook

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// What deliveries may take while they are read and stored. Beyond it they wait a
// little, and then GitHub is told to deliver again later: a storm is shed, and never
// kept in memory.
const (
	maxHeld    = 64 << 20 // bytes of bodies
	leastHeld  = 32 << 10 // what one delivery takes at least: its connection and the rest
	maxWaiting = 256      // deliveries that wait for room
	waitTime   = 5 * time.Second
	readTime   = 10 * time.Second // for the body; GitHub itself gives up then
)

// intake lets deliveries in as long as there is room.
type intake struct {
	room               *semaphore.Weighted
	waiting            atomic.Int64
	waitTime, readTime time.Duration
}

func newIntake() *intake {
	return &intake{room: semaphore.NewWeighted(maxHeld), waitTime: waitTime, readTime: readTime}
}

// enter waits for room for the request's body. ok is false when there is none; else
// leave gives it back.
func (i *intake) enter(req *http.Request) (leave func(), ok bool) {
	size := held(req)
	leave = func() { i.room.Release(size) }
	if i.room.TryAcquire(size) {
		return leave, true
	}
	if i.waiting.Add(1) > maxWaiting {
		i.waiting.Add(-1)
		return nil, false
	}
	defer i.waiting.Add(-1)
	ctx, cancel := context.WithTimeout(req.Context(), i.waitTime)
	defer cancel()
	return leave, i.room.Acquire(ctx, size) == nil
}

// held is what a delivery takes in memory. Of a form there are its text, the form's
// values and the payload; of a body without a length the buffer grows by doubling.
func held(req *http.Request) int64 {
	size := req.ContentLength
	if size < 0 {
		size = 2 * maxBody
	}
	if isForm(req) {
		size *= 3
	}
	return min(max(size, leastHeld), maxHeld)
}

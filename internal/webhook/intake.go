package webhook

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// What deliveries may take while they are read and stored. A delivery takes room for
// what has come of it and a few times more, not for what it announces: to hold much,
// one has to send much. Where there is no room, those who have been sending for long
// are cut off. Who finds none all the same is told to come again later: a storm is
// shed, and never kept in memory.
const (
	maxHeld    = 64 << 20 // bytes of bodies
	leastHeld  = 32 << 10 // what one delivery takes at least: its connection and its first bytes
	maxWaiting = 256      // deliveries that wait for room with nothing in hand
	maxGrowing = 8        // deliveries that wait for more room
	waitTime   = 2 * time.Second
	patience   = time.Second      // who sends for longer is cut off when others have no room
	readTime   = 10 * time.Second // for the body in any case; GitHub itself gives up then
	lingerTime = 2 * time.Second  // for the rest of a body that was refused
)

// intake lets deliveries in as long as there is room.
type intake struct {
	size             int64 // of room, in bytes
	room             *semaphore.Weighted
	waiting, growing atomic.Int64

	waitTime, patience, readTime, lingerTime time.Duration

	mu       sync.Mutex
	senders  []*sender // whose bodies are being read, the oldest first
	wanted   int64     // bytes for which deliveries wait
	promised int64     // bytes that those hold who were cut off and are about to leave
}

func newIntake(size int64) *intake {
	return &intake{size: size, room: semaphore.NewWeighted(size), waitTime: waitTime, patience: patience, readTime: readTime, lingerTime: lingerTime}
}

// sender is a delivery that was let in.
type sender struct {
	intake *intake
	ctx    context.Context // ends when the sender is cut off
	cancel context.CancelFunc
	conn   *http.ResponseController
	began  time.Time
	held   int64 // bytes of room
	cut    int64 // bytes of them that were promised to others; 0 while nobody has cut it off
}

// enter lets a delivery in, perhaps after a wait; nil means that there is no room.
// The caller must let it leave.
func (i *intake) enter(ctx context.Context, conn *http.ResponseController) *sender {
	if !i.acquire(ctx, leastHeld, &i.waiting, maxWaiting) {
		return nil
	}
	s := &sender{intake: i, conn: conn, began: time.Now(), held: leastHeld}
	s.ctx, s.cancel = context.WithCancel(ctx)
	// An error means a connection that knows no deadlines; so everywhere.
	_ = conn.SetReadDeadline(s.began.Add(i.readTime))
	i.mu.Lock()
	defer i.mu.Unlock()
	i.senders = append(i.senders, s)
	return s
}

// acquire takes room, or waits for it among at most so many others.
func (i *intake) acquire(ctx context.Context, size int64, waiting *atomic.Int64, most int64) bool {
	if i.room.TryAcquire(size) {
		return true
	}
	defer waiting.Add(-1)
	if waiting.Add(1) > most {
		return false
	}
	i.want(size)
	defer i.want(-size)
	ctx, cancel := context.WithTimeout(ctx, i.waitTime)
	defer cancel()
	for ctx.Err() == nil {
		i.cutSlow()
		turn, cancel := context.WithTimeout(ctx, i.patience/4)
		err := i.room.Acquire(turn, size)
		cancel()
		if err == nil {
			return true
		}
	}
	return false
}

func (i *intake) want(size int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.wanted += size
}

// cutSlow cuts off those who have been sending the longest, until there will be as
// much room as is waited for; nobody before patience is at its end.
func (i *intake) cutSlow() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for i.promised < i.wanted && len(i.senders) > 0 && time.Since(i.senders[0].began) > i.patience {
		s := i.senders[0]
		i.senders = i.senders[1:]
		s.cut = s.held
		i.promised += s.cut
		s.cancel()
		_ = s.conn.SetReadDeadline(s.began) // which is past: the read under way ends
	}
}

// more takes room for what is needed beside what is held.
func (s *sender) more(size int64) bool {
	if !s.intake.acquire(s.ctx, size, &s.intake.growing, maxGrowing) {
		return false
	}
	s.intake.mu.Lock()
	defer s.intake.mu.Unlock()
	s.held += size
	return true
}

// sent says that nobody needs to cut the sender off any more, and whether somebody has.
func (s *sender) sent() (cut bool) {
	s.intake.mu.Lock()
	defer s.intake.mu.Unlock()
	s.intake.senders = slices.DeleteFunc(s.intake.senders, func(other *sender) bool { return other == s })
	return s.cut > 0
}

// leave gives all room back. A second call does nothing.
func (s *sender) leave() {
	s.sent()
	s.cancel()
	s.intake.mu.Lock()
	defer s.intake.mu.Unlock()
	s.intake.room.Release(s.held)
	s.intake.promised -= s.cut
	s.held, s.cut = 0, 0
}

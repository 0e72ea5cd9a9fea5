package dispatch

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

func TestPace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := &github{}
		m, d := setup(t, g)
		began := time.Now()
		m.add(ids(1200, "job-")...)
		d.Wake()
		time.Sleep(time.Minute)
		synctest.Wait()
		var got []string
		for _, p := range g.pushes {
			got = append(got, fmt.Sprintf("%d after %s", len(p.ids), p.at.Sub(began)))
		}
		if want := []string{"500 after 0s", "500 after 10s", "200 after 20s"}; !slices.Equal(got, want) {
			t.Fatalf("pushes %v, want %v", got, want)
		}
	})
}

// Jobs that come all at once, or a few hundred a second, ride in few pushes.
func TestManyJobsTakeFewPushes(t *testing.T) {
	t.Parallel()
	for jobs, most := range map[int]int{1_000: 3, 10_000: 25} {
		t.Run(fmt.Sprint(jobs), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := &github{takes: 600 * time.Millisecond}
				m, d := setup(t, g)
				for i := range jobs / 100 {
					m.add(ids(100, fmt.Sprintf("job-%d-", i))...)
					d.Wake()
					time.Sleep(30 * time.Millisecond)
				}
				time.Sleep(time.Duration(jobs/500) * refsWindow)
				synctest.Wait()
				pushed := 0
				for _, p := range g.pushes {
					pushed += len(p.ids)
				}
				if pushed != jobs || len(g.pushes) > most {
					t.Errorf("%d jobs in %d pushes, want %d in at most %d", pushed, len(g.pushes), jobs, most)
				}
			})
		})
	}
}

// A caller that goes on for ever costs six pushes a minute; after a quiet time the
// next job goes out at once again, and with no limit every one does.
func TestPushesPerMinute(t *testing.T) {
	t.Parallel()
	for pushes, want := range map[int][2]int{6: {32, 34}, 60: {300, 331}, 0: {590, 601}} {
		t.Run(fmt.Sprint(pushes), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g, m := &github{}, &memory{facts: map[string]githubjobs.Facts{}}
				d := startPaced(t, g, m, Pace{Refs: 500, Pushes: pushes})
				for i := range 600 {
					m.add(fmt.Sprintf("job-%d", i))
					d.Wake()
					time.Sleep(time.Second / 2)
				}
				synctest.Wait() // a push may be made at this very moment
				if n := len(g.pushes); n < want[0] || n > want[1] {
					t.Errorf("%d pushes in five minutes, want %d to %d", n, want[0], want[1])
				}
				time.Sleep(time.Minute)
				at := time.Now()
				m.add("after a quiet time")
				d.Wake()
				synctest.Wait()
				if last := g.pushes[len(g.pushes)-1]; last.at != at || len(last.ids) != 1 {
					t.Errorf("the last push was %+v, want it at %s", last, at)
				}
			})
		})
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pace Pace
		jobs int
		want time.Duration
	}{
		{GitHubsPace, 0, 0},
		{GitHubsPace, 1, 20 * time.Millisecond},
		{GitHubsPace, 180_000, time.Hour},
		{Pace{Refs: 500, Pushes: 3}, 180_000, 2 * time.Hour},
		{Pace{Refs: 500, Pushes: 60}, 180_000, time.Hour},
		{Pace{Refs: 100}, 1_000, 100 * time.Second},
	} {
		if got := c.pace.Drain(c.jobs); got != c.want {
			t.Errorf("%d jobs at %+v take %s, want %s", c.jobs, c.pace, got, c.want)
		}
	}
}

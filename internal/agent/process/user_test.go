//go:build linux

package process

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestRootsProcessesAreNeverKilled(t *testing.T) {
	t.Parallel()
	if _, err := newKiller(0); err == nil {
		t.Error("no error")
	}
}

func TestInMap(t *testing.T) {
	t.Parallel()
	const narrow = "         0     100000      65536\n"
	for id, want := range map[uint32]bool{0: true, 65_535: true, 65_536: false, 1_879_048_192: false} {
		if inMap(narrow, id) != want {
			t.Errorf("%d", id)
		}
	}
	if !inMap("0 0 4294967295\n", ranges[0].first+ranges[0].count-1) || !inMap(narrow, ranges[1].first+ranges[1].count-1) {
		t.Error("a range is not in the map that it is for")
	}
}

func TestFreeUserIsNobody(t *testing.T) {
	t.Parallel()
	one, err := FreeUser()
	if err != nil || one < 60_000 {
		t.Errorf("%d, %v", one, err)
	}
	if other, _ := FreeUser(); other == one {
		t.Errorf("twice the same user %d", one)
	}
}

// TestOnThreadOfItsOwn: the first thread's user counts as the process's, which would then be among those to be killed.
func TestOnThreadOfItsOwn(t *testing.T) {
	t.Parallel()
	for range 50 {
		thread := make(chan int)
		go onThreadOfItsOwn(func() { thread <- unix.Gettid() })
		if <-thread == os.Getpid() {
			t.Fatal("it is the first thread")
		}
	}
}

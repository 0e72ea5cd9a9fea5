package process

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// killer kills every process of a user at once: not one of them can start another
// meanwhile, as it could while they were killed one by one. It does so as that user, so
// that it reaches nobody else's; and from a thread that it has from the beginning, since
// the user may leave this machine no room for another.
type killer struct {
	calls chan chan error
}

// newKiller makes one. close ends it.
func newKiller(uid uint32) (*killer, error) {
	if uid == 0 {
		return nil, errors.New("root's processes are never killed")
	}
	other, err := nobody(uid)
	if err != nil {
		return nil, err
	}
	k := &killer{make(chan chan error)}
	ready := make(chan error)
	go onThreadOfItsOwn(func() {
		err := become(uid, other)
		ready <- err
		if err != nil {
			return
		}
		for answer := range k.calls {
			answer <- unix.Kill(-1, unix.SIGKILL) // all processes but this one; see kill(2)
		}
	})
	return k, <-ready
}

// onThreadOfItsOwn does it on a thread that is never given back, and that is not the
// process's first one, whose user counts as that of the process.
func onThreadOfItsOwn(do func()) {
	runtime.LockOSThread()
	if unix.Gettid() != os.Getpid() {
		do()
		return
	}
	begun := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(begun)
		do()
	}()
	<-begun
	runtime.UnlockOSThread()
}

func (k *killer) kill() error {
	answer := make(chan error)
	k.calls <- answer
	return <-answer
}

func (k *killer) close() { close(k.calls) }

// become lets the thread signal the processes of the user and no others: its effective
// user is that one. Its real and saved users are nobody, else that user could signal the
// thread, and SIGKILL ends more than a thread. Source: kill(2), kill_ok_by_cred in the
// kernel's signal.c.
func become(uid, nobody uint32) error {
	owner, effective := uintptr(nobody), uintptr(uid)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, owner, effective, owner); errno != 0 {
		return fmt.Errorf("become user %d: %w", uid, errno)
	}
	// The same signal from root would end the machine.
	if r, e, s := unix.Getresuid(); r != int(nobody) || e != int(uid) || s != int(nobody) || r == 0 {
		return fmt.Errorf("this thread is of user %d (%d, %d) and not of %d", r, e, s, uid)
	}
	return nil
}

// nobody finds an id that no process has, next to the user's.
func nobody(uid uint32) (uint32, error) {
	for id := uid + 1; id < uid+100; id++ {
		if len(ofUser(id)) == 0 {
			return id, nil
		}
	}
	return 0, fmt.Errorf("the user ids after %d are all in use", uid)
}

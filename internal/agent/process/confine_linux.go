package process

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// keeperNeeds is what it takes to start a program of another user and to end it.
const keeperNeeds = 1<<unix.CAP_KILL | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETUID

// Confine leaves this process no capability but those that it takes to start a
// program of another user and to end it, and lets nothing that it starts have any. It
// is for a process that is root of its container, before anything else, and for a
// program that is linked without C.
func Confine() error {
	bounding, err := boundingSet()
	if err != nil {
		return err
	}
	for _, capability := range bounding {
		if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, capability, 0); errno != 0 {
			return fmt.Errorf("drop capability %d: %w", capability, errno)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	sets := [2]unix.CapUserData{{Effective: keeperNeeds, Permitted: keeperNeeds}}
	if _, _, errno := syscall.AllThreadsSyscall(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets[0])), 0); errno != 0 {
		return fmt.Errorf("give up capabilities: %w", errno)
	}
	return nil
}

// boundingSet lists the capabilities that a program of this thread's could still get.
func boundingSet() (list []uintptr, err error) {
	for capability := uintptr(0); ; capability++ {
		there, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, capability, 0)
		switch {
		case errors.Is(errno, unix.EINVAL) && capability > unix.CAP_SETPCAP:
			return list, nil // the kernel knows no further ones
		case errno != 0:
			return nil, fmt.Errorf("read the bounding set: %w", errno)
		case there == 1:
			list = append(list, capability)
		}
	}
}

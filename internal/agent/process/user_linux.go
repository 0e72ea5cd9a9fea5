package process

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// OtherUsers tells that programs can be run as another user here, and found by it.
const OtherUsers = true

// The ids of which FreeUser takes one. The first range is used by nothing that
// systemd knows of (systemd.io/UIDS-GIDS), and so large that no id comes again: what
// a program left behind somewhere is no later one's. The second is for machines
// whose root has 65,536 ids only.
var ranges = []struct{ first, count uint32 }{{1_879_048_192, 1 << 24}, {62_000, 3_000}}

// FreeUser finds an id that is nobody's on this machine, and that no process has.
func FreeUser() (uint32, error) {
	mapped, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return 0, err
	}
	for _, r := range ranges {
		for range 100 {
			id := r.first + rand.Uint32N(r.count)
			if _, err := user.LookupId(strconv.FormatUint(uint64(id), 10)); inMap(string(mapped), id) && err != nil && len(ofUser(id)) == 0 {
				return id, nil
			}
		}
	}
	return 0, errors.New("this machine has no user id that is free: its root has fewer than 65,000 (see /proc/self/uid_map)")
}

// inMap reads lines of "first, first outside, count". Source: user_namespaces(7).
func inMap(mapped string, id uint32) bool {
	for line := range strings.Lines(mapped) {
		var first, outside, count uint32
		if n, _ := fmt.Sscan(line, &first, &outside, &count); n == 3 && id >= first && id-first < count {
			return true
		}
	}
	return false
}

// As makes cmd a program of the user, of whom Run then leaves nothing alive. The id
// must be one that only this program has; this process must be root's.
func As(cmd *exec.Cmd, uid, gid uint32) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
}

// Offline gives cmd a network of its own, in which there is the loopback and nothing
// else. It is for programs of another user (As).
func Offline(cmd *exec.Cmd) { cmd.SysProcAttr.Unshareflags |= unix.CLONE_NEWNET }

// leaveNetwork takes the thread, and with it the program that it starts, into a new
// network whose loopback it brings up, which the program could not do.
func leaveNetwork() error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("this machine gives the task no network of its own, which network: none needs: %w; use the docker runtime", err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	loopback, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	loopback.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, loopback)
}

// Limit bounds how many processes (and threads) a user may have that this process
// starts programs as, and how many bytes a file may have that they write, and lets no
// program leave a picture of its memory behind.
func Limit(processes int, file int64) error {
	for resource, limit := range map[int]uint64{unix.RLIMIT_CORE: 0, unix.RLIMIT_NPROC: uint64(processes), unix.RLIMIT_FSIZE: uint64(file)} {
		var now unix.Rlimit
		err := unix.Getrlimit(resource, &now)
		if err == nil {
			limit = min(limit, now.Max)
			err = unix.Setrlimit(resource, &unix.Rlimit{Cur: limit, Max: limit})
		}
		if err != nil {
			return fmt.Errorf("limit resource %d: %w", resource, err)
		}
	}
	return nil
}

// dropCapabilities takes from the thread what a program could get back that it
// starts as another user: the bounding and the inheritable set.
func dropCapabilities() error {
	bounding, err := boundingSet()
	if err != nil {
		return err
	}
	for _, capability := range bounding {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, capability, 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", capability, err)
		}
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err = unix.Capget(&header, &sets[0])
	if err == nil {
		sets[0].Inheritable, sets[1].Inheritable = 0, 0
		err = unix.Capset(&header, &sets[0])
	}
	return err
}

// ofUser lists the processes of a user that are alive.
func ofUser(uid uint32) (pids []int) {
	names, err := readNames("/proc")
	if err != nil {
		return nil
	}
	id := []byte(strconv.FormatUint(uint64(uid), 10))
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		status, err := os.ReadFile("/proc/" + name + "/status")
		if err == nil && statusOf(status, "State:")[0][0] != 'Z' && containsField(statusOf(status, "Uid:"), id) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// statusOf are the fields of a line of /proc/<pid>/status; one empty field when it
// is not there.
func statusOf(status []byte, name string) [][]byte {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok && len(bytes.Fields(rest)) > 0 {
			return bytes.Fields(rest)
		}
	}
	return [][]byte{{0}}
}

func containsField(fields [][]byte, want []byte) bool {
	for _, f := range fields {
		if bytes.Equal(f, want) {
			return true
		}
	}
	return false
}

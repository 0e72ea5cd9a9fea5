//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// variable names a failpoint, or with a colon and a number how often the process passes it before it dies:
// dispatch/pushed, or dispatch/pushed:3 for the third time.
const variable = "FAILPOINT"

var (
	armed, deadly = parse(os.Getenv(variable))
	passed        atomic.Int64
)

func parse(value string) (name string, nth int64) {
	name, text, counted := strings.Cut(value, ":")
	if !counted {
		return name, 1
	}
	nth, err := strconv.ParseInt(text, 10, 64)
	if err != nil || nth < 1 {
		panic(fmt.Sprintf("%s=%q: behind the colon stands a number from 1 on", variable, value))
	}
	return name, nth
}

// Here kills the process if this is the failpoint that the environment names.
func Here(name string) {
	if name != armed || passed.Add(1) != deadly {
		return
	}
	fmt.Fprintf(os.Stderr, "failpoint %s: the process kills itself\n", name)
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		panic(err)
	}
	select {} // until the signal is there
}

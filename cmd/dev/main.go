// Command dev runs the whole product on one machine: localhub with a demo
// repository, and the server. `make dev` builds and starts it; see internal/dev.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/caarlos0/env/v10"

	"github.com/githubjobs/githubjobs/internal/dev"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(dev.Main(ctx, os.Args[1:], env.ToMap(os.Environ()), os.Stdout, os.Stderr))
}

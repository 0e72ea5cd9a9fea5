//go:build unix

package run

import (
	"context"
	"errors"
	"sync"
)

// ahead is a sandbox of which a part can be made while the checkout is made: the folders
// are there by then, and hold nothing yet.
type ahead interface {
	begin(ctx context.Context)
	// abandon takes back what was begun, when perform will not be called.
	abandon(ctx context.Context)
}

// making is the making of a container, which is begun once.
type making struct {
	once sync.Once
	err  error
}

// wait waits until the container is made: by this call, where none has begun it.
func (m *making) wait(make func() error) error {
	m.once.Do(func() { m.err = make() })
	return m.err
}

func (d dockerSandbox) begin(ctx context.Context) {
	begun := make(chan struct{})
	go d.made.wait(func() error { close(begun); return d.create(ctx) })
	<-begun // else perform could be the first
}

var errNotMade = errors.New("no container was made")

func (d dockerSandbox) abandon(ctx context.Context) {
	if d.made.wait(func() error { return errNotMade }) == nil {
		d.remove(ctx)
	}
}

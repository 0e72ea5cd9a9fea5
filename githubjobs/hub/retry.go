package hub

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Wait sleeps for a time, or until ctx ends, whose cause it then returns.
type Wait func(ctx context.Context, d time.Duration) error

// Sleep is the Wait that uses the machine's clock.
func Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

const (
	tries      = 4                      // of what fails for reasons that pass
	firstRetry = 500 * time.Millisecond // each pause is four times the one before
	longestAsk = 5 * time.Minute        // of what GitHub asks to wait
)

// Retry repeats what fails for reasons that pass (see Temporary), at most three
// times, with growing pauses. GitHub's wish to wait is obeyed up to five minutes. It
// is for programs that have one thing to do; those with a queue put it back.
func Retry(ctx context.Context, wait Wait, log *slog.Logger, do func() error) error {
	for try, pause := 1, firstRetry; ; try, pause = try+1, 4*pause {
		err := do()
		if err == nil || !Temporary(err) || try == tries {
			return err
		}
		pause := max(pause, min(RetryAfter(err), longestAsk))
		log.Warn("GitHub is asked again", "in", pause, "error", err)
		if waitErr := wait(ctx, pause); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	}
}

//go:build unix

package process

import (
	"runtime"
	"sync"
)

// spare is how many threads Reserve makes.
const spare = 12

// Reserve makes this program's threads while there is room for them. One that a task's
// processes leave no room for another thread is ended by the Go runtime.
func Reserve() {
	var ready sync.WaitGroup
	free := make(chan struct{})
	for range spare {
		ready.Add(1)
		go func() {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			ready.Done()
			<-free
		}()
	}
	ready.Wait()
	close(free)
}

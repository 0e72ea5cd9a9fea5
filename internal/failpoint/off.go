//go:build !failpoint

package failpoint

// Here is a place at which a test may let the server die; not in this build.
func Here(string) {}

// Package failpoint lets tests kill the server at the places where something has just become durable, or is about to.
//
// A failpoint is a call of Here. In ordinary builds it is nothing, and is compiled to nothing. In builds with the tag
// "failpoint" the process kills itself with SIGKILL there if the environment variable FAILPOINT says so. docs/failpoints.md
// lists all of them. It imports the standard library only.
package failpoint

// Package githubjobs is the model of a job that lives on GitHub: what was asked
// for ([Spec]), what came of it ([Result]), how both are written into commit
// messages, what is known of a job ([Facts]) and what that means ([Reduce] → [Job]).
//
// The package decides and never acts: it opens no file and no connection, reads
// no clock but the one it is handed, and imports the standard library only.
// Everything else in this module may import it; it imports nothing of the module.
package githubjobs

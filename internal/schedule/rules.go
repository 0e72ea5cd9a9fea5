package schedule

import "github.com/githubjobs/githubjobs/githubjobs/policy"

// rules are those of the file that others ask for.
type rules struct {
	branch  string
	secrets policy.SecretRules
}

// SecretRules are those of the file on the branch, as it was last read; known is false
// where this server does not read it, or could not make sense of it.
func (f *File) SecretRules(branch string) (secrets policy.SecretRules, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rules == nil || f.rules.branch != branch {
		return policy.SecretRules{}, false
	}
	return f.rules.secrets, true
}

// learn keeps the rules of a document, which is empty where there is no file.
func (f *File) learn(branch string, document []byte) {
	var known *rules
	if p, err := policy.Parse(document); err == nil {
		known = &rules{branch, p.Secrets}
	}
	f.mu.Lock()
	f.rules = known
	f.mu.Unlock()
}

// forget is for a server that does not read the file any more.
func (f *File) forget() {
	f.mu.Lock()
	f.rules = nil
	f.mu.Unlock()
}

package githubjobs

import "slices"

// Network is what a task may reach.
type Network string

const (
	// NetworkDefault is what the runner gives to tasks: mostly the whole internet.
	NetworkDefault Network = "default"
	// NetworkNone is nothing but the task's own programs, which reach each other on
	// localhost. A runner that can't keep a task to it does not run it.
	NetworkNone Network = "none"
)

// Networks lists every choice, the one first that is taken where none is made.
func Networks() []Network { return []Network{NetworkDefault, NetworkNone} }

// Offline says whether the task may reach nothing.
func (s Spec) Offline() bool { return s.Network == NetworkNone }

func (s Spec) validateNetwork() error {
	if s.Network != "" && !slices.Contains(Networks(), s.Network) {
		return fieldErrorf("network", "%.80q is unknown; use default or none", string(s.Network))
	}
	return nil
}

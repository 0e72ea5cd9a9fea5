//go:build unix && !linux

package disk

// look knows no figures here; the folders are counted now and then.
func look(string) space { return space{} }

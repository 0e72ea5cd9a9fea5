package work

import (
	"os"
	"path/filepath"
	"testing"
)

// A grant is handed over once, and nobody else can read it meanwhile.
func TestGrant(t *testing.T) {
	t.Parallel()
	dir := Dir(filepath.Join(t.TempDir(), "work"))
	if err := dir.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := dir.TakeGrant(); ok || err != nil {
		t.Errorf("there is a grant: %v", err)
	}
	want := Grant{Server: "https://jobs.example.com", JobID: "a", Capability: "cap", LastSeq: 7}
	if err := dir.SaveGrant(want); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(dir.grant()); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	if got, ok, err := dir.TakeGrant(); err != nil || !ok || got != want {
		t.Errorf("%+v, %t, %v", got, ok, err)
	}
	if _, ok, err := dir.TakeGrant(); ok || err != nil {
		t.Errorf("the grant is there still: %v", err)
	}
	if err := dir.SaveGrant(want); err != nil {
		t.Fatal(err)
	}
	if err := dir.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := dir.TakeGrant(); ok {
		t.Error("the grant of an earlier run is there still")
	}
	if err := os.WriteFile(dir.grant(), []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := dir.TakeGrant(); err == nil {
		t.Error("what is no grant was taken")
	}
	if _, err := os.Stat(dir.grant()); !os.IsNotExist(err) {
		t.Errorf("and it is there still: %v", err)
	}
}

package tasklog

import (
	"encoding/base64"
	"strings"
	"testing"
)

// What begins or ends every key of its sort is no sign of one of them.
func TestTellingKnowsAKeyByWhatIsItsOwn(t *testing.T) {
	t.Parallel()
	key := func(of string) string {
		return "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat(of+"1", 24) + "\n-----END PRIVATE KEY-----\n"
	}
	mask := Telling(key("a"))
	for of, want := range map[string]bool{"a": true, "b": false} {
		encoded := base64.StdEncoding.EncodeToString([]byte(key(of)))
		var lines []string
		for len(encoded) > 76 {
			lines, encoded = append(lines, encoded[:76]), encoded[76:]
		}
		text := strings.Join(append(lines, encoded), "\n")
		if found := mask.Find([]byte(text)) >= 0; found != want {
			t.Errorf("the key of %s in lines of base64: found is %t", of, found)
		}
	}
}

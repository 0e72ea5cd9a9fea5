package leak

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

// The credentials are written in two parts, or this file would be found to hold some.
var credentials = map[string]string{
	"github-pat":              "ghp" + "_1234567890abcdefghijABCDEFGHIJ123456",
	"github-fine-grained-pat": "github" + "_pat_11ABCDEFG0abcdefghijkl_" + strings.Repeat("aB3dE5fG", 7) + "xyz",
	"github-app-token":        "ghs" + "_1234567890abcdefghijABCDEFGHIJ123456",
	"gitlab-pat":              "glpat" + "-aB3dE5fG7hI9jK1lM3nO",
	"aws-access-token":        "AKIA" + "QWERTYUIOPASDFGH",
	"slack-bot-token":         "xoxb" + "-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx",
	"anthropic-api-key":       "sk-ant" + "-api03-" + strings.Repeat("aB3dE5fG7h", 9) + "xyzAA",
	"npm-access-token":        "npm" + "_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5",
	"private-key":             "-----BEGIN RSA " + "PRIVATE KEY-----\n" + strings.Repeat("MIIEowIBAAKCAQEAy8Dbv8prpJ/0kKhlGeJYozo2t60EG8L0561g13R29LvMR5hy\n", 4) + "-----END RSA " + "PRIVATE KEY-----",
	"stripe-access-token":     "sk" + "_live_aB3dE5fG7hI9jK1lM3nO5pQ7",
	"gcp-api-key":             "AIza" + "SyA1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q",
}

func TestFind(t *testing.T) {
	t.Parallel()
	for rule, secret := range credentials {
		text := "# Report\n\nvalue: " + secret + "\nend\n"
		found, err := Find(t.Context(), []byte(text))
		if err != nil || len(found) != 1 || found[0].Rule != rule || found[0].Line != 3 || !strings.Contains(secret, found[0].Secret) {
			t.Errorf("%s: %+v, %v", rule, found, err)
		}
		if allowed, err := Find(t.Context(), []byte("x = "+secret+" # gitleaks:allow\n")); err != nil || len(allowed) == 0 {
			t.Errorf("%s: the task allows itself to tell it: %v", rule, err)
		}
		redacted, err := Redact(t.Context(), text+text)
		if err != nil || strings.Contains(redacted, found[0].Secret) || strings.Count(redacted, "***") != 2 || !strings.HasSuffix(redacted, "\nend\n") {
			t.Errorf("%s: %q, %v", rule, redacted, err)
		}
	}
}

// What is wrongly taken for a credential costs a job its result.
func TestFindTakesNothingElseForACredential(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "token = AKIA" + "IOSFODNN7EXAMPLE", "password: hunter2hunter2hunter2", `api_key = "0123456789abcdef0123456789abcdef"`, "curl -u user:password https://example.com",
		"commit 6a0f3c1e5b7d9f2a4c6e8b0d1f3a5c7e9b1d3f5a", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "ghp_tooshort",
		"Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U", "\x00\xff\xfe binary",
	} {
		if found, err := Find(t.Context(), []byte(text)); err != nil || len(found) != 0 {
			t.Errorf("%q: %+v, %v", text, found, err)
		}
	}
}

// However it lies to the pieces that are looked at together, a credential is found once.
func TestFindInLargeFiles(t *testing.T) {
	t.Parallel()
	secret := credentials["github-pat"]
	for _, before := range []int{0, chunk - overlap - 20, chunk - 20, chunk - 1, 3*chunk + 17} {
		text := strings.Repeat("some words\n", before/11) + strings.Repeat(" ", before%11) + secret + "\n" + strings.Repeat("more words\n", 10_000)
		found, err := Find(t.Context(), []byte(text))
		if err != nil || len(found) != 1 || found[0].Secret != secret || found[0].Line != before/11+1 {
			t.Errorf("after %d bytes: %+v, %v", before, found, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Find(ctx, []byte("text")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkFind(b *testing.B) {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	worst := make([]byte, 1<<20) // what looks most like credentials: base64
	for i := range worst {
		worst[i] = letters[rand.IntN(len(letters))]
		if i%77 == 76 {
			worst[i] = '\n'
		}
	}
	for name, content := range map[string][]byte{"text": []byte(strings.Repeat("2026-11-21 a line of a report, with words and 12 numbers\n", 1<<20/58)), "base64": worst} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, err := Find(b.Context(), content); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

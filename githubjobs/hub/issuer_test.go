package hub

import "testing"

func TestIssuer(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"https://github.com":          "https://token.actions.githubusercontent.com",
		"https://GitHub.com/":         "https://token.actions.githubusercontent.com",
		"https://octo.ghe.com":        "https://token.actions.octo.ghe.com",
		"https://github.example.com/": "https://github.example.com/_services/token",
		"http://127.0.0.1:3000":       "http://127.0.0.1:3000/_services/token",
	} {
		if got := Issuer(server); got != want {
			t.Errorf("%s: %s, want %s", server, got, want)
		}
	}
}

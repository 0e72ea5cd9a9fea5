package config

import "testing"

// Where GitHub's API is follows from where GitHub is, as the server has it too.
func TestAPIURL(t *testing.T) {
	t.Parallel()
	for server, want := range map[string]string{
		"https://github.com":         "https://api.github.com",
		"https://octo.ghe.com":       "https://api.octo.ghe.com",
		"https://github.example.com": "https://github.example.com/api/v3",
		"http://127.0.0.1:8080/":     "http://127.0.0.1:8080/api/v3",
		"http://[::1":                "http://[::1/api/v3", // no address
	} {
		c, _ := Load(map[string]string{"GITHUB_SERVER_URL": server}) // what else is missing is an error
		if c.APIURL != want {
			t.Errorf("%s: %s, want %s", server, c.APIURL, want)
		}
	}
	if c, _ := Load(map[string]string{"GITHUB_SERVER_URL": "https://github.com", "GITHUB_API_URL": "https://proxy.example.com/"}); c.APIURL != "https://proxy.example.com" {
		t.Errorf("the address that is given becomes %s", c.APIURL)
	}
}

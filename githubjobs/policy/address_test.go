package policy

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
)

func TestAllowsAddress(t *testing.T) {
	t.Parallel()
	rules := PromptRules{PromptChoice: PromptChoice{BaseURL: "https://chosen.example.com/odd%20path?x"}, BaseURLs: []string{
		"https://llm.example.com/v1/", "http://localhost:11434", "https://[2001:DB8::1]:8443/a/b", "HTTPS://Upper.Example.com:443", "https://xn--bcher-kva.example"}}
	const own = "https://api.anthropic.com"
	for address, want := range map[string]bool{
		"https://llm.example.com/v1":                true,
		"https://llm.example.com/v1/":               true,
		"https://llm.example.com:443/v1":            true,
		"https://LLM.Example.COM/v1/messages":       true,
		"HTTPS://llm.example.com/v1":                true,
		"http://localhost:11434":                    true,
		"http://localhost:11434/v1":                 true,
		"https://[2001:db8::1]:8443/a/b/c":          true,
		"https://[2001:db8:0:0::1]:8443/a/b":        true,
		"https://upper.example.com/x":               true,
		"https://xn--bcher-kva.example/v1":          true,
		"https://api.anthropic.com":                 true,
		"https://api.anthropic.com/v1":              true,
		"https://chosen.example.com/odd%20path?x":   true, // the policy's own choice, to the letter
		"https://chosen.example.com/odd%20path?y":   false,
		"https://chosen.example.com/":               false,
		"":                                          false,
		"http://llm.example.com/v1":                 false,
		"https://llm.example.com":                   false,
		"https://llm.example.com/":                  false,
		"https://llm.example.com/v10":               false,
		"https://llm.example.com/V1":                false,
		"https://llm.example.com:80/v1":             false,
		"https://llm.example.com:8443/v1":           false,
		"https://llm.example.com:0443/v1":           false,
		"https://llm.example.com:/v1":               false,
		"https://llm.example.com./v1":               false,
		"https://.llm.example.com/v1":               false,
		"https://evil.llm.example.com/v1":           false,
		"https://llm.example.com.evil.com/v1":       false,
		"https://llm.example.com@evil.com/v1":       false,
		"https://evil.com@llm.example.com/v1":       false,
		"https://evil.com:1@llm.example.com/v1":     false,
		"https://llm.example.com:1@evil.com/v1":     false,
		"https://llm.example.com\\@evil.com/v1":     false,
		"https://evil.com\\.llm.example.com/v1":     false,
		"https://evil.com#@llm.example.com/v1":      false,
		"https://evil.com?@llm.example.com/v1":      false,
		"https://llm.example.com/v1/../x":           false,
		"https://llm.example.com/x/../v1":           false,
		"https://llm.example.com/v1/./x":            false,
		"https://llm.example.com/v1//x":             false,
		"https://llm.example.com//v1":               false,
		"https://llm.example.com/v1/%2e%2e/x":       false,
		"https://llm.example.com/v1/..%2fx":         false,
		"https://llm.example.com/v1/..;/x":          false,
		"https://llm.example.com/v1\\..\\x":         false,
		"https://llm.example.com/v1?x":              false,
		"https://llm.example.com/v1?":               false,
		"https://llm.example.com/v1#x":              false,
		"https://llm.example.com/v1#":               false,
		"https://llm.example.com/%76%31":            false,
		"https://llm%2eexample.com/v1":              false,
		"https://llm。example.com/v1":                false, // the full stop of other scripts
		"https://ｌlm.example.com/v1":                false,
		"https://bücher.example/v1":                 false,
		"https://llm.example.com/v1\n":              false,
		" https://llm.example.com/v1":               false,
		"https://llm.example.com\t/v1":              false,
		"https:/llm.example.com/v1":                 false,
		"https:llm.example.com/v1":                  false,
		"https:///llm.example.com/v1":               false,
		"//llm.example.com/v1":                      false,
		"llm.example.com/v1":                        false,
		"ftp://llm.example.com/v1":                  false,
		"javascript://llm.example.com/v1":           false,
		"http://localhost":                          false,
		"http://127.0.0.1:11434":                    false,
		"https://[2001:db8::1]/a/b":                 false,
		"https://[2001:db8::1%25eth0]:8443/a/b":     false,
		"https://[2001:db8::1]x:8443/a/b":           false,
		"https://[::ffff:1.2.3.4":                   false,
		"https://[1.2.3.4]/":                        false,
		"https://api.anthropic.com.evil.com":        false,
		"https://api.anthropic.com:8443":            false,
		"https://" + strings.Repeat("a", 500):       false,
		"https://llm.example.com/v1/models@1:x+y,=": true,
	} {
		if got := rules.AllowsAddress(address, own); got != want {
			t.Errorf("%q is allowed: %t", address, got)
		}
	}
	if (PromptRules{}).AllowsAddress("https://llm.example.com") || (PromptRules{}).AllowsAddress("") {
		t.Error("a policy that allows nothing allows something")
	}
}

func TestPoliciesOfAddresses(t *testing.T) {
	t.Parallel()
	for document, says := range map[string]string{
		"prompt: {base_urls: ['https://h/v1', 'http://127.0.0.1:8080']}": "",
		"prompt: {base_urls: []}":                                                       "",
		"prompt: {base_urls: https://h}":                                                "must stand",
		"prompt: {base_urls: ['*']}":                                                    "must begin with https:// or http://",
		"prompt: {base_urls: ['https://*.example.com']}":                                "its host must be made of",
		"prompt: {base_urls: ['https://h/v1?key=1']}":                                   "its path may have",
		"prompt: {base_urls: ['https://h/../v1']}":                                      `must not have the segment ".."`,
		"prompt: {base_urls: ['https://u:p@h/']}":                                       "must not name a user",
		"prompt: {base_urls: ['https://h:99999/']}":                                     `"99999" is no port`,
		"prompt: {base_urls: ['https://[::1']}":                                         "its host must be made of",
		"prompt: {base_urls: [" + strings.Repeat("'https://h',", maxAddresses+1) + "]}": "has 51 entries",
	} {
		_, err := Parse([]byte(document))
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.100s: %v, want %q", document, err, says)
		}
	}
}

// FuzzAddress: what is allowed is read by Go's own parser as the same host and port, without a
// user, parameters or fragment, and does not leave the allowed path.
func FuzzAddress(f *testing.F) {
	for _, seed := range []string{"https://llm.example.com/v1", "https://llm.example.com:443/v1/", "HTTPS://LLM.example.com/v1/a/b", "https://llm.example.com@evil/v1", "https://llm.example.com/v1/..;/", "https://[::1]:80/v1"} {
		f.Add(seed)
	}
	rules := PromptRules{BaseURLs: []string{"https://llm.example.com/v1"}}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := parseAddress(text)
		if allowed := rules.AllowsAddress(text); !allowed {
			return
		} else if err != nil {
			t.Fatalf("%q is allowed, and not valid: %v", text, err)
		}
		u, err := url.Parse(text)
		if err != nil {
			t.Fatalf("%q is allowed, and Go cannot read it: %v", text, err)
		}
		if !strings.EqualFold(u.Scheme, "https") || !strings.EqualFold(u.Hostname(), "llm.example.com") || u.Port() != "" && u.Port() != "443" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Opaque != "" {
			t.Errorf("%q is allowed, and is %+v", text, u)
		}
		if clean := path.Clean(u.Path); clean != "/v1" && !strings.HasPrefix(clean, "/v1/") || strings.TrimSuffix(u.Path, "/") != clean || u.RawPath != "" {
			t.Errorf("%q is allowed, and its path is %q", text, u.Path)
		}
		if !slices.Equal(a.path[:1], []string{"v1"}) {
			t.Errorf("%q has the path %q", text, a.path)
		}
	})
}

package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// AllowsAddress says whether the key of a job's engine may be sent to the API at this
// address: one of BaseURLs or of the addresses in own, which are the provider's, or what is
// below it; or the very address that the policy itself chooses.
//
// Scheme, host and port must be equal, and the path must begin with the allowed one, segment
// by segment. What different programs may read differently (a user, parameters, escapes, ..)
// is never allowed.
func (r PromptRules) AllowsAddress(address string, own ...string) bool {
	if r.BaseURL != "" && address == r.BaseURL {
		return true
	}
	a, err := parseAddress(address)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(slices.Concat(r.BaseURLs, own), func(allowed string) bool {
		b, err := parseAddress(allowed)
		return err == nil && a.below(b)
	})
}

// address is where an API is, in the one form of it that all programs understand alike.
type address struct {
	scheme, host, port string   // in lower case; the port always given
	path               []string // its segments
}

// below says whether the address is another one, or leads further down from it.
func (a address) below(b address) bool {
	return a.scheme == b.scheme && a.host == b.host && a.port == b.port && len(a.path) >= len(b.path) && slices.Equal(a.path[:len(b.path)], b.path)
}

const (
	maxAddress   = 500
	maxAddresses = 50
)

var defaultPorts = map[string]string{"https": "443", "http": "80"}

// parseAddress reads an address letter by letter: what is not plain is an error. Parsers of
// URLs take more, and each of them something else.
func parseAddress(text string) (a address, err error) {
	scheme, rest, ok := strings.Cut(text, "://")
	a.scheme = strings.ToLower(scheme)
	if !ok || defaultPorts[a.scheme] == "" {
		return a, errors.New("it must begin with https:// or http://")
	}
	if len(text) > maxAddress {
		return a, fmt.Errorf("it has %d characters; at most %d are taken", len(text), maxAddress)
	}
	authority, path, _ := strings.Cut(rest, "/")
	if a.host, a.port, err = splitAuthority(authority); err != nil {
		return a, err
	}
	if a.port == "" {
		a.port = defaultPorts[a.scheme]
	}
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return a, nil
	}
	a.path = strings.Split(path, "/")
	for _, segment := range a.path {
		switch {
		case segment == "" || segment == "." || segment == "..":
			return a, fmt.Errorf("its path must not have the segment %q", segment)
		case strings.ContainsFunc(segment, notIn("-._~:@+,=")):
			return a, errors.New("its path may have letters, digits and - . _ ~ : @ + , = alone; no escapes, parameters or fragment")
		}
	}
	return a, nil
}

// splitAuthority takes host and port apart; the port is empty where there is none.
func splitAuthority(authority string) (host, port string, err error) {
	host = strings.ToLower(authority)
	if strings.Contains(host, "@") {
		return "", "", errors.New("it must not name a user or password")
	}
	if inside, after, ok := strings.Cut(strings.TrimPrefix(host, "["), "]"); ok && strings.HasPrefix(host, "[") {
		ip, err := netip.ParseAddr(inside)
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", "", fmt.Errorf("[%s] is no address of IPv6", inside)
		}
		host, port = "["+ip.String()+"]", after
		if after != "" && !strings.HasPrefix(after, ":") {
			return "", "", errors.New("what follows the ] must be a port")
		}
	} else {
		at := strings.IndexByte(host, ':')
		if at >= 0 {
			host, port = host[:at], host[at:]
		}
		if host == "" || strings.ContainsFunc(host, notIn("-._")) || slices.Contains(strings.Split(host, "."), "") {
			return "", "", errors.New("its host must be made of letters, digits and - . _, without a dot at its end; write a name in other letters as browsers send it (xn--…)")
		}
	}
	if port == "" {
		return host, "", nil
	}
	if n, err := strconv.Atoi(port[1:]); err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != port[1:] {
		return "", "", fmt.Errorf("%.20q is no port", port[1:])
	}
	return host, port[1:], nil
}

// notIn says of a character that it is none of ASCII's letters and digits, nor one of these.
func notIn(more string) func(rune) bool {
	return func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !plain && !strings.ContainsRune(more, r)
	}
}

func (r PromptRules) validate() (errs []error) {
	errs = SecretRules{r.Keys}.validate("prompt.keys")
	if len(r.BaseURLs) > maxAddresses {
		errs = append(errs, fmt.Errorf("prompt.base_urls has %d entries; at most %d are taken", len(r.BaseURLs), maxAddresses))
	}
	for _, text := range r.BaseURLs {
		if _, err := parseAddress(text); err != nil {
			errs = append(errs, fmt.Errorf("prompt.base_urls: %.120q is not an address such as https://llm.example.com/v1: %w", text, err))
		}
	}
	return errs
}

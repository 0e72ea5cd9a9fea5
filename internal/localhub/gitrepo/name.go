package gitrepo

import (
	"fmt"
	"strings"
)

// Zero is the SHA that stands for "no object" in ref updates and push events.
const Zero = "0000000000000000000000000000000000000000"

// IsSHA reports whether s is a full SHA-1 in lower case.
func IsSHA(s string) bool { return len(s) == 40 && isHex(s) }

func isHex(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}

// checkSHAs refuses anything that is not a full SHA, before git sees it.
func checkSHAs(shas ...string) error {
	for _, s := range shas {
		if !IsSHA(s) {
			return fmt.Errorf("%w: %q is not a full SHA", ErrBadName, s)
		}
	}
	return nil
}

// CheckRef reports whether name is a full ref name ("refs/heads/main") that git
// allows; the rules are those of git-check-ref-format.
func CheckRef(name string) error {
	bad := func(why string) error { return fmt.Errorf("%w: ref %q %s", ErrBadName, name, why) }
	switch {
	case !strings.HasPrefix(name, "refs/"):
		return bad("does not start with refs/")
	case strings.Count(name, "/") < 2:
		return bad("needs at least two slashes")
	case len(name) > 255:
		return bad("is longer than 255 bytes")
	case strings.HasPrefix(name, "refs/heads/-"):
		return bad("names a branch that starts with a dash")
	case strings.HasSuffix(name, "."):
		return bad("ends in a dot")
	case strings.Contains(name, "..") || strings.Contains(name, "@{"):
		return bad("contains .. or @{")
	}
	for _, c := range []byte(name) {
		if c <= ' ' || c == 0x7f || strings.IndexByte("~^:?*[\\", c) >= 0 {
			return bad(fmt.Sprintf("contains %q", c))
		}
	}
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "":
			return bad("has an empty component")
		case part[0] == '.':
			return bad("has a component that starts with a dot")
		case strings.HasSuffix(part, ".lock"):
			return bad("has a component that ends in .lock")
		}
	}
	return nil
}

// checkPath refuses paths that cannot stand in a tree.
func checkPath(path string) error {
	if path == "" || strings.ContainsAny(path, "\x00\n") || strings.HasPrefix(path, "/") {
		return fmt.Errorf("%w: path %q", ErrBadName, path)
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git") {
			return fmt.Errorf("%w: path %q", ErrBadName, path)
		}
	}
	return nil
}

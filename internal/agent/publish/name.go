package publish

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// limits of a path; git's own checkouts fail above these on common systems.
const (
	maxPathBytes = 4096
	maxNameBytes = 255
)

// badPath says why a path may not be published; empty when it may.
func badPath(p string) string {
	if len(p) > maxPathBytes {
		return "its path is too long"
	}
	for name := range strings.SplitSeq(p, "/") {
		if why := badName(name); why != "" {
			return why
		}
	}
	if first, _, _ := strings.Cut(p, "/"); strings.EqualFold(first, ".github") {
		return "no job may change .github/"
	}
	// Git reads the one in the root alone; below it is a file like any other, which vendored
	// repositories have. GitHub itself refuses a push of some, wherever they are.
	if folded(p) == ".gitmodules" {
		return "no job may change which submodules there are"
	}
	return ""
}

func badName(name string) string {
	switch {
	case name == "" || name == "." || name == "..":
		return "it is no file name"
	case len(name) > maxNameBytes:
		return "its name is too long"
	case !utf8.ValidString(name):
		return "its name is not valid UTF-8"
	case strings.ContainsFunc(name, invisible):
		return "its name holds control characters"
	case looksLikeDotGit(name):
		return "its name can be taken for .git"
	}
	return ""
}

// invisible are characters that make a name look like another.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)
}

// ignoredByHFS are the code points that macOS leaves out when it compares names
// (git's utf8.c, is_hfs_dotgit).
func ignoredByHFS(r rune) bool {
	return r >= 0x200c && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x206a && r <= 0x206f || r == 0xfeff
}

// folded is a name as macOS compares it, and file systems that know no case.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		if ignoredByHFS(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// looksLikeDotGit finds the names that some file system takes for .git: other case,
// NTFS short names, streams and trailing dots (git's path.c, is_ntfs_dotgit), and
// code points that HFS+ ignores.
func looksLikeDotGit(name string) bool {
	for part := range strings.FieldsFuncSeq(folded(name), func(r rune) bool { return r == '\\' }) {
		part, _, _ = strings.Cut(part, ":")
		part = strings.TrimRight(part, ". ")
		short, digits, isShort := strings.Cut(part, "~")
		if part == ".git" || isShort && short == "git" && digits != "" && strings.Trim(digits, "0123456789") == "" {
			return true
		}
	}
	return false
}

// badLink says why a symbolic link at p with this target may not be published.
// The target must lead to something within the tree without passing .git. Only
// leading ".." are allowed: further ones could climb from where another link leads.
func badLink(p, target string) string {
	switch {
	case strings.EqualFold(path.Base(p), ".gitmodules"):
		return "git does not accept it as a symbolic link"
	case target == "" || len(target) > maxPathBytes || !utf8.ValidString(target) || strings.ContainsFunc(target, unicode.IsControl):
		return "its target is not a valid path"
	case path.IsAbs(target) || strings.Contains(target, "\\") || len(target) > 1 && target[1] == ':':
		return "it is a symbolic link that leads out of the repository"
	}
	up, down := 0, false
	for part := range strings.SplitSeq(target, "/") {
		switch {
		case part == "" || part == ".":
		case part == ".." && down:
			return "its target climbs up again (..) after a folder"
		case part == "..":
			up++
		case looksLikeDotGit(part):
			return "it is a symbolic link into .git"
		default:
			down = true
		}
	}
	if up > strings.Count(p, "/") {
		return "it is a symbolic link that leads out of the repository"
	}
	return ""
}

package policy

import (
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// Fold makes equal the paths that some file systems take for one: those that differ
// in case only (Windows, macOS), or in how Unicode composes a letter (macOS).
func Fold(path string) string {
	return norm.NFC.String(strings.ToLower(strings.ToUpper(norm.NFC.String(path))))
}

// judgeNames finds new paths that can't stand beside another one, be it a file or a
// folder, where such a file system is used. Names that are so already are left alone.
func judgeNames(v View) Finding {
	if v.BesideCut {
		return judge(RuleNames, false, "files are new in so many folders, or in such large ones, that not all names on the base can be compared")
	}
	gone := map[string]bool{}
	names := map[string][]string{} // folded → as written
	for _, f := range v.Files {
		gone[f.Path] = gone[f.Path] || f.Removed
		if f.Previous != "" {
			gone[f.Previous] = true
		}
	}
	note := func(p string) {
		if key := Fold(p); !slices.Contains(names[key], p) {
			names[key] = append(names[key], p)
		}
	}
	for _, f := range v.Files {
		for p := range upwards(f.Path) {
			if !f.Removed {
				note(p)
			}
		}
	}
	for _, p := range v.Beside {
		if !gone[p] {
			note(p)
		}
	}
	var clashes []string
	for _, f := range v.Files {
		for p := range upwards(f.Path) {
			if same := names[Fold(p)]; f.New && len(same) > 1 {
				slices.Sort(same)
				clashes = append(clashes, fmt.Sprintf("%q", same))
			}
		}
	}
	return judge(RuleNames, len(clashes) == 0, "names that differ only in case or in how their letters are composed: "+list(clashes))
}

// upwards are a path and the folders that it is in, without the root.
func upwards(p string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for ; p != "." && p != "/" && p != ""; p = path.Dir(p) {
			if !yield(p) {
				return
			}
		}
	}
}

// within is a glob whose final /** matches what is in the folder and not the folder
// itself: a file of that name would take the place of everything in it. Alternatives
// in braces end likewise.
func within(glob string) string {
	var b strings.Builder
	for depth, rest := 0, glob; rest != ""; {
		if after, ok := strings.CutPrefix(rest, "/**"); ok && (after == "" || depth > 0 && (after[0] == ',' || after[0] == '}')) {
			b.WriteString("/**/*")
			rest = after
			continue
		}
		switch rest[0] {
		case '\\':
			b.WriteByte(rest[0])
			if rest = rest[1:]; rest == "" {
				return b.String()
			}
		case '{':
			depth++
		case '}':
			depth--
		}
		b.WriteByte(rest[0])
		rest = rest[1:]
	}
	return b.String()
}

package web

import (
	"crypto/sha256"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed templates assets
var files embed.FS

// styleVersion is in the style sheet's address, so that a browser may keep it for ever.
var styleVersion = func() string {
	css, _ := files.ReadFile("assets/style.css") // embedded: can't fail
	return fmt.Sprintf("%x", sha256.Sum256(css))[:12]
}()

// parseTemplates parses each page together with the layout and the parts that pages share.
func (s *site) parseTemplates() map[string]*template.Template {
	shared := template.Must(template.New("").Funcs(s.functions()).ParseFS(files, "templates/layout.html", "templates/parts.html"))
	names, _ := fs.Glob(files, "templates/*.html") // the pattern is well-formed
	all := map[string]*template.Template{}
	for _, name := range names {
		all[strings.TrimSuffix(path.Base(name), ".html")] = template.Must(template.Must(shared.Clone()).ParseFS(files, name))
	}
	return all
}

// functions are what templates can call.
func (s *site) functions() template.FuncMap {
	return template.FuncMap{
		"ago":      func(t time.Time) string { return ago(s.Now().Sub(t), t) },
		"rfc":      func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"took":     s.took,
		"short":    short,
		"size":     size,
		"plural":   plural,
		"icon":     icon,
		"badge":    badge,
		"outcome":  outcome,
		"words":    words,
		"tone":     func(outcome string) string { return looks[outcome].tone },
		"look":     func(outcome string) string { return looks[outcome].icon },
		"next":     func(i int) int { return i + 1 },
		"styleURL": func() string { return "/-/style.css?v=" + styleVersion },

		"hookState": hookState,
	}
}

func serveStyle(w http.ResponseWriter, r *http.Request) {
	serveAsset(w, r, "style.css", "text/css; charset=utf-8")
}
func serveIcon(w http.ResponseWriter, r *http.Request) { serveAsset(w, r, "icon.svg", "image/svg+xml") }

func serveAsset(w http.ResponseWriter, r *http.Request, name, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeFileFS(w, r, files, "assets/"+name)
}

// ago says how long ago something was, or on which day when that is long.
func ago(d time.Duration, t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case d < -time.Minute:
		return "on " + t.UTC().Format("2 Jan 2006")
	case d < 2*time.Second:
		return "now"
	case d < time.Minute:
		return plural(int(d.Seconds()), "second") + " ago"
	case d < time.Hour:
		return plural(int(d.Minutes()), "minute") + " ago"
	case d < 24*time.Hour:
		return plural(int(d.Hours()), "hour") + " ago"
	case d < 30*24*time.Hour:
		return plural(int(d.Hours()/24), "day") + " ago"
	}
	return "on " + t.UTC().Format("2 Jan 2006")
}

// took is the time from start to end, or to now when it has not ended; empty when it has not started.
func (s *site) took(start, end time.Time) string {
	if start.IsZero() {
		return ""
	}
	if end.IsZero() {
		end = s.Now()
	}
	d := max(end.Sub(start), 0)
	switch seconds := int(d.Seconds()); {
	case seconds < 60:
		return fmt.Sprintf("%ds", seconds)
	case seconds < 3600:
		return fmt.Sprintf("%dm %ds", seconds/60, seconds%60)
	default:
		return fmt.Sprintf("%dh %dm", seconds/3600, seconds/60%60)
	}
}

func short(sha string) string { return sha[:min(7, len(sha))] }

// plural is "1 file" or "2 files".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if strings.HasSuffix(noun, "ch") {
		return fmt.Sprintf("%d %ses", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return plural(int(n), "byte")
	case n < 1<<20:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

package web

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
)

// maxText is the longest file that is shown as text, in bytes.
const maxText = 1 << 20

// blobPage is the data of a file's page.
type blobPage struct {
	Rev          revision
	Crumbs       []crumb
	Name         string
	Entry        gitrepo.Entry
	Latest       commitItem
	Raw, History string
	Plain        string          // address of the source of a rendered file
	Rendered     string          // address of the rendered form of a source
	Kind         string          // "markdown", "code", "image", "link", "large" or "binary"
	HTML         template.HTML   // markdown
	Lines        []template.HTML // code
	Target       string          // link: what it points at
}

// showBlob shows a file. Like GitHub, ?raw=1 leads to the bare file and ?plain=1 shows the source of Markdown.
func showBlob(q *request) error {
	rev, entry, err := q.file("tree")
	if err != nil || entry.SHA == "" {
		return err
	}
	if raw := q.FormValue("raw"); raw == "1" || raw == "true" {
		q.URL.RawQuery = ""
		redirect(q.w, q.Request, q.at("raw", rev))
		return nil
	}
	p := blobPage{Rev: rev, Crumbs: q.crumbs(rev), Name: path.Base(rev.Path), Entry: entry, Raw: q.at("raw", rev), History: q.at("commits", rev)}
	if p.Latest, err = q.latest(q.Context(), rev); err != nil {
		return err
	}
	if err := q.addContent(&p); err != nil {
		return err
	}
	return q.show("blob", rev.Path+" at "+rev.Ref, p)
}

// addContent decides how the file is shown.
func (q *request) addContent(p *blobPage) error {
	switch {
	case imageType(p.Name) != "" && p.Entry.Mode != "120000":
		p.Kind = "image"
		return nil
	case p.Entry.Size > maxText:
		p.Kind = "large"
		return nil
	}
	data, err := q.git.Blob(q.Context(), p.Entry.SHA)
	if err != nil {
		return err
	}
	address := q.at("blob", p.Rev)
	switch {
	case p.Entry.Mode == "120000":
		p.Kind, p.Target = "link", string(data)
	case isBinary(data):
		p.Kind = "binary"
	case isMarkdown(p.Name) && q.FormValue("plain") != "1":
		p.Kind, p.Plain = "markdown", address+"?plain=1"
		p.HTML = q.site.markdown.render(string(data), q.place(p.Rev, strings.Trim(path.Dir("/"+p.Rev.Path), "/")))
	default:
		p.Kind = "code"
		if len(data) > 0 {
			p.Lines = highlight(fileLexer(p.Name), strings.ToValidUTF8(string(data), "\uFFFD"))
		}
		if isMarkdown(p.Name) {
			p.Rendered = address
		}
	}
	return nil
}

// file finds the file that the address names. For a folder it sends the browser to its page and returns a zero Entry.
func (q *request) file(folderView string) (revision, gitrepo.Entry, error) {
	rev, err := q.revision(q.PathValue("rest"))
	if err != nil {
		return rev, gitrepo.Entry{}, err
	}
	entry := gitrepo.Entry{Type: "tree"}
	if rev.Path != "" {
		if entry, err = q.git.Entry(q.Context(), rev.SHA, rev.Path); err != nil {
			return rev, gitrepo.Entry{}, err
		}
	}
	switch {
	case entry.Type == "blob":
		return rev, entry, nil
	case entry.Type == "tree" && folderView != "":
		redirect(q.w, q.Request, q.at(folderView, rev))
		return rev, gitrepo.Entry{}, nil
	}
	return rev, gitrepo.Entry{}, fmt.Errorf("%s is a %s: %w", rev.Path, entry.Type, errNotFound)
}

// rawPolicy makes a file inert: it loads nothing, runs nothing, and is of no origin.
const rawPolicy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

// serveRaw serves the bare file, as an image or as text, never as a page.
func serveRaw(q *request) error {
	rev, entry, err := q.file("")
	if err != nil {
		return err
	}
	data, err := q.git.Blob(q.Context(), entry.SHA)
	if err != nil {
		return err
	}
	h := q.w.Header()
	h.Set("Content-Security-Policy", rawPolicy)
	h.Set("Etag", `"`+entry.SHA+`"`)
	h.Set("Content-Type", rawType(rev.Path, data))
	if isBinary(data) && imageType(rev.Path) == "" {
		h.Set("Content-Disposition", "attachment")
	}
	http.ServeContent(q.w, q.Request, "", time.Time{}, bytes.NewReader(data))
	return nil
}

func rawType(name string, data []byte) string {
	if image := imageType(name); image != "" {
		return image
	}
	if isBinary(data) {
		return "application/octet-stream"
	}
	return "text/plain; charset=utf-8"
}

// imageType is the content type of a file that browsers show as an image, else empty.
func imageType(name string) string {
	return map[string]string{".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp",
		".svg": "image/svg+xml", ".ico": "image/x-icon", ".avif": "image/avif"}[strings.ToLower(path.Ext(name))]
}

func isMarkdown(name string) bool {
	ext := strings.ToLower(path.Ext(name))
	return ext == ".md" || ext == ".markdown"
}

// isBinary looks at the beginning, as git does.
func isBinary(data []byte) bool {
	head := data[:min(len(data), 8000)]
	if bytes.IndexByte(head, 0) >= 0 {
		return true
	}
	return len(head) > 0 && !utf8.Valid(data) && http.DetectContentType(head) == "application/octet-stream"
}

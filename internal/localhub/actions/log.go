package actions

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

// linkLife is how long the address of a log is good.
const linkLife = time.Minute

// links are addresses of logs that need no credentials, because nobody can guess them and they do not live long.
type links struct {
	mu   sync.Mutex
	made map[string]link
}

type link struct {
	until       time.Time
	contentType string
	read        func() ([]byte, error)
}

func (e *Engine) link(contentType string, read func() ([]byte, error)) string {
	secret := rand.Text()
	now := e.now()
	e.links.mu.Lock()
	defer e.links.mu.Unlock()
	if e.links.made == nil {
		e.links.made = map[string]link{}
	}
	maps.DeleteFunc(e.links.made, func(_ string, l link) bool { return now.After(l.until) })
	e.links.made[secret] = link{until: now.Add(linkLife), contentType: contentType, read: read}
	return e.cfg.ServerURL + "/_services/logs/" + secret
}

// Handler serves what is neither REST nor git: logs and OIDC, all below /_services/.
func (e *Engine) Handler() http.Handler {
	mux := http.NewServeMux()
	e.oidc.routes(mux)
	mux.HandleFunc("GET /_services/logs/{secret}", e.serveLog)
	return mux
}

func (e *Engine) serveLog(w http.ResponseWriter, r *http.Request) {
	e.links.mu.Lock()
	l, ok := e.links.made[r.PathValue("secret")]
	e.links.mu.Unlock()
	if !ok || e.now().After(l.until) {
		http.Error(w, "this address has expired: ask the API for a new one", http.StatusForbidden)
		return
	}
	data, err := l.read()
	if err != nil {
		http.Error(w, "the log is gone", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", l.contentType)
	w.Write(data) // a write error means that the client has gone
}

// Log returns the log of a job as it stands, also while the job runs: lines of a time, a space, and the text. ErrNoLog when there is none.
func (e *Engine) Log(job state.Job) ([]byte, error) {
	data, err := os.ReadFile(e.logFile(job.RunID, job.ID))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoLog
	}
	return data, err
}

// JobLogURL returns a short-lived address of the log of a completed job. ErrNoLog while it is not completed, and when its log was deleted.
func (e *Engine) JobLogURL(job state.Job) (string, error) {
	if job.Status != "completed" {
		return "", ErrNoLog
	}
	if _, err := os.Stat(e.logFile(job.RunID, job.ID)); err != nil {
		return "", ErrNoLog
	}
	return e.link("text/plain; charset=utf-8", func() ([]byte, error) { return e.Log(job) }), nil
}

// RunLogURL returns a short-lived address of a zip with the logs of the jobs of a run, whole and by step. ErrNoLog when there are none.
func (e *Engine) RunLogURL(runID int64, attempt int) (string, error) {
	var jobs []state.Job
	e.cfg.DB.View(func(tx *state.Tx) { jobs = latestJobs(tx, runID, attempt) })
	for _, job := range jobs {
		if _, err := os.Stat(e.logFile(runID, job.ID)); err == nil {
			return e.link("application/zip", func() ([]byte, error) { return e.zip(jobs) }), nil
		}
	}
	return "", ErrNoLog
}

func (e *Engine) zip(jobs []state.Job) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for i, job := range jobs {
		log, err := e.Log(job)
		if errors.Is(err, ErrNoLog) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := zipJob(archive, i, job, log); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return out.Bytes(), err
}

// zipJob adds the log of a job: 0_build.txt, and build/2_Run make.txt for each step.
func zipJob(archive *zip.Writer, index int, job state.Job, log []byte) error {
	name := fileName(job.Name)
	if err := zipFile(archive, fmt.Sprintf("%d_%s.txt", index, name), log); err != nil {
		return err
	}
	lines := bytes.SplitAfter(log, []byte("\n"))
	for _, step := range job.Steps {
		if step.LogTo <= step.LogFrom || step.LogTo > len(lines) {
			continue
		}
		part := bytes.Join(lines[step.LogFrom:step.LogTo], nil)
		if err := zipFile(archive, fmt.Sprintf("%s/%d_%s.txt", name, step.Number, fileName(step.Name)), part); err != nil {
			return err
		}
	}
	return nil
}

func zipFile(archive *zip.Writer, name string, data []byte) error {
	w, err := archive.Create(name)
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

// fileName leaves out of a name what can't stand in that of a file.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || strings.ContainsRune(`/\:*?"<>|`, r) {
			return -1
		}
		return r
	}, name)
}

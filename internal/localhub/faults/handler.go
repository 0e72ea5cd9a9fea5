package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
)

// Path is where a localhub serves its faults. GitHub has nothing like it.
const Path = "/_localhub/faults"

// document is what GET answers and PUT takes.
type document struct {
	Seed   uint64  `json:"seed"`
	Faults []Fault `json:"faults"`
}

// maxBody bounds the body of a request, in bytes.
const maxBody = 1 << 20

// Handler serves the set under Path:
//
//	GET                 {"seed": 1, "faults": […]} with the counters of each
//	PUT                 the same: switches all off and these on
//	POST                one fault: switches it on as well
//	DELETE              switches all off
//	DELETE Path/{id}    switches one off
//
// A page that somebody has open in a browser can do none of it: requests must be sent to serverURL's host or a loopback address by its name, must not come
// from another origin, and bodies must be JSON by their Content-Type, which a page can't send elsewhere unasked.
func (s *Set) Handler(serverURL string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, _ *http.Request) { s.show(w) })
	mux.HandleFunc("PUT "+Path, s.put)
	mux.HandleFunc("POST "+Path, s.post)
	mux.HandleFunc("DELETE "+Path, func(w http.ResponseWriter, _ *http.Request) { s.Clear(); s.show(w) })
	mux.HandleFunc("DELETE "+Path+"/{id}", s.remove)
	return guard(serverURL, mux)
}

func guard(serverURL string, next http.Handler) http.Handler {
	own := ""
	if u, err := url.Parse(serverURL); err == nil {
		own = u.Hostname()
	}
	deny := func(w http.ResponseWriter, why string) {
		reply(w, http.StatusForbidden, map[string]string{"message": why})
	}
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		ip := net.ParseIP(host)
		switch site := r.Header.Get("Sec-Fetch-Site"); {
		case host != own && host != "localhost" && (ip == nil || !ip.IsLoopback()):
			deny(w, fmt.Sprintf("faults are not served under the name %q; use the server URL %s", host, serverURL))
		case origin.Check(r) != nil, site != "" && site != "same-origin" && site != "none":
			deny(w, "faults are not changed, or shown, by pages of another origin")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func hostname(hostport string) string {
	u := url.URL{Host: hostport}
	return u.Hostname()
}

func (s *Set) show(w http.ResponseWriter) {
	list, seed := s.List()
	reply(w, http.StatusOK, document{seed, list})
}

func (s *Set) put(w http.ResponseWriter, r *http.Request) {
	var in document
	if !decode(w, r, &in) {
		return
	}
	if _, err := s.Replace(in.Seed, in.Faults...); err != nil {
		reply(w, http.StatusUnprocessableEntity, map[string]string{"message": err.Error()})
		return
	}
	s.show(w)
}

func (s *Set) post(w http.ResponseWriter, r *http.Request) {
	var in Fault
	if !decode(w, r, &in) {
		return
	}
	added, err := s.Add(in)
	if err != nil {
		reply(w, http.StatusUnprocessableEntity, map[string]string{"message": err.Error()})
		return
	}
	reply(w, http.StatusCreated, added[0])
}

func (s *Set) remove(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || s.Remove(id) != nil {
		reply(w, http.StatusNotFound, map[string]string{"message": ErrUnknown.Error() + ": " + r.PathValue("id")})
		return
	}
	s.show(w)
}

// decode reads the body; where it can't, it answers and returns false.
func decode(w http.ResponseWriter, r *http.Request, into any) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		reply(w, http.StatusUnsupportedMediaType, map[string]string{"message": "send JSON, with the header Content-Type: application/json"})
		return false
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if err == nil {
		if _, more := d.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("something follows the JSON")
		}
	}
	if err != nil {
		reply(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return false
	}
	return true
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(body) // an error means that the client has gone
}

package localhub

import (
	"errors"
	"net/http"

	"github.com/githubjobs/githubjobs/internal/localhub/actions"
	"github.com/githubjobs/githubjobs/internal/localhub/rest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
	"github.com/githubjobs/githubjobs/internal/localhub/web"
)

// pages answers what is neither git's nor the API's: the addresses that people open.
func (s *Server) pages() http.Handler {
	return web.New(web.Config{
		DB: s.db, Git: s.git, ServerURL: s.cfg.ServerURL, API: s.rest.Handler(), APIPrefix: rest.Prefix, Now: s.cfg.Now, Log: s.cfg.Logger,
		Authenticate: func(r *http.Request) (web.Viewer, error) { return s.rest.Authenticate(r) },
		JobLog: func(job state.Job) ([]byte, error) {
			log, err := s.actions.Log(job)
			if errors.Is(err, actions.ErrNoLog) {
				return nil, nil
			}
			return log, err
		},
	})
}

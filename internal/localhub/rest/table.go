package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Operations returns every operation that localhub has.
func (s *Service) Operations() []Operation {
	return slices.Concat(
		userOperations,
		pullOperations,
		issueOperations,
		checkOperations,
		statusOperations,
		attestationOperations,
		repositoryOperations,
		refOperations,
		gitDataOperations,
		commitOperations,
		contentOperations,
		hookOperations,
		appOperations,
		metaOperations,
		runOperations,
		jobOperations,
		workflowOperations,
		variableOperations,
		secretOperations,
		actionsSettingOperations,
	)
}

// serveUnknown answers for operations that localhub does not have: loudly, so that nobody takes it for GitHub's 404.
func (s *Service) serveUnknown(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusNotImplemented)
	path := strings.TrimPrefix(r.URL.Path, Prefix)
	s.Log.WarnContext(r.Context(), "operation not in localhub", "method", r.Method, "path", path)
	json.NewEncoder(w).Encode(map[string]string{ // a write error means that the client has gone
		"message":           fmt.Sprintf("localhub does not have %s %s", r.Method, path),
		"documentation_url": docsURL,
		"status":            "501",
	})
}

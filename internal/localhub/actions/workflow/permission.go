package workflow

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// permissionNames are what `permissions:` may name.
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions
var permissionNames = []string{
	"actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token", "issues", "models", "packages", "pages",
	"pull-requests", "repository-projects", "security-events", "statuses",
}

// Permissions is a `permissions:` of a workflow or a job: name → "read", "write" or "none".
type Permissions struct{ levels map[string]string }

type rawPermissions struct{ node yaml.Node }

// UnmarshalYAML implements yaml.Unmarshaler.
func (r *rawPermissions) UnmarshalYAML(node *yaml.Node) error {
	r.node = *node
	return nil
}

// parse returns nil when nothing is said.
func (r rawPermissions) parse() (*Permissions, error) {
	switch r.node.Kind {
	case 0:
		return nil, nil
	case yaml.ScalarNode:
		level, ok := strings.CutSuffix(r.node.Value, "-all")
		if !ok || level != "read" && level != "write" {
			return nil, fmt.Errorf("invalid workflow file: permissions: %q is neither read-all nor write-all nor a map", r.node.Value)
		}
		return &Permissions{levels: everything(level)}, nil
	}
	var levels map[string]string
	if err := r.node.Decode(&levels); err != nil {
		return nil, fmt.Errorf("invalid workflow file: permissions: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		if !slices.Contains(permissionNames, name) {
			return nil, fmt.Errorf("invalid workflow file: permissions: there is no permission %q", name)
		}
		if !slices.Contains([]string{"read", "write", "none"}, levels[name]) {
			return nil, fmt.Errorf("invalid workflow file: permissions: %s: %q is not read, write or none", name, levels[name])
		}
	}
	return &Permissions{levels: levels}, nil
}

func everything(level string) map[string]string {
	levels := map[string]string{}
	for _, name := range permissionNames {
		levels[name] = level
	}
	if level == "read" {
		delete(levels, "id-token") // there is nothing to read
	}
	return levels
}

// TokenPermissions is what the GITHUB_TOKEN of a job gets: what the job says, else what the workflow says, else the repository's default ("read" or
// "write"). Names are those of the REST API (pull_requests); what is absent is not permitted. "id_token" is no permission of the API but tells that
// the job may ask for OIDC tokens.
func (f *File) TokenPermissions(job Job, standard string) map[string]string {
	switch {
	case job.Permissions != nil:
		return job.Permissions.token()
	case f.Permissions != nil:
		return f.Permissions.token()
	case standard == "write":
		all := (&Permissions{levels: everything("write")}).token()
		delete(all, "id_token") // must be asked for
		return all
	}
	return map[string]string{"contents": "read", "packages": "read", "metadata": "read"}
}

func (p *Permissions) token() map[string]string {
	token := map[string]string{"metadata": "read"}
	for name, level := range p.levels {
		if level != "none" {
			token[strings.ReplaceAll(name, "-", "_")] = level
		}
	}
	return token
}

// PermissionTitle is a permission's name as GitHub writes it in logs: pull_requests is PullRequests.
func PermissionTitle(name string) string {
	var title strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		title.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return title.String()
}

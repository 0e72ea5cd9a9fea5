package executor

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

// GitHub is the `github` context of a run, from which the GITHUB_ variables are made as well.
type GitHub struct {
	ServerURL         string // http://127.0.0.1:3000
	Repository        string // owner/name
	RepositoryID      string
	RepositoryOwner   string
	RepositoryOwnerID string
	Ref               string // refs/heads/main
	RefName           string // main
	RefType           string // branch or tag
	BaseRef, HeadRef  string // pull requests only
	DefaultBranch     string
	SHA               string
	RunID             string
	RunNumber         string
	RunAttempt        string
	Workflow          string // its name
	WorkflowRef       string // owner/name/.github/workflows/x.yml@refs/heads/main
	WorkflowSHA       string
	Actor             string
	ActorID           string
	TriggeringActor   string
	EventName         string
}

// variables are the GITHUB_ variables of every step, except for those that act makes (GITHUB_ENV, GITHUB_ACTION, …).
func (g GitHub) variables() map[string]string {
	return map[string]string{
		"GITHUB_ACTIONS":             "true",
		"GITHUB_SERVER_URL":          g.ServerURL,
		"GITHUB_API_URL":             g.ServerURL + "/api/v3",
		"GITHUB_GRAPHQL_URL":         g.ServerURL + "/api/graphql",
		"GITHUB_REPOSITORY":          g.Repository,
		"GITHUB_REPOSITORY_ID":       g.RepositoryID,
		"GITHUB_REPOSITORY_OWNER":    g.RepositoryOwner,
		"GITHUB_REPOSITORY_OWNER_ID": g.RepositoryOwnerID,
		"GITHUB_REF":                 g.Ref,
		"GITHUB_REF_NAME":            g.RefName,
		"GITHUB_REF_TYPE":            g.RefType,
		"GITHUB_REF_PROTECTED":       "false",
		"GITHUB_BASE_REF":            g.BaseRef,
		"GITHUB_HEAD_REF":            g.HeadRef,
		"GITHUB_SHA":                 g.SHA,
		"GITHUB_RUN_ID":              g.RunID,
		"GITHUB_RUN_NUMBER":          g.RunNumber,
		"GITHUB_RUN_ATTEMPT":         g.RunAttempt,
		"GITHUB_RETENTION_DAYS":      "90",
		"GITHUB_WORKFLOW":            g.Workflow,
		"GITHUB_WORKFLOW_REF":        g.WorkflowRef,
		"GITHUB_WORKFLOW_SHA":        g.WorkflowSHA,
		"GITHUB_ACTOR":               g.Actor,
		"GITHUB_ACTOR_ID":            g.ActorID,
		"GITHUB_TRIGGERING_ACTOR":    g.TriggeringActor,
		"GITHUB_EVENT_NAME":          g.EventName,
	}
}

// unknownToAct are the properties of the `github` context that act does not have.
func (g GitHub) unknownToAct() map[string]string {
	return map[string]string{
		"repository_id":       g.RepositoryID,
		"repository_owner_id": g.RepositoryOwnerID,
		"actor_id":            g.ActorID,
		"triggering_actor":    g.TriggeringActor,
		"workflow_ref":        g.WorkflowRef,
		"workflow_sha":        g.WorkflowSHA,
		"repositoryurl":       strings.Replace(g.ServerURL, "http", "git", 1) + "/" + g.Repository + ".git",
		"ref_protected":       "false",
		"secret_source":       "Actions",
	}
}

var (
	expression = regexp.MustCompile(`(?s)\$\{\{.*?\}\}`)
	missing    = regexp.MustCompile(`(?i)\bgithub\.(repository_id|repository_owner_id|actor_id|triggering_actor|workflow_ref|workflow_sha|repositoryurl|ref_protected|secret_source)\b`)
)

// substitute writes the value of what act's `github` context lacks into the expressions of a workflow, as literals.
func (g GitHub) substitute(node *yaml.Node) { g.walk(node, false) }

func (g GitHub) walk(node *yaml.Node, isIf bool) {
	if node.Kind == yaml.ScalarNode && strings.Contains(node.Value, "github.") {
		if isIf && !strings.Contains(node.Value, "${{") {
			node.Value = g.literals(node.Value)
		} else {
			node.Value = expression.ReplaceAllStringFunc(node.Value, g.literals)
		}
	}
	for i, child := range node.Content {
		g.walk(child, node.Kind == yaml.MappingNode && i%2 == 1 && node.Content[i-1].Value == "if")
	}
}

func (g GitHub) literals(expression string) string {
	values := g.unknownToAct()
	return missing.ReplaceAllStringFunc(expression, func(property string) string {
		_, name, _ := strings.Cut(strings.ToLower(property), ".")
		return "'" + strings.ReplaceAll(values[name], "'", "''") + "'"
	})
}

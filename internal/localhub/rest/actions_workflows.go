package rest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/actions/workflow"
	"github.com/githubjobs/githubjobs/internal/localhub/event"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var workflowOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/actions/workflows", "actions/list-repo-workflows", Read("actions"), listWorkflows},
	{"GET", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}", "actions/get-workflow", Read("actions"), getWorkflow},
	{"PUT", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/enable", "actions/enable-workflow", Write("actions"), enableWorkflow},
	{"PUT", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/disable", "actions/disable-workflow", Write("actions"), disableWorkflow},
	{"POST", "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches", "actions/create-workflow-dispatch", Write("actions"), dispatchWorkflow},
	{"POST", "/repos/{owner}/{repo}/dispatches", "repos/create-dispatch-event", Write("contents"), dispatchRepository},
}

func listWorkflows(c *Context) (Response, error) {
	list := []shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		for w := range tx.Workflows.Of(c.Repo.ID) {
			if w.State != "deleted" {
				list = append(list, b.Workflow(c.Repo, w))
			}
		}
	})
	total := len(list)
	return OK(shape.Object{"total_count": total, "workflows": Paginate(c, list)}), nil
}

// workflow is the workflow that the address names by its id or its file name.
func (c *Context) workflow() (w state.Workflow, err error) {
	name := c.Param("workflow_id")
	c.View(func(tx *state.Tx, _ shape.Builder) {
		if id, err := strconv.ParseInt(name, 10, 64); err == nil {
			w, _ = tx.Workflows.Get(id)
		} else {
			w, _ = tx.Workflows.ByName(state.WorkflowName(c.Repo.ID, workflow.Folder+"/"+path.Base(name)))
		}
	})
	if w.ID == 0 || w.RepositoryID != c.Repo.ID {
		return w, NotFound()
	}
	return w, nil
}

func getWorkflow(c *Context) (Response, error) {
	w, err := c.workflow()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.Workflow(c.Repo, w) })
	return OK(body), nil
}

func enableWorkflow(c *Context) (Response, error)  { return c.setWorkflowState("active") }
func disableWorkflow(c *Context) (Response, error) { return c.setWorkflowState("disabled_manually") }

func (c *Context) setWorkflowState(to string) (Response, error) {
	w, err := c.workflow()
	if err != nil {
		return Response{}, err
	}
	err = c.Update(func(tx *state.Tx, _ shape.Builder) error {
		w, ok := tx.Workflows.Get(w.ID)
		if !ok || w.State == "deleted" {
			return NotFound()
		}
		w.State, w.UpdatedAt = to, c.Now()
		tx.Workflows.Put(w)
		return nil
	})
	return NoContent(), err
}

func dispatchWorkflow(c *Context) (Response, error) {
	w, err := c.workflow()
	if err != nil {
		return Response{}, err
	}
	var in struct {
		Ref    string         `json:"ref"`
		Inputs map[string]any `json:"inputs"`
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.Ref == "" {
		return Response{}, Invalid("Invalid request.\n\n\"ref\" wasn't supplied.")
	}
	if w.State != "active" {
		return Response{}, Invalid("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
	}
	ref, sha, err := c.findRef(in.Ref)
	if err != nil {
		return Response{}, err
	}
	trigger, ok, err := c.S.Actions.Dispatchable(c.Context(), c.Repo, w.Path, sha)
	if err != nil {
		return Response{}, err
	}
	if !ok {
		return Response{}, Invalid("Workflow does not have 'workflow_dispatch' trigger")
	}
	inputs, err := dispatchInputs(trigger, in.Inputs)
	if err != nil {
		return Response{}, err
	}
	c.Publish(event.Dispatch{Base: c.Event(), Workflow: w, Ref: ref, Inputs: inputs})
	return NoContent(), nil
}

// findRef is the branch or tag of this name, with its commit.
func (c *Context) findRef(name string) (ref, sha string, err error) {
	git, err := c.Git()
	if err != nil {
		return "", "", err
	}
	candidates := []string{"refs/heads/" + name, "refs/tags/" + name}
	if strings.HasPrefix(name, "refs/") {
		candidates = []string{name}
	}
	for _, candidate := range candidates {
		if found, err := git.Ref(c.Context(), candidate); err == nil {
			return candidate, found.Commit, nil
		}
	}
	return "", "", Invalid("No ref found for: " + name)
}

// dispatchInputs checks the inputs and fills in the defaults. Values become text, as GitHub's event has them.
func dispatchInputs(trigger workflow.Trigger, given map[string]any) (map[string]any, error) {
	inputs := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		spec, known := trigger.Inputs[name]
		if !known {
			return nil, Invalid(fmt.Sprintf("Unexpected inputs provided: [%q]", name))
		}
		value := fmt.Sprint(given[name])
		if spec.Type == "choice" && !slices.Contains(spec.Options, value) {
			return nil, Invalid(fmt.Sprintf("Provided value '%s' for input '%s' not in the list of allowed values", value, name))
		}
		inputs[name] = value
	}
	for _, name := range slices.Sorted(maps.Keys(trigger.Inputs)) {
		spec := trigger.Inputs[name]
		if _, ok := inputs[name]; ok {
			continue
		}
		if spec.Required && spec.Default == "" {
			return nil, Invalid(fmt.Sprintf("Required input '%s' not provided", name))
		}
		inputs[name] = spec.Default
	}
	return inputs, nil
}

func dispatchRepository(c *Context) (Response, error) {
	var in struct {
		EventType     string         `json:"event_type"`
		ClientPayload map[string]any `json:"client_payload"`
	}
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.EventType == "" {
		return Response{}, Invalid("Invalid request.\n\n\"event_type\" wasn't supplied.")
	}
	if len(in.ClientPayload) > 10 {
		return Response{}, Invalid("Invalid request.\n\nNo more than 10 properties are allowed; " + strconv.Itoa(len(in.ClientPayload)) + " were supplied.")
	}
	c.Publish(event.Dispatch{Base: c.Event(), EventType: in.EventType, ClientPayload: in.ClientPayload})
	return NoContent(), nil
}

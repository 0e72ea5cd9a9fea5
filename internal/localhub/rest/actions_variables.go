package rest

import (
	"regexp"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var variableOperations = []Operation{
	{"GET", "/repos/{owner}/{repo}/actions/variables", "actions/list-repo-variables", Read("actions_variables"), listVariables},
	{"POST", "/repos/{owner}/{repo}/actions/variables", "actions/create-repo-variable", Write("actions_variables"), createVariable},
	{"GET", "/repos/{owner}/{repo}/actions/variables/{name}", "actions/get-repo-variable", Read("actions_variables"), getVariable},
	{"PATCH", "/repos/{owner}/{repo}/actions/variables/{name}", "actions/update-repo-variable", Write("actions_variables"), updateVariable},
	{"DELETE", "/repos/{owner}/{repo}/actions/variables/{name}", "actions/delete-repo-variable", Write("actions_variables"), deleteVariable},
}

// settingName is what GitHub lets a variable or secret be called.
var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// maxVariable is GitHub's limit of a value, in bytes.
const maxVariable = 48 << 10

func checkSetting(name, value string) error {
	switch {
	case !settingName.MatchString(name):
		return Invalid("Name can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).")
	case strings.HasPrefix(strings.ToUpper(name), "GITHUB_"):
		return Invalid("Name must not start with the GITHUB_ prefix.")
	case len(value) > maxVariable:
		return Invalid("Value is too large: the limit is 48 KB.")
	}
	return nil
}

func variable(v state.Variable) shape.Object {
	return shape.Object{"name": v.Name, "value": v.Value, "created_at": shape.Time(v.CreatedAt), "updated_at": shape.Time(v.UpdatedAt)}
}

func listVariables(c *Context) (Response, error) {
	list := []shape.Object{}
	c.View(func(tx *state.Tx, _ shape.Builder) {
		for v := range tx.Variables.Of(c.Repo.ID) {
			list = append(list, variable(v))
		}
	})
	total := len(list)
	return OK(shape.Object{"total_count": total, "variables": Paginate(c, list)}), nil
}

// findVariable is the variable that the address names.
func (c *Context) findVariable(tx *state.Tx) (state.Variable, error) {
	v, ok := tx.Variables.ByName(state.SettingName(c.Repo.ID, c.Param("name")))
	if !ok {
		return v, NotFound()
	}
	return v, nil
}

func getVariable(c *Context) (res Response, err error) {
	c.View(func(tx *state.Tx, _ shape.Builder) {
		var v state.Variable
		v, err = c.findVariable(tx)
		res = OK(variable(v))
	})
	return res, err
}

// variableInput is the body of create and update; nil is what an update leaves.
type variableInput struct {
	Name  *string `json:"name"`
	Value *string `json:"value"`
}

// put stores v with the input's changes.
func (c *Context) putVariable(tx *state.Tx, v state.Variable, in variableInput) error {
	set(&v.Value, in.Value)
	set(&v.Name, in.Name)
	v.Name, v.UpdatedAt = strings.ToUpper(v.Name), c.Now()
	if err := checkSetting(v.Name, v.Value); err != nil {
		return err
	}
	if other, taken := tx.Variables.ByName(state.SettingName(c.Repo.ID, v.Name)); taken && other.ID != v.ID {
		return Conflict("Already exists - Variable already exists")
	}
	tx.Variables.Put(v)
	return nil
}

func createVariable(c *Context) (Response, error) {
	var in variableInput
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	if in.Name == nil || in.Value == nil {
		return Response{}, Invalid("Invalid request.\n\n\"name\" and \"value\" must be supplied.")
	}
	err := c.Update(func(tx *state.Tx, _ shape.Builder) error {
		return c.putVariable(tx, state.Variable{ID: tx.Variables.NextID(), RepositoryID: c.Repo.ID, CreatedAt: c.Now()}, in)
	})
	return Created(shape.Object{}), err
}

func updateVariable(c *Context) (Response, error) {
	var in variableInput
	if err := c.Decode(&in); err != nil {
		return Response{}, err
	}
	err := c.Update(func(tx *state.Tx, _ shape.Builder) error {
		v, err := c.findVariable(tx)
		if err != nil {
			return err
		}
		return c.putVariable(tx, v, in)
	})
	return NoContent(), err
}

func deleteVariable(c *Context) (Response, error) {
	err := c.Update(func(tx *state.Tx, _ shape.Builder) error {
		v, err := c.findVariable(tx)
		if err == nil {
			tx.Variables.Delete(v.ID)
		}
		return err
	})
	return NoContent(), err
}

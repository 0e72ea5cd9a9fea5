package executor

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"strings"

	"github.com/nektos/act/pkg/model"
)

//go:embed checkout.sh
var checkoutScript string

func isCheckout(step *model.Step) bool {
	return strings.HasPrefix(strings.ToLower(step.Uses), "actions/checkout@")
}

// asCheckout turns a step that uses actions/checkout into a script that does the same, as there is no network to fetch the action from.
func asCheckout(step *model.Step) {
	if step.Name == "" {
		step.Name = stepName(step)
	}
	with := func(key, otherwise string) string {
		for k, v := range step.With {
			if strings.EqualFold(k, key) && v != "" {
				return v
			}
		}
		return otherwise
	}
	env := step.Environment()
	if env == nil {
		env = map[string]string{}
	}
	env["CHECKOUT_REPOSITORY"] = with("repository", "${{ github.repository }}")
	env["CHECKOUT_REF"] = with("ref", "")
	env["CHECKOUT_TOKEN"] = with("token", "${{ github.token }}")
	env["CHECKOUT_PATH"] = with("path", ".")
	env["CHECKOUT_DEPTH"] = with("fetch-depth", "1")
	env["CHECKOUT_PERSIST"] = with("persist-credentials", "true")
	_ = step.Env.Encode(env) // a map of strings always encodes
	step.Uses, step.With = "", nil
	step.Run, step.Shell, step.WorkingDirectory = checkoutScript, "bash", "."
}

// noActions is act's cache of actions: there are none.
type noActions struct{}

// Fetch implements act's ActionCache.
func (noActions) Fetch(_ context.Context, _, url, ref, _ string) (string, error) {
	return "", fmt.Errorf("unable to resolve action %q (%s): there is no network to download it from; actions/checkout and actions in this repository (./path) work, for the rest use run", ref, url)
}

// GetTarArchive implements act's ActionCache.
func (noActions) GetTarArchive(context.Context, string, string, string) (io.ReadCloser, error) {
	return nil, fmt.Errorf("there are no downloaded actions")
}

package publish

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/secret"
)

// A secret that the task was given is found in what it changes, in any form, whatever else
// the repository lets through.
func TestPublishRefusesSecretsOfTheTask(t *testing.T) {
	t.Parallel()
	const value, account = "correct horse battery", `{"type": "service_account", "uri": "https://example.com/a1/token", "key": "q1w2e3r4t5y6u7i8o9p0a1"}`
	files := base()
	files["known.txt"] = "it stands here: " + value + "\n"
	for name, test := range map[string]struct {
		do      func(*world)
		refused string // empty when it is published
	}{
		"as it is":           {func(w *world) { w.task("a.md", "x\n"+value+"\n") }, `"a.md": line 2 holds the secret AGENT_PASSPHRASE`},
		"in base64":          {func(w *world) { w.task("a.md", base64.StdEncoding.EncodeToString([]byte("it is "+value+"."))) }, `"a.md": line 1 holds the secret AGENT_PASSPHRASE`},
		"as a link":          {func(w *world) { w.task("a", "->"+value) }, `"a": line 1 holds the secret`},
		"in a name":          {func(w *world) { w.task("a-"+value+".txt", "fine") }, `"a-***.txt": its name holds the secret AGENT_PASSPHRASE`},
		"a text in JSON":     {func(w *world) { w.task("a.md", "the q1w2e3r4t5y6u7i8o9p0a1 of it") }, `holds the secret AGENT_ACCOUNT`},
		"an ordinary word":   {func(w *world) { w.task("a.md", "a service_account at https://example.com/a1/token") }, ""},
		"beside an old one":  {func(w *world) { w.task("known.txt", "it stands here: "+value+"\nand more\n") }, ""},
		"allowed credential": {func(w *world) { w.cfg.AllowSecrets = true; w.task("a.md", newToken) }, ""},
		"allowed scan":       {func(w *world) { w.cfg.AllowSecrets = true; w.task("a.md", value) }, `holds the secret AGENT_PASSPHRASE`},
		"a short one":        {func(w *world) { w.task("a.md", "42") }, ""},
		"not searched": {func(w *world) {
			w.cfg.Secrets, w.cfg.SecretsMissing = nil, errors.New("the variable is missing")
			w.task("a.md", "fine")
		}, "they can't be searched for the secrets that it got. In the step that publishes, the variable is missing."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, files)
			w.cfg.Secrets = secret.Set{"PASSPHRASE": value, "ACCOUNT": account, "ANSWER": "42"}
			test.do(w)
			_, result, err := w.publish(githubjobs.OutcomeSuccess)
			if test.refused == "" {
				if err != nil || w.changes() == "" {
					t.Errorf("%+v, %v", result, err)
				}
				return
			}
			refused, ok := errors.AsType[*NotDelivered](err)
			if !ok || refused.Problem.Reason != githubjobs.ReasonPolicyDenied || !strings.Contains(refused.Problem.Message, test.refused) || w.changes() != "" {
				t.Fatalf("%+v, %v", result, err)
			}
			if text := w.git("log", "-1", "--format=%B", "job/"+jobID); strings.Contains(text, value) || strings.Contains(refused.Problem.Message, value) {
				t.Errorf("the message tells it:\n%s", text)
			}
		})
	}
}

func TestPublishTellsNoSecretsOfTheTask(t *testing.T) {
	t.Parallel()
	const value = "correct horse battery"
	w := setup(t, base())
	w.cfg.Secrets, w.cfg.AllowSecrets = secret.Set{"PASSPHRASE": value}, true
	_, err := Publish(t.Context(), w.cfg, githubjobs.Result{Outcome: githubjobs.OutcomeFailure, ExitCode: 1, Error: "no " + value, Summary: "it was " + value, Log: "say " + value})
	if text := w.git("log", "-1", "--format=%B", "job/"+jobID); err != nil || strings.Contains(text, value) || !strings.Contains(text, "say ***") || !strings.Contains(text, "no ***") {
		t.Errorf("%v:\n%s", err, text)
	}
}

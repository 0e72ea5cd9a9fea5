//go:build unix

package agent

import (
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/agenttest"
)

const (
	apiKey  = "sk-4f9a/7c+21d8e0b6?&5a3"
	privacy = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nfirst\\second\"third'fourth\n-----END KEY-----\n"
	other   = "the-deploy-key-of-production"
)

// withSecrets is setup for a job that names secrets, in a repository with this policy.
func withSecrets(t *testing.T, policy, script string, names ...string) *fixture {
	t.Helper()
	f := setup(t, script, func(s *githubjobs.Spec) { s.Secrets = names })
	if policy != "" { // The one on the branch as it is now counts, not the one that the job began from.
		f.repo.Commit(agenttest.Commit{Message: "Policy", Write: map[string]string{".githubjobs.yml": policy}})
	}
	f.secrets = map[string]string{"AGENT_API_KEY": apiKey, "AGENT_SIGNING": privacy, "AGENT_OTHER": other, "DEPLOY_KEY": other, "github_token": token}
	return f
}

func TestATaskGetsTheSecretsThatItNames(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := withSecrets(t, "secrets: {allow: [API_*, SIGNING, OTHER]}", `
			printf %s "$API_KEY" | od -An -tu1 | tr -d ' \n' >key; printf %s "$SIGNING" | od -An -v -tu1 | tr -d ' \n' >signing
			env | cut -d= -f1 | sort >names; env | grep -c deploy-key || true`, "SIGNING", "API_KEY").with(runtime)
		_, out := f.job(ExitOK)
		tree := f.dir().Tree()
		if got := f.read(filepath.Join(tree, "key")); got != numbers(apiKey) {
			t.Errorf("API_KEY is %s", got)
		}
		if got := f.read(filepath.Join(tree, "signing")); got != numbers(privacy) {
			t.Errorf("SIGNING is %s", got)
		}
		names := f.read(filepath.Join(tree, "names"))
		for _, name := range []string{"OTHER", "AGENT_", "DEPLOY_KEY", "GITHUB_TOKEN", "GITHUBJOBS_SECRETS"} {
			if strings.Contains(names, name) {
				t.Errorf("%s is in the task's environment:\n%s", name, names)
			}
		}
		if !strings.Contains(out, "Secrets: API_KEY, SIGNING, as variables of the task.") {
			t.Errorf("the log does not tell the names:\n%s", out)
		}
	})
}

// numbers is what od makes of a text without its blanks.
func numbers(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		b.WriteString(strings.TrimSpace(string(appendNumber(nil, c))))
	}
	return b.String()
}

func appendNumber(b []byte, c byte) []byte {
	if c >= 100 {
		b = append(b, '0'+c/100)
	}
	if c >= 10 {
		b = append(b, '0'+c/10%10)
	}
	return append(b, '0'+c%10)
}

// However a task prints a secret, what is promised to be masked is masked: in the log of
// the step, in the result, and in what the task says of itself.
func TestSecretsAreNeverTold(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := withSecrets(t, "secrets: {allow: ['*']}", `
			echo "$API_KEY"; printf '%s' "${API_KEY%????????}"; sleep 0.05; echo "${API_KEY#????????????????}"
			echo "$SIGNING"; printf %s "$SIGNING" | base64; printf %s "$SIGNING" | base64 -w0; echo; echo "user:$API_KEY" | base64
			printf %s "$API_KEY" | od -An -v -tx1 | tr -d ' \n'; echo
			printf 'key=%s\n' "$API_KEY"; echo "{\"k\":\"$API_KEY\"}"
			echo "$API_KEY" >&2; exit 7`, "SIGNING", "API_KEY").with(runtime)
		r, out := f.job(ExitTask)
		told := out + r.Log + r.Summary + r.Error + f.read(f.environ["GITHUB_STEP_SUMMARY"])
		encoded := base64.StdEncoding.EncodeToString([]byte(privacy))
		for _, form := range []string{
			apiKey, apiKey[:16], apiKey[10:], hex.EncodeToString([]byte(apiKey)), url.QueryEscape(apiKey), "MIIEvQ", "first", encoded[10:40], encoded[80:],
			base64.StdEncoding.EncodeToString([]byte("user:" + apiKey))[8:24],
		} {
			if strings.Contains(told, form) {
				t.Errorf("%q came through:\n%s", form, told)
			}
		}
		if strings.Count(r.Log, "***") < 9 {
			t.Errorf("the log is short of masks:\n%s", r.Log)
		}
	})
}

// While a task runs, no file has its secrets, and nothing that it can see of the agent.
func TestSecretsAreNowhereElse(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		f := withSecrets(t, "secrets: {allow: [API_KEY]}", `
			grep -rl "$API_KEY" / --include=*.json --exclude-dir=proc --exclude-dir=sys 2>/dev/null | head -3 | sed 's/^/file: /'
			for p in /proc/[0-9]*; do
				[ $p != /proc/1 ] && [ "$(stat -c %u $p)" = "$(id -u)" ] && continue
				grep -qF "$API_KEY" $p/environ $p/cmdline 2>/dev/null && echo "seen: $p"
			done
			echo ended`, "API_KEY").with(runtime)
		f.step("fetch", ExitOK)
		file := filepath.Join(string(f.dir()), "secrets.json")
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Fatalf("fetch left %v (%v)", info, err)
		}
		cmd, out := f.command("run")
		for _, variable := range cmd.Env {
			if strings.Contains(variable, apiKey) {
				t.Errorf("the run step has %s", variable)
			}
		}
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		if r := f.outcome().Result; strings.Contains(r.Log, "file: ") || strings.Contains(r.Log, "seen: ") || !strings.HasSuffix(r.Log, "ended") {
			t.Errorf("a secret is to be found:\n%s", r.Log)
		}
		if _, err := os.Stat(file); err == nil {
			t.Error("the file with the secrets is still there")
		}
	})
}

func TestSecretsThatAJobCannotHave(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy string
		names  []string
		edit   func(f *fixture)
		reason githubjobs.Reason
		says   []string
	}{
		"no policy":        {"", []string{"API_KEY"}, nil, githubjobs.ReasonPolicyDenied, []string{"does not let jobs have the secret API_KEY", "add it to .githubjobs.yml on main as secrets: {allow: [API_KEY]}"}},
		"not allowed":      {"secrets: {allow: [API_*]}", []string{"API_KEY", "OTHER", "SIGNING"}, nil, githubjobs.ReasonPolicyDenied, []string{"secret OTHER", "secret SIGNING"}},
		"not set":          {"secrets: {allow: ['*']}", []string{"API_KEY", "MISSING"}, nil, githubjobs.ReasonSecretMissing, []string{"the secret AGENT_MISSING is not set", "Settings → Secrets and variables → Actions"}},
		"without prefix":   {"secrets: {allow: ['*']}", []string{"DEPLOY_KEY"}, nil, githubjobs.ReasonSecretMissing, []string{"the secret AGENT_DEPLOY_KEY is not set"}},
		"an old workflow":  {"secrets: {allow: ['*']}", []string{"API_KEY"}, func(f *fixture) { f.secrets = nil }, githubjobs.ReasonSecretMissing, []string{"update run-job.yml", "GITHUBJOBS_SECRETS: ${{ toJSON(secrets) }}"}},
		"a damaged policy": {"secrets: {permit: [API_KEY]}", []string{"API_KEY"}, nil, githubjobs.ReasonPolicyDenied, []string{"is not valid", "permit is not a setting"}},
		"a NUL":            {"secrets: {allow: ['*']}", []string{"API_KEY"}, func(f *fixture) { f.secrets["AGENT_API_KEY"] = "a\x00bcdefgh" }, githubjobs.ReasonSecretMissing, []string{"AGENT_API_KEY holds a NUL character"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := withSecrets(t, test.policy, "echo ran", test.names...)
			if test.edit != nil {
				test.edit(f)
			}
			out := f.step("fetch", ExitError)
			r := f.outcome().Result
			for _, says := range test.says {
				if !strings.Contains(r.Error, says) || r.Outcome != githubjobs.OutcomeError || r.Refused != test.reason {
					t.Errorf("it does not say %q: %+v", says, r)
				}
			}
			if strings.Contains(out+r.Error, apiKey) || strings.Contains(out+r.Error, "bcdefgh") {
				t.Errorf("a value is told:\n%s", out)
			}
			if _, err := os.Stat(filepath.Join(string(f.dir()), "secrets.json")); err == nil {
				t.Error("secrets are kept for a task that does not run")
			}
		})
	}
}

func TestTheRunStepRefusesTheRepositorysSecrets(t *testing.T) {
	t.Parallel()
	f := withSecrets(t, "", "echo ran")
	f.step("fetch", ExitOK)
	f.environ["GITHUBJOBS_SECRETS"] = `{"AGENT_API_KEY": "x"}`
	if out := f.step("run", ExitUsage); !strings.Contains(out, "GITHUBJOBS_SECRETS is set in the step that runs the task") {
		t.Error(out)
	}
}

func TestASecretTooShortToBeMaskedIsSaid(t *testing.T) {
	t.Parallel()
	f := withSecrets(t, "secrets: {allow: [PIN]}", `echo "${#PIN}"`, "PIN")
	f.secrets["AGENT_PIN"] = "x"
	r, out := f.job(ExitOK)
	if r.Log != "1" || !strings.Contains(out, "Not masked in this log: PIN.") {
		t.Errorf("log %q\n%s", r.Log, out)
	}
}

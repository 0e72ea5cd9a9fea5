//go:build unix

package agent

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/agent/agenttest"
)

// prompted is setup for a job of kind prompt, in a repository with this policy and these
// secrets.
func prompted(t *testing.T, text string, c githubjobs.PromptConfig, policy string, secrets map[string]string, edit ...func(*githubjobs.Spec)) *fixture {
	t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	f := setup(t, "", func(s *githubjobs.Spec) {
		s.Kind, s.Config, s.Prompt = githubjobs.KindPrompt, raw, text
		for _, e := range edit {
			e(s)
		}
	})
	if policy != "" {
		f.repo.Commit(agenttest.Commit{Message: "Policy", Write: map[string]string{".githubjobs.yml": policy}})
	}
	f.secrets = secrets
	return f
}

func custom(command ...string) githubjobs.PromptConfig {
	return githubjobs.PromptConfig{Engine: githubjobs.EngineCustom, Command: command}
}

// Whatever stands in the text of a job, it reaches the engine as it is, and no shell or
// flag parser sees anything else in it.
func TestTheTextReachesTheEngine(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"plain":            "Fix the typo",
		"like a flag":      "--version -c 'touch planted'",
		"for a shell":      "$(touch planted) `touch planted`; touch planted & \"'",
		"unicode":          "Größe: 名前 \u202e🙂\nzweite Zeile\r\n\ttab",
		"the longest":      strings.Repeat("0123456789abcde\n", 3800),
		"a placeholder":    "{prompt} {{.Key}} %s",
		"many line breaks": "\n\n a \n\n",
	}
	ways := map[string]githubjobs.PromptConfig{
		"standard input": custom("sh", "-c", `cat >got`),
		"argument":       custom("sh", "-c", `printf %s "$1" >got`, "sh", "{prompt}"),
	}
	for name, text := range texts {
		for way, c := range ways {
			t.Run(name+" by "+way, func(t *testing.T) {
				t.Parallel()
				f := prompted(t, text, c, "", nil)
				if r, out := f.job(ExitOK); r.Outcome != githubjobs.OutcomeSuccess {
					t.Fatalf("%+v\n%s", r, out)
				}
				if got := f.read(filepath.Join(f.dir().Tree(), "got")); got != text {
					t.Errorf("got %.300q, want %.300q", got, text)
				}
				if _, err := os.Stat(filepath.Join(f.dir().Tree(), "planted")); err == nil {
					t.Error("a part of the text was executed")
				}
			})
		}
	}
}

func TestAProgramOfTheRepositoryAsEngine(t *testing.T) {
	each(t, func(t *testing.T, runtime map[string]string) {
		const policy = `
prompt:
  engine: custom
  command: [./agent.sh, "--task={prompt}"]
  llm_model: m-1
  llm_base_url: https://llm.example.com/v1
  max_turns: 7
secrets: {allow: [LLM_API_KEY]}
`
		f := prompted(t, "Say hello", githubjobs.PromptConfig{MaxTurns: 3}, "", map[string]string{"AGENT_LLM_API_KEY": "unseen"})
		f.repo.Commit(agenttest.Commit{Message: "Policy", Write: map[string]string{".githubjobs.yml": policy}})
		f.step("fetch", ExitOK)
		f.step("run", ExitTask) // The program is not in the commit that the job began from.
		if r := f.outcome().Result; r.ExitCode != 127 || !strings.Contains(r.Error, "agent.sh") {
			t.Errorf("without the program: %+v", r)
		}
		f = prompted(t, "Say hello", githubjobs.PromptConfig{MaxTurns: 3, Command: []string{"sh", "-c", `env | grep ^LLM_ | sort; echo "$1"; exit 3`, "sh", "{prompt}"}}, policy,
			map[string]string{"AGENT_LLM_API_KEY": "unseen"}).with(runtime)
		r, _ := f.job(ExitTask)
		const want = "LLM_BASE_URL=https://llm.example.com/v1\nLLM_MAX_TURNS=3\nLLM_MODEL=m-1\nSay hello"
		if r.ExitCode != 3 || !strings.HasSuffix(r.Log, want) || r.Usage == nil || r.Usage.Engine != "custom" || r.Usage.Model != "m-1" {
			t.Errorf("exit code %d, usage %+v\n%s", r.ExitCode, r.Usage, r.Log)
		}
	})
}

// An engine without a key is not started, and the reason says what to set and where.
func TestAnEngineWithoutAKey(t *testing.T) {
	t.Parallel()
	const allowed = "secrets: {allow: [ANTHROPIC_API_KEY]}"
	for name, c := range map[string]struct {
		policy  string
		secrets map[string]string
		reason  githubjobs.Reason
		want    []string
	}{
		"not allowed":        {"", map[string]string{"AGENT_ANTHROPIC_API_KEY": "sk-1"}, githubjobs.ReasonPolicyDenied, []string{"the policy does not let it have", "prompt: {keys: [ANTHROPIC_API_KEY]}"}},
		"not set":            {allowed, map[string]string{"AGENT_OTHER": "sk-1"}, githubjobs.ReasonSecretMissing, []string{"none is set", "AGENT_ANTHROPIC_API_KEY or AGENT_CLAUDE_CODE_OAUTH_TOKEN"}},
		"not handed over":    {allowed, nil, githubjobs.ReasonSecretMissing, []string{"GITHUBJOBS_SECRETS", "run-job.yml"}},
		"engine not allowed": {allowed + "\nprompt: {engines: [codex]}", map[string]string{"AGENT_ANTHROPIC_API_KEY": "sk-1"}, githubjobs.ReasonPolicyDenied, []string{"claude-code is not among", "codex"}},
		"policy is spoilt":   {"prompt: {engin: x}", nil, githubjobs.ReasonPolicyDenied, []string{"engin is not a setting"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := prompted(t, "x", githubjobs.PromptConfig{Engine: "claude-code"}, c.policy, c.secrets)
			f.step("fetch", ExitError)
			r := f.outcome().Result
			for _, want := range c.want {
				if !strings.Contains(r.Error, want) {
					t.Errorf("%q does not say %q", r.Error, want)
				}
			}
			if r.Outcome != githubjobs.OutcomeError || r.Refused != c.reason {
				t.Errorf("outcome %s, refused %q", r.Outcome, r.Refused)
			}
		})
	}
}

// A key that the policy lets engines have reaches no task that names it.
func TestAKeyForEnginesAlone(t *testing.T) {
	t.Parallel()
	secrets, keys := map[string]string{"AGENT_ANTHROPIC_API_KEY": "sk-1"}, "prompt: {keys: [ANTHROPIC_API_KEY]}"
	prompted(t, "x", githubjobs.PromptConfig{Engine: "claude-code"}, keys, secrets).step("fetch", ExitOK)
	for name, c := range map[string]githubjobs.PromptConfig{"the engine": {Engine: "claude-code"}, "a program of the caller's": custom("sh", "-c", "env")} {
		f := prompted(t, "x", c, keys, secrets, func(s *githubjobs.Spec) { s.Secrets = []string{"ANTHROPIC_API_KEY"} })
		f.step("fetch", ExitError)
		if r := f.outcome().Result; r.Refused != githubjobs.ReasonPolicyDenied || !strings.Contains(r.Error, "does not let jobs have the secret ANTHROPIC_API_KEY") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	f := prompted(t, "x", custom("sh", "-c", "! env | grep -q sk-1"), keys, secrets)
	f.job(ExitOK)
}

// A key goes nowhere that the policy does not name, whatever the job's spec says.
func TestAnAddressThatThePolicyDoesNotAllow(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{"AGENT_ANTHROPIC_API_KEY": "sk-1"}
	const key = "secrets: {allow: [ANTHROPIC_API_KEY]}\nprompt: {base_urls: [https://llm.example.com/v1]}"
	for address, code := range map[string]int{
		"https://llm.example.com/v1/":       ExitOK,
		"https://api.anthropic.com":         ExitOK,
		"https://llm.example.com/v2":        ExitError,
		"https://llm.example.com/v1/../v2":  ExitError,
		"https://llm.example.com.evil.com/": ExitError,
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			f := prompted(t, "x", githubjobs.PromptConfig{Engine: "claude-code", BaseURL: address}, key, secrets)
			f.step("fetch", code)
			if code == ExitOK {
				return
			}
			if r := f.outcome().Result; !strings.Contains(r.Error, "does not let the key of claude-code be sent to "+address) || !strings.Contains(r.Error, "prompt: {base_urls: ['"+address+"']}") || r.Refused != githubjobs.ReasonPolicyDenied {
				t.Errorf("%q (%s)", r.Error, r.Refused)
			}
			if _, err := os.Stat(filepath.Join(string(f.dir()), "secrets.json")); err == nil {
				t.Error("the key is kept for a task that does not run")
			}
		})
	}
	// A program of the caller's gets no key by itself, and the address is a text to it.
	c := custom("true")
	c.BaseURL = "https://elsewhere.example.com/v1"
	prompted(t, "x", c, "", nil).job(ExitOK)
}

// A step that publishes without the repository's secrets can't know which key must not get out.
func TestKeysThatPublishDoesNotKnow(t *testing.T) {
	t.Parallel()
	of := func(kind githubjobs.Kind, config, secrets string) error {
		var j job
		j.spec.Kind, j.spec.Config, j.config.Secrets = kind, json.RawMessage(config), secrets
		return j.keysMissing()
	}
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"an engine":               {of(githubjobs.KindPrompt, `{"engine":"codex"}`, " "), true},
		"an engine of the policy": {of(githubjobs.KindPrompt, `{}`, ""), true},
		"with the secrets":        {of(githubjobs.KindPrompt, `{"engine":"codex"}`, `{}`), false},
		"a command of one's own":  {of(githubjobs.KindPrompt, `{"engine":"custom","command":["true"]}`, ""), false},
		"another kind":            {of(githubjobs.KindCommand, `{}`, ""), false},
	} {
		if (test.err != nil) != test.want || test.want && !strings.Contains(test.err.Error(), "GITHUBJOBS_SECRETS: ${{ toJSON(secrets) }}") {
			t.Errorf("%s: %v", name, test.err)
		}
	}
}

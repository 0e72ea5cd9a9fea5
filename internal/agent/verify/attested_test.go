package verify

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/agent/agenttest"
	"github.com/githubjobs/githubjobs/internal/agent/attesttest"
	"github.com/githubjobs/githubjobs/internal/agent/sigstore"
)

// attestation is the statement that the action makes of what the agent has handed over: of
// commits by the bytes that git has.
func (w *world) attestation(claims receipt.Claims) receipt.Statement {
	s := claims.Statement()
	for i, one := range s.Subject {
		line := receipt.Checksum(one.Name, one.Digest.GitCommit, []byte(w.raw(one.Digest.GitCommit)))
		sum, name, _ := strings.Cut(line, "  ")
		s.Subject[i] = receipt.Resource{Name: name, Digest: receipt.Digest{SHA256: sum}}
	}
	return s
}

// raw is a commit as git has it.
func (w *world) raw(sha string) string { return w.repo.Git("cat-file", "commit", sha) + "\n" }

// byTheRun is who signs an attestation of this job.
func (w *world) byTheRun() sigstore.Signer {
	return sigstore.Signer{
		Issuer: "https://github.example/_services/token", Workflow: address + "/.github/workflows/run-job.yml@refs/heads/job/the-job", Repository: address, RepositoryID: "4711",
		Ref: "refs/heads/job/the-job", Commit: w.created, Run: address + "/actions/runs/7/attempts/1",
	}
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (w *world) bundle(raw []byte, change func(*Check)) (Verdict, string, error) {
	w.t.Helper()
	var out bytes.Buffer
	c := Check{Receipt: raw, Repository: w.repo.Tree, Out: &out}
	change(&c)
	verdict, err := c.Run(w.t.Context())
	return verdict, out.String(), err
}

func TestAnAttestation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	authority, stranger := attesttest.New(t), attesttest.New(t)
	good := w.attestation(w.claims)
	unmerged := w.claims
	unmerged.MergeSHA = ""
	trust := func(c *Check) { c.TrustedRoot = authority.Root() }
	by := func(change func(*sigstore.Signer)) []byte {
		s := w.byTheRun()
		change(&s)
		return authority.Sign(encode(t, good), s)
	}
	says := func(change func(*receipt.Statement)) []byte {
		s := w.attestation(w.claims)
		change(&s)
		return authority.Sign(encode(t, s), w.byTheRun())
	}
	for name, c := range map[string]struct {
		bundle  []byte
		check   func(*Check)
		verdict Verdict
		says    string
	}{
		"good":                       {authority.Sign(encode(t, good), w.byTheRun()), trust, Holds, "the workflow that ran was that of the branch main"},
		"its number is known":        {authority.Sign(encode(t, good), w.byTheRun()), func(c *Check) { trust(c); c.RepositoryID = "4711" }, Holds, "who has signed is run 7"},
		"merged by somebody later":   {authority.Sign(encode(t, w.attestation(unmerged)), w.byTheRun()), trust, Holds, "is not in the attestation"},
		"one of several roots":       {authority.Sign(encode(t, good), w.byTheRun()), func(c *Check) { c.TrustedRoot = append(stranger.Root(), authority.Root()...) }, Holds, "every field"},
		"an unknown root":            {stranger.Sign(encode(t, good), w.byTheRun()), trust, Wrong, "signature: by root 1"},
		"a log that does not tell":   {authority.Sign(encode(t, good), w.byTheRun()), func(c *Check) { c.TrustedRoot = authority.RootWithLogs() }, Wrong, "signature: by root 1"},
		"another repository's":       {authority.Sign(encode(t, good), w.byTheRun()), func(c *Check) { trust(c); c.RepositoryID = "4712" }, Wrong, `the number of the repository is "4711", not "4712"`},
		"another issuer":             {by(func(s *sigstore.Signer) { s.Issuer = "https://accounts.example" }), trust, Wrong, "the issuer of the identity is"},
		"another workflow":           {by(func(s *sigstore.Signer) { s.Workflow = address + "/.github/workflows/other.yml@refs/heads/job/the-job" }), trust, Wrong, "the workflow is"},
		"the workflow of main":       {by(func(s *sigstore.Signer) { s.Workflow = address + "/.github/workflows/run-job.yml@refs/heads/main" }), trust, Wrong, "the workflow is"},
		"another repository":         {by(func(s *sigstore.Signer) { s.Repository = "https://github.example/me/evil" }), trust, Wrong, "the repository is"},
		"another ref":                {by(func(s *sigstore.Signer) { s.Ref = "refs/heads/main" }), trust, Wrong, "the ref of the run is"},
		"another commit":             {by(func(s *sigstore.Signer) { s.Commit = w.merged }), trust, Wrong, "the commit of the run is"},
		"another run":                {by(func(s *sigstore.Signer) { s.Run = address + "/actions/runs/8/attempts/1" }), trust, Wrong, "the run is"},
		"another sum":                {says(func(s *receipt.Statement) { s.Subject[1].Digest.SHA256 = strings.Repeat("0", 64) }), trust, Wrong, "has another SHA-256"},
		"another subject":            {says(func(s *receipt.Statement) { s.Subject[0].Name = "release.tar.gz" }), trust, Wrong, `"release.tar.gz" names no commit of a job`},
		"a commit that is no merge":  {says(func(s *receipt.Statement) { s.Subject[0] = w.subject(receipt.Merge, w.created) }), trust, Wrong, "subject[merge]"},
		"no result":                  {says(func(s *receipt.Statement) { s.Subject = s.Subject[:1] }), trust, Wrong, "no result commit is attested"},
		"a commit that nobody has":   {says(func(s *receipt.Statement) { s.Subject[1].Name = "result/" + strings.Repeat("a", 40) }), trust, Unchecked, "is not in this clone"},
		"another image":              {says(func(s *receipt.Statement) { s.Predicate.BuildDefinition.InternalParameters.Image = "evil" }), trust, Wrong, `by the commits it is "agent:v1"`},
		"another sort of statement":  {authority.Sign([]byte(`{"_type":"https://in-toto.io/Statement/v1","subject":[],"predicateType":"https://spdx.dev/Document","predicate":{"x":1}}`), w.byTheRun()), trust, Wrong, "not one that is understood here"},
		"tampered after it was made": {tampered(t, authority.Sign(encode(t, good), w.byTheRun())), trust, Wrong, "signature: by root 1"},
	} {
		verdict, out, err := w.bundle(c.bundle, c.check)
		if err != nil || verdict != c.verdict || !strings.Contains(out, c.says) {
			t.Errorf("%s: %d, %v\n%s\nwant %d and %q", name, verdict, err, out, c.verdict, c.says)
		}
	}
	for name, c := range map[string]struct {
		check func(*Check)
		says  string
	}{
		"no root":        {func(*Check) {}, "--trusted-root"},
		"a damaged root": {func(c *Check) { c.TrustedRoot = []byte("x") }, "gh attestation trusted-root"},
	} {
		if verdict, out, err := w.bundle(authority.Sign(encode(t, good), w.byTheRun()), c.check); err == nil || verdict == Holds || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %d, %v\n%s", name, verdict, err, out)
		}
	}
}

func (w *world) subject(name, sha string) receipt.Resource {
	return receipt.Resource{Name: name + "/" + sha, Digest: receipt.Digest{SHA256: fmt.Sprintf("%x", sha256.Sum256([]byte(w.raw(sha))))}}
}

// tampered changes the exit code that a bundle tells of.
func tampered(t *testing.T, bundle []byte) []byte {
	t.Helper()
	var b map[string]any
	if err := json.Unmarshal(bundle, &b); err != nil {
		t.Fatal(err)
	}
	envelope := b["dsseEnvelope"].(map[string]any)
	payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
	if err != nil || !bytes.Contains(payload, []byte(`"exit_code":0`)) {
		t.Fatalf("%v: %s", err, payload)
	}
	envelope["payload"] = bytes.Replace(payload, []byte(`"exit_code":0`), []byte(`"exit_code":1`), 1)
	return encode(t, b)
}

// Who may push the branch of a job can change the workflow there, and have it attest what
// they like under the same name.
func TestAnAttestationByAChangedWorkflow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	authority := attesttest.New(t)
	w.repo.Git("checkout", "-q", "-b", "aside", "main")
	aside := w.repo.Commit(agenttest.Commit{Message: "Another workflow", Write: map[string]string{".github/workflows/run-job.yml": "on: push\n"}})
	w.repo.Git("checkout", "-q", "main")
	created := w.repo.Git("commit-tree", "-p", aside, "-m", strings.TrimSpace(strings.SplitN(w.raw(w.created), "\n\n", 2)[1]), aside+"^{tree}")
	result := w.repo.Git("commit-tree", "-p", created, "-m", strings.TrimSpace(strings.SplitN(w.raw(w.result), "\n\n", 2)[1]), aside+"^{tree}")
	claims := w.claims
	claims.Created, claims.MergeSHA = created, ""
	outcome := *claims.Outcome
	claims.SetResult(result, outcome)
	by := w.byTheRun()
	by.Commit = created
	verdict, out, err := w.bundle(authority.Sign(encode(t, w.attestation(claims)), by), func(c *Check) { c.TrustedRoot = authority.Root() })
	if err != nil || verdict != Wrong || !strings.Contains(out, "the creation commit does not stand on it") {
		t.Errorf("%d, %v\n%s", verdict, err, out)
	}
}

package localhub

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/box"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/wire"
)

// caller sends requests as GitHub's documentation shows them.
type caller struct {
	*hub
	auth string
}

type object = map[string]any

// do sends a request that must succeed, and returns the answer if it is a JSON object.
func (c *caller) do(method, path string, body any, args ...any) object {
	c.t.Helper()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			c.t.Fatal(err)
		}
	}
	req, err := http.NewRequestWithContext(hubtest.Within(c.t), method, c.URL()+wire.Prefix+fmt.Sprintf(path, args...), bytes.NewReader(sent))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.auth)
	res, err := http.DefaultTransport.RoundTrip(req) // redirects are answers, too
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 400 {
		c.t.Fatalf("%s %s: %s %s %v", method, req.URL.Path, res.Status, raw, err)
	}
	var o object
	json.Unmarshal(raw, &o) // a list or a text tells nothing that is needed
	return o
}

func (c *caller) id(o object) int64 { return int64(o["id"].(float64)) }

// sha is the commit that a branch is at.
func (c *caller) sha(branch string) string {
	return c.do("GET", "/repos/alice/reports/git/ref/heads/%s", nil, branch)["object"].(object)["sha"].(string)
}

const (
	failing  = "name: CI\non: {push: {branches: [main]}}\njobs: {build: {runs-on: x, steps: [{run: exit 3}]}}\n"
	lasting  = "name: Slow\non: workflow_dispatch\njobs: {wait: {runs-on: x, steps: [{run: sleep 300}]}}\n"
	approved = "name: PR\non: pull_request\njobs: {check: {runs-on: x, steps: [{run: 'true'}]}}\n"
)

// TestEveryOperation calls every operation that localhub has, so that each request and answer is held to GitHub's
// description. What is not called would be held to nothing.
func TestEveryOperation(t *testing.T) {
	t.Parallel()
	d := wire.Load(t)
	h, r := setup(t), newReceiver(t)
	for _, op := range h.rest.Operations() {
		if described, ok := d.ByID(op.ID); !ok || described.Method != op.Method {
			t.Errorf("GitHub describes no %s %s", op.Method, op.ID)
		}
	}
	if _, err := h.CreateOrganization("octo"); err != nil {
		t.Fatal(err)
	}
	c := &caller{h, h.token}
	c.account()
	c.hooks(r.URL)
	c.content()
	c.gitData()
	c.settings()
	c.pulls()
	c.checks()
	c.runs()
	c.apps(r.URL)
	c.do("PATCH", "/repos/alice/second", object{"description": "The second", "delete_branch_on_merge": true})
	c.do("DELETE", "/repos/alice/second", nil)
	h.stop() // all is recorded
	var want []string
	for _, op := range h.rest.Operations() {
		want = append(want, op.ID)
	}
	slices.Sort(want)
	got := wire.Operations(h.wire.Seen(), "")
	for _, id := range slices.Compact(want) {
		if !slices.Contains(got, id) {
			t.Errorf("%s was not called", id)
		}
	}
}

func (c *caller) account() {
	for _, path := range []string{"/", "/meta", "/zen", "/rate_limit", "/user", "/users/alice", "/users/octo", "/user/repos?per_page=1", "/users/alice/repos", "/orgs/octo/repos", "/repos/alice/reports"} {
		c.do("GET", path, nil)
	}
	c.do("POST", "/user/repos", object{"name": "second", "auto_init": true, "private": true})
	c.do("POST", "/orgs/octo/repos", object{"name": "third"})
	c.do("GET", "/orgs/octo/repos", nil)
}

func (c *caller) hooks(url string) {
	c.do("POST", "/repos/alice/second/hooks", object{"config": object{"url": url, "content_type": "json", "secret": hookSecret}, "events": []string{"*"}})
	hook := c.id(c.do("POST", "/repos/alice/reports/hooks", object{"name": "web", "active": true, "events": []string{"*"},
		"config": object{"url": url, "content_type": "json", "secret": hookSecret, "insecure_ssl": "0"}}))
	c.do("POST", "/repos/alice/reports/hooks/%d/pings", nil, hook)
	c.do("POST", "/repos/alice/reports/hooks/%d/tests", nil, hook)
	c.idle()
	c.do("GET", "/repos/alice/reports/hooks", nil)
	c.do("GET", "/repos/alice/reports/hooks/%d", nil, hook)
	c.do("PATCH", "/repos/alice/reports/hooks/%d", object{"add_events": []string{"star"}, "active": true}, hook)
	c.do("GET", "/repos/alice/reports/hooks/%d/deliveries?per_page=50", nil, hook)
	delivery := c.delivery(hook)
	c.do("GET", "/repos/alice/reports/hooks/%d/deliveries/%d", nil, hook, delivery)
	c.do("POST", "/repos/alice/reports/hooks/%d/deliveries/%d/attempts", nil, hook, delivery)
	gone := c.id(c.do("POST", "/repos/alice/reports/hooks", object{"config": object{"url": url, "secret": hookSecret}}))
	c.do("DELETE", "/repos/alice/reports/hooks/%d", nil, gone)
}

// delivery is a delivery to the hook.
func (c *caller) delivery(hook int64) int64 {
	c.t.Helper()
	list, _, err := c.alice().Repositories.ListHookDeliveries(hubtest.Within(c.t), "alice", "reports", hook, nil)
	if err != nil || len(list) == 0 {
		c.t.Fatalf("deliveries %v, %v", list, err)
	}
	return list[0].GetID()
}

func (c *caller) content() {
	for _, path := range []string{"/contents/", "/contents", "/contents/README.md?ref=main", "/readme", "/branches", "/branches/main", "/commits?sha=main&per_page=1", "/commits/main", "/labels"} {
		c.do("GET", "/repos/alice/reports"+path, nil)
	}
	first := c.sha("main")
	file := func(path, text, branch string) object {
		return c.do("PUT", "/repos/alice/reports/contents/%s", object{"message": "Add " + path, "content": base64.StdEncoding.EncodeToString([]byte(text)), "branch": branch}, path)
	}
	file(".github/workflows/pr.yml", approved, "main")
	file(".github/workflows/slow.yml", lasting, "main")
	file(".github/workflows/ci.yml", failing, "main")
	gone := file("docs/gone.md", "gone\n", "main")["content"].(object)["sha"]
	c.do("GET", "/repos/alice/reports/contents/docs", nil)
	c.do("DELETE", "/repos/alice/reports/contents/docs/gone.md", object{"message": "Remove it", "sha": gone})
	c.do("GET", "/repos/alice/reports/compare/%s...main", nil, first)
}

func (c *caller) gitData() {
	head := c.sha("main")
	tree := c.do("GET", "/repos/alice/reports/git/commits/%s", nil, head)["tree"].(object)["sha"].(string)
	blob := c.do("POST", "/repos/alice/reports/git/blobs", object{"content": "a\n", "encoding": "utf-8"})["sha"].(string)
	c.do("GET", "/repos/alice/reports/git/blobs/%s", nil, blob)
	c.do("GET", "/repos/alice/reports/git/trees/%s?recursive=1", nil, tree)
	next := c.do("POST", "/repos/alice/reports/git/trees", object{"base_tree": tree,
		"tree": []object{{"path": "reports/a.md", "mode": "100644", "type": "blob", "sha": blob}}})["sha"].(string)
	commit := c.do("POST", "/repos/alice/reports/git/commits", object{"message": "Add a report", "tree": next, "parents": []string{head}})["sha"].(string)
	for _, branch := range []string{"job/a", "job/b", "job/c", "gone"} {
		c.do("POST", "/repos/alice/reports/git/refs", object{"ref": "refs/heads/" + branch, "sha": commit})
	}
	c.do("PATCH", "/repos/alice/reports/git/refs/heads/gone", object{"sha": head, "force": true})
	c.do("DELETE", "/repos/alice/reports/git/refs/heads/gone", nil)
	c.do("GET", "/repos/alice/reports/git/matching-refs/heads/job/", nil)
}

func (c *caller) settings() {
	const at = "/repos/alice/reports/actions"
	c.do("POST", at+"/variables", object{"name": "COLOUR", "value": "red"})
	c.do("PATCH", at+"/variables/COLOUR", object{"value": "blue"})
	c.do("GET", at+"/variables/COLOUR", nil)
	c.do("GET", at+"/variables", nil)
	c.do("DELETE", at+"/variables/COLOUR", nil)
	key := c.do("GET", at+"/secrets/public-key", nil)
	var public [32]byte
	raw, _ := base64.StdEncoding.DecodeString(key["key"].(string))
	copy(public[:], raw)
	sealed, err := box.SealAnonymous(nil, []byte("hush"), &public, rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	for range 2 { // created, then changed
		c.do("PUT", at+"/secrets/HUSH", object{"encrypted_value": base64.StdEncoding.EncodeToString(sealed), "key_id": key["key_id"]})
	}
	c.do("GET", at+"/secrets/HUSH", nil)
	c.do("GET", at+"/secrets", nil)
	c.do("GET", at+"/organization-secrets", nil)
	c.do("DELETE", at+"/secrets/HUSH", nil)
	c.do("PUT", at+"/permissions", object{"enabled": true, "allowed_actions": "all"})
	c.do("GET", at+"/permissions", nil)
	c.do("PUT", at+"/permissions/workflow", object{"default_workflow_permissions": "write", "can_approve_pull_request_reviews": true})
	c.do("GET", at+"/permissions/workflow", nil)
	c.do("PUT", at+"/oidc/customization/sub", object{"use_default": false, "include_claim_keys": []string{"repo", "ref"}})
	c.do("GET", at+"/oidc/customization/sub", nil)
	c.do("GET", at+"/runners", nil)
	c.do("GET", at+"/runners/1", nil)
}

func (c *caller) pulls() {
	const at = "/repos/alice/reports"
	number := c.do("POST", at+"/pulls", object{"title": "A report", "head": "job/a", "base": "main", "body": "Why", "maintainer_can_modify": true})["number"]
	c.do("GET", at+"/pulls?state=all&head=alice:job/a&sort=updated&direction=desc", nil)
	for _, part := range []string{"", "/commits", "/files", "/reviews"} {
		c.do("GET", at+"/pulls/%v"+part, nil, number)
	}
	c.do("PATCH", at+"/pulls/%v", object{"title": "The report", "body": "Because"}, number)
	review := c.id(c.do("POST", at+"/pulls/%v/reviews", object{"event": "COMMENT", "body": "Well"}, number))
	c.do("GET", at+"/pulls/%v/reviews/%d", nil, number, review)
	carol := c.person("carol")
	approval := c.id(carol.do("POST", at+"/pulls/%v/reviews", object{"event": "APPROVE"}, number))
	c.do("PUT", at+"/pulls/%v/reviews/%d/dismissals", object{"message": "Not yet", "event": "DISMISS"}, number, approval)
	c.do("GET", at+"/collaborators/carol/permission", nil)
	c.do("GET", at+"/issues/%v", nil, number)
	comment := c.id(c.do("POST", at+"/issues/%v/comments", object{"body": "Hm"}, number))
	c.do("PATCH", at+"/issues/comments/%d", object{"body": "Ah"}, comment)
	c.do("GET", at+"/issues/comments/%d", nil, comment)
	c.do("GET", at+"/issues/%v/comments?per_page=1", nil, number)
	c.do("DELETE", at+"/issues/comments/%d", nil, comment)
	c.do("POST", at+"/labels", object{"name": "nightly", "color": "00ff00", "description": "By night"})
	c.do("POST", at+"/issues/%v/labels", object{"labels": []string{"daily"}}, number)
	c.do("GET", at+"/issues/%v/labels", nil, number)
	c.do("GET", at+"/labels", nil)
	c.do("DELETE", at+"/issues/%v/labels/daily", nil, number)
	c.do("PUT", at+"/contents/late.md", object{"message": "Move main", "content": "YQo="})
	c.do("PUT", at+"/pulls/%v/update-branch", object{}, number)
	c.do("PUT", at+"/pulls/%v/merge", object{"merge_method": "squash", "sha": c.sha("job/a"), "commit_title": "A report (#1)", "commit_message": "Job-Id: a"}, number)
	c.do("GET", at+"/pulls/%v/merge", nil, number)
	c.do("GET", at+"/pulls/%v", nil, number)
	bot := &caller{c.hub, c.runToken(map[string]string{"pull_requests": "write", "contents": "write"})}
	number = bot.do("POST", at+"/pulls", object{"title": "By a run", "head": "job/b", "base": "main"})["number"]
	c.queue(number.(float64))
}

func (c *caller) checks() {
	const at = "/repos/alice/reports"
	sha := c.sha("job/b")
	bot := &caller{c.hub, c.runToken(map[string]string{"checks": "write", "statuses": "write"})}
	run := c.id(bot.do("POST", at+"/check-runs", object{"name": "githubjobs/merge", "head_sha": sha, "status": "in_progress", "external_id": "b",
		"details_url": c.URL() + "/alice/reports", "output": object{"title": "Judging", "summary": "…"}}))
	answer := bot.do("PATCH", at+"/check-runs/%d", object{"status": "completed", "conclusion": "neutral", "completed_at": time.Now().UTC().Format(time.RFC3339),
		"output": object{"title": "Not merged", "summary": "A path", "annotations": []object{{"path": "reports/a.md", "start_line": 1, "end_line": 1, "annotation_level": "warning", "message": "Hm"}}}}, run)
	c.do("GET", at+"/check-runs/%d", nil, run)
	c.do("GET", at+"/check-runs/%d/annotations", nil, run)
	suite := c.id(answer["check_suite"].(object))
	c.do("GET", at+"/check-suites/%d", nil, suite)
	c.do("GET", at+"/check-suites/%d/check-runs", nil, suite)
	c.do("GET", at+"/commits/%s/check-runs?check_name=githubjobs/merge&per_page=100", nil, sha)
	c.do("GET", at+"/commits/%s/check-suites", nil, sha)
	bot.do("POST", at+"/statuses/%s", object{"state": "success", "context": "ci", "description": "Well"}, sha)
	statement := base64.StdEncoding.EncodeToString([]byte(`{"subject":[{"name":"x","digest":{"sha256":"ab"}}],"predicateType":"https://slsa.dev/provenance/v1"}`))
	c.do("POST", at+"/attestations", object{"bundle": object{"mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial": object{}, "dsseEnvelope": object{"payload": statement}}})
	c.do("GET", at+"/attestations/sha256:ab?predicate_type=https://slsa.dev/provenance/v1", nil)
	c.do("GET", at+"/commits/%s/statuses", nil, sha)
	c.do("GET", at+"/commits/%s/status", nil, sha)
}

func (c *caller) runs() {
	const at = "/repos/alice/reports/actions"
	c.idle()
	c.do("GET", at+"/workflows", nil)
	workflow := c.id(c.do("GET", at+"/workflows/ci.yml", nil))
	c.do("PUT", at+"/workflows/%d/disable", nil, workflow)
	c.do("PUT", at+"/workflows/%d/enable", nil, workflow)
	c.do("GET", at+"/runs?branch=main&event=push&status=completed&per_page=100&created=*..2100-01-01T00:00:00Z", nil)
	failed := c.id(c.do("GET", at+"/workflows/ci.yml/runs?per_page=1", nil)["workflow_runs"].([]any)[0].(object))
	waiting := c.id(c.do("GET", at+"/workflows/pr.yml/runs?status=action_required", nil)["workflow_runs"].([]any)[0].(object))
	c.do("POST", at+"/runs/%d/approve", nil, waiting)
	c.do("POST", at+"/runs/%d/rerun-failed-jobs", object{}, failed)
	c.idle()
	c.do("POST", at+"/runs/%d/rerun", object{"enable_debug_logging": false}, failed)
	c.idle()
	job := c.id(c.do("GET", at+"/runs/%d/jobs?filter=latest", nil, failed)["jobs"].([]any)[0].(object))
	c.do("POST", at+"/jobs/%d/rerun", object{}, job)
	c.idle()
	job = c.id(c.do("GET", at+"/runs/%d/attempts/4/jobs", nil, failed)["jobs"].([]any)[0].(object))
	for _, path := range []string{fmt.Sprintf("/jobs/%d", job), fmt.Sprintf("/jobs/%d/logs", job)} {
		c.do("GET", at+path, nil)
	}
	for _, part := range []string{"", "/logs", "/attempts/1", "/attempts/4/logs"} {
		c.do("GET", at+"/runs/%d"+part, nil, failed)
	}
	c.do("DELETE", at+"/runs/%d/logs", nil, failed)
	c.do("DELETE", at+"/runs/%d", nil, failed)
	for _, how := range []string{"cancel", "force-cancel"} {
		c.do("POST", at+"/workflows/slow.yml/dispatches", object{"ref": "main", "inputs": object{}})
		c.do("POST", at+"/runs/%d/"+how, nil, c.slow())
		c.idle()
	}
	c.do("POST", "/repos/alice/reports/dispatches", object{"event_type": "go", "client_payload": object{"a": 1}})
}

// slow waits for the run that was dispatched, and returns its id.
func (c *caller) slow() int64 {
	c.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		runs := c.do("GET", "/repos/alice/reports/actions/workflows/slow.yml/runs?per_page=1", nil)["workflow_runs"].([]any)
		if len(runs) > 0 && runs[0].(object)["status"] == "in_progress" {
			return c.id(runs[0].(object))
		}
	}
	c.t.Fatal("the run never began")
	return 0
}

func (c *caller) apps(url string) {
	app, key, err := c.CreateApp(App{Owner: "alice", Slug: "jobs", Permissions: map[string]string{"contents": "read"}, Events: []string{"push"},
		WebhookURL: url, WebhookSecret: hookSecret})
	if err != nil {
		c.t.Fatal(err)
	}
	in, err := c.InstallApp(app.ID, "alice", "reports")
	if err != nil {
		c.t.Fatal(err)
	}
	c.do("PUT", "/repos/alice/reports/contents/more.md", object{"message": "More", "content": "YQo="})
	c.idle()
	a := &caller{c.hub, appJWT(c.t, app.ID, key, time.Now())}
	for _, path := range []string{"/app", "/app/installations", fmt.Sprintf("/app/installations/%d", in.ID), "/repos/alice/reports/installation", "/app/hook/config", "/app/hook/deliveries"} {
		a.do("GET", path, nil)
	}
	list, _, err := c.client(a.auth).Apps.ListHookDeliveries(hubtest.Within(c.t), nil)
	if err != nil || len(list) == 0 {
		c.t.Fatalf("deliveries %v, %v", list, err)
	}
	a.do("GET", "/app/hook/deliveries/%d", nil, list[0].GetID())
	a.do("POST", "/app/hook/deliveries/%d/attempts", nil, list[0].GetID())
	token := a.do("POST", "/app/installations/%d/access_tokens", object{"repositories": []string{"reports"}, "permissions": object{"contents": "read"}}, in.ID)["token"].(string)
	installed := &caller{c.hub, token}
	installed.do("GET", "/installation/repositories", nil)
	installed.do("DELETE", "/installation/token", nil)
}

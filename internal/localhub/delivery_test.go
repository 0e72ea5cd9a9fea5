package localhub

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/githubjobs/githubjobs/internal/localhub/hubtest"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

func TestHookLifecycleAndDeliveries(t *testing.T) {
	t.Parallel()
	h, r := setup(t), newReceiver(t)
	ctx, c := hubtest.Within(t), h.alice()
	hook, _, err := c.Repositories.CreateHook(ctx, "alice", "reports", &github.Hook{Active: github.Bool(true), Events: []string{"push"},
		Config: &github.HookConfig{URL: &r.URL, Secret: github.String(hookSecret), ContentType: github.String("form")}})
	if err != nil {
		t.Fatal(err)
	}
	if hook.Config.GetSecret() != "********" || hook.GetURL() == "" {
		t.Errorf("hook: %v", hook)
	}
	_, _, err = c.Repositories.CreateHook(ctx, "alice", "reports", &github.Hook{Events: []string{"push"}, Config: &github.HookConfig{URL: github.String("nonsense")}})
	hubtest.WantStatus(t, err, 422, "Validation Failed")
	id := hook.GetID()
	if _, err := c.Repositories.TestHook(ctx, "alice", "reports", id); err != nil {
		t.Error(err)
	}
	if _, err := c.Repositories.PingHook(ctx, "alice", "reports", id); err != nil {
		t.Error(err)
	}
	h.idle()
	if got := r.events(); !slices.Equal(got, []string{"ping", "push", "ping"}) {
		t.Fatalf("events %v", got)
	}
	list, res, err := c.Repositories.ListHookDeliveries(ctx, "alice", "reports", id, &github.ListCursorOptions{PerPage: 2})
	if err != nil || len(list) != 2 || res.Cursor == "" || list[0].GetEvent() != "ping" || list[0].GetStatusCode() != 200 || list[0].GetStatus() != "OK" {
		t.Fatalf("deliveries: %v, cursor %q, %v", list, res.Cursor, err)
	}
	rest, res, err := c.Repositories.ListHookDeliveries(ctx, "alice", "reports", id, &github.ListCursorOptions{PerPage: 2, Cursor: res.Cursor})
	if err != nil || len(rest) != 1 || res.Cursor != "" {
		t.Errorf("second page: %v, cursor %q, %v", rest, res.Cursor, err)
	}
	push := list[1]
	full, _, err := c.Repositories.GetHookDelivery(ctx, "alice", "reports", id, push.GetID())
	if err != nil {
		t.Fatal(err)
	}
	if parsed, err := full.ParseRequestPayload(); err != nil || parsed.(*github.PushEvent).GetRef() != "refs/heads/main" {
		t.Errorf("recorded request: %v, %v", parsed, err)
	}
	if string(full.Response.GetRawPayload()) != `"thanks"` || full.Request.Headers["X-Hub-Signature-256"] == "" {
		t.Errorf("recorded answer: %s, %v", full.Response.GetRawPayload(), full.Request.Headers)
	}
	// go-github takes the 202 for an error of its own, as with all accepted requests.
	c.Repositories.RedeliverHookDelivery(ctx, "alice", "reports", id, push.GetID())
	h.idle()
	again := r.arrived()[3]
	if again.event != "push" || again.guid != push.GetGUID() {
		t.Errorf("redelivery: %s %s, want push %s", again.event, again.guid, push.GetGUID())
	}
	if _, _, err := c.Repositories.EditHook(ctx, "alice", "reports", id, &github.Hook{Active: github.Bool(false)}); err != nil {
		t.Error(err)
	}
	dir := h.clone(h.token)
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/x")
	h.idle()
	if n := len(r.all()); n != 4 {
		t.Errorf("%d deliveries after the hook was switched off, want 4", n)
	}
	if _, err := c.Repositories.DeleteHook(ctx, "alice", "reports", id); err != nil {
		t.Error(err)
	}
	_, _, err = c.Repositories.GetHook(ctx, "alice", "reports", id)
	hubtest.WantStatus(t, err, 404, "Not Found")
}

func TestSlowReceiverHoldsUpNobody(t *testing.T) {
	t.Parallel()
	h, slow := hooked(t, "push")
	slow.hold = make(chan struct{})
	fast := newReceiver(t)
	if _, err := h.CreateHook("alice", "reports", fast.URL, hookSecret, "push"); err != nil {
		t.Fatal(err)
	}
	dir := h.clone(h.token)
	for i := range 3 {
		h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/b"+itoa(int64(i)))
	}
	// Nothing is answered meanwhile by the slow one, whose deliveries come all the same.
	fast.await(3)
	slow.await(3)
	close(slow.hold)
	h.idle()
}

func TestUnreachableReceiverIsRecorded(t *testing.T) {
	t.Parallel()
	h := setup(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	hook, err := h.CreateHook("alice", "reports", gone.URL, "", "push")
	if err != nil {
		t.Fatal(err)
	}
	dir := h.clone(h.token)
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/x")
	h.idle()
	list, _, err := h.alice().Repositories.ListHookDeliveries(hubtest.Within(t), "alice", "reports", hook.ID, nil)
	if err != nil || len(list) != 1 || list[0].GetStatusCode() != 0 || list[0].GetStatus() == "OK" {
		t.Errorf("deliveries: %v, %v", list, err)
	}
}

func TestAppHookBearsInstallation(t *testing.T) {
	t.Parallel()
	h, r := setup(t), newReceiver(t)
	app, key, err := h.CreateApp(App{Owner: "alice", Slug: "jobs", Permissions: map[string]string{"contents": "read"}, Events: []string{"push"},
		WebhookURL: r.URL, WebhookSecret: hookSecret})
	if err != nil {
		t.Fatal(err)
	}
	in, err := h.InstallApp(app.ID, "alice")
	if err != nil {
		t.Fatal(err)
	}
	dir := h.clone(h.token)
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/x")
	h.idle()
	all := r.all()
	if len(all) != 1 || all[0].payload.(*github.PushEvent).GetInstallation().GetID() != in.ID {
		t.Fatalf("deliveries to the App: %v", r.events())
	}
	list, _, err := h.client(appJWT(t, app.ID, key, time.Now())).Apps.ListHookDeliveries(hubtest.Within(t), nil)
	if err != nil || len(list) != 1 || list[0].GetInstallationID() != in.ID || list[0].GetGUID() != all[0].guid {
		t.Errorf("GET /app/hook/deliveries: %v, %v", list, err)
	}
}

func TestPullRequestAndCheckRunPayloads(t *testing.T) {
	t.Parallel()
	h, r := hooked(t, "pull_request", "check_run", "check_suite")
	dir := h.clone(h.token)
	h.commit(dir, "a.txt", "a\n", "Add a")
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/job/x")
	pr, _, err := h.alice().PullRequests.Create(hubtest.Within(t), "alice", "reports",
		&github.NewPullRequest{Title: github.String("Add a"), Head: github.String("job/x"), Base: github.String("main")})
	if err != nil {
		t.Fatal(err)
	}
	sha := h.commit(dir, "a.txt", "b\n", "Change a")
	h.git(dir, "push", "-q", "origin", "HEAD:refs/heads/job/x")
	c := h.client(h.runToken(map[string]string{"checks": "write"}))
	if _, _, err := c.Checks.CreateCheckRun(hubtest.Within(t), "alice", "reports", github.CreateCheckRunOptions{Name: "merge", HeadSHA: sha,
		Status: github.String("completed"), Conclusion: github.String("success")}); err != nil {
		t.Fatal(err)
	}
	h.idle()
	seen := map[string]any{}
	for _, g := range r.all() {
		seen[g.event+" "+g.raw["action"].(string)] = g.payload
	}
	opened, _ := seen["pull_request opened"].(*github.PullRequestEvent)
	if opened == nil || opened.GetNumber() != pr.GetNumber() || opened.GetPullRequest().GetChangedFiles() != 1 ||
		opened.GetPullRequest().GetHTMLURL() != pr.GetHTMLURL() || opened.GetPullRequest().GetHead().GetRef() != "job/x" {
		t.Errorf("opened: %v", opened)
	}
	sync, _ := seen["pull_request synchronize"].(*github.PullRequestEvent)
	if sync == nil || sync.GetAfter() != sha || sync.GetPullRequest().GetHead().GetSHA() != sha || sync.GetPullRequest().GetCommits() != 2 {
		t.Errorf("synchronize: %v", sync)
	}
	done, _ := seen["check_run completed"].(*github.CheckRunEvent)
	if done == nil || done.GetCheckRun().GetConclusion() != "success" || done.GetCheckRun().GetHeadSHA() != sha || done.GetCheckRun().GetCheckSuite().GetHeadBranch() != "job/x" {
		t.Errorf("check run completed: %v in %v", done, r.events())
	}
	suite, _ := seen["check_suite completed"].(*github.CheckSuiteEvent)
	if s := suite.GetCheckSuite(); s.GetConclusion() != "success" || s.GetHeadBranch() != "job/x" || s.GetHeadSHA() != sha || s.GetHeadCommit().GetMessage() == "" {
		t.Errorf("check suite completed: %v in %v", suite, r.events())
	}
}

func TestOldDeliveriesAreForgotten(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	clock := newClock()
	h := start(t, dir, func(c *Config) { c.Now = clock.now })
	if err := h.db.Update(func(tx *state.Tx) error {
		tx.Deliveries.Put(state.Delivery{ID: tx.Deliveries.NextID(), HookID: 1, DeliveredAt: clock.now()})
		tx.PutBlob(state.BlobRequest, 1, []byte("x"))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	h.stop()
	clock.add(4 * 24 * time.Hour)
	h = start(t, dir, func(c *Config) { c.Now = clock.now })
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		data, err := h.db.Blob(state.BlobRequest, 1)
		if err == nil && data == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the old delivery is still there: %q, %v", data, err)
		}
	}
}

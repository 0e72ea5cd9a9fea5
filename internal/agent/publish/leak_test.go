package publish

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/localhub"
)

// Two tokens in GitHub's form, written in two parts.
var (
	oldToken = "ghp" + "_1234567890abcdefghijABCDEFGHIJ123456"
	newToken = "ghp" + "_zyxwvutsrqponmlkjihgZYXWVUTSRQ654321"
)

func TestPublishRefusesCredentials(t *testing.T) {
	t.Parallel()
	files := base()
	files["config.ini"], files["keys.txt"] = "[a]\nkey = "+oldToken+"\n", "a key: "+oldToken+"\n"
	for name, test := range map[string]struct {
		do      func(*world)
		refused string // "path": line …; empty when it is published
	}{
		"in a new file":                {func(w *world) { w.task("report.md", "# Report\n\n"+newToken+"\n") }, `"report.md": line 3 looks like a credential (github-pat)`},
		"beside one that was there":    {func(w *world) { w.task("config.ini", "[a]\nkey = "+oldToken+"\nother = "+newToken+"\n") }, `"config.ini": line 3 looks like`},
		"brought from another file":    {func(w *world) { w.task("copy.md", "copied: "+oldToken+"\n") }, `"copy.md": line 1 looks like`},
		"the one that was there":       {func(w *world) { w.task("config.ini", "[a]\n\n\nkey = "+oldToken+"\n") }, ""},
		"a file that has another name": {func(w *world) { w.remove("keys.txt"); w.task("moved.txt", files["keys.txt"]) }, ""},
		"taken out":                    {func(w *world) { w.task("config.ini", "[a]\n") }, ""},
		"an ignored file":              {func(w *world) { w.task("x.log", newToken); w.task("fine", "fine") }, ""},
		"allowed by the repository":    {func(w *world) { w.cfg.AllowSecrets = true; w.task("report.md", newToken) }, ""},
		"only the mode":                {func(w *world) { w.task("config.ini", "x:"+files["config.ini"]) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, files)
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
			if text := w.git("log", "-1", "--format=%B", "job/"+jobID); strings.Contains(text, newToken) || strings.Contains(text, oldToken) {
				t.Errorf("the message tells it:\n%s", text)
			}
		})
	}
}

// What a file was before is asked for only where there is a credential in it.
func TestPublishAsksForNoFileInVain(t *testing.T) {
	t.Parallel()
	files := base()
	files["config.ini"] = "key = " + oldToken + "\n"
	w := setup(t, files)
	w.task("README.md", "changed\n")
	w.task("config.ini", "key = "+oldToken+"\n\n")
	w.ResetRequests()
	if _, _, err := w.publish(githubjobs.OutcomeSuccess); err != nil {
		t.Fatal(err)
	}
	blobs := slices.DeleteFunc(w.Requests(), func(r localhub.Request) bool { return !strings.Contains(r.Path, "/git/blobs/") })
	if len(blobs) != 1 {
		t.Errorf("%d blobs were read, want that of config.ini alone: %v", len(blobs), blobs)
	}
}

func TestPublishTellsNoCredentials(t *testing.T) {
	t.Parallel()
	w := setup(t, base())
	key := "AKIA" + "QWERTYUIOPASDFGH"
	_, err := Publish(t.Context(), w.cfg, githubjobs.Result{Outcome: githubjobs.OutcomeFailure, ExitCode: 1, Log: "using " + key + "\nfailed", Summary: "with " + key, Error: "no " + key})
	must(t, err)
	text := w.git("log", "-1", "--format=%B", "job/"+jobID)
	if strings.Contains(text, key) || !strings.Contains(text, "using ***\n    failed") || !strings.Contains(text, "no ***") {
		t.Errorf("the result commit says\n%s", text)
	}
}

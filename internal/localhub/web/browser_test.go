package web

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	cdp "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/githubjobs/githubjobs/internal/require"
)

// TestBrowser opens the pages that the product hands out in a real browser, wide and narrow: styles and charts load under the
// Content-Security-Policy, nothing is wider than the screen, and no script of anybody's runs.
func TestBrowser(t *testing.T) {
	t.Parallel()
	browser := require.Chromium(t)
	w := newWorld(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	dialog := func(ev any) {
		if d, ok := ev.(*cdp.EventJavascriptDialogOpening); ok {
			t.Errorf("a script ran: it says %q", d.Message)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx, cancel = chromedp.NewContext(ctx, chromedp.WithListener(dialog),
		chromedp.WithAllocatorOptions(chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.UserDataDir(t.TempDir())))
	defer cancel()
	for path, want := range map[string]string{
		"/demo/reports":              "Reports!",
		"/demo/reports/pull/1":       "wants to merge 2 commits",
		"/demo/reports/pull/1/files": "Showing 4 changed files",
		fmt.Sprintf("/demo/reports/actions/runs/1/job/%d", w.failedJob.ID): "exit code 1",
		"/demo/reports/actions/runs/1":                                     "Attempt 2",
		"/demo/reports/blob/job/1/reports/daily.md":                        "Twelve commits.",
		"/demo/reports/blob/main/reports/chart.svg":                        "chart.svg",
	} {
		for _, width := range []int64{1200, 390} {
			checkInBrowser(ctx, t, server.URL+path, width, want)
		}
	}
}

// seen is what a page looks like from inside.
type seen struct {
	Text   string `json:"text"`
	Font   string `json:"font"`
	Width  int    `json:"width"`
	Broken int    `json:"broken"`
}

const look = `({text: document.querySelector("main").innerText, font: getComputedStyle(document.body).fontSize,
	width: document.documentElement.scrollWidth, broken: [...document.images].filter(i => i.src.startsWith(location.origin) && !i.naturalWidth).length})`

func checkInBrowser(ctx context.Context, t *testing.T, address string, width int64, want string) {
	t.Helper()
	err := chromedp.Do(ctx, chromedp.EmulateViewport(width, 900), chromedp.Navigate(address))
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	view, err := chromedp.Run(ctx, chromedp.Evaluate[seen](look))
	if err != nil {
		t.Fatalf("%s: %v", address, err)
	}
	if !strings.Contains(view.Text, want) {
		t.Errorf("%s lacks %q; it says:\n%s", address, want, view.Text)
	}
	if view.Font != "14px" {
		t.Errorf("%s: the style sheet did not load: font size %s", address, view.Font)
	}
	if view.Width > int(width) {
		t.Errorf("%s is %d pixels wide on a screen of %d", address, view.Width, width)
	}
	if view.Broken > 0 {
		t.Errorf("%s: %d images did not load", address, view.Broken)
	}
}

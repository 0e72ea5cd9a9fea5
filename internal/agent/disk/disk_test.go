//go:build unix

package disk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDue(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	bounds := Bounds{Bytes: 1000, Files: 100}
	for name, test := range map[string]struct {
		after   time.Duration
		now     space
		counted bool // once, at the beginning: 600 bytes and 10 files, in a second
		want    bool
	}{
		"nothing happens":          {time.Second, space{}, false, false},
		"long ago":                 {patience, space{}, false, true},
		"a quarter of the bytes":   {time.Second, space{bytes: 251}, false, true},
		"a quarter of the files":   {time.Second, space{files: 26}, false, true},
		"less":                     {time.Second, space{bytes: 250, files: 25}, false, false},
		"what is left of bytes":    {5 * time.Second, space{bytes: 400}, true, false},
		"more than what is left":   {5 * time.Second, space{bytes: 401}, true, true},
		"more files":               {5 * time.Second, space{files: 91}, true, true},
		"too soon after a count":   {3 * time.Second, space{bytes: 401}, true, false},
		"a while after a count":    {49 * time.Second, space{}, true, false},
		"a long while after a one": {50 * time.Second, space{}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGauge(bounds, begin, space{})
			if test.counted {
				g.count(begin, time.Second, space{}, usage{bytes: 600, files: 10})
			}
			if got := g.due(begin.Add(test.after), test.now); got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFull(t *testing.T) {
	t.Parallel()
	bounds := Bounds{Bytes: 1000, Files: 100}
	for name, test := range map[string]struct {
		u    usage
		want Reason
	}{
		"just enough":    {usage{bytes: 1000, files: 100}, ""},
		"too many bytes": {usage{bytes: 1001}, TooManyBytes},
		"too many files": {usage{files: 101}, TooManyFiles},
		"too deep":       {usage{deep: true}, TooDeep},
	} {
		full := newGauge(bounds, time.Now(), space{}).count(time.Now(), 0, space{}, test.u)
		if test.want == "" && full != nil || test.want != "" && (full == nil || full.Reason != test.want) {
			t.Errorf("%s: %+v", name, full)
		}
	}
	const gb = 1 << 30
	for name, test := range map[string]struct {
		start, now space
		want       bool
	}{
		"room":               {space{bytes: gb, freeBytes: gb}, space{bytes: gb + gb/2, freeBytes: gb / 2}, false},
		"hardly any":         {space{bytes: gb, freeBytes: gb}, space{bytes: 2*gb - 1, freeBytes: 1}, true},
		"hardly any, before": {space{bytes: gb, freeBytes: 1}, space{bytes: gb + 1, freeBytes: 0}, false},
		"hardly any files":   {space{files: 1, freeFiles: 1e6}, space{files: 1e6, freeFiles: 1}, true},
		"no figures":         {space{}, space{}, false},
	} {
		if full := newGauge(bounds, time.Now(), test.start).disk(test.now); (full != nil) != test.want {
			t.Errorf("%s: %+v", name, full)
		}
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	const many = 1 << 40
	write := func(t *testing.T, path string, size int) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, test := range map[string]struct {
		make  func(t *testing.T, dir string)
		files int64
		bytes int64 // at least, and less than 1 MB more
		deep  bool
	}{
		"files and folders": {func(t *testing.T, dir string) { write(t, dir+"/a/b/c", 3<<20); write(t, dir+"/d", 1) }, 4, 3 << 20, false},
		"closed folders": {func(t *testing.T, dir string) {
			write(t, dir+"/a/b/c", 3<<20)
			for _, name := range []string{"/a/b", "/a"} {
				if err := os.Chmod(dir+name, 0); err != nil {
					t.Fatal(err)
				}
			}
		}, 3, 3 << 20, false},
		"several names": {func(t *testing.T, dir string) {
			write(t, dir+"/a", 3<<20)
			for i := range 9 {
				if err := os.Link(dir+"/a", fmt.Sprint(dir, "/b", i)); err != nil {
					t.Fatal(err)
				}
			}
		}, 1, 3 << 20, false},
		"a hole": {func(t *testing.T, dir string) {
			write(t, dir+"/a", 1)
			if err := os.Truncate(dir+"/a", 1<<30); err != nil {
				t.Fatal(err)
			}
		}, 1, 0, false},
		"links are not followed": {func(t *testing.T, dir string) {
			for name, target := range map[string]string{"/out": "/usr", "/up": "..", "/self": ".", "/none": "nowhere"} {
				if err := os.Symlink(target, dir+name); err != nil {
					t.Fatal(err)
				}
			}
		}, 4, 0, false},
		"depth": {func(t *testing.T, dir string) {
			if err := os.MkdirAll(dir+strings.Repeat("/d", MaxDepth+1), 0o755); err != nil {
				t.Fatal(err)
			}
		}, MaxDepth + 1, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			test.make(t, dir)
			u := count(t.Context(), Bounds{Bytes: many, Files: many}, []string{dir, filepath.Join(dir, "there is no such folder")})
			if u.files != test.files || u.bytes < test.bytes || u.bytes > test.bytes+2<<20 || u.deep != test.deep {
				t.Errorf("counted %+v, want %d files with %d bytes", u, test.files, test.bytes)
			}
		})
	}
}

func TestCountEndsWhenThereIsTooMuch(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 50 {
		if err := os.WriteFile(fmt.Sprint(dir, "/", i), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if u := count(t.Context(), Bounds{Bytes: 1 << 40, Files: 9}, []string{dir}); u.files != 10 {
		t.Errorf("counted %+v", u)
	}
}

func TestGuard(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ctx, release := Guard(t.Context(), Bounds{Bytes: 1 << 20, Files: 1000}, dir)
	if err := os.WriteFile(filepath.Join(dir, "big"), make([]byte, 8<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Minute):
		t.Fatal("nobody noticed")
	}
	if full, ok := errors.AsType[*Full](context.Cause(ctx)); !ok || full.Reason != TooManyBytes || !strings.Contains(full.Error(), "GITHUBJOBS_DISK") {
		t.Errorf("the cause is %v", context.Cause(ctx))
	}
	release()

	ctx, release = Guard(t.Context(), Bounds{Bytes: 1 << 40, Files: 1000}, dir)
	release()
	if full, ok := errors.AsType[*Full](context.Cause(ctx)); ok {
		t.Errorf("the cause is %v", full)
	}
}

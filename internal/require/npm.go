package require

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofrs/flock"
)

// An npmFile is a file of a package in npm's registry. The package's version and hash are pinned: what GitHub says
// tomorrow must not change what a commit of today is tested against.
type npmFile struct {
	name, version string
	integrity     string // of the package, as npm writes it
	member        string // path in the package
	find          func() (string, error)
}

func pinned(name, version, integrity, member string) *npmFile {
	f := &npmFile{name: name, version: version, integrity: integrity, member: member}
	f.find = sync.OnceValues(f.get)
	return f
}

// What GitHub publishes of itself, as JSON. See NPM.
var (
	// OpenAPI describes the REST API of github.com and the payloads of its webhooks.
	OpenAPI = pinned("@octokit/openapi", "23.0.2",
		"sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg==", "generated/api.github.com.json")
	// WebhookExamples holds payloads of every event.
	WebhookExamples = pinned("@octokit/webhooks-examples", "7.6.1",
		"sha512-De6U3XB6O3DtCa7bKgCMzTHdeopqqZ6SNivMYJnK65ierKL1AnNIA0tkRYCRS7lwGT792d+Ps1WbfHlso6MynQ==", "api.github.com/index.json")
)

// OpenAPISchema is the OpenAPI Initiative's JSON Schema of what an OpenAPI 3.1 description may be.
var OpenAPISchema = pinned("@seriousme/openapi-schema-validator", "2.11.0",
	"sha512-DL8TjmjkUS76OaK/TinoRtf6PrirsWfMZiv62ifP9eq3UOpoLqSGZKpCErxMzz0i1pjECSPYY+qZ1SRYEgiEvg==", "schemas/v3.1/schema.json")

// NPM returns the path of the file. It is fetched with npm once and kept in the user's cache folder.
func NPM(t testing.TB, f *npmFile) (path string) {
	t.Helper()
	Uncached(t)
	path, err := f.find()
	if err != nil {
		missing(t, npm, err)
	}
	return path
}

// TryNPM is NPM for a test that has a meaning without the file as well. Where it is missing, this is noted as a skipped
// test is, ok is false, and the test goes on; it fails where REQUIRE names the suite.
func TryNPM(t testing.TB, f *npmFile) (path string, ok bool) {
	t.Helper()
	Uncached(t)
	path, err := f.find()
	if err != nil {
		without(t, npm, err)
	}
	return path, err == nil
}

// get finds the file in the cache, or else fetches it. Test processes that run side by side wait for one another.
func (f *npmFile) get() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	folder := filepath.Join(cache, "githubjobs", "npm")
	file := filepath.Join(folder, fmt.Sprintf("%s-%s-%s", strings.ReplaceAll(f.name[1:], "/", "-"), f.version, path.Base(f.member)))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	lock := flock.New(filepath.Join(folder, "lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Unlock()
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	if _, err := exec.LookPath("npm"); err != nil {
		return "", errors.New("no npm command is in PATH; install Node.js with npm")
	}
	if err := f.fetch(file); err != nil {
		return "", fmt.Errorf("%s %s cannot be had: %w", f.name, f.version, err)
	}
	return file, nil
}

// fetch lets npm bring the package, and takes the one file out of it.
func (f *npmFile) fetch(file string) error {
	folder, err := os.MkdirTemp(filepath.Dir(file), "fetch-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "npm", "pack", f.name+"@"+f.version, "--ignore-scripts", "--loglevel=error", "--pack-destination", folder)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm pack: %w: %s", err, bytes.TrimSpace(out))
	}
	packed, err := filepath.Glob(filepath.Join(folder, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return fmt.Errorf("npm pack left %d packages, %w", len(packed), err)
	}
	content, err := os.ReadFile(packed[0])
	if err != nil {
		return err
	}
	if content, err = f.unpack(content); err != nil {
		return err
	}
	taken := filepath.Join(folder, "taken")
	if err := os.WriteFile(taken, content, 0o644); err != nil {
		return err
	}
	return os.Rename(taken, file)
}

// unpack checks the package's hash and returns the file's content.
func (f *npmFile) unpack(packed []byte) ([]byte, error) {
	sum := sha512.Sum512(packed)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != f.integrity {
		return nil, fmt.Errorf("its hash is %s, and %s is pinned", got, f.integrity)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	for files := tar.NewReader(unzipped); ; {
		header, err := files.Next()
		if err != nil {
			return nil, fmt.Errorf("looking for %s: %w", f.member, err)
		}
		// The first folder's name is the packer's choice.
		if _, name, _ := strings.Cut(header.Name, "/"); name == f.member {
			return io.ReadAll(files)
		}
	}
}

package dev

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	files "github.com/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/policy"
)

// demoAuthors are the people of the demo repository's history.
var demoAuthors = []string{
	"Ada Moreau <ada@example.com>", "Ben Okafor <ben@example.com>",
	"Chen Li <chen@example.com>", "Dana Novak <dana@example.com>",
}

const demoPolicy = `# What githubjobs may merge into this branch without a person.
merge:
  enabled: true
  method: squash
  paths:
    allow:
      - 'reports/**'
`

const demoReadme = `# Reports of the weather stations

Readings of four stations on the coast, and the reports that jobs write about
the work on them.

- ` + "`stations/`" + ` — one file of readings a station
- ` + "`docs/`" + ` — how the stations are kept
- ` + "`reports/`" + ` — written and merged by jobs, see ` + "`.githubjobs.yml`" + `
`

// commit is one step of the demo repository's history.
type commit struct {
	author  string
	age     time.Duration
	message string
	files   map[string]string
}

// demoHistory is five weeks of work that ends now: enough for daily, weekly and
// monthly reports to have something to tell.
func demoHistory() []commit {
	history := []commit{
		{demoAuthors[0], 36 * 24 * time.Hour, "Describe the repository", map[string]string{"README.md": demoReadme}},
		{demoAuthors[0], 35 * 24 * time.Hour, "Run jobs, and let reports be merged", map[string]string{
			files.RunJobPath: string(files.RunJobWorkflow),
			policy.Path:      demoPolicy,
		}},
	}
	stations := []string{"cape", "harbour", "island", "lighthouse"}
	readings := map[string]string{}
	for i := range 44 {
		station, author := stations[i*7%len(stations)], demoAuthors[i*i%len(demoAuthors)]
		age := time.Duration(34*24*(43-i))*time.Hour/43 + 40*time.Minute
		if readings[station] == "" {
			readings[station] = "reading,temperature_c,wind_m_s\n"
		}
		for n := range 3 + i%5 {
			readings[station] += fmt.Sprintf("%d,%d.%d,%d\n", i*10+n, 8+(i*3+n)%9, (i+n)%10, 2+(i+n*5)%14)
		}
		c := commit{author, age, fmt.Sprintf("Add readings of the %s station", station), map[string]string{"stations/" + station + ".csv": readings[station]}}
		if i%9 == 4 {
			c.message = fmt.Sprintf("Explain how the %s station is kept", station)
			c.files = map[string]string{"docs/" + station + ".md": fmt.Sprintf("# The %s station\n\nChecked %d times this year. Clean the rain gauge first.\n", station, i)}
		}
		history = append(history, c)
	}
	return history
}

// pushDemoHistory writes the history with git itself and pushes it as a person
// would, over HTTP.
func pushDemoHistory(ctx context.Context, remote, token string, now time.Time) error {
	dir, err := os.MkdirTemp("", "githubjobs-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	repository := filepath.Join(dir, "reports.git")
	err = git(ctx, nil, nil, "init", "--quiet", "--bare", repository)
	if err == nil {
		err = git(ctx, nil, fastImport(demoHistory(), now), "-C", repository, "fast-import", "--quiet")
	}
	if err == nil {
		err = git(ctx, bearer(token), nil, "-C", repository, "push", "--quiet", remote, "main")
	}
	return err
}

// bearer hands git a token through its environment, where no list of processes shows it.
func bearer(token string) []string {
	return []string{"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: Bearer " + token}
}

// fastImport renders a history as a stream for git fast-import.
func fastImport(history []commit, now time.Time) []byte {
	var b bytes.Buffer
	for _, c := range history {
		when := now.Add(-c.age).Unix()
		fmt.Fprintf(&b, "commit refs/heads/main\nauthor %s %d +0000\ncommitter %s %d +0000\ndata %d\n%s\n", c.author, when, c.author, when, len(c.message), c.message)
		for path, text := range c.files {
			fmt.Fprintf(&b, "M 100644 inline %s\ndata %d\n%s\n", path, len(text), text)
		}
	}
	return b.Bytes()
}

// git runs git without the configuration of the person at the machine.
func git(ctx context.Context, env []string, stdin []byte, args ...string) error {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	cmd.Env = append(cmd.Env, env...)
	cmd.Stdin = bytes.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

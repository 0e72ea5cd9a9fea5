// Package actions speaks with the runner of GitHub Actions in which the agent is
// a step: workflow commands on standard output, the summary of the step, and the
// event that started the run.
//
// The package imports the standard library only; every part of the agent may
// import it.
package actions

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"strings"
)

// Commands writes workflow commands: lines of the step's log that the runner
// acts upon. Outside of Actions they are read by people, and readable.
//
// Source: docs.github.com "Workflow commands for GitHub Actions".
type Commands struct{ w io.Writer }

// To returns the commands of the step whose standard output is w.
func To(w io.Writer) Commands { return Commands{w} }

// Printf writes one ordinary line. What looks like a command in it stays text.
func (c Commands) Printf(format string, args ...any) {
	line := oneLine.Replace(fmt.Sprintf(format, args...))
	if strings.HasPrefix(strings.TrimSpace(line), "::") {
		line = "| " + line
	}
	fmt.Fprintln(c.w, line)
}

// oneLine undoes what ends a line, for which the runner takes a carriage return too, and what
// begins a command of the old form, which the runner finds anywhere in a line.
// Source: actions/runner, ActionCommand.TryParse.
var oneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ", "##[", "# #[")

// Plain returns a writer to w for a program that writes whole lines which begin with words of its
// own, such as a logger: what looks like a command in them stays text.
func Plain(w io.Writer) io.Writer { return plain{w} }

type plain struct{ w io.Writer }

func (p plain) Write(lines []byte) (int, error) {
	if _, err := p.w.Write(bytes.ReplaceAll(lines, []byte("##["), []byte("# #["))); err != nil {
		return 0, err
	}
	return len(lines), nil
}

// Group begins a part of the log that is shown folded; the function that it
// returns ends it. Groups don't nest.
func (c Commands) Group(title string) (end func()) {
	fmt.Fprintf(c.w, "::group::%s\n", data(title))
	return func() { fmt.Fprintln(c.w, "::endgroup::") }
}

// Error writes an error that GitHub shows on the page of the run.
func (c Commands) Error(title, message string) { c.annotate("error", title, message) }

// Warning writes a warning that GitHub shows on the page of the run.
func (c Commands) Warning(title, message string) { c.annotate("warning", title, message) }

// Notice writes a notice that GitHub shows on the page of the run.
func (c Commands) Notice(title, message string) { c.annotate("notice", title, message) }

func (c Commands) annotate(level, title, message string) {
	fmt.Fprintf(c.w, "::%s title=%s::%s\n", level, property(title), data(message))
}

// Mask makes the runner replace the value by *** in all that follows.
func (c Commands) Mask(value string) {
	if strings.TrimSpace(value) != "" {
		fmt.Fprintf(c.w, "::add-mask::%s\n", data(value))
	}
}

// Stop makes the runner take every following line as plain text, until the
// function that it returns is called. Nobody can guess the word that ends it.
func (c Commands) Stop() (resume func()) {
	word := rand.Text()
	fmt.Fprintf(c.w, "::stop-commands::%s\n", word)
	return func() { fmt.Fprintf(c.w, "::%s::\n", word) }
}

var (
	dataEscapes     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	propertyEscapes = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

func data(s string) string     { return dataEscapes.Replace(s) }
func property(s string) string { return propertyEscapes.Replace(s) }

// SetOutput hands a value to the steps that follow, as steps.<id>.outputs.<name>. path
// is GITHUB_OUTPUT; without it nothing is written. The value must be one line.
func SetOutput(path, name, value string) error {
	if path == "" {
		return nil
	}
	if strings.ContainsAny(name+value, "\r\n") {
		return fmt.Errorf("the output %s of the step is more than one line", name)
	}
	if err := appendTo(path, name+"="+value+"\n"); err != nil {
		return fmt.Errorf("write the step's output: %w", err)
	}
	return nil
}

// AppendSummary adds Markdown to the summary of the step, which GitHub shows on
// the page of the run. path is GITHUB_STEP_SUMMARY; without it nothing is written.
func AppendSummary(path, markdown string) error {
	if path == "" {
		return nil
	}
	if err := appendTo(path, strings.TrimRight(markdown, "\n")+"\n"); err != nil {
		return fmt.Errorf("write the step's summary: %w", err)
	}
	return nil
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	return err
}

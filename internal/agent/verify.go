//go:build unix

package agent

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/githubjobs/receipt"
	"github.com/githubjobs/githubjobs/internal/agent/verify"
)

const verifyUsage = `Usage: agent verify --key <file> [--repository <folder>] <receipt>
       agent verify --key <file> [--repository <folder>] --server <address> <job id>
       agent verify --trusted-root <file> [--repository <folder>] <attestation>

Checks the receipt of a job, or GitHub's attestation of its result: the signature, and all that it says by the commits
of a clone. Nothing is asked of anybody, unless --server is given: then the receipt comes from there, by the API key in
API_KEY.

  <receipt>      file of a receipt, or - for the standard input
  <attestation>  file of a Sigstore bundle, as gh attestation download makes it
  --trusted-root file of what gh attestation trusted-root prints
  --repository-id  number of the repository on GitHub, to be compared with the attestation's
  --key          file with public keys that you trust, in PEM, or as the server publishes them; may be repeated
  --repository   a clone of the job's repository (default: the current folder)
  --server       address of the server

Exit codes: 0 the receipt holds; 1 it does not; 2 it could not be checked.
`

// verifyOptions are the words behind agent verify.
type verifyOptions struct {
	keys               []string
	repository, server string
	root, repositoryID string
	receipt            string
}

func parseVerify(args []string) (o verifyOptions, err error) {
	flags := flag.NewFlagSet("verify", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("key", "", func(file string) error { o.keys = append(o.keys, file); return nil })
	flags.StringVar(&o.repository, "repository", ".", "")
	flags.StringVar(&o.server, "server", "", "")
	flags.StringVar(&o.root, "trusted-root", "", "")
	flags.StringVar(&o.repositoryID, "repository-id", "", "")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	switch {
	case flags.NArg() != 1:
		return o, errors.New("name one receipt")
	case len(o.keys) == 0 && o.root == "":
		return o, errors.New("name the file of a key that you trust with --key; a server tells its own at /.well-known/githubjobs/keys. For an attestation by GitHub, name what gh attestation trusted-root prints with --trusted-root")
	}
	o.receipt = flags.Arg(0)
	return o, nil
}

// verify does what the command line says and returns the exit code.
func (p Program) verify(ctx context.Context) int {
	o, err := parseVerify(p.Args[1:])
	if err != nil {
		if fmt.Fprint(p.Stderr, verifyUsage); !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(p.Stderr, "\nagent verify: %v\n", err)
		}
		return ExitUsage
	}
	verdict, err := p.check(ctx, o)
	if err != nil {
		fmt.Fprintf(p.Stderr, "agent verify: %v\n", err)
		return ExitUsage
	}
	return map[verify.Verdict]int{verify.Holds: ExitOK, verify.Wrong: ExitTask, verify.Unchecked: ExitUsage}[verdict]
}

func (p Program) check(ctx context.Context, o verifyOptions) (verify.Verdict, error) {
	c := verify.Check{Repository: o.repository, RepositoryID: o.repositoryID, Out: p.Stdout}
	if o.root != "" {
		raw, err := os.ReadFile(o.root)
		if err != nil {
			return 0, err
		}
		c.TrustedRoot = raw
	}
	for _, file := range o.keys {
		raw, err := os.ReadFile(file)
		if err != nil {
			return 0, err
		}
		keys, err := receipt.ParseKeys(raw)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", file, err)
		}
		c.Keys = append(c.Keys, keys...)
	}
	var err error
	if c.Receipt, err = p.readReceipt(ctx, o); err != nil {
		return 0, err
	}
	return c.Run(ctx)
}

// readReceipt reads it from where the words say.
func (p Program) readReceipt(ctx context.Context, o verifyOptions) ([]byte, error) {
	switch {
	case o.server != "":
		return p.askReceipt(ctx, o)
	case o.receipt == "-":
		return io.ReadAll(io.LimitReader(os.Stdin, receipt.MaxBytes+1))
	}
	f, err := os.Open(o.receipt)
	if errors.Is(err, os.ErrNotExist) && githubjobs.ValidID(o.receipt) {
		return nil, fmt.Errorf("there is no file %s; if it is the id of a job, name the server that has its receipt with --server", o.receipt)
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, receipt.MaxBytes+1))
}

// askReceipt asks a server for it.
func (p Program) askReceipt(ctx context.Context, o verifyOptions) ([]byte, error) {
	if !githubjobs.ValidID(o.receipt) {
		return nil, fmt.Errorf("%q is not the id of a job", o.receipt)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(o.server, "/")+"/api/jobs/"+o.receipt+"/receipt", nil)
	if err != nil {
		return nil, err
	}
	for _, variable := range p.Environ {
		if key, ok := strings.CutPrefix(variable, "API_KEY="); ok {
			req.Header.Set("x-api-key", key)
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, receipt.MaxBytes+1))
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("the server answers %s: %.500s", res.Status, raw)
	}
	return raw, err
}

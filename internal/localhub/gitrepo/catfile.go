package gitrepo

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// catFile reads objects through a long-lived "git cat-file --batch-command", and
// remembers small ones. Requests are answered one after another.
type catFile struct {
	process
	cache objectCache
}

// object is one answer: what the object is and, when asked for, its content,
// which is shared and must not be changed.
type object struct {
	sha, kind string
	size      int64
	data      []byte
}

func newCatFile(dir string) *catFile {
	return &catFile{process: process{dir: dir, args: []string{"cat-file", "--batch-command"}}}
}

// read asks for an object by an expression that the caller has checked. verb is
// "info" or "contents".
func (c *catFile) read(ctx context.Context, verb, expr string) (obj object, err error) {
	if strings.ContainsAny(expr, "\n\x00") || expr == "" {
		return object{}, fmt.Errorf("%w: %q", ErrBadName, expr)
	}
	if obj, ok := c.cache.get(verb, expr); ok {
		return obj, nil
	}
	err = c.talk(ctx, func(in io.Writer, out *bufio.Reader) error {
		obj, err = ask(in, out, verb, expr)
		return err
	})
	if err == nil {
		c.cache.put(verb, expr, obj)
	}
	return obj, err
}

func ask(in io.Writer, out *bufio.Reader, verb, expr string) (object, error) {
	if _, err := io.WriteString(in, verb+" "+expr+"\n"); err != nil {
		return object{}, err
	}
	line, err := out.ReadString('\n')
	if err != nil {
		return object{}, err
	}
	f := strings.Fields(line)
	if len(f) != 3 || !IsSHA(f[0]) {
		return object{}, answerError{fmt.Errorf("%s: %w", expr, ErrNotFound)}
	}
	obj := object{sha: f[0], kind: f[1]}
	if obj.size, err = strconv.ParseInt(f[2], 10, 64); err != nil {
		return object{}, fmt.Errorf("%q: %w", line, err)
	}
	if verb == "contents" {
		obj.data = make([]byte, obj.size+1) // and the newline after it
		if _, err := io.ReadFull(out, obj.data); err != nil {
			return object{}, err
		}
		obj.data = obj.data[:obj.size]
	}
	return obj, nil
}

package publish

import (
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"golang.org/x/sys/unix"
)

// smallFile is what is read in one go: most files of most repositories.
const smallFile = 64 << 10

// hasher hashes files as git does, one after another.
type hasher struct {
	buffer []byte // the header of a blob, and behind it the content of a small file
	large  []byte
}

const maxHeader = 32 // "blob ", a number of bytes, NUL

var hashers = sync.Pool{New: func() any { return &hasher{buffer: make([]byte, maxHeader+smallFile+1)} }}

// file is a regular file that was opened by name, whatever stood there before.
type file struct {
	fd   int
	size int64
	exec bool // its owner may execute it
}

// openFile opens a name of a folder: a regular file, and neither what a link leads to nor
// anything else. A pipe does not block it.
func openFile(dir int, name string) (f file, err error) {
	if f.fd, err = openAt(dir, name, unix.O_NONBLOCK); err != nil {
		return f, err
	}
	var stat unix.Stat_t
	if err = unix.Fstat(f.fd, &stat); err == nil && stat.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%s was replaced while it was read", name)
	}
	if err != nil {
		unix.Close(f.fd)
		return f, err
	}
	f.size, f.exec = stat.Size, stat.Mode&0o100 != 0
	return f, nil
}

func (f file) close() { unix.Close(f.fd) }

// Read reads on.
func (f file) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(f.fd, p)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, os.NewSyscallError("read", err)
		case n == 0 && len(p) > 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// hash is git's name for the content of a file that was just opened. The content is that of
// a small file, until the next call; nil for a large one.
func (h *hasher) hash(f file) (hash plumbing.Hash, content []byte, err error) {
	if f.size > smallFile {
		hash, err = h.hashLarge(f, f.size)
		return hash, nil, err
	}
	header := strconv.AppendInt(append(h.buffer[:0], "blob "...), f.size, 10)
	header = append(header, 0)
	content = h.buffer[len(header) : len(header)+int(f.size)+1] // one more, to see the end
	n, err := f.Read(content)
	for err == nil && n < int(f.size) { // mostly it comes as a whole
		var more int
		more, err = f.Read(content[n:])
		n += more
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && n != int(f.size) {
		err = errChanging
	}
	return sha1.Sum(h.buffer[:len(header)+n]), content[:n], err
}

func (h *hasher) hashLarge(r io.Reader, size int64) (plumbing.Hash, error) {
	if h.large == nil {
		h.large = make([]byte, 256<<10)
	}
	sum := sha1.New()
	fmt.Fprintf(sum, "blob %d\x00", size)
	n, err := io.CopyBuffer(sum, onlyReader{io.LimitReader(r, size+1)}, h.large)
	if err == nil && n != size {
		err = errChanging
	}
	return plumbing.Hash(sum.Sum(nil)), err
}

// onlyReader hides what else a reader can do, so that io.CopyBuffer uses its buffer.
type onlyReader struct{ io.Reader }

var errChanging = errors.New("it changed while it was read: a process of the task is still at work")

// again reads a large file that was hashed before.
func again(f file, hash plumbing.Hash) ([]byte, error) {
	if _, err := unix.Seek(f.fd, 0, io.SeekStart); err != nil {
		return nil, os.NewSyscallError("seek", err)
	}
	content, err := io.ReadAll(io.LimitReader(f, f.size+1))
	if err == nil && plumbing.ComputeHash(plumbing.BlobObject, content) != hash {
		err = errChanging
	}
	return content, err
}

func tooLarge(limit int64) string { return fmt.Sprintf("it is larger than %d MB", limit>>20) }

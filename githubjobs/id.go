package githubjobs

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"time"
)

// BranchPrefix begins the name of every branch that carries a job.
const BranchPrefix = "job/"

var schedulePattern = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

// ValidScheduleName reports whether name may name a schedule: 1 to 63 of a–z, 0–9 and
// '-', neither beginning nor ending with '-'.
func ValidScheduleName(name string) bool { return schedulePattern.MatchString(name) }

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// NewID returns a fresh job id: a UUIDv7 (RFC 9562), so that ids sort by the
// time of their creation to the millisecond.
func NewID(now time.Time) string {
	var b [16]byte
	rand.Read(b[6:]) // crypto/rand.Read never fails: it ends the program instead.
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	return formatUUID(b, 7)
}

// KeyedID returns the id of the job that the idempotency key names within the
// project. It is a UUIDv8 (RFC 9562) over SHA-256, so that every server, and
// every later one that lost its store, derives the same id, and git's refusal to
// create a ref twice makes the creation happen once.
func KeyedID(project, key string) string {
	h := sha256.New()
	// The length keeps ("a", "bc") and ("ab", "c") apart.
	fmt.Fprintf(h, "%d:%s%s", len(project), project, key)
	return formatUUID([16]byte(h.Sum(nil)[:16]), 8)
}

func formatUUID(b [16]byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	s := hex.EncodeToString(b[:])
	return s[:8] + "-" + s[8:12] + "-" + s[12:16] + "-" + s[16:20] + "-" + s[20:]
}

// ValidID reports whether id may name a job: 1 to 63 of a–z, 0–9 and '-', not
// beginning with '-'. Such an id is safe in a ref, a path, a URL and a shell word.
func ValidID(id string) bool { return idPattern.MatchString(id) }

// Branch returns the name of the branch that carries the job's first attempt; see Name.
func Branch(id string) string { return Name{ID: id}.Branch() }

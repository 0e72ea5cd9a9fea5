package api

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/githubjobs/githubjobs/githubjobs"
)

const (
	answerSlots = 8192
	maxAnswer   = 4 << 10 // bytes of an answer that is kept
)

// answers keeps encoded answers of status reads, at most one a slot: jobs are polled
// far more often than they change. It never says what is not so any more: the job is
// computed at every read, and only its encoding is left out.
type answers struct {
	seed  maphash.Seed
	slots [answerSlots]atomic.Pointer[answered]
}

// answered is an encoded job.
type answered struct {
	// spec is of the facts that the job was computed from. The store hands out the same
	// one for as long as nothing was learnt, and kept here no other can get its address.
	spec   *githubjobs.Spec
	moment moment
	body   []byte
}

// moment is the part of a job that the time decides; the facts decide the rest. Jobs
// with a diagnosis or several attempts, which the time decides too, are encoded at every read.
type moment struct {
	status            githubjobs.Status
	reason            githubjobs.Reason
	message           string
	terminal          bool
	started, finished time.Time
}

func momentOf(j githubjobs.Job) moment {
	return moment{j.Status, j.Reason, j.Message, j.Terminal, j.StartedAt, j.FinishedAt}
}

func newAnswers() *answers { return &answers{seed: maphash.MakeSeed()} }

func (a *answers) slot(id string) *atomic.Pointer[answered] {
	return &a.slots[maphash.String(a.seed, id)%answerSlots]
}

// get returns the encoding of a job that was computed from facts with this spec.
func (a *answers) get(spec *githubjobs.Spec, job githubjobs.Job) []byte {
	kept := a.slot(job.ID).Load()
	if kept == nil || len(job.Diagnosis)+len(job.Attempts) > 0 || kept.spec != spec || kept.moment != momentOf(job) {
		return nil
	}
	return kept.body
}

func (a *answers) put(spec *githubjobs.Spec, job githubjobs.Job, body []byte) {
	if len(body) <= maxAnswer && len(job.Diagnosis)+len(job.Attempts) == 0 {
		a.slot(job.ID).Store(&answered{spec, momentOf(job), body})
	}
}

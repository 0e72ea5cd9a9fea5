package api

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/githubjobs/githubjobs/githubjobs"
	"github.com/githubjobs/githubjobs/internal/api/problem"
)

// readName reads the name by which the other jobs of a batch refer to an entry.
func readName(raw json.RawMessage, into *string) error {
	if err := text(raw, into); err != nil {
		return err
	}
	if !githubjobs.ValidLabel(*into) {
		return fmt.Errorf("%q can't name a job; a name has 1 to 63 letters, digits and characters . _ : / = -, and begins with a letter or digit", shown(*into))
	}
	return nil
}

// called is how an entry is told of to its caller.
func (b *batchRequest) called(i int) string {
	if b.names[i] == "" {
		return b.at(i)
	}
	return fmt.Sprintf("%s (%s)", b.at(i), b.names[i])
}

// byName finds entries by their names, which must differ.
func (b *batchRequest) byName() (entries map[string]int, wrong mistakes) {
	entries = map[string]int{}
	for i, name := range b.names {
		if other, taken := entries[name]; taken && len(wrong) < mostMistakes {
			wrong.add(problem.New(problem.InvalidField, "%s: name %q is that of %s, too; give each job its own.", b.at(i), name, b.at(other)).OfField(b.at(i) + ".name"))
		} else if name != "" {
			entries[name] = i
		}
	}
	return entries, wrong
}

// resolve gives the jobs of the batch that the entry refers to, by name or, as in #3, by place,
// their ids. What is neither is the id of a job.
func (b *batchRequest) resolve(batch string, entry int, byName map[string]int) error {
	on := b.specs[entry].DependsOn
	for i, name := range on {
		field := fmt.Sprintf("depends_on[%d]", i)
		n, named := byName[name]
		switch index, placed := strings.CutPrefix(name, "#"); {
		case placed:
			var err error
			if n, err = strconv.Atoi(index); err != nil || n < 0 || n >= len(b.specs) || strconv.Itoa(n) != index {
				return problem.New(problem.InvalidField, "%q names no job of this batch; the first is #0, the last #%d.", shown(name), len(b.specs)-1).OfField(field)
			}
		case !named && !githubjobs.ValidID(name):
			return problem.New(problem.InvalidField, "%q is neither the name of a job of this batch nor the id of one that is there.", shown(name)).OfField(field)
		case !named:
			continue
		}
		on[i] = githubjobs.MemberID(batch, n)
	}
	return nil
}

package receipt

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// byproduct is a resource that is told of without a digest.
type byproduct struct {
	Name        string            `json:"name"`
	URI         string            `json:"uri,omitempty"`
	Annotations *outcomeAnnotated `json:"annotations,omitempty"`
}

type outcomeAnnotated struct {
	Status   githubjobs.Outcome `json:"status"`
	ExitCode int                `json:"exit_code"`
}

const (
	nameOutcome = "outcome"
	namePull    = "pull request"
)

// MarshalJSON implements json.Marshaler: SLSA's list of byproducts.
func (o Outcome) MarshalJSON() ([]byte, error) {
	list := []byproduct{}
	if o.Status != "" {
		list = append(list, byproduct{Name: nameOutcome, Annotations: &outcomeAnnotated{o.Status, o.ExitCode}})
	}
	if o.PullURL != "" {
		list = append(list, byproduct{Name: namePull, URI: o.PullURL})
	}
	return json.Marshal(list)
}

// UnmarshalJSON implements json.Unmarshaler, strictly.
func (o *Outcome) UnmarshalJSON(raw []byte) error {
	var list []byproduct
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&list); err != nil {
		return err
	}
	*o = Outcome{}
	for _, one := range list {
		switch {
		case one.Name == nameOutcome && one.Annotations != nil && one.URI == "" && o.Status == "":
			o.Status, o.ExitCode = one.Annotations.Status, one.Annotations.ExitCode
		case one.Name == namePull && one.Annotations == nil && o.PullURL == "":
			o.PullURL = one.URI
		default:
			return errors.New("its byproducts hold what no receipt has")
		}
	}
	return nil
}

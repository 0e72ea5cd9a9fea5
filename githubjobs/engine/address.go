package engine

import "fmt"

// AddressError: the key of an engine would go to an address that the policy does not allow.
type AddressError struct {
	Engine, Address string
	Base            string // the branch whose policy counts
	FromServer      bool   // the address is the server's own choice, and not the job's
}

func (e *AddressError) Error() string {
	or := "leave llm_base_url out"
	if e.FromServer {
		or = "take it out of the server's PROMPT_LLM_BASE_URL"
	}
	return fmt.Sprintf("the policy on %s does not let the key of %s be sent to %s. Add that address to .githubjobs.yml there, written as plainly as https://llm.example.com/v1: prompt: {base_urls: ['%s']}; or %s",
		e.Base, e.Engine, e.Address, e.Address, or)
}

// CheckAddress says whether the key of the choice may be sent to its address; nil also where
// it has no key, or no address but the provider's. allows decides by the policy on the
// branch base, and gets the provider's own address. Its error is an *AddressError.
func (c Choice) CheckAddress(allows func(address string, own ...string) bool, base string) error {
	if len(c.Keys) == 0 || c.BaseURL == "" {
		return nil
	}
	var own []string
	if e, ok := Find(c.Engine); ok {
		if p, ok := e.Provider(c.Provider); ok && p.Address != "" {
			own = []string{p.Address}
		}
	}
	if allows(c.BaseURL, own...) {
		return nil
	}
	return &AddressError{Engine: c.Engine, Address: c.BaseURL, Base: base}
}

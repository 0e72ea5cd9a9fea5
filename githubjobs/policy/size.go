package policy

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Size is a number of bytes. It is written as that number, or with KB, MB or GB behind
// it, which count 1,024 each time.
type Size int64

var units = map[string]Size{"KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}

// UnmarshalYAML implements yaml.Unmarshaler.
func (s *Size) UnmarshalYAML(value *yaml.Node) error {
	number, unit := strings.TrimSpace(value.Value), Size(1)
	for name, bytes := range units {
		if rest, ok := strings.CutSuffix(strings.ToUpper(number), name); ok {
			number, unit = strings.TrimSpace(rest), bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if value.Kind != yaml.ScalarNode || err != nil || n < 0 || Size(n) > math.MaxInt64/unit {
		return fmt.Errorf("line %d: %q is not a size; write it like 500KB or 10MB", value.Line, value.Value)
	}
	*s = Size(n) * unit
	return nil
}

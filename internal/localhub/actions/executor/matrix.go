package executor

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/nektos/act/pkg/exprparser"
)

const (
	defaultCheck = exprparser.DefaultStatusCheckSuccess
	noCheck      = exprparser.DefaultStatusCheckNone
)

// sorted orders the combinations, which act returns in no fixed order, by their values.
func sorted(matrices []map[string]any) []map[string]any {
	slices.SortStableFunc(matrices, func(a, b map[string]any) int {
		return strings.Compare(strings.Join(matrixValues(a), "\x00"), strings.Join(matrixValues(b), "\x00"))
	})
	return matrices
}

// matrixValues are the values of a combination in the order of their keys, as GitHub appends them to the name of a job.
func matrixValues(matrix map[string]any) []string {
	var values []string
	for _, key := range slices.Sorted(maps.Keys(matrix)) {
		values = append(values, fmt.Sprint(matrix[key]))
	}
	return values
}

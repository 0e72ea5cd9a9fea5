package sqlite

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Active implements store.Jobs.
func (s *Store) Active(ctx context.Context, project, after string, limit int) ([]githubjobs.Facts, error) {
	rows, err := s.read.QueryContext(ctx, `SELECT facts FROM jobs WHERE project = ? AND active = 1 AND id > ? ORDER BY id LIMIT ?`, project, after, limit)
	if err != nil {
		return nil, explain(err)
	}
	var list []githubjobs.Facts
	err = each(rows, func() error {
		var raw []byte
		var f githubjobs.Facts
		err := errors.Join(rows.Scan(&raw), json.Unmarshal(raw, &f))
		list = append(list, f)
		return err
	})
	return list, explain(err)
}

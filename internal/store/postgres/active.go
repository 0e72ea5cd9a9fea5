package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/githubjobs/githubjobs/githubjobs"
)

// Active implements store.Jobs.
func (s *Store) Active(ctx context.Context, project, after string, limit int) (list []githubjobs.Facts, err error) {
	err = s.read(ctx, func(rows pgx.Rows) error {
		var raw []byte
		var f githubjobs.Facts
		if err := errors.Join(rows.Scan(&raw), json.Unmarshal(raw, &f)); err != nil {
			return err
		}
		list = append(list, f)
		return nil
	}, `SELECT facts FROM jobs WHERE project = $1 AND active AND id > $2 ORDER BY id LIMIT $3`, project, after, limit)
	return list, err
}

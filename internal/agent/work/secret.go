package work

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// secretsName is the file in the work folder in which fetch hands the task's secrets to
// run. It is there before anything of the job runs, and never while it does.
const secretsName = "secrets.json"

// maxSecretsBytes bounds the file: githubjobs.MaxSecrets of GitHub's 48 KB, as JSON.
const maxSecretsBytes = 16 << 20

func (d Dir) secrets() string { return d.join(secretsName) }

// SaveSecrets keeps secrets by name for the run step, readable for this user alone.
// None leave no file.
func (d Dir) SaveSecrets(secrets map[string]string) error {
	if len(secrets) == 0 {
		return nil
	}
	raw, err := json.Marshal(secrets)
	if err == nil {
		err = d.check()
	}
	if err != nil {
		return fmt.Errorf("save the secrets: %w", err)
	}
	root, err := os.OpenRoot(string(d))
	if err == nil {
		err = errors.Join(writeFile(root, secretsName, raw), root.Close())
	}
	if err != nil {
		return fmt.Errorf("save the secrets: %w", err)
	}
	return nil
}

// TakeSecrets reads what SaveSecrets kept, and removes it. A file that can't be removed is
// an error: the task must not begin beside it.
func (d Dir) TakeSecrets() (secrets map[string]string, err error) {
	raw, err := ReadFile(string(d), secretsName, maxSecretsBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = d.check()
	}
	if err == nil {
		err = json.Unmarshal(raw, &secrets)
	}
	if err = errors.Join(err, os.Remove(d.secrets())); err != nil {
		return nil, fmt.Errorf("read the secrets: %w", err)
	}
	return secrets, nil
}

package state

// Tx is the state inside View (read only) or Update. It must not be kept after the function returns.
type Tx struct {
	Users         *Table[User]
	Apps          *Table[App]
	Installations *Table[Installation]
	Tokens        *Table[Token]
	Repositories  *Table[Repository]
	RefChanges    *Table[RefChange]
	Hooks         *Table[Hook]
	Deliveries    *Table[Delivery]

	Pulls    *Table[Pull]
	Comments *Table[Comment]
	Labels   *Table[Label]
	Reviews  *Table[Review]
	Statuses *Table[CommitStatus]

	Attestations *Table[Attestation]

	CheckSuites *Table[CheckSuite]
	CheckRuns   *Table[CheckRun]

	Workflows *Table[Workflow]
	Runs      *Table[Run]
	Jobs      *Table[Job]
	Variables *Table[Variable]
	Secrets   *Table[Secret]

	OrganizationSecrets *Table[OrganizationSecret]

	log    *logHolder
	tables map[string]loader
}

type loader interface {
	load([]byte) error
	loadCounter(int64)
}

func newTx() *Tx {
	tx := &Tx{log: &logHolder{}, tables: map[string]loader{}}
	tx.Users = table[User](tx, "user")
	tx.Apps = table[App](tx, "app")
	tx.Installations = table[Installation](tx, "installation")
	tx.Tokens = table[Token](tx, "token")
	tx.Repositories = table[Repository](tx, "repository")
	tx.RefChanges = table[RefChange](tx, "ref_change")
	tx.Hooks = table[Hook](tx, "hook")
	tx.Deliveries = table[Delivery](tx, "delivery")
	tx.Pulls = table[Pull](tx, "pull")
	tx.Comments = table[Comment](tx, "comment")
	tx.Labels = table[Label](tx, "label")
	tx.Reviews = table[Review](tx, "review")
	tx.Statuses = table[CommitStatus](tx, "status")
	tx.Attestations = table[Attestation](tx, "attestation")
	tx.CheckSuites = table[CheckSuite](tx, "check_suite")
	tx.CheckRuns = table[CheckRun](tx, "check_run")
	tx.Workflows = table[Workflow](tx, "workflow")
	tx.Runs = table[Run](tx, "run")
	tx.Jobs = table[Job](tx, "job")
	tx.Variables = table[Variable](tx, "variable")
	tx.Secrets = table[Secret](tx, "secret")
	tx.OrganizationSecrets = table[OrganizationSecret](tx, "organization_secret")
	return tx
}

func table[T doc](tx *Tx, kind string) *Table[T] {
	t := &Table[T]{kind: kind, log: tx.log, rows: map[int64]T{}, children: map[int64][]int64{},
		names: map[string]int64{}, open: map[int64][]int64{}}
	tx.tables[kind] = t
	return t
}

// PutBlob stores bytes that are too large to keep in memory (a webhook's body); DB.Blob reads them. nil deletes. Only inside Update.
func (tx *Tx) PutBlob(kind string, key int64, data []byte) {
	tx.log.must().blobs[docKey{kind, key}] = data
}

// DeleteRepository deletes a repository and all that belongs to it. Only inside Update.
func (tx *Tx) DeleteRepository(id int64) {
	for run := range tx.Runs.Of(id) {
		tx.Jobs.deleteOf(run.ID)
		tx.Tokens.deleteOf(run.ID)
	}
	for p := range tx.Pulls.Of(id) {
		tx.Comments.deleteOf(p.ID)
		tx.Reviews.deleteOf(p.ID)
	}
	for h := range tx.Hooks.Of(id) {
		for d := range tx.Deliveries.Of(h.ID) {
			tx.PutBlob(BlobRequest, d.ID, nil)
			tx.PutBlob(BlobResponse, d.ID, nil)
		}
		tx.Deliveries.deleteOf(h.ID)
	}
	for _, of := range []func(int64){
		tx.RefChanges.deleteOf, tx.Runs.deleteOf, tx.Pulls.deleteOf, tx.Hooks.deleteOf, tx.Labels.deleteOf, tx.Statuses.deleteOf, tx.Attestations.deleteOf, tx.CheckSuites.deleteOf,
		tx.CheckRuns.deleteOf, tx.Workflows.deleteOf, tx.Variables.deleteOf, tx.Secrets.deleteOf,
	} {
		of(id)
	}
	tx.Repositories.Delete(id)
}

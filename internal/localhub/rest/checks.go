package rest

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/githubjobs/githubjobs/internal/localhub/gitrepo"
	"github.com/githubjobs/githubjobs/internal/localhub/shape"
	"github.com/githubjobs/githubjobs/internal/localhub/state"
)

var checkOperations = []Operation{
	{"POST", "/repos/{owner}/{repo}/check-runs", "checks/create", Write("checks"), createCheckRun},
	{"GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks/get", Read("checks"), getCheckRun},
	{"PATCH", "/repos/{owner}/{repo}/check-runs/{check_run_id}", "checks/update", Write("checks"), updateCheckRun},
	{"GET", "/repos/{owner}/{repo}/check-runs/{check_run_id}/annotations", "checks/list-annotations", Read("checks"), listAnnotations},
	{"GET", "/repos/{owner}/{repo}/check-suites/{check_suite_id}", "checks/get-suite", Read("checks"), getCheckSuite},
	{"GET", "/repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs", "checks/list-for-suite", Read("checks"), listSuiteRuns},
	{"GET", "/repos/{owner}/{repo}/commits/{ref}/check-runs", "checks/list-for-ref", Read("checks"), listRefRuns},
	{"GET", "/repos/{owner}/{repo}/commits/{ref}/check-suites", "checks/list-suites-for-ref", Read("checks"), listRefSuites},
}

// commitNamed is the commit that a ref or SHA names.
func (c *Context) commitNamed(ref string) (string, error) {
	git, err := c.Git()
	if err != nil {
		return "", err
	}
	sha, err := git.Resolve(c.Context(), ref)
	if errors.Is(err, gitrepo.ErrNotFound) {
		return "", Invalid("No commit found for SHA: " + ref)
	}
	return sha, err
}

// checkRun finds the check run that the path names.
func (c *Context) checkRun() (run state.CheckRun, err error) {
	id, err := c.ID("check_run_id")
	if err != nil {
		return run, err
	}
	c.View(func(tx *state.Tx, _ shape.Builder) { run, _ = tx.CheckRuns.Get(id) })
	if run.RepositoryID != c.Repo.ID {
		return run, NotFound()
	}
	return run, nil
}

func getCheckRun(c *Context) (Response, error) {
	run, err := c.checkRun()
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.CheckRun(c.Repo, run) })
	return OK(body), nil
}

func listAnnotations(c *Context) (Response, error) {
	run, err := c.checkRun()
	if err != nil {
		return Response{}, err
	}
	list := []shape.Object{}
	c.View(func(_ *state.Tx, b shape.Builder) {
		for _, a := range Paginate(c, run.Annotations) {
			list = append(list, b.Annotation(c.Repo, run, a))
		}
	})
	return OK(list), nil
}

func listRefRuns(c *Context) (Response, error) {
	sha, err := c.commitNamed(c.Param("ref"))
	if err != nil {
		return Response{}, err
	}
	return c.checkRuns(func(run state.CheckRun) bool { return run.HeadSHA == sha })
}

func listSuiteRuns(c *Context) (Response, error) {
	suite, err := c.checkSuite()
	if err != nil {
		return Response{}, err
	}
	return c.checkRuns(func(run state.CheckRun) bool { return run.SuiteID == suite.ID })
}

// checkRuns answers with the check runs of a commit or suite, newest first, under the filters of the request.
func (c *Context) checkRuns(of func(state.CheckRun) bool) (Response, error) {
	name, status, app := c.Query("check_name"), c.Query("status"), c.Query("app_id")
	all := c.Query("filter") == "all"
	body := shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		type series struct {
			suite int64
			name  string
		}
		seen := map[series]bool{}
		var runs []state.CheckRun
		for run := range tx.CheckRuns.Newest(c.Repo.ID) {
			if !of(run) || name != "" && run.Name != name || !appMatches(b, run.AppID, app) {
				continue
			}
			key := series{run.SuiteID, run.Name}
			if latest := !seen[key]; (latest || all) && (status == "" || run.Status == status) {
				runs = append(runs, run)
			}
			seen[key] = true
		}
		list := []shape.Object{}
		for _, run := range Paginate(c, runs) {
			list = append(list, b.CheckRun(c.Repo, run))
		}
		body["total_count"], body["check_runs"] = len(runs), list
	})
	return OK(body), nil
}

// appMatches reports whether the App with this id in the state has that id for clients.
func appMatches(b shape.Builder, id int64, want string) bool {
	return want == "" || want == fmt.Sprint(b.CheckApp(id)["id"])
}

// checkSuite finds the check suite that the path names.
func (c *Context) checkSuite() (suite state.CheckSuite, err error) {
	id, err := c.ID("check_suite_id")
	if err != nil {
		return suite, err
	}
	c.View(func(tx *state.Tx, _ shape.Builder) { suite, _ = tx.CheckSuites.Get(id) })
	if suite.RepositoryID != c.Repo.ID {
		return suite, NotFound()
	}
	return suite, nil
}

func getCheckSuite(c *Context) (Response, error) {
	suite, err := c.checkSuite()
	if err != nil {
		return Response{}, err
	}
	head, err := c.readCommit(suite.HeadSHA)
	if err != nil {
		return Response{}, err
	}
	var body shape.Object
	c.View(func(_ *state.Tx, b shape.Builder) { body = b.CheckSuite(c.Repo, suite, head) })
	return OK(body), nil
}

// readCommit reads a commit that localhub itself names.
func (c *Context) readCommit(sha string) (gitrepo.Commit, error) {
	git, err := c.Git()
	if err != nil {
		return gitrepo.Commit{}, err
	}
	return git.Commit(c.Context(), sha)
}

func listRefSuites(c *Context) (Response, error) {
	sha, err := c.commitNamed(c.Param("ref"))
	if err != nil {
		return Response{}, err
	}
	head, err := c.readCommit(sha)
	if err != nil {
		return Response{}, err
	}
	name, app := c.Query("check_name"), c.Query("app_id")
	body := shape.Object{}
	c.View(func(tx *state.Tx, b shape.Builder) {
		named := map[int64]bool{}
		for run := range tx.CheckRuns.Of(c.Repo.ID) {
			if run.Name == name {
				named[run.SuiteID] = true
			}
		}
		var suites []state.CheckSuite
		for s := range tx.CheckSuites.Of(c.Repo.ID) {
			if s.HeadSHA == sha && (name == "" || named[s.ID]) && appMatches(b, s.AppID, app) {
				suites = append(suites, s)
			}
		}
		list := []shape.Object{}
		for _, s := range Paginate(c, suites) {
			list = append(list, b.CheckSuite(c.Repo, s, head))
		}
		body["total_count"], body["check_suites"] = len(suites), list
	})
	return OK(body), nil
}

// checksPassed reports whether nothing on the commit is failing or under way: neither a check run nor a status.
func checksPassed(tx *state.Tx, repositoryID int64, sha string) bool {
	type series struct {
		suite int64
		name  string
	}
	seen := map[series]bool{}
	for run := range tx.CheckRuns.Newest(repositoryID) {
		key := series{run.SuiteID, run.Name}
		if run.HeadSHA != sha || seen[key] {
			continue
		}
		seen[key] = true
		if !slices.Contains([]string{"success", "neutral", "skipped"}, run.Conclusion) {
			return false
		}
	}
	statuses := latestStatuses(tx, repositoryID, sha)
	return len(statuses) == 0 || combinedState(statuses) == "success"
}

// oneOf reports whether value is empty or one of the words.
func oneOf(value, words string) bool {
	return value == "" || slices.Contains(strings.Fields(words), value)
}

// Package hostile holds tasks that mean harm, as data: each file of testdata is one, and what must come of it. Its test
// has each of them done by the real agent, step by step as the workflow does (fetch, run, publish, merge), against a
// GitHub of its own, in a container and as a process of another user. It has no code of its own, and nothing imports it.
//
// A case is a txtar archive. Its comment says what the task is after. Its files:
//
//	task           the script that the job runs
//	want           what must come of it, one line each, "step: text" (below)
//	runtimes       docker, user or both; docker when absent, for what is the same in both
//	settings       variables of the steps, NAME=value
//	job.json       fields of the job's spec
//	base/<path>    a file of the repository, besides those that every case has
//	before-merge   a script of a person who may push to the job's branch, run between publish and merge; its folder is
//	               a clone with that branch checked out
//
// In all of them @OUT@ is a folder of the runner's user that others may read, @RUNNER@ the runner's own one, @MARK@ a word
// that stands nowhere else, for processes to be found by.
//
// The lines of want:
//
//	outcome: success         the outcome that the run step saves; success when absent
//	error: <text>            is in the reason that it saves
//	log: <text>              is in the log that it saves
//	no log: <text>           is not, nor in what the step shows
//	fetch: <text>            is in what the step says; then it has refused, and no other is tried
//	publish: <text>          is in what the step says
//	merge: <text>            is in what the step says
//	main: A reports/a.txt    main has this change afterwards (A, M or D), and no other; without a line, none
//
// Whatever a case wants: the token is in nothing that the task could see or has left, nor in what is published; the files
// of the runner are as they were; no process of the task is alive and its container is gone when the run step has ended;
// nothing that the task left has been executed.
package hostile

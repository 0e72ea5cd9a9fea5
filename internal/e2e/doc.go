// Package e2e holds the tests that send real jobs all the way: a server process,
// localhub, the repository's own workflow, the agent's binary, real git. It has no
// code of its own; what it tests is what a user runs.
//
// testdata/*.txtar are scenarios. The text above the first file says what is shown.
//
//	jobs.json            a list of bodies for POST /api/create-job
//	want.json            a list of what the jobs must come to, field by field; "~x" is a regular expression
//	want-any-order.json  the same where it is open which job comes to what
//	settings.json        {"runners": 1, "pull_requests_by_actions": true, "same_base": false}; same_base
//	                     holds that all jobs began at the same commit
//	repository/PATH      a file of the repository before the jobs; an empty one removes the default
//	main/PATH            what a file on main must hold at the end
//	main-says/PATH       regular expressions, one a line, of what a file on main must say at the end
//	absent               paths, one a line, that must not be on main at the end
//	gone                 command lines, one a line, of which no process may be alive at the end
//
// $UNIQUE stands for a number that no other scenario of the run has.
package e2e

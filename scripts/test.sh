#!/usr/bin/env bash
# Checks everything: gofmt, go vet, all tests. At the end it says which suites were skipped for want of a real program.
#
#   test.sh [packages]             default ./...
#   test.sh --compile [packages]   checks nothing, and compiles what the tests are made of
#
# REQUIRE=docker,postgres,chromium,npm,root (any of them) makes a missing one fail instead of being skipped.
# GITHUBJOBS_TEST_IMAGE        test this agent image instead of building githubjobs/agent:dev
# GITHUBJOBS_TEST_CORE_IMAGE   test this image instead of building githubjobs/agent-core:dev
# GITHUBJOBS_TEST_POSTGRES_URL the database of the PostgreSQL tests
# RACE=auto|on|off             the race detector; auto = where a C compiler is installed, which it needs
# TIMEOUT=20m                  of each package's tests
set -euo pipefail
cd "$(dirname "$0")/.."

compile=
[ "${1:-}" != --compile ] || { compile=yes; shift; }
packages=("$@")
# What takes longest begins first, or it would be left over at the end, by itself.
[ $# -gt 0 ] || packages=(./internal/e2e ./...)
say() { printf '== %s\n' "$*"; }

# SQLite itself, translated from C, is not watched by the race detector, which would take it several times longer; its
# driver and all other code are. Its locks are those of package sync, which the detector always sees. Nor are the numbers
# of which keys are made, nor the parsing of regular expressions: they are given texts, and share nothing.
race_flags() {
	local on=-race package
	for package in modernc.org/sqlite/lib modernc.org/libc/... crypto/internal/fips140/bigmod regexp/syntax; do
		on+=" -gcflags=$package=-race=false"
	done
	case ${RACE:-auto} in
	on) echo "$on" ;;
	off) ;;
	auto) [ "$(go env CGO_ENABLED)" = 1 ] && command -v "$(go env CC)" >/dev/null && echo "$on" || true ;;
	*) echo "RACE is \"$RACE\"; it can be auto, on or off" >&2; exit 2 ;;
	esac
}

if [ -n "$compile" ]; then
	go vet "${packages[@]}" || true
	go list -export -test -deps $(race_flags) "${packages[@]}" >/dev/null
	exit
fi

say "gofmt"
unformatted=$(go list -f '{{range .GoFiles}}{{$.Dir}}/{{.}}
{{end}}{{range .TestGoFiles}}{{$.Dir}}/{{.}}
{{end}}{{range .XTestGoFiles}}{{$.Dir}}/{{.}}
{{end}}' "${packages[@]}" | grep . | xargs "$(go env GOROOT)/bin/gofmt" -l)
if [ -n "$unformatted" ]; then
	printf 'not formatted; run gofmt -w on:\n%s\n' "$unformatted" >&2
	exit 1
fi

say "go vet"
go vet "${packages[@]}"

# The Docker tests are to test the source as it is now. An image that can't be built goes away, so that they are skipped
# (or fail, if REQUIRE names them) instead of testing an old one.
if [ -z "${GITHUBJOBS_TEST_IMAGE:-}" ] && docker version >/dev/null 2>&1; then
	say "agent image"
	scripts/image.sh agent || docker image rm githubjobs/agent:dev >/dev/null 2>&1 || true
fi

if [ -z "${GITHUBJOBS_TEST_CORE_IMAGE:-}" ] && docker version >/dev/null 2>&1; then
	say "agent image without tools"
	scripts/image.sh agent-core || docker image rm githubjobs/agent-core:dev >/dev/null 2>&1 || true
fi

run=$(mktemp -d)
trap 'rm -rf "$run"' EXIT
race=$(race_flags)
say "go test${race:+ -race}${REQUIRE:+ (required: $REQUIRE)}"
status=0
TIMEFORMAT='== go test took %0R s, and %0U + %0S s of processor time (user and system)'
export GITHUBJOBS_TEST_RUN=$run REQUIRE=${REQUIRE:-}
time go test $race -timeout "${TIMEOUT:-20m}" "${packages[@]}" || status=$?

[ -n "$race" ] || say "without the race detector (RACE=${RACE:-auto}; it needs a C compiler)"
if [ -s "$run/skipped" ]; then
	cut -f1 "$run/skipped" | sort | uniq -c | sed 's/^ *\([0-9]*\) \(.*\)/\2 (tests: \1)/'
else
	say "no suite was skipped"
fi
exit $status

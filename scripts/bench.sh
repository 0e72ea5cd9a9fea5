#!/usr/bin/env bash
# Runs the benchmarks, with the agent's image built first where an engine answers.
#
#   bench.sh <pattern> <time or count> [packages]
set -euo pipefail
cd "$(dirname "$0")/.."

pattern=$1 time=$2
shift 2
if docker version >/dev/null 2>&1; then
	scripts/image.sh agent || true
fi
# Only packages that have benchmarks, so that nothing else clutters the numbers.
packages=("$@")
if [ $# -eq 0 ]; then
	while read -r package folder; do
		grep -qs '^func Benchmark' "$folder"/*_test.go && packages+=("$package")
	done < <(go list -f '{{.ImportPath}} {{.Dir}}' ./...)
fi
[ ${#packages[@]} -gt 0 ] || { echo "no package has benchmarks" >&2; exit 1; }
# One package at a time: they would disturb each other.
exec go test -p 1 -run '^$' -bench "$pattern" -benchtime "$time" -timeout 30m "${packages[@]}"

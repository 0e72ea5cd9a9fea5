#!/usr/bin/env bash
# Fuzzes each fuzz target of the module for a short time, one after another.
#
#   fuzz.sh [time of each]        default 10s
set -euo pipefail
cd "$(dirname "$0")/.."

time=${1:-10s}
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}} {{.Dir}}{{end}}' ./... | while read -r package folder; do
	for target in $(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$folder"/*_test.go); do
		echo "== $package $target"
		# Shrinking every new input would take most of the time: what runs beside the target covers other code each time.
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 50x "$package" </dev/null
	done
done

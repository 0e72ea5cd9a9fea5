#!/usr/bin/env bash
# Builds the programs of a release for every system that they run on, and a list of their checksums.
#
#   release.sh <version> <folder>
#
# SYSTEMS and PROGRAMS choose fewer of them.
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?"the version, like v1.2.3"}
folder=${2:?"the folder to build into"}
[[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+ ]] || { echo "release: \"$version\" is no version, like v1.2.3" >&2; exit 2; }
package=$(go list -m)

# A machine may have no time zone files, which the schedules of the server need.
declare -A tags=([agent]='' [server]=timetzdata)

mkdir -p "$folder"
for system in ${SYSTEMS:-linux/amd64 linux/arm64}; do
	for program in ${PROGRAMS:-agent server}; do
		name=githubjobs-${program}_${version}_${system/\//_}
		CGO_ENABLED=0 GOOS=${system%/*} GOARCH=${system#*/} go build -trimpath -tags "${tags[$program]}" \
			-ldflags="-s -w -X $package/internal/agent.version=$version" -o "$folder/$name" "./cmd/$program"
	done
done
cd "$folder"
sha256sum githubjobs-* >SHA256SUMS

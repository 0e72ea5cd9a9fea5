#!/usr/bin/env bash
# Builds an image of the Dockerfile from the current source: githubjobs/agent:dev, githubjobs/agent-core:dev or
# githubjobs/server:dev.
# With nothing changed it takes about a second.
#
#   image.sh [agent|agent-core|server] [tag]
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-agent}
tag=${2:-githubjobs/$target:dev}
say() { echo "image: $*" >&2; }

docker version >/dev/null 2>&1 || { say "no Docker engine answers"; exit 1; }

# Two builds at once would both make the base images.
if command -v flock >/dev/null; then
	exec 9>"${TMPDIR:-/tmp}/githubjobs-image.lock"
	flock 9
fi

started=$SECONDS
bases=$(scripts/base-images.sh)
args=()
for base in $bases; do args+=(--build-arg "$base"); done
# An engine without a bridge (see engine.sh) has only the host's network to fetch packages over.
docker network inspect bridge >/dev/null 2>&1 || args+=(--network host)

before=$(docker image inspect --format '{{.Id}}' "$tag" 2>/dev/null || true)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! docker build --target "$target" --tag "$tag" "${args[@]}" . >"$log" 2>&1; then
	tail -n 40 "$log" >&2
	say "building $tag failed"
	exit 1
fi
after=$(docker image inspect --format '{{.Id}}' "$tag")
if [ "$before" = "$after" ]; then
	say "$tag is up to date ($((SECONDS - started)) s)"
	exit 0
fi
# What the name pointed at before is of no more use; it stays if a container still uses it.
[ -z "$before" ] || docker image rm "$before" >/dev/null 2>&1 || true
say "built $tag ($((SECONDS - started)) s)"

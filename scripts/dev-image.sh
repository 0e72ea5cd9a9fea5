#!/usr/bin/env bash
# Builds the agent's image for `make dev` where jobs are to run in Docker.
#
#   dev-image.sh auto|docker|process
#
# auto: an image that can't be built is no error; jobs then run as processes.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-auto} in
process) ;;
docker) scripts/image.sh agent ;;
auto)
	docker version >/dev/null 2>&1 || exit 0
	echo "building the agent's image, once some minutes (make dev RUNTIME=process does without)" >&2
	scripts/image.sh agent || echo "jobs will run as processes" >&2
	;;
*)
	echo "RUNTIME is \"$1\"; it can be auto, docker or process" >&2
	exit 2
	;;
esac

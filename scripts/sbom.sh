#!/usr/bin/env bash
# Lists what is in an image of the Dockerfile (SBOM, SPDX 2.3 in JSON), and holds the list to what the image itself says:
# the Go modules that its program was built from, and in the agent's its Debian packages and the coding agents.
#
#   sbom.sh <agent|agent-core|server> <image> <file> [linux/arm64]
#
# The image is one that Docker has or can pull. It needs Docker, Go and jq.
set -euo pipefail

# It is compiled from source, in the version that Go's checksum database knows. Nothing of it gets into what we build.
syft=github.com/anchore/syft/cmd/syft@v1.50.0

target=${1:?"agent, agent-core or server"}
image=${2:?"the name of the image"}
file=${3:?"the file to write"}
platform=(${4:+--platform "$4"})
say() { echo "sbom: $*" >&2; }
case $target in
agent) program=/usr/local/bin/agent kinds=(golang deb npm) ;;
agent-core) program=/usr/local/bin/agent kinds=(golang) ;;
server) program=/server kinds=(golang) ;;
*) say "there is no image \"$target\"; it can be agent, agent-core or server"; exit 2 ;;
esac

work=$(mktemp -d)
container=
trap '[ -z "$container" ] || docker rm "$container" >/dev/null; rm -rf "$work"' EXIT
container=$(docker create "${platform[@]}" "$image" version)
content() { docker cp "$container:$1" - | tar -xOf -; }

# there_<kind> prints what the image has of a kind, as lines "<name> <version>".
there_golang() { content "$program" >"$work/program" && go version -m "$work/program" | awk '$1 == "dep" { print $2, $3 }'; }
there_deb() { content /var/lib/dpkg/status | awk '$1 == "Package:" { name = $2 } $1 == "Version:" { print name, $2 }'; }
there_npm() { content /opt/engines/package.json | jq -r '.dependencies | to_entries[] | "\(.key) \(.value)"'; }

# listed prints the same of the list, where packages have addresses like pkg:deb/debian/bash@5.2.
listed() {
	jq -r --arg kind "pkg:$1/" '.packages[] | select(any(.externalRefs[]?; .referenceLocator | startswith($kind))) | "\(.name) \(.versionInfo)"' "$file"
}

started=$SECONDS
go run -trimpath "$syft" scan "${platform[@]}" --quiet --source-name "$target" --output "spdx-json=$file" "docker:$image"
for kind in "${kinds[@]}"; do
	there_"$kind" | sort -u >"$work/there"
	[ -s "$work/there" ] || { say "$image has no $kind packages"; exit 1; }
	listed "$kind" | sort -u >"$work/listed"
	if comm -23 "$work/there" "$work/listed" | grep . >&2; then
		say "$image has these $kind packages, and $file does not list them"
		exit 1
	fi
	say "$target: $(wc -l <"$work/there") $kind packages are in the image, and all among the $(wc -l <"$work/listed") of the list"
done
say "$target: $file ($(wc -c <"$file") bytes, $((SECONDS - started)) s)"

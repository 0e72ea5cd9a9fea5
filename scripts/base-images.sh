#!/usr/bin/env bash
# Finds the base images that the Dockerfile names, and prints how the build is to name them:
#
#   DEBIAN_IMAGE=debian:bookworm-slim
#   GOLANG_IMAGE=golang:1.26-bookworm
#   NODE_IMAGE=node:22-bookworm-slim
#
# Images that are here are used; else they are pulled. Where no registry can be reached, a Debian is made with
# debootstrap from the package mirror, the Go image from it, this machine's Go and its module cache, and the Node image
# from it, this machine's Node.js with npm and the certificate authorities that this machine was given. Those carry
# names of their own (githubjobs/base-…), so that nothing pretends to be an official image; remove them to go back to
# the registry's.
#
# DEBIAN_MIRROR overrides http://deb.debian.org/debian.
set -euo pipefail
cd "$(dirname "$0")/.."

suite=bookworm
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
security=http://security.debian.org/debian-security

say() { echo "base images: $*" >&2; }
have() { docker image inspect "$1" >/dev/null 2>&1; }
default() { sed -n "s/^ARG $1=//p" Dockerfile; }
digest() { git hash-object --stdin | cut -c1-12; }

# pull fetches an image that is not here, and says why it can't.
pull() {
	have "$1" && return 0
	local answer
	say "pulling $1"
	answer=$(docker pull --quiet "$1" 2>&1) && return 0
	say "cannot pull $1: ${answer##*$'\n'}"
	return 1
}

# make_debian builds the minimal Debian system $1 from the package mirror.
make_debian() {
	have "$1" && return 0
	command -v debootstrap >/dev/null || { say "debootstrap is not installed, and no registry answers"; exit 1; }
	[ "$(id -u)" = 0 ] || { say "debootstrap needs root"; exit 1; }
	local root=$work/debian
	say "making $1 with debootstrap (about 40 s)"
	debootstrap --variant=minbase --include=ca-certificates "$suite" "$root" "$mirror" >"$work/log" 2>&1 ||
		{ tail -n 5 "$work/log" >&2; exit 1; }
	printf 'deb %s %s main\n' "$mirror" "$suite" "$mirror" "$suite-updates" >"$root/etc/apt/sources.list"
	[ "${DEBIAN_MIRROR:-}" ] || printf 'deb %s %s-security main\n' "$security" "$suite" >>"$root/etc/apt/sources.list"
	rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale}/*
	tar -C "$root" -c . | docker import --change 'CMD ["bash"]' - "$1" >/dev/null
}

# packages names what the images are compiled from; go.mod may not tell which of its modules they need.
packages() {
	echo ./cmd/agent ./cmd/server
	sed -n 's/^ARG WARM_[A-Z]*="\(.*\)"/\1/p' Dockerfile
}

# make_golang builds $1: the Debian image $2, this machine's Go, and the modules as a file proxy.
make_golang() {
	have "$1" && return 0
	say "making $1 from $(go version | cut -d' ' -f3) and its module cache"
	local context=$work/golang
	mkdir -p "$context/proxy"
	ln -s "$(go env GOROOT)" "$context/go"
	# A module cache of its own, filled from this machine's, holds just what these packages need.
	GOFLAGS=-modcacherw GOMODCACHE=$work/mod GOPROXY="file://$(go env GOMODCACHE)/cache/download,$(go env GOPROXY)" \
		go list -e -deps $(packages) >/dev/null 2>"$work/log" || { cat "$work/log" >&2; exit 1; }
	mv "$work/mod/cache/download" "$context/proxy/"
	cat >"$context/Dockerfile" <<-END
		FROM $2
		COPY go /usr/local/go
		COPY proxy/download /go/proxy
		ENV PATH=/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
		ENV GOPATH=/go GOPROXY=file:///go/proxy GOTOOLCHAIN=local
	END
	tar -C "$context" -ch --exclude=./go/test --exclude=./go/api --exclude=./go/doc --exclude=testdata . |
		docker build --quiet --tag "$1" - >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

# certificates prints the authorities that were added to those of Debian: without them npm may not trust its registry here.
certificates() { cat /usr/local/share/ca-certificates/*.crt 2>/dev/null || true; }

# make_node builds $1: the Debian image $2 and this machine's Node.js with npm. Nothing of it but node itself and what
# npm fetches gets into an image of ours.
make_node() {
	have "$1" && return 0
	local context=$work/node node npm
	node=$(readlink -f "$(command -v node)") && npm=$(readlink -f "$(command -v npm)") ||
		{ say "Node.js with npm is not installed, and no registry answers"; exit 1; }
	say "making $1 from this machine's Node.js $("$node" --version)"
	mkdir -p "$context"
	ln -s "$node" "$context/node"
	ln -s "$(dirname "$(dirname "$npm")")" "$context/npm"
	certificates >"$context/certificates.pem"
	cat >"$context/Dockerfile" <<-END
		FROM $2
		COPY node /usr/local/bin/node
		COPY npm /usr/local/lib/node_modules/npm
		COPY certificates.pem /tmp/
		RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && cat /tmp/certificates.pem >>/etc/ssl/certs/ca-certificates.crt
		ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
	END
	tar -C "$context" -ch . | docker build --quiet --tag "$1" - >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

# made_names prints the names of the images that this script makes: they tell what is in them.
made_names() {
	local debian modules node
	debian=githubjobs/base-debian:$suite-$({ sed -n '/^make_debian/,/^}/p' "$0"; echo "$mirror"; } | digest)
	modules=$(go list -e -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}{{end}}{{end}}' $(packages) |
		sort -u)
	node=$({ sed -n '/^make_node/,/^}/p' "$0"; echo "$debian"; node --version; npm --version; certificates; } 2>/dev/null | digest)
	echo "$debian" "githubjobs/base-golang:$(printf '%s\n' "$debian" "$(go version)" "$modules" | digest)" "githubjobs/base-node:$node"
}

debian=$(default DEBIAN_IMAGE)
golang=$(default GOLANG_IMAGE)
node=$(default NODE_IMAGE)
if ! have "$debian" || ! have "$golang" || ! have "$node"; then
	read -r made_debian made_golang made_node < <(made_names)
	if have "$made_golang" && have "$made_node" || ! pull "$debian" || ! pull "$golang" || ! pull "$node"; then
		debian=$made_debian
		golang=$made_golang
		node=$made_node
		work=$(mktemp -d)
		trap 'rm -rf "$work"' EXIT
		make_debian "$debian"
		make_golang "$golang" "$debian"
		make_node "$node" "$debian"
	fi
fi
echo "DEBIAN_IMAGE=$debian"
echo "GOLANG_IMAGE=$golang"
echo "NODE_IMAGE=$node"

#!/usr/bin/env bash
# Starts a Docker engine on a machine that has none running (a CI machine without systemd), and stops it again.
#
#   engine.sh start    nothing to do if an engine answers; else starts dockerd and waits until it answers
#   engine.sh stop     stops the dockerd that "start" started, and no other
#
# ENGINE_DIR holds the process id and the log (default /var/run/githubjobs-engine).
set -euo pipefail

dir=${ENGINE_DIR:-/var/run/githubjobs-engine}
pidfile=$dir/dockerd.pid
log=$dir/dockerd.log

answers() { timeout 5 docker version >/dev/null 2>&1; }

# runs says whether the process is a dockerd that has not ended (nobody may be there to collect an ended one).
runs() { grep -qsE '^[0-9]+ \(dockerd\) [^ZX]' "/proc/$1/stat"; }

# try starts dockerd with the flags given and waits for its answer for at most 30 s.
try() {
	echo "engine: dockerd $*" >&2
	setsid dockerd --pidfile "$pidfile" "$@" </dev/null >"$log" 2>&1 &
	local pid=$! _
	for _ in $(seq 120); do
		answers && return 0
		kill -0 "$pid" 2>/dev/null || break
		sleep 0.25
	done
	tail -n 3 "$log" >&2
	kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	return 1
}

start() {
	if answers; then
		echo "engine: already answers" >&2
		return 0
	fi
	command -v dockerd >/dev/null || { echo "engine: dockerd is not installed (Debian package docker.io)" >&2; exit 1; }
	[ "$(id -u)" = 0 ] || { echo "engine: starting dockerd needs root" >&2; exit 1; }
	mkdir -p "$dir"
	# Kernels differ in what they allow: first as usual, then without overlay, then without packet filter and bridge
	# (containers then use the host's network).
	try || try --storage-driver=vfs || try --iptables=false --ip6tables=false --bridge=none ||
		try --storage-driver=vfs --iptables=false --ip6tables=false --bridge=none ||
		{ echo "engine: dockerd does not start; its log is $log" >&2; exit 1; }
}

stop() {
	local pid _
	pid=$(cat "$pidfile" 2>/dev/null) && runs "$pid" || { echo "engine: none of ours is running" >&2; return 0; }
	kill "$pid"
	for _ in $(seq 80); do
		runs "$pid" || return 0
		sleep 0.25
	done
	echo "engine: process $pid does not end" >&2
	return 1
}

case ${1:-} in
start) start ;;
stop) stop ;;
*) echo "usage: engine.sh start|stop" >&2; exit 2 ;;
esac

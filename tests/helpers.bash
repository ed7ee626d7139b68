# What every bats file loads: load "$(git rev-parse …)" is no good in an unpacked tar,
# so a file says: load ../../tests/helpers (with as many ../ as it stands deep).

bats_require_minimum_version 1.5.0

TOP=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
export TOP
export LC_ALL=C.UTF-8

# bats ends a test that takes longer than BATS_TEST_TIMEOUT by a process that sleeps so long.
# Its own has the sleep in a child, which outlives a test that is over before the countdown is
# under way, and holds the pipes that everybody reads to their end: the run seems to hang
# after its last test. And it ends the test's children, but not what hangs below them. This
# one is a single process, holds no pipe, and ends all of them.
bats_start_timeout_countdown() {
	local -r timeout=$1 test=$$
	trap bats_timeout_trap ABRT
	(
		set +e
		countdown=$BASHPID
		read -rt "$timeout" <> <(:)
		read -ra hanging < <(processes_below "$test")
		kill -ABRT "$test"
		kill "${hanging[@]}"
		read -rt 10 <> <(:)
		read -ra stubborn < <(processes_below "${hanging[@]}")
		kill -KILL "${hanging[@]}" "${stubborn[@]}"
	) >/dev/null 2>&1 3>&- 4>&- &
}

bats_abort_timeout_countdown() {
	{
		kill -KILL "$1" || :
		wait "$1" || :
	} 2>/dev/null
}

processes_below() { # PID…
	local p
	for p in $(pgrep -P "$(IFS=,; echo "$*")"); do
		[ "$p" = "$countdown" ] || echo -n "$p $(processes_below "$p") "
	done
}

# prog DIRECTORY NAME: the path of a program that was built, the sanitizer build's under SAN=1.
prog() {
	if [ "${SAN:-}" = 1 ] && [ -x "$TOP/$1/obj-san/$2" ]; then
		echo "$TOP/$1/obj-san/$2"
	else
		echo "$TOP/$1/$2"
	fi
}

PREP=$(prog baseline/prep prep)
PROBE=$(prog services/probe probe)
FILEWATCH=$(prog services/filewatch filewatch)
IDMAP=$(prog infra/idmap idmap)
PACK=$(prog infra/pack pack)
PAGE=$(prog infra/page page)
D=$(prog infra/d d)
ENGINE_CMD=$TOP/infra/engine
export PREP PROBE FILEWATCH IDMAP PACK PAGE D ENGINE_CMD

# run_x STATUS COMMAND…: as run, but the exit status is checked, and on a mismatch the
# command, its status and its output are shown. $output and $stderr are kept apart.
run_x() {
	local want=$1 missing=
	shift
	# bats warns of a program that isn't found, unless it is told to expect that.
	[ "$want" -ne 127 ] || missing=-127
	# shellcheck disable=SC2086 # one word or none
	run $missing --separate-stderr "$@"
	if [ "$status" -ne "$want" ]; then
		printf 'command: %s\nstatus:  %s, expected %s\nstdout:\n%s\nstderr:\n%s\n' \
			"$*" "$status" "$want" "$output" "${stderr:-}" >&2
		return 1
	fi
}

# expect TEXT [IN]: TEXT stands in IN, by default in $output.
expect() {
	local in=${2-$output}
	[[ $in == *"$1"* ]] || {
		printf 'expected: %s\nin:\n%s\n' "$1" "$in" >&2
		return 1
	}
}

refute() {
	local in=${2-$output}
	[[ $in != *"$1"* ]] || {
		printf 'not expected: %s\nin:\n%s\n' "$1" "$in" >&2
		return 1
	}
}

# With TEST_AGAIN tests/run lets a test that fails be tried once more, and shows what it said at first.
BATS_TEST_RETRIES=${BATS_AGAIN:-0}
bats_should_retry_test() {
	((BATS_TEST_TRY_NUMBER <= BATS_TEST_RETRIES)) || return 1
	printf '# tried again: %s\n' "$BATS_TEST_DESCRIPTION" >&3
	sed 's/^/# /' "$BATS_OUT" >&3
}

# One answer that never comes is a failed attempt, not the end of the test's time: an engine's
# proxy takes connections for a container that has just ended.
curl() {
	command curl --max-time 10 "$@"
}
export -f curl

# wait_until SECONDS COMMAND…: tries every 50 ms; fails when the time is up.
wait_until() {
	local end=$(($(date +%s%N) + $1 * 1000000000))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ "$(date +%s%N)" -gt "$end" ]; then
			printf 'still false: %s\n' "$*" >&2
			return 1
		fi
		sleep 0.05
	done
}

# A TCP port on 127.0.0.1 that nobody listens on now. Like that of its test instance, 10000 above,
# it is none that the kernel gives to connections.
free_port() {
	local port
	while :; do
		port=$((12000 + RANDOM % 10000))
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	echo "$port"
}

# start COMMAND…: in the background, ended by stop_all (call that from teardown). $started
# is its process ID; its output goes to $BATS_TEST_TMPDIR/started.N.
STARTED=()
start() {
	"$@" >"$BATS_TEST_TMPDIR/started.${#STARTED[@]}" 2>&1 3>&- 4>&- &
	started=$!
	STARTED+=("$started")
}

stop_all() {
	local pid
	for pid in "${STARTED[@]}"; do
		kill "$pid" 2>/dev/null || continue
		for _ in {1..40}; do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.05
		done
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	STARTED=()
}

# A registry on 127.0.0.1 or the address $3, at $port, ended by stop_all. What is pushed to it is below
# $1; $2 are further settings of its storage.
start_registry() {
	local address=${3:-127.0.0.1}
	port=$(free_port)
	cat >"$BATS_TEST_TMPDIR/registry.yml" <<-EOT
		version: 0.1
		storage: {filesystem: {rootdirectory: $1}${2:+, $2}}
		http: {addr: "$address:$port"}
	EOT
	start docker-registry serve "$BATS_TEST_TMPDIR/registry.yml"
	wait_until 10 curl -fs "http://$address:$port/v2/"
}

# The digest of what a tag in a registry names.
tag_digest() { # REPOSITORY:TAG
	skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | sed 's/ .*//; s/^/sha256:/'
}

# What "cosign sign --key" leaves beside an image in its registry: its signature's specification.
cosign_sign() { # REPOSITORY DIGEST KEY [SIGNED-DIGEST]
	local at=$BATS_TEST_TMPDIR/signature payload config
	rm -rf "$at"
	mkdir "$at"
	printf '{"critical":{"identity":{"docker-reference":"%s"},"image":{"docker-manifest-digest":"%s"},"type":"cosign container image signature"},"optional":null}' \
		"$1" "${4:-$2}" >"$at/payload"
	payload=$(sha256sum <"$at/payload" | cut -d' ' -f1)
	mv "$at/payload" "$at/$payload"
	printf '{"architecture":"","config":{},"history":[],"os":"","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$payload" >"$at/config"
	config=$(sha256sum <"$at/config" | cut -d' ' -f1)
	mv "$at/config" "$at/$config"
	echo 'Directory Transport Version: 1.1' >"$at/version"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":%s,"digest":"sha256:%s"},"layers":[{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":%s,"digest":"sha256:%s","annotations":{"dev.cosignproject.cosign/signature":"%s"}}]}' \
		"$(stat -c %s "$at/$config")" "$config" "$(stat -c %s "$at/$payload")" "$payload" \
		"$(openssl dgst -sha256 -sign "$3" "$at/$payload" | base64 -w0)" >"$at/manifest.json"
	skopeo copy -q --dest-tls-verify=false "dir:$at" "docker://$1:${2/:/-}.sig"
}

# requires WORD…: what a test cannot do without. An unknown word is a bug in the test.
# "this machine cannot" marks a skip that is fine under CI.
requires() {
	local word
	for word; do
		case $word in
		root) [ "$(id -u)" -eq 0 ] || skip "needs root" ;;
		podman | docker)
			command -v "$word" >/dev/null || skip "needs $word"
			ENGINE=$word "$ENGINE_CMD" version >/dev/null 2>&1 || skip "$word doesn't work here"
			;;
		pods) [ "$("$ENGINE_CMD" --which)" = podman ] || skip "this machine cannot: docker has no pods" ;;
		join) ! in_chroot || skip "this machine cannot: it is a chroot, where engines can't join a container that runs" ;;
		engine) "$ENGINE_CMD" version >/dev/null 2>&1 || skip "needs podman or docker" ;;
		open) setpriv --reuid 65534 --clear-groups test -r "$ENGINE_CMD" || skip "this machine cannot: the checkout is closed to other users" ;;
		userns) setpriv --reuid 65534 --clear-groups unshare --user true 2>/dev/null || skip "this machine cannot: users get no user namespaces" ;;
		tmpfs) mountpoint -q /dev/shm || skip "this machine cannot: no tmpfs at /dev/shm" ;;
		alpine) SOURCE_CACHE=${SOURCE_CACHE:-} "$TOP/infra/fetch" alpine >/dev/null 2>&1 ||
			skip "this machine cannot: no Alpine root file system" ;;
		command:*) command -v "${word#command:}" >/dev/null || skip "needs ${word#command:}" ;;
		*)
			echo "requires: unknown word '$word'" >&2
			return 1
			;;
		esac
	done
}

# For setup_file, in which bats 1.8 (Debian 12) can't skip, as later ones can:
#   file_requires root join || return 0
# and all tests of the file are skipped, without setup; teardown finds what setup_file didn't make.
file_requires() {
	(
		skip() {
			echo "$1" >"$BATS_FILE_TMPDIR/skip"
			exit 1
		}
		requires "$@"
	) || skip_file "$(cat "$BATS_FILE_TMPDIR/skip")"
}

skip_file() { # REASON
	declare -F bats_test_begin >/dev/null || skip "$1"
	echo "$1" >"$BATS_FILE_TMPDIR/skip"
	return 1
}

if [ -e "${BATS_FILE_TMPDIR:-/nonexistent}/skip" ] && declare -F bats_test_begin >/dev/null; then
	eval "unskipped_test_begin() $(declare -f bats_test_begin | tail -n +2)"
	bats_test_begin() {
		setup() { skip "$(cat "$BATS_FILE_TMPDIR/skip")"; }
		unskipped_test_begin "$@"
	}
fi

engine() {
	"$ENGINE_CMD" "$@"
}

# remove_all_of PREFIX: containers, networks, images and volumes that a test file gave that prefix. None
# where there is no prefix yet: a file that is skipped is cleaned up after, too.
remove_all_of() {
	[ -n "$1" ] || return 0
	# podman removes none that another one shares namespaces with: that one first.
	for _ in 1 2; do
		engine ps -a --format '{{.Names}}' | grep "$1" | xargs -r "$ENGINE_CMD" rm -f
	done
	# A project's network has a name that others made up.
	engine network ls --format '{{.Name}} {{.Labels}}' | grep -E "^(whittle-)?$1|whittle\.name[=:]$1" | cut -d' ' -f1 | xargs -r "$ENGINE_CMD" network rm
	remove_images_of "$1"
	engine volume ls -q | grep "^$1" | xargs -r "$ENGINE_CMD" volume rm
} >/dev/null 2>&1

# remove_images_of PREFIX: images whose names begin so, and those that had such a name, and no other,
# until another image got it, which podman remembers.
remove_images_of() {
	local had='' list
	[ -n "$1" ] || return 0
	[ "$("$ENGINE_CMD" --which)" != podman ] || had='{{.History}}'
	list=$(engine images --format "{{.ID}} {{.Repository}}:{{.Tag}} $had")
	awk -v p="/$1" '$2 != "<none>:<none>" && index($2, p) { print $2 }' <<<"$list" | xargs -r "$ENGINE_CMD" rmi -f
	awk -v p="/$1" '$2 == "<none>:<none>" && index($0, p) { print $1 }' <<<"$list" | xargs -r "$ENGINE_CMD" rmi
} >/dev/null 2>&1

# own_store DIRECTORY: from here on podman has a store of its own there, for what would damage the one
# that others use. drop_store, from teardown, empties it; the directory goes with whatever holds it.
# As plain directories: a process that is killed leaves no mount. docker's store is its daemon's.
own_store() {
	[ "$("$ENGINE_CMD" --which)" = podman ] || return 0
	mkdir -p "$1/tmp"
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s/images"\nrunroot = "%s/run"\n' "$1" "$1" >"$1/storage.conf"
	OWN_STORE=$1
	export OWN_STORE CONTAINERS_STORAGE_CONF=$1/storage.conf TMPDIR=$1/tmp
}

drop_store() {
	[ -n "${OWN_STORE:-}" ] || return 0
	engine rm -fa >/dev/null 2>&1 || :
	unset OWN_STORE CONTAINERS_STORAGE_CONF TMPDIR
}

# wrap_engine DIRECTORY LINES: from here on the engine is a program of its name in DIRECTORY, which
# does what the shell lines say before the real one.
wrap_engine() {
	local kind real
	kind=$("$ENGINE_CMD" --which)
	real=$(command -v "${ENGINE:-$kind}")
	mkdir -p "$1"
	printf '#!/bin/sh\n%s\nexec %s "$@"\n' "$2" "$real" >"$1/$kind"
	chmod +x "$1/$kind"
	export ENGINE=$1/$kind
}

# What test.bats of a container works on: the very image that the pipeline built.
: "${TEST_NAME:=$(basename "$PWD")}"
: "${TEST_IMAGE:=localhost/whittle/$TEST_NAME:latest}"
export TEST_NAME TEST_IMAGE

# What the settings of the container at hand allow of system calls, as words for an engine: for
# instances that a test starts itself. make learn shows it the profile that it tries.
# shellcheck disable=SC2034 # for them
PROFILE=()
# shellcheck disable=SC2034
[ -z "${INSTANCE_SECCOMP:-}" ] || PROFILE=(--security-opt "seccomp=$INSTANCE_SECCOMP")

# instance_start [ENGINE-ARG…] [-- ARG…]: a container of $TEST_IMAGE beside production,
# locked down as the default settings say, under a name of its own ($instance). ENGINE-ARGs
# stand before the image, ARGs after it. instance_remove_all (call it from teardown) shows
# the log of each where the test failed, and removes it.
INSTANCES=()
instance_start() {
	local args=() rest=()
	while [ $# -gt 0 ]; do
		if [ "$1" = -- ]; then
			shift
			rest=("$@")
			break
		fi
		args+=("$1")
		shift
	done
	instance=whittle-test-$TEST_NAME-$$-${#INSTANCES[@]}-$RANDOM
	INSTANCES+=("$instance")
	# podman times health checks by systemd and starts nothing without it.
	if [ "$("$ENGINE_CMD" --which)" = podman ] && [ ! -d /run/systemd/system ]; then
		args+=(--no-healthcheck)
	fi
	engine run -d --name "$instance" --read-only --cap-drop ALL --security-opt no-new-privileges \
		--memory 128m --pids-limit 64 "${args[@]}" "$TEST_IMAGE" "${rest[@]}" \
		>"$BATS_TEST_TMPDIR/run.log" 2>&1 3>&- 4>&- || {
		cat "$BATS_TEST_TMPDIR/run.log" >&2
		return 1
	}
}

instance_remove_all() {
	local i
	for i in "${INSTANCES[@]}"; do
		if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
			printf 'log of %s:\n' "$i" >&2
			engine logs "$i" >&2 2>&1 || :
		fi
		engine rm -f "$i" >/dev/null 2>&1 || :
	done
	INSTANCES=()
}

# In a chroot, engines find no way into a container that runs: joining its mounts takes them
# out of the chroot.
in_chroot() {
	[ "$(id -u)" -eq 0 ] && [ "$(nsenter --mount=/proc/self/ns/mnt stat -c %d:%i / 2>/dev/null)" != "$(stat -c %d:%i /)" ]
}

# exec_in CONTAINER COMMAND…: as engine exec; in a chroot by the container's other namespaces
# and its root directory, with root's rights.
exec_in() {
	local pid
	if in_chroot; then
		pid=$(engine inspect -f '{{.State.Pid}}' "$1")
		nsenter -t "$pid" -n -p -i -u chroot "/proc/$pid/root" "${@:2}"
	else
		engine exec "$@"
	fi
}

# image_root IMAGE DIRECTORY: the image's files, directories and links in DIRECTORY, without what an
# engine puts into every container. The bats run's own directory, which that is in, is its user's
# alone, so that nobody else starts a setuid program there.
image_root() {
	local c f status=0
	c=$(engine create "$1" /none 2>/dev/null)
	mkdir -p "$2"
	engine export "$c" | tar -C "$2" --no-same-owner --exclude='dev/*' -x || status=$?
	find "$2" ! -type f ! -type d ! -type l -delete
	engine rm -v "$c" >/dev/null 2>&1
	for f in .dockerenv run/.containerenv etc/hostname etc/hosts etc/resolv.conf; do
		[ -s "$2/$f" ] || rm -f "$2/$f"
	done
	return $status
}

# programs_in DIRECTORY: what can be started in an image's files, musl's loader left out.
programs_in() {
	find "$1" -type f -perm /111 ! -path '*/lib/ld-musl-*' -printf '/%P\n' | sort
}

# user_of CONTAINER: the user ID, as inside, that its first process runs as.
user_of() {
	local pid outside
	pid=$(engine inspect -f '{{.State.Pid}}' "$1")
	outside=$(awk '$1 == "Uid:" { print $2 }' "/proc/$pid/status")
	awk -v u="$outside" 'u >= $2 && u < $2 + $3 { print u - $2 + $1 }' "/proc/$pid/uid_map"
}

# image_files [IMAGE]: every path in the image, one a line, beginning with '/'.
image_files() {
	local c
	c=$(engine create "${1:-$TEST_IMAGE}" /none)
	engine export "$c" | tar -tf - | sed 's|^\./||; s|^|/|; s|/$||'
	engine rm -v "$c" >/dev/null
}


# Whether all that a list "keep" doesn't name is gone from the image: not so from the one that
# make learn works with.
is_carved() {
	[[ $(engine image inspect -f '{{.RepoTags}}' "$TEST_IMAGE") != *:learn* ]]
}

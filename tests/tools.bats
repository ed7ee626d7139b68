#!/usr/bin/env bats
# infra/engine, setup, doctor and quietly: what they choose, and what they say.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir bin
	# A path that holds the system's tools, but no engine except those put into bin.
	mkdir tools
	for t in sh bash dash env dirname sed awk cat id stat mkdir mktemp mv rm cut head tail grep date; do
		ln -s "$(command -v $t)" tools/$t 2>/dev/null || :
	done
	export XDG_CACHE_HOME=$PWD/cache
	unset ENGINE CONTAINERS_CONF CONTAINERS_CONF_OVERRIDE DOCKER_HOST DOCKER_BUILDKIT BUILDAH_ISOLATION
}

# A stand-in that says how it was called.
fake() {
	printf '#!/bin/sh\necho "%s $*"\necho "conf=$CONTAINERS_CONF buildkit=$DOCKER_BUILDKIT"\n%s\n' "$1" "${2:-}" >"bin/$1"
	chmod +x "bin/$1"
}

engine_here() {
	env PATH="$PWD/bin:$PWD/tools" "$@"
}

@test "engine: podman where it is installed, else docker, else a clear error" {
	fake docker
	run_x 0 engine_here "$ENGINE_CMD" ps -a
	expect "docker ps -a"
	fake podman
	run_x 0 engine_here "$ENGINE_CMD" ps -a
	expect "podman ps -a"
	run_x 0 engine_here "$ENGINE_CMD" --which
	[ "$output" = podman ]
	rm bin/*
	run_x 2 engine_here "$ENGINE_CMD" ps
	expect "neither podman nor docker is installed: run sh infra/setup" "$stderr"
}

@test "engine: ENGINE overrides; what isn't there or isn't an engine is refused" {
	fake docker
	fake podman
	run_x 0 engine_here env ENGINE=docker "$ENGINE_CMD" ps
	expect "docker ps"
	run_x 0 engine_here env ENGINE="$PWD/bin/docker" "$ENGINE_CMD" ps
	expect "docker ps"
	run_x 2 engine_here env ENGINE=nosuch "$ENGINE_CMD" ps
	expect "ENGINE is 'nosuch', which isn't installed" "$stderr"
	run_x 2 engine_here env ENGINE=cat "$ENGINE_CMD" ps
	expect "want podman, docker" "$stderr"
}

@test "engine: arguments arrive as they are" {
	printf '#!/bin/sh\nfor a; do echo "<$a>"; done\n' >bin/podman
	chmod +x bin/podman
	run_x 0 engine_here "$ENGINE_CMD" run 'a b' '' '*' '$x'
	[ "$output" = $'<run>\n<a b>\n<>\n<*>\n<$x>' ]
}

@test "engine: settings that the user made are left alone" {
	fake podman
	run_x 0 engine_here env CONTAINERS_CONF=/mine "$ENGINE_CMD" ps
	expect "conf=/mine"
	[ ! -e cache/whittle ]
}

@test "engine: from podman 4.6 on the host's settings come on top of the administrator's; asked again once another is installed" {
	[ ! -d /run/systemd/system ] || skip "this machine cannot: nothing has to be set where systemd runs"
	for version in 4.3.1:CONTAINERS_CONF 4.6.0:CONTAINERS_CONF_OVERRIDE 5.10.2:CONTAINERS_CONF_OVERRIDE; do
		printf '#!/bin/sh\n[ "$1" != --version ] || { echo asked >>%s/asked; echo podman version %s; }\n' "$PWD" "${version%:*}" >bin/new
		chmod +x bin/new
		mv bin/new bin/podman
		rm -f asked
		sleep 0.05
		for _ in 1 2; do
			run_x 0 engine_here "$ENGINE_CMD" --how
			[ "$(grep -c "^CONTAINERS_CONF" <<<"$output")" -eq 1 ]
			expect "${version#*:}=$XDG_CACHE_HOME/whittle/containers.conf"
		done
		[ "$(wc -l <asked)" -eq 1 ]
	done
	expect cgroupfs "$(cat "$XDG_CACHE_HOME/whittle/containers.conf")"
	# one that can't say it now isn't an old one from then on
	printf '#!/bin/sh\nexit 125\n' >bin/podman
	rm "$XDG_CACHE_HOME/whittle/podman-version"
	run_x 2 engine_here "$ENGINE_CMD" --how
	expect "--version' fails" "$stderr"
	[ ! -e "$XDG_CACHE_HOME/whittle/podman-version" ]
	for given in CONTAINERS_CONF CONTAINERS_CONF_OVERRIDE; do
		run_x 0 engine_here env "$given=/mine" "$ENGINE_CMD" --how
		expect "$given=/mine"
		refute "$XDG_CACHE_HOME"
	done
}

@test "engine: docker builds by its classic builder where buildx is missing" {
	fake docker '[ "$1" != buildx ]'
	run_x 0 engine_here env ENGINE=docker "$ENGINE_CMD" build .
	expect "buildkit=0"
	fake docker
	run_x 0 engine_here env ENGINE=docker "$ENGINE_CMD" build .
	expect "buildkit="
	refute "buildkit=0"
}

@test "setup: lists what is missing and changes nothing with -n" {
	run "$TOP/infra/setup" -n
	[ "$status" -le 1 ]
	printf '#!/bin/sh\nexit 1\n' >bin/dpkg-query
	printf '#!/bin/sh\necho called >>%s/called\n' "$PWD" >bin/apt-get
	chmod +x bin/*
	run_x 1 env PATH="$PWD/bin:$PATH" "$TOP/infra/setup" -n
	expect "missing:"
	expect podman
	[ ! -e called ]
}

@test "setup: on an unknown system it lists what to install, exit status 2" {
	run_x 2 engine_here "$TOP/infra/setup"
	expect "not Debian" "$stderr"
	expect podman "$stderr"
	expect bats "$stderr"
}

@test "setup: a second run has nothing to do" {
	"$TOP/infra/setup" -n >/dev/null || skip "this machine cannot: packages are missing"
	run_x 0 "$TOP/infra/setup"
	[ "$output" = "setup: everything is installed" ]
}

@test "doctor: says what works here, and leaves no image behind" {
	requires engine
	run_x 0 "$TOP/infra/doctor"
	expect "runs a container"
	expect "whittle works here"
	run_x 0 engine images -a --format '{{.Repository}}' --filter 'reference=localhost/whittle-doctor-*'
	[ -z "$output" ]
}

@test "doctor: an engine that doesn't answer is a NO with advice, exit status 1" {
	fake docker 'exit 1'
	run_x 1 env ENGINE="$PWD/bin/docker" "$TOP/infra/doctor"
	expect "NO  docker doesn't answer"
	expect "something that must work doesn't"
}

# What a build leaves that is killed between an image's record and its manifest, in a store of this
# test's own: a second record with the layer of the first, without a name, without data.
half_made() {
	local list=$OWN_STORE/images/vfs-images/images.json
	HALF=$(echo "$BATS_TEST_DESCRIPTION" | sha256sum | cut -d' ' -f1)
	cp "$list" whole.json
	jq --arg id "$HALF" '. + [.[0] | {id: $id, layer, created}]' whole.json >half.json
	cp half.json "$list"
	mkdir "$OWN_STORE/images/vfs-images/$HALF"
}

@test "an image left half made: doctor and d images say so, d clean removes it and no other" {
	requires podman
	export ENGINE=podman WHITTLE_CONTAINERS=$PWD/containers WHITTLE_STATE=$PWD/state WHITTLE_SETTINGS=$PWD/host.yaml
	mkdir containers context
	: >host.yaml
	own_store "$PWD/store"
	printf 'FROM scratch\nCOPY whole.json /\nLABEL a=b\n' >context/Dockerfile
	: >context/whole.json
	engine build -q -t localhost/whole context >/dev/null
	local whole
	whole=$(engine images -aq --no-trunc | sort)
	half_made
	run_x 125 engine images # where this podman minds it
	run_x 1 "$TOP/infra/doctor"
	expect "NO  podman can't list its images"
	expect "d clean, or infra/engine rmi $HALF"
	expect "ok  podman builds an image"
	run_x 2 "$D" images
	[ "$stderr" = "d: podman images fails because of image $HALF, which a build or load that was killed left half made; to remove it: d clean" ]
	run_x 0 "$D" clean -n
	expect "would remove half-made image ${HALF:0:12}"
	expect "other images"
	run_x 0 "$D" clean
	expect "half-made image ${HALF:0:12}" "$stderr"
	[ "$(engine images -aq --no-trunc | sort)" = "$whole" ]
	run_x 0 "$D" images
	# One that was only being written is whole when it is looked at again.
	half_made
	# shellcheck disable=SC2016 # the engine's
	wrap_engine "$PWD/bin" '[ "$1" != images ] || { [ ! -e looked ] || cp whole.json "$OWN_STORE/images/vfs-images/images.json"; : >looked; }'
	run_x 0 "$D" clean
	expect "nothing to remove"
	refute half-made "$stderr"
	[ "$(engine images -aq --no-trunc | sort)" = "$whole" ]
}

# doctor_where SCRIPT [COMMAND...]: infra/doctor with an engine that doesn't answer, in a mount
# namespace that SCRIPT has changed, by COMMAND (setpriv ...).
doctor_where() {
	local script=$1
	shift
	fake docker 'exit 1'
	chmod -R a+rX "$BATS_RUN_TMPDIR" "$PWD"
	# shellcheck disable=SC2016 # the inner shell's
	run_x 1 env ENGINE="$PWD/bin/docker" unshare -m --propagation private sh -euc 'eval "$0"; exec "$@"' "$script" "$@" \
		"$TOP/infra/doctor"
}

@test "doctor: SELinux, cgroups of version 1, 2 and none" {
	requires root
	doctor_where 'mount -t tmpfs tmpfs /sys/fs; mkdir /sys/fs/selinux /sys/fs/cgroup; echo 1 >/sys/fs/selinux/enforce
		mount -t tmpfs tmpfs /sys/fs/cgroup'
	expect "SELinux is enforcing"
	expect "relabel: private or shared"
	expect "cgroups are version 1 or hybrid"
	doctor_where 'mount -t tmpfs tmpfs /sys/fs; mkdir /sys/fs/selinux; echo 0 >/sys/fs/selinux/enforce'
	refute "SELinux is enforcing"
	expect "NO  no cgroups at /sys/fs/cgroup"
	doctor_where 'mount -t cgroup2 none /sys/fs/cgroup'
	expect "ok  cgroups version 2"
}

@test "doctor: a user's session without lingering, without a systemd of its own" {
	requires root open
	local user=(setpriv --reuid 65534 --regid 65534 --clear-groups env "TMPDIR=$PWD/user")
	mkdir -m 777 user
	doctor_where 'mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system; mount -t tmpfs tmpfs /var/lib' "${user[@]}"
	expect "nobody doesn't linger: containers end with the last session"
	expect "as root: loginctl enable-linger nobody"
	expect "no systemd of the user's (su, cron)"
	doctor_where 'mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/system /run/user/65534/systemd/private
		mount -t tmpfs tmpfs /var/lib; mkdir -p /var/lib/systemd/linger; : >/var/lib/systemd/linger/nobody' "${user[@]}"
	refute linger
	refute "no systemd of the user's"
	doctor_where 'mount -t tmpfs tmpfs /run' "${user[@]}"
	refute linger
}

@test "quietly: one line when all goes well, the log's end when not" {
	run_x 0 "$TOP/infra/quietly" STEP thing log sh -c 'echo noise'
	[ "$output" = "  STEP      thing" ]
	[ "$(cat log)" = noise ]
	run_x 3 "$TOP/infra/quietly" STEP thing log sh -c 'echo the reason; exit 3'
	expect "the reason" "$stderr"
	expect "$PWD/log" "$stderr"
	run_x 0 env V=1 "$TOP/infra/quietly" STEP thing log sh -c 'echo noise'
	expect "+ sh -c"
	expect noise
}

@test "each program: a closed standard output is none, a full one is an error" {
	local folder program n=0
	for folder in "$TOP"/baseline/*/Makefile "$TOP"/services/*/Makefile "$TOP"/infra/*/Makefile; do
		for program in $(sed -n 's/^PROGS\{0,1\} *:\{0,1\}= *//p' "$folder"); do
			program=${folder%/*}/$program n=$((n + 1))
			run_x 0 sh -c '"$1" --help >&-' - "$program"
			[ -z "$stderr" ]
			run_x 2 sh -c '"$1" --help >/dev/full' - "$program"
			expect "write to standard output: No space left on device" "$stderr"
		done
	done
	[ "$n" -ge 10 ]
}

@test "make help names every target that a person needs, make refuses an unknown one" {
	run_x 0 make -s -C "$TOP" help
	for t in all test install clean doctor install-tools check bench BASE= ENGINE= V=1 SAN=1; do
		expect "$t"
	done
	run_x 2 make -s -C "$TOP" nosuch
	mkdir 'with blanks'
	cp "$TOP/Makefile" 'with blanks'
	run_x 2 make -s -C 'with blanks' help
	expect "a path with blanks" "$stderr"
}

@test "make install-tools fails where any of several pages can't be installed" {
	printf '%s\n' 'PROG = tool' 'MAN = nosuch.1 tool.1' 'TOOLCHAIN =' "include $TOP/etc/Makefile-c" \
		'all:' >Makefile
	touch tool tool.1
	run make -s WHITTLE_LIB_READY=1 DESTDIR="$PWD/to" tool=1 -o tool install-tools
	[ "$status" -eq 2 ]
	expect nosuch.1
}

# The outer one stands for a daemon that serves containers here.
@test "what a test file can't do without: all of its tests are skipped" {
	local at=@ # bats takes those here for its own
	cat >"$BATS_TEST_TMPDIR/a.bats" <<-EOT
		load $TOP/tests/helpers
		setup_file() { file_requires command:nothing-of-the-kind || return 0; false; }
		setup() { false; }
		${at}test "one" { false; }
		${at}test "two" { false; }
	EOT
	CI='' run_x 0 "$TOP/tests/run" "$BATS_TEST_TMPDIR/a.bats"
	expect "ok 1 one # skip needs nothing-of-the-kind"
	expect "ok 2 two # skip needs nothing-of-the-kind"
	refute "not ok"
}

@test "what counts a test's time keeps nobody waiting" {
	# bats's countdown at the worst moments: its sleep is there, and its trap isn't, so that a signal ends it
	# alone; or it has the trap of who started it still, and a signal is lost.
	local trap pid
	for trap in - :; do
		# shellcheck disable=SC2016 # the inner shell's
		run_x 0 bash -c '
			bats_abort_timeout_countdown() { kill -ABRT "$1"; }
			. "$1"
			(trap "$3" ABRT
			sleep 30 >/dev/null 2>&1 3>&- 4>&- & echo "$BASHPID $!" >"$2.new"; mv "$2.new" "$2"
			until wait; do :; done
			exec sleep 30) >/dev/null 2>&1 3>&- 4>&- &
			until [ -s "$2" ]; do sleep 0.05; done
			bats_abort_timeout_countdown "$!"' /libexec/bats-exec-test "$TOP/tests/countdown.bash" "$BATS_TEST_TMPDIR/pids" "$trap"
		[ -z "$output$stderr" ]
		for pid in $(cat "$BATS_TEST_TMPDIR/pids"); do wait_until 20 test ! -e "/proc/$pid"; done
		rm "$BATS_TEST_TMPDIR/pids"
	done
	# What the test files load that load nothing of ours.
	local at=@
	echo "${at}test x { [ \"\$(type -t kill)\" = function ]; }" >"$BATS_TEST_TMPDIR/a.bats"
	run_x 0 "$TOP/tests/run" "$BATS_TEST_TMPDIR/a.bats"
}

@test "a test that fails is tried again only where that was asked for, and it is shown" {
	local at=@
	cat >"$BATS_TEST_TMPDIR/a.bats" <<-EOT
		load $TOP/tests/helpers
		${at}test "not at once" { echo "what it said"; [ -e "$BATS_TEST_TMPDIR/there" ] || ! touch "$BATS_TEST_TMPDIR/there"; }
		${at}test "never" { false; }
	EOT
	TEST_TALLY=$BATS_TEST_TMPDIR/tally run_x 1 "$TOP/tests/run" "$BATS_TEST_TMPDIR/a.bats"
	expect "not ok 1 not at once"
	refute "tried again"
	rm "$BATS_TEST_TMPDIR/there"
	TEST_TALLY=$BATS_TEST_TMPDIR/tally TEST_AGAIN=1 run_x 1 "$TOP/tests/run" "$BATS_TEST_TMPDIR/a.bats"
	expect "# tried again: not at once"
	expect "# what it said"
	refute $'\n'"not ok 1"
	expect $'\n'"not ok 2 never"
	[ "$(cat "$BATS_TEST_TMPDIR/tally")" = "0 2 0 0"$'\n'"1 1 0 4" ]
}

@test "a test that a second try alone can't help is tried again with its whole file" {
	local at=@
	cat >"$BATS_TEST_TMPDIR/a.bats" <<-EOT
		load $TOP/tests/helpers
		setup_file() { echo >>"$BATS_TEST_TMPDIR/begun"; rm -f "$BATS_TEST_TMPDIR/spoilt"; }
		${at}test "spoils it" { [ ! -e "$BATS_TEST_TMPDIR/spoilt" ] && touch "$BATS_TEST_TMPDIR/spoilt" && [ "\$(wc -l <"$BATS_TEST_TMPDIR/begun")" = 2 ]; }
	EOT
	TEST_TALLY=$BATS_TEST_TMPDIR/tally TEST_AGAIN=1 run_x 0 "$TOP/tests/run" "$BATS_TEST_TMPDIR/a.bats"
	expect "# not ok 1 spoils it"
	expect $'\n'"ok 1 spoils it"
	[ "$(cat "$BATS_TEST_TMPDIR/tally")" = "1 0 0 2" ]
}

@test "a test file that is skipped removes nothing of the user's" {
	# What is cleaned up where setup_file came to nothing, with everything that could remove
	# something in front of it.
	local stubs=$BATS_TEST_TMPDIR/stubs file n=0
	mkdir "$stubs"
	cat >"$stubs/rm" <<-'EOT'
		#!/bin/bash
		shopt -s extglob
		case ${0##*/}" $1 $2" in
		engine\ @(rm|rmi)\ *) shift ;;
		engine\ @(network|volume|pod)\ rm) shift 2 ;;
		engine\ @(ps|images|network|volume)\ *) echo mine localhost/whittle/mine:live && exit ;;
		engine\ *) exit ;;
		esac
		for word; do
			[[ $word = @(|-*|:*|localhost/|localhost/whittle/:*|link|del|wa+([0-9])|$BATS_FILE_TMPDIR?(/*)|$BATS_TEST_TMPDIR?(/*)) ]] || echo "$file: ${0##*/} $word"
		done >>"$REMOVED"
	EOT
	chmod +x "$stubs/rm"
	for file in engine umount kill chattr ip; do ln -s rm "$stubs/$file"; done
	export REMOVED=$BATS_TEST_TMPDIR/removed
	: >"$REMOVED"
	while read -r file; do
		# shellcheck disable=SC2016 # the inner shell's
		env -u P -u N stubs="$stubs" PATH="$stubs:$PATH" file="$file" BATS_TEST_DIRNAME="$TOP/${file%/*}" bash -c '
			bats_require_minimum_version() { :; }
			load() { source "${1/#[!\/]/$BATS_TEST_DIRNAME/${1:0:1}}.bash"; }
			cd "$BATS_TEST_DIRNAME"
			enable -n kill
			eval "$(sed -n "/^load /p; /^[a-z_]*() {/,/^}/p" "${file##*/}")"
			ENGINE_CMD=$stubs/engine
			[ "$(type -t teardown)" != function ] || teardown
			[ "$(type -t teardown_file)" != function ] || teardown_file
		' >"$BATS_TEST_TMPDIR/said" 2>&1 || :
		n=$((n + 1))
	done < <(cd "$TOP" && grep -lE '^teardown(_file)?\(\)' ./*/*.bats ./*/*/*.bats)
	[ "$n" -gt 20 ]
	run_x 0 cat "$REMOVED"
	[ -z "$output" ] || { echo "$output" >&2 && return 1; }
}

@test "with-dockerd: another daemon's rules and bridge stay as they are" {
	requires root command:dockerd
	cat >outer <<-'EOT'
		set -eu
		see() {
			iptables -S
			iptables -t nat -S
			ip -o addr
		}
		iptables -t nat -A DOCKER -d 192.0.2.1 -j RETURN
		see >before
		"$1" -c --bip=172.31.254.1/24 docker info >inner
		see >after
		diff before after
	EOT
	run_x 0 "$TOP/tests/with-dockerd" bash outer "$TOP/tests/with-dockerd"
	grep -q '^ Containers: 0' inner
	run_x 3 "$TOP/tests/with-dockerd" sh -c 'exit 3'
}

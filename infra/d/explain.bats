# Why a container doesn't start: each cause on a real image that fails that way, the lines that
# are proposed, and that they mend it. And what d new refuses before it makes anything.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine || return 0
	fixture
	"$TOP/third-party/obj/prefix/bin/musl-gcc" -static -Os -s -std=c11 -D_GNU_SOURCE \
		-o "$ROOM/fail" "$BATS_TEST_DIRNAME/tests/fail.c"
	N=${P}fail
	export N
	broken_programs
	mkdir -p "$WHITTLE_CONTAINERS/$N/files/etc" "$WHITTLE_CONTAINERS/$N/files/var/lib/app" "$WHITTLE_CONTAINERS/$N/files/var/log/app"
	cd "$WHITTLE_CONTAINERS/$N"
	cp "$ROOM/fail" files/fail
	mkdir files/lib
	cp "$ROOM/foreign" "$ROOM/dynamic" "$ROOM/linked" files/
	cp "$TOP/third-party/obj/prefix/lib/libc.so" "files/lib/ld-musl-$(uname -m).so.1"
	cp "$BATS_TEST_DIRNAME/tests/quick.mk" Makefile
	printf 'root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n' >files/etc/passwd
	printf 'root:x:0:\napp:x:1000:\n' >files/etc/group
	ln -s ../run/lock files/var/lock
	touch files/var/lib/app/.keep files/var/log/app/.keep
	mkdir files/var/lib/kept
	echo data >files/var/lib/kept/db
	printf 'FROM scratch\nCOPY files/ /\nUSER 1000:1000\nENTRYPOINT ["/fail"]\n' >Dockerfile
	: >settings.yaml
	d b "$N"
}

teardown_file() {
	fixture_remove
}

teardown() {
	stop_all
}

# For another machine, without its loader, without its library.
broken_programs() {
	local cc="$TOP/third-party/obj/prefix/bin/musl-gcc" source=$BATS_TEST_DIRNAME/tests/fail.c
	cp "$ROOM/fail" "$ROOM/foreign"
	# elf(5): e_machine. No kernel runs programs of PDP-10.
	printf '\100\0' | dd of="$ROOM/foreign" bs=1 seek=18 conv=notrunc status=none
	"$cc" -Os -s -o "$ROOM/dynamic" -Wl,--dynamic-linker=/lib/ld-none.so.1 -D_GNU_SOURCE "$source"
	echo 'int none;' | "$cc" -x c -shared -fPIC -o "$ROOM/libnone.so" -Wl,-soname,libnone.so -
	"$cc" -Os -s -o "$ROOM/linked" -Wl,--dynamic-linker="/lib/ld-musl-$(uname -m).so.1" -D_GNU_SOURCE "$source" -Wl,--no-as-needed "$ROOM/libnone.so"
}

# fails WORDS PROPOSAL SETTING…: the instance with these settings ends, the cause is told with
# these words, the proposal is that line, and with what d fix writes it starts.
fails() {
	local words=$1 proposal=$2
	shift 2
	printf '%s\n' 'ready: {log: "^serving"}' "$@" >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d t "$N" -- true
	expect "why: $words" "$stderr"
	expect "$proposal" "$stderr"
	run_x 0 d fix --yes "$N"
	expect WRITE
	run_x 0 d t "$N" -- true
}

@test "a read-only file system: a tmpfs, or a volume where data lives; the owner is right" {
	fails "it can't write where it wants to" "tmpfs: [/var/log/app:16m]" 'cmd: [write, /var/log/app/log]'
	fails "it can't write where it wants to" "mount_rw: [app:/var/lib/app]" 'cmd: [write, /var/lib/app/db]'
	# Where a link of the image leads.
	fails "it can't write where it wants to" "tmpfs: [/run/lock:16m]" 'cmd: [write, /var/lock/app]'
}

@test "a directory that holds files of the image: a volume that begins with them" {
	cp "$WHITTLE_CONTAINERS/$N/Dockerfile" "$ROOM/Dockerfile"
	fails "it can't write where it wants to" 'Dockerfile:  VOLUME ["/var/lib/kept"]' 'cmd: [update, /var/lib/kept/db]' 'user: "0:0"'
	# It isn't covered by an empty one either where its owner alone is wrong.
	printf '%s\n' 'ready: {log: "^serving"}' 'cmd: [update, /var/lib/kept/db]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d t "$N" -- true
	expect "files/prep-local:  chown -R 1000 /var/lib/kept" "$stderr"
	refute mount_rw "$stderr"
	cp "$ROOM/Dockerfile" "$WHITTLE_CONTAINERS/$N/Dockerfile"
	d b "$N"
}

@test "what greets with an error doesn't work, though it runs and listens" {
	echo 'cmd: [greet, /var/log/app/log]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 0 d fix --yes "$N" -- bash "$TOP/infra/new" look
	expect "why: it can't write where it wants to: port 2121: 500 OOPS: open '/var/log/app/log': Read-only file system"
	expect "tmpfs: /var/log/app:16m"
	echo 'cmd: [greet, /none/log]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d fix --yes "$N" -- bash "$TOP/infra/new" look
	expect "greets who connects with an error:" "$stderr"
	expect "  port 2121: 500 OOPS: open '/none/log': No such file or directory" "$stderr"
}

@test "a path that begins in the working directory: a directory of its own there" {
	fails "it can't write where it wants to, /var/lib/app/data" "mount_rw: [data:/var/lib/app/data]" 'cmd: [mkdir, data]' 'extra_docker: [--workdir, /var/lib/app]'
	printf '%s\n' 'cmd: [write, state.db]' 'ready: {log: "^serving"}' 'extra_docker: [--workdir, /var/lib/app]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d t "$N" -- true
	expect "it can't write 'state.db' in /var/lib/app, which is the image's" "$stderr"
}

@test "what ends a moment after its start doesn't start, also where nothing says when it is ready" {
	echo 'cmd: [late, /var/log/app/log]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 0 d fix --yes "$N"
	expect "tmpfs: /var/log/app:16m"
}

@test "what logs to syslog alone is heard by d fix" {
	printf '%s\n' 'ready: {log: "^serving"}' 'cmd: [warn-to-syslog, /var/log/app/log]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 0 d fix --yes "$N"
	expect "why: it can't write where it wants to: fail: open '/var/log/app/log': Read-only file system"
	expect "tmpfs: /var/log/app:16m"
	# No rights where a place to write to is enough.
	expect "why: it may not: fail: initgroups"
	run ! grep -E 'caps|user' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	# What takes its standard input for a client.
	printf '%s\n' 'ready: {log: "^serving"}' 'cmd: [write-to-stdin, /var/log/app/log]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 0 d fix --yes "$N"
	expect "tmpfs: /var/log/app:16m"
	# What it says is shown where no cause is known.
	echo 'cmd: [write-to-syslog, /none/log]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d fix --yes "$N"
	expect "said to syslog:"
	expect "  fail: open '/none/log': No such file or directory" "$stderr"
}

@test "a capability: bind below 1024, chown, another user" {
	fails "it may not: fail: bind" "caps: [NET_BIND_SERVICE]" 'cmd: [bind, 25]' 'user: "0:0"' 'extra_docker: [--sysctl, net.ipv4.ip_unprivileged_port_start=1024]' \
		'caps: [KILL]  # its children'
	# What a person wrote there stays.
	grep -qx 'caps: \[KILL, NET_BIND_SERVICE\]  # its children' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	# What it could do with more than that isn't given where it starts without.
	fails "it may not: fail: bind" "caps: [SETGID]" 'cmd: [bind-besides, 25]' 'user: "0:0"' 'extra_docker: [--sysctl, net.ipv4.ip_unprivileged_port_start=1024]'
	run_x 1 grep -E 'SET.ID|KILL' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	fails "it ended with status 1 and said nothing" "caps: [NET_BIND_SERVICE]" 'cmd: [bind-silently, 25]' 'user: "0:0"' 'extra_docker: [--sysctl, net.ipv4.ip_unprivileged_port_start=1024]'
	# A guess that nothing came of is taken back.
	printf 'ready: {log: "^serving"}\ncmd: [end-silently, x]  # as it is\n' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	cp "$WHITTLE_CONTAINERS/$N/settings.yaml" "$ROOM/as-it-was"
	run_x 1 d fix --yes "$N"
	expect "TAKE BACK"
	cmp "$ROOM/as-it-was" "$WHITTLE_CONTAINERS/$N/settings.yaml"
	fails "it wants to begin as root" "caps: [NET_BIND_SERVICE]" 'cmd: [be-root, Not superuser]'
	echo 'cmd: [be-root, the command is reserved for the superuser]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 env WHITTLE_ROOT_CAPS=SYS_CHROOT "$D" t "$N" -- true
	expect "caps: [SYS_CHROOT]" "$stderr"
	echo 'cmd: [be-root, config file not owned by correct user]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d t "$N" -- true
	expect 'user: "0:0"' "$stderr"
	fails "it may not keep what it hasn't got" "caps: [SYS_NICE]" 'cmd: [cap_set_proc, x]' 'user: "0:0"'
	fails "it may not: fail: chown" "caps: [CHOWN]" 'cmd: [chown, /tmp/x]' 'tmpfs: [/tmp]' 'user: "0:0"'
	fails "it may not: fail: setuid" "caps: [SETUID]" 'cmd: [setuid, x]' 'user: "0:0"'
	# What root keeps there is for those as well whom it becomes.
	fails "it can't write where it wants to" 'vols: [{path: app, type: dir, perm: "0755"}]' 'cmd: [write, /var/lib/app/db]' 'user: "0:0"'
	fails "it may not do as root what only" "caps: [DAC_OVERRIDE]" 'cmd: [write, /var/lib/app/db]' 'user: "0:0"' \
		'mount_rw: [app:/var/lib/app]' 'vols: [{path: app, type: dir, owner: user/app, perm: "0750"}]'
}

@test "causes by the words for them" {
	local words proposal
	while IFS='|' read -r words proposal; do
		echo "$words" >"$BATS_TEST_TMPDIR/said"
		run_x 0 "$TOP/infra/explain" --lines -l "$BATS_TEST_TMPDIR/said" none none
		expect "$proposal"
	done <<-'EOT'
		[ALERT] (7) : [/usr/sbin/x.main()] Cannot chroot(/var/lib/x).|settings caps SYS_CHROOT
		500 OOPS: chroot|settings caps SYS_CHROOT
		x: chroot: failed|settings caps SYS_CHROOT
		x: settimeofday: Operation not permitted|ask caps SYS_TIME
		x: unable to set user id to 12|settings caps SETUID
		x: failed to drop privileges|settings caps SETUID
		x: setgroups() failed|settings caps SETGID
		chmod: changing permissions of '/srv/x': Operation not permitted|settings caps FOWNER
		500 OOPS: failed to open x log file:/var/log/x.log|settings tmpfs /var/log:16m
		x: open '/var/run/x.pid': No such file or directory|settings tmpfs /var/run:16m
		[ALERT] (7) : [/usr/sbin/x.main()] Cannot set gid 101.|settings caps SETGID
		[ALERT] (7) : [/usr/sbin/x.main()] Cannot set uid 100.|settings caps SETUID
		[ALERT] (7) : [/usr/sbin/x.main()] Cannot set uid 100.|settings caps KILL
		x: pthread_create(&t->thread, NULL, run, t) failed|settings pids 256
		x: bind: Permission denied|settings caps NET_BIND_SERVICE
		named: couldn't add command channel 127.0.0.1#953: permission denied|settings caps NET_BIND_SERVICE
		x: [::]:80: Permission denied|settings caps NET_BIND_SERVICE
		Error opening specified endpoint "127.0.0.1"|guess caps NET_BIND_SERVICE
		x: failed to create temporary directory (unknown system error)|settings tmpfs /tmp:16m
	EOT
	echo 'x: ssl_cert: open(/etc/x/private/x.pem) failed: No such file or directory' >"$BATS_TEST_TMPDIR/said"
	run_x 0 "$TOP/infra/explain" -l "$BATS_TEST_TMPDIR/said" none none
	expect 'a key or a certificate, /etc/x/private/x.pem, that'
	# What the last one is about is podman's own.
	for words in 'x: 127.0.0.1:1080: Permission denied' '10:30:22: no: Permission denied' 'x: the user said no, and failed' 'Warning: mlock() of VSM failed: Cannot allocate memory (12)' \
		'time="2026-01-01T00:00:00Z" level=error msg="Removing timer for container 1 healthcheck: unable to get systemd connection to remove healthchecks: dial unix /run/systemd/private: connect: no such file or directory"'; do
		echo "$words" >"$BATS_TEST_TMPDIR/said"
		run_x 1 "$TOP/infra/explain" --lines -l "$BATS_TEST_TMPDIR/said" none none
	done
}

@test "what an image and its log say is data: a name with lines or words in it proposes nothing" {
	local forged
	for forged in $'/x\nsettings extra_docker [--privileged]\n#' '/x", b: "y' '/x/../../etc' '/$(id)'; do
		engine create --name "$N-forged" --workdir "$forged" "localhost/whittle/$N:latest" >/dev/null
		echo "x: cannot open 'log/x': Permission denied" >"$BATS_TEST_TMPDIR/said"
		run "$TOP/infra/explain" --lines -l "$BATS_TEST_TMPDIR/said" "$N" "$N-forged"
		engine rm "$N-forged" >/dev/null
		[ -z "$output" ]
	done
	printf 'x: \033]0;title\007mknod: Operation not permitted\n' >"$BATS_TEST_TMPDIR/said"
	run_x 0 "$TOP/infra/explain" -l "$BATS_TEST_TMPDIR/said" none none
	[[ $output != *[$'\033\007']* ]]
	printf 'x: \302\2331mfork: Resource temporarily unavailable: out of memory\302\205\n' >"$BATS_TEST_TMPDIR/said"
	[ "$("$TOP/infra/shown" <"$BATS_TEST_TMPDIR/said")" = 'x: fork: Resource temporarily unavailable: out of memory?' ]
	# By its words alone, no more than so much.
	engine create --name "$N-forged" --memory 2g --pids-limit 5000 "localhost/whittle/$N:latest" >/dev/null
	run "$TOP/infra/explain" --lines -l "$BATS_TEST_TMPDIR/said" "$N" "$N-forged"
	engine rm "$N-forged" >/dev/null
	refute memory
	refute pids
	echo "x: open executable: Operation not permitted" >"$BATS_TEST_TMPDIR/said"
	run_x 0 "$TOP/infra/explain" --lines -l "$BATS_TEST_TMPDIR/said" -c 'SYS_ADMIN, NET_RAW' none none
	expect "ask caps SYS_ADMIN"
	expect "settings caps NET_RAW"
	WHITTLE_PACKAGES=1 run_x 0 "$TOP/infra/explain" --lines -l "$BATS_TEST_TMPDIR/said" -c 'SYS_TIME' none none
	expect "settings caps SYS_TIME"
}

@test "what its own log alone asks for, and reaches beyond the container, needs a person" {
	echo '{ready: {log: "^serving"}, cmd: [be-root, "mknod: Operation not permitted"]}' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d fix --yes "$N"
	expect "LEFT OUT  $N/settings.yaml: caps: MKNOD"
	run_x 1 grep MKNOD "$WHITTLE_CONTAINERS/$N/settings.yaml"
}

@test "too few processes" {
	fails "it needs more processes" "pids: 16" 'cmd: [fork, "12"]' 'pids: 8'
}

@test "too little memory" {
	! engine run --rm --memory 32m --memory-swap 32m "localhost/whittle/$N:latest" memory 50 --once >/dev/null 2>&1 ||
		skip "this machine cannot: memory limits don't hold here"
	fails "it needs more memory than its limit of 32 MB" "memory: 64m" 'cmd: [memory, "50"]' 'memory: 32m'
}

# named WORDS SETTING…: as fails, where no line mends it: the cause is told, and d fix gives up.
named() {
	local words=$1
	shift
	printf '%s\n' 'ready: {log: "^serving"}' "$@" >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d t "$N" -- true
	expect "why: $words" "$stderr"
	run_x 1 d fix --yes "$N"
	refute WRITE
}

@test "a program that isn't in the image, one for another machine, one without its loader, its library" {
	named "the program '/nothing' is not in the image, and prep did not remove it" 'entrypoint: [/nothing]'
	named "its program is for another architecture: the image is for" 'entrypoint: [/foreign]'
	expect "this machine is $(uname -m)" "$output$stderr"
	named "the program '/dynamic' is there, but not what starts it: '/lib/ld-none.so.1'" 'entrypoint: [/dynamic]'
	named "the library 'libnone.so' is not in the image" 'entrypoint: [/linked]'
}

@test "an address in use: by whom on the host; twice in the service itself" {
	named "address already in use: it listens there twice" 'cmd: [listen, "8000"]'
	local port
	port=$(free_port)
	start python3 -m http.server -d "$BATS_TEST_TMPDIR" -b 127.0.0.1 "$port"
	wait_until 10 curl -fs "http://127.0.0.1:$port/"
	printf '%s\n' 'ready: {log: "^serving"}' 'cmd: [write, /dev/null]' "test_ports: [\"$port:8000\"]" 'test_port_offset: 0' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d t "$N" -- true
	expect "address already in use: port $port of the host, by python3, process $started" "$stderr"
	expect "ports: another one than $port on the host" "$stderr"
	# d fix takes a free one for its instance: nothing is wrong with the service.
	run_x 0 d fix --yes "$N"
}

@test "an account that prep's rule took away: the line that keeps it" {
	local n=${P}account
	engine image inspect localhost/whittle/baseline:live >/dev/null 2>&1 || skip "this machine cannot: no baseline is built"
	mkdir -p "$WHITTLE_CONTAINERS/$n/files"
	cd "$WHITTLE_CONTAINERS/$n"
	cp "$ROOM/fail" files/fail
	printf 'FROM localhost/whittle/baseline:live\nCOPY files/ /\nRUN echo served:x:990:990::/:/bin/sh >>/etc/passwd; ln -s /run/theirs /etc/theirs\nRUN ["/prep"]\nUSER 1000:1000\nCMD ["/fail", "getpwnam", "served"]\n' >Dockerfile
	real_pipeline "$n"
	echo 'ready: {log: "^serving"}' >settings.yaml
	run_x 0 make all
	run_x 1 d t "$n" -- true
	expect "why: there is no account 'served' in the image" "$stderr"
	expect 'files/prep-local:  ACCOUNTS_DONT_DELETE_REGEX=' "$stderr"
	echo 'cmd: [/fail, getpwnam-value, served]' >>settings.yaml
	run_x 1 d t "$n" -- true
	expect "why: there is no account 'served' in the image" "$stderr"
	sed -i 's/getpwnam-value/getpwnam-first/' settings.yaml
	run_x 1 d t "$n" -- true
	expect "why: there is no account 'served' in the image" "$stderr"
	run_x 0 d fix --yes "$n"
	expect "WRITE     $n/files/prep-local: ACCOUNTS_DONT_DELETE_REGEX="
	run_x 0 d t "$n" -- true
	# A link that led nowhere, until there is a tmpfs.
	printf '%s\n' 'ready: {log: "^serving"}' 'tmpfs: [/run]' 'cmd: [/fail, write, /etc/theirs/x]' >settings.yaml
	run_x 0 d fix --yes "$n"
	expect "WRITE     $n/settings.yaml: tmpfs: /run/theirs:16m"
}

@test "a replacement that fails says why, too" {
	printf '%s\n' 'ready: {log: "^serving", stable: 300ms}' 'cmd: [write, /var/log/app/log]' 'tmpfs: [/var/log/app]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 0 d u "$N"
	printf '%s\n' 'ready: {log: "^serving", stable: 300ms}' 'cmd: [write, /var/log/app/log]' >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 1 d 01 "$N"
	expect "why: it can't write where it wants to" "$stderr"
	expect "tmpfs: [/var/log/app:16m]" "$stderr"
	[ "$(engine inspect -f '{{.State.Running}}' "$N")" = true ]
	d 0 "$N"
}

@test "d fix asks, and says so where nobody can be asked" {
	local settings='{ready: {log: "^serving"}, cmd: [write, /var/log/app/log]}'
	echo "$settings" >"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 2 d fix "$N" </dev/null
	expect "use --yes" "$stderr"
	[ "$(cat "$WHITTLE_CONTAINERS/$N/settings.yaml")" = "$settings" ]
	run_x 2 d fix "${P}none"
	expect "no such container" "$stderr"
}

@test "a program whose file has capabilities that the settings drop, in an image that isn't live" {
	command -v setcap >/dev/null || skip "this machine cannot: no setcap"
	local n=${P}filecap
	mkdir -p "$ROOM/filecap" "$WHITTLE_CONTAINERS/$n"
	cp "$ROOM/fail" "$ROOM/filecap/fail"
	setcap cap_net_bind_service,cap_net_raw=ep "$ROOM/filecap/fail"
	tar -C "$ROOM/filecap" --xattrs --xattrs-include='security.*' -c . |
		engine import -c 'ENTRYPOINT ["/fail"]' -c 'USER 1000:1000' - "localhost/whittle/$n:latest" >/dev/null
	N=$n fails "its program's file has capabilities (NET_BIND_SERVICE, NET_RAW)" "caps: [NET_RAW]" 'cmd: [bind, "8000"]'
}

@test "a program that prep's rule took away: the rule, and the line that keeps it" {
	local n=${P}rule
	engine image inspect localhost/whittle/baseline:live >/dev/null 2>&1 || skip "this machine cannot: no baseline is built"
	mkdir -p "$WHITTLE_CONTAINERS/$n/files/usr/sbin"
	cd "$WHITTLE_CONTAINERS/$n"
	cp "$ROOM/fail" files/usr/sbin/served
	printf 'FROM localhost/whittle/baseline:live\nCOPY files/ /\nRUN ["/prep"]\nUSER 1000:1000\nCMD ["/bin/sh", "-c", "p=served; exec /usr/sbin/$p bind 8000"]\n' >Dockerfile
	real_pipeline "$n"
	: >settings.yaml
	run_x 0 make all
	run_x 1 d t "$n" -- true
	expect "a script calls '/usr/sbin/served', which prep's rule 'sbin' removed" "$stderr"
	expect 'SBIN_DONT_DELETE_REGEX="$SBIN_DONT_DELETE_REGEX|^/usr/sbin/served$"' "$stderr"
	run_x 0 d fix --yes "$n"
	run_x 0 d t "$n" -- true
}

@test "d new overwrites nothing, and leaves nothing behind where it can't go on" {
	run_x 2 d new "$N"
	expect "is there already" "$stderr"
	run_x 2 d new 'Bad/Name'
	expect "is not a valid name for a container" "$stderr"
	run_x 2 d new "${P}new" --from nginx
	expect "doesn't say which registry" "$stderr"
	[ ! -e "$WHITTLE_CONTAINERS/${P}new" ]
	run_x 2 d new "${P}new" --from "localhost/${P}none:1"
	expect "no such image 'localhost/${P}none:1'" "$stderr"
	[ ! -e "$WHITTLE_CONTAINERS/${P}new" ]
	run_x 2 d new "${P}new" --packages 'x' --release 'redhat 9'
	expect "packages:1: want a distribution and its release, such as 'debian trixie' or 'alpine 3.22', have 'redhat 9'" "$stderr"
	run_x 2 d new "${P}new" --packages 'x' --release 'alpine v3.20'
	expect "such as 'alpine 3.22', have 'alpine v3.20'" "$stderr"
	[ ! -e "$WHITTLE_CONTAINERS/${P}new" ]
	printf 'services:\n  a: {image: x}\n  b: {image: y}\n' >"$ROOM/compose.yaml"
	run_x 2 d new "${P}new" --compose "$ROOM/compose.yaml"
	expect "name one, as $ROOM/compose.yaml:SERVICE: a, b" "$stderr"
	[ ! -e "$WHITTLE_CONTAINERS/${P}new" ]
}

@test "d new without anything: a template that passes its own test" {
	engine image inspect localhost/whittle/baseline:live >/dev/null 2>&1 || skip "this machine cannot: no baseline is built"
	run_x 0 d new "${P}tpl"
	expect "make -C $WHITTLE_CONTAINERS/${P}tpl all test install"
	run_x 0 make -C "$WHITTLE_CONTAINERS/${P}tpl" all test install
	expect "it ends when it is told to"
	image_id "$(live "${P}tpl")"
}

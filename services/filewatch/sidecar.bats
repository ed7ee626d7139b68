# The sidecar without an engine: a pid namespace whose process 1 stands for a pod's, and
# neighbours in mount namespaces of their own.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; inner shells have variables too
load ../../tests/helpers

setup() {
	requires root
	# The neighbour runs in an empty root, so it is the static one also under SAN=1.
	static=$TOP/services/filewatch/filewatch
	dir=$BATS_TEST_TMPDIR
	root=$dir/root
	port=$(free_port)
	neighbour_port=$(free_port)
	mkdir -p "$root/bin" "$root/etc"
	cp "$static" "$root/bin/app"
	echo secret >"$root/etc/page"
	printf 'listen: 127.0.0.1:%s\nrules: [{path: /etc/page}]\n' "$neighbour_port" >"$root/etc/settings"
	cat >"$dir/settings.yaml" <<-EOT
		listen: 127.0.0.1:$port
		sidecar:
		  baseline: $dir/b
		  interval: 1s
		  restarts: 3
	EOT
	# As a container's runtime does it: the directory becomes the namespace's root.
	cat >"$dir/contain" <<-'EOT'
		import ctypes, os, sys
		libc = ctypes.CDLL(None, use_errno=True)
		root = sys.argv[1].encode()
		def must(result):
		    if result:
		        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
		must(libc.unshare(0x20000))  # CLONE_NEWNS
		must(libc.mount(None, b"/", None, 0x4000 | 0x40000, None))  # MS_REC | MS_PRIVATE
		must(libc.mount(root, root, None, 0x1000, None))  # MS_BIND
		os.chdir(root)
		must(libc.syscall(155 if os.uname().machine == "x86_64" else 41, b".", b"."))
		must(libc.umount2(b".", 2))  # MNT_DETACH
		os.execv(sys.argv[2], sys.argv[2:])
	EOT
	# Process 1: starts the neighbour again and again, in a mount namespace of its own.
	cat >"$dir/init" <<-'EOT'
		dir=$1 filewatch=$2
		"$filewatch" -c "$dir/settings.yaml" 2>"$dir/log" &
		while :; do
			python3 "$dir/contain" "$dir/root" /bin/app -c /etc/settings 2>"$dir/app.log"
			[ ! -e "$dir/clean" ] || cp "$dir/clean" "$dir/root/etc/page"
			echo ended >>"$dir/ended"
			sleep 0.1
		done
	EOT
}

teardown() {
	end_pods
	[ -n "${BATS_TEST_COMPLETED:-}" ] || cat "$dir/log" >&2 || :
}

# unshare minds no SIGTERM; with it, the pod ends.
end_pods() {
	kill -KILL "${STARTED[@]}" 2>/dev/null || :
	stop_all
}

run_pod() {
	[ -e "$dir/b" ] || run_x 0 "$FILEWATCH" baseline -r "$root" -o "$dir/b" /
	start unshare --pid --fork --mount-proc --kill-child bash "$dir/init" "$dir" "${1:-$FILEWATCH}"
}

is_ok() {
	[ "$(curl -s "http://127.0.0.1:$port/healthz")" = "all ok" ]
}

says() {
	curl -s "http://127.0.0.1:$port/api/v1/status" | grep -qF "$1"
}

times_ended() {
	curl -s "http://127.0.0.1:$port/metrics" | sed -n 's/^filewatch_neighbour_ended_total //p'
}

@test "on the host's pid namespace it refuses, with advice" {
	[ "$(cat /proc/2/comm)" = kthreadd ] || skip "this machine cannot: no host pid namespace"
	run_x 0 "$FILEWATCH" baseline -r "$root" -o "$dir/b" /
	run_x 2 "$FILEWATCH" -c "$dir/settings.yaml"
	expect "this is the host's pid namespace" "$stderr"
	run_x 2 "$FILEWATCH" healthz /etc/passwd 00000000000000000000000000000000
	expect "this is the host's pid namespace" "$stderr"
}

@test "tampered, ended, clean again" {
	requires join
	cp "$root/etc/page" "$dir/clean"
	touch -r "$root/etc/page" "$dir/clean"
	run_pod
	wait_until 20 is_ok
	echo tampered >"$root/etc/page"
	wait_until 20 test -e "$dir/ended"
	wait_until 20 is_ok
	[ "$(times_ended)" = 1 ]
	grep -q "ending it: changed /etc/page: size 9, not 7; content" "$dir/log"
	grep -q "ended 1 process" "$dir/log"
}

@test "what is undone at once is no mismatch" {
	requires join
	run_pod
	wait_until 20 is_ok
	for _ in {1..5}; do
		touch "$root/etc/moment"
		rm "$root/etc/moment"
		sleep 0.05
	done
	sleep 0.5
	wait_until 20 is_ok
	[ "$(times_ended)" = 0 ]
	[ ! -e "$dir/ended" ]
}

@test "a file that can't be read is reported, and nobody is ended" {
	requires join
	chown 65534 "$root/etc/page"
	chmod 400 "$root/etc/page"
	sed -i 's|/etc/page|/etc/settings|' "$root/etc/settings"
	path_for_all
	cat >"$dir/without" <<-EOT
		#!/bin/sh
		exec setpriv --bounding-set=-dac_override,-dac_read_search,-fowner $FILEWATCH "\$@"
	EOT
	chmod 755 "$dir/without"
	run_x 0 "$FILEWATCH" baseline -r "$root" -o "$dir/b" /
	run_pod "$dir/without"
	wait_until 20 says "unreadable /etc/page: Permission denied"
	sleep 1.5
	[ "$(times_ended)" = 0 ]
	[ ! -e "$dir/ended" ]
}

path_for_all() {
	local p=$root
	while [ "$p" != /tmp ] && [ "$p" != / ]; do
		chmod a+x "$p"
		p=$(dirname "$p")
	done
}

@test "several neighbours: none is ended until one is named" {
	requires join
	mkdir "$dir/other"
	cp -a "$root/." "$dir/other/"
	mv "$dir/other/bin/app" "$dir/other/bin/other"
	sed -i "s/:$neighbour_port/:$(free_port)/" "$dir/other/etc/settings"
	sed -i 's|^while|python3 "$dir/contain" "$dir/other" /bin/other -c /etc/settings 2>/dev/null \&\n&|' "$dir/init"
	run_pod
	wait_until 20 says "several neighbours: name the program of one"
	echo tampered >"$root/etc/page"
	sleep 1
	[ ! -e "$dir/ended" ]
	end_pods
	echo secret >"$root/etc/page"
	echo "  neighbour: app" >>"$dir/settings.yaml"
	port=$(free_port)
	sed -i "s/^listen:.*/listen: 127.0.0.1:$port/" "$dir/settings.yaml"
	run_pod
	wait_until 20 is_ok
	echo tampered >"$dir/other/etc/page"
	sleep 1
	is_ok
	echo tampered >"$root/etc/page"
	wait_until 20 test -e "$dir/ended"
}

@test "too often: it leaves it alone, and says so" {
	requires join
	run_x 0 "$FILEWATCH" baseline -r "$root" -o "$dir/b" /
	sed -i '/page/s/size=7/size=8/' "$dir/b"
	run_pod
	wait_until 30 says "ended too often already (3 times)"
	sleep 1
	[ "$(wc -l <"$dir/ended")" = 3 ]
	[ "$(times_ended)" = 3 ]
}

# The toolkit beside a neighbour that has no shell: what it sees, and that the neighbour
# is none the worse for it.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; inner shells have variables too
load ../../tests/helpers

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/toolkit:latest}
	export NEIGHBOUR=whittle-test-toolkit-$$
	export KIT=$NEIGHBOUR-kit
	engine run -d --name "$NEIGHBOUR" --read-only --cap-drop ALL --security-opt no-new-privileges \
		localhost/whittle/zero:latest >/dev/null
	state_of_neighbour >"$BATS_FILE_TMPDIR/before"
	join -d --name "$KIT" --cap-add SYS_PTRACE --cap-add NET_RAW "$IMAGE" sleep 600 >/dev/null
}

teardown_file() {
	for name in "$KIT" "$NEIGHBOUR"; do
		engine rm -f "$name" >/dev/null 2>&1 || :
	done
}

# join RUN-ARGUMENTS…: a container in the neighbour's process and network namespaces.
join() {
	engine run --pid "container:$NEIGHBOUR" --network "container:$NEIGHBOUR" --cap-drop ALL "$@"
}

kit() {
	exec_in "$KIT" "$@"
}

# Rights, mounts and namespaces of the neighbour's process, and what changed in its files.
state_of_neighbour() {
	local pid
	pid=$(engine inspect -f '{{.State.Pid}}' "$NEIGHBOUR")
	grep -E '^(Uid|Gid|Groups|Cap[A-Z][a-z]*|NoNewPrivs|Seccomp):' "/proc/$pid/status"
	cut -d' ' -f3- "/proc/$pid/mountinfo"
	for ns in mnt pid net ipc uts user; do
		readlink "/proc/$pid/ns/$ns"
	done
	engine diff "$NEIGHBOUR" | sort
}

@test "the neighbour has nothing to look around with" {
	for program in /bin/sh /bin/ls; do
		run ! exec_in "$NEIGHBOUR" "$program"
	done
}

@test "its processes" {
	run_x 0 kit ps -o pid,args
	[[ $output =~ (^|$'\n')\ *1\ /bin/hello ]]
	run_x 0 kit cat /proc/1/comm
	[ "$output" = hello ]
}

@test "its files, under /proc/1/root" {
	run_x 0 kit find /proc/1/root/bin -type f
	[ "$output" = /proc/1/root/bin/hello ]
	kit cat /proc/1/root/bin/hello >"$BATS_TEST_TMPDIR/hello"
	cmp "$BATS_TEST_TMPDIR/hello" "$TOP/containers/zero/hello/hello"
}

@test "its sockets, and what it says on them" {
	run_x 0 kit netstat -tln
	[[ $output =~ :8000\  ]]
	run_x 0 kit wget -qO- http://127.0.0.1:8000/
	[ "$output" = "hello from an empty image" ]
	run_x 0 kit probe http://127.0.0.1:8000/ hello
}

@test "its system calls" {
	run_x 0 kit sh -ec 'strace -p 1 -e trace=network,read -o /tmp/calls & s=$!
		until grep -q "^TracerPid:.[1-9]" /proc/1/status; do sleep 0.1; done
		wget -qO /dev/null http://127.0.0.1:8000/
		kill $s; wait $s || :
		cat /tmp/calls'
	expect 'accept(3'
	expect '"GET / HTTP/1.1'
}

@test "its packets" {
	run_x 0 kit sh -ec 'tcpdump -lnA -c 6 -i lo port 8000 >/tmp/packets 2>/tmp/errors & t=$!
		until grep -q "listening on" /tmp/errors; do kill -0 $t; sleep 0.1; done
		wget -qO /dev/null http://127.0.0.1:8000/
		wait $t
		cat /tmp/packets'
	expect "127.0.0.1.8000: Flags [S]"
	expect "GET / HTTP/1.1"
}

@test "what is read-only for the neighbour is read-only through /proc/1/root too" {
	run_x 1 kit touch /proc/1/root/new
	expect "Read-only file system" "$stderr"
}

@test "d debug joins it, and it goes when its command ends" {
	mkdir -p "$BATS_TEST_TMPDIR/containers/$NEIGHBOUR"
	echo 'image: localhost/whittle/zero' >"$BATS_TEST_TMPDIR/containers/$NEIGHBOUR/settings.yaml"
	export WHITTLE_CONTAINERS=$BATS_TEST_TMPDIR/containers WHITTLE_STATE=$BATS_TEST_TMPDIR/state
	export WHITTLE_TOOLKIT=$IMAGE
	run_x 0 "$D" debug "$NEIGHBOUR" sh -ec 'cat /proc/1/comm; ls /proc/1/root/bin
		wget -qO- http://127.0.0.1:8000/
		strace -o /tmp/calls -p 1 & s=$!
		until grep -q "^TracerPid:.[1-9]" /proc/1/status; do sleep 0.1; done
		tcpdump -lnA -c 6 -i lo port 8000 2>/tmp/errors & t=$!
		until grep -q "listening on" /tmp/errors; do kill -0 $t; sleep 0.1; done
		wget -qO /dev/null http://127.0.0.1:8000/
		wait $t; kill $s; wait $s || :
		grep -o "GET / " /tmp/calls'
	[[ $output == "hello"$'\n'"hello"$'\n'"hello from an empty image"$'\n'* ]]
	expect "127.0.0.1.8000: Flags [S]"
	[ "${output##*$'\n'}" = "GET / " ]
	run_x 0 engine ps -a --format '{{.Names}}'
	refute "$NEIGHBOUR-debug"

	WHITTLE_TOOLKIT=localhost/whittle/$NEIGHBOUR-none
	run_x 2 "$D" debug "$NEIGHBOUR"
	expect "no toolkit image" "$stderr"
	run_x 2 "$D" debug "$NEIGHBOUR-none"
}

@test "the neighbour gained nothing" {
	state_of_neighbour >"$BATS_TEST_TMPDIR/after"
	diff "$BATS_FILE_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
	run ! exec_in "$NEIGHBOUR" /bin/sh
}

@test "without SYS_PTRACE it sees processes, but neither files nor calls" {
	run_x 0 join --rm "$IMAGE" cat /proc/1/comm
	[ "$output" = hello ]
	run_x 1 join --rm "$IMAGE" ls /proc/1/root/
	expect "Permission denied" "$stderr"
	run_x 1 join --rm "$IMAGE" strace -p 1
	expect "Operation not permitted" "$stderr"
}

@test "its login shell says where to look, and only beside a neighbour" {
	run_x 0 kit sh -lc :
	expect "cd /proc/1/root"
	run_x 0 engine run --rm --network none "$IMAGE" sh -lc :
	[ -z "$output" ]
}

@test "every applet of a full BusyBox has its link" {
	run_x 0 engine run --rm --network none "$IMAGE" sh -c 'busybox --list | while read -r a; do
		command -v "$a" >/dev/null || echo "missing: $a"; done; busybox --list | wc -l'
	refute missing
	[ "$output" -gt 390 ]
}

@test "the neighbour goes on when the toolkit goes" {
	engine rm -f "$KIT" >/dev/null
	[ "$(engine inspect -f '{{.State.Running}}' "$NEIGHBOUR")" = true ]
	run_x 0 join --rm "$IMAGE" wget -qO- http://127.0.0.1:8000/
	[ "$output" = "hello from an empty image" ]
}

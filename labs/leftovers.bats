# The instrument itself: what it is to find, it finds.
load ../tests/helpers

setup() {
	cd "$BATS_TEST_DIRNAME"
}

teardown() {
	[ -z "${group:-}" ] || rmdir "$group"
	# What leftovers itself didn't find, too.
	if [ -e "$BATS_TEST_TMPDIR/pid" ]; then
		left=whittle-lab-test-$(cat "$BATS_TEST_TMPDIR/pid")
		rm -rf "${TMPDIR:-/var/tmp}/$left.left"
		ENGINE=podman engine rmi -f "localhost/$left" >/dev/null 2>&1 || :
		ENGINE=podman engine network rm "$left" >/dev/null 2>&1 || :
	fi
}

@test "a script that leaves nothing" {
	requires root command:ip
	run_x 0 ./leftovers true
	[ -z "$output" ]
}

@test "a mount, a process, an interface, a file" {
	requires root command:ip
	run_x 1 ./leftovers mount -t tmpfs leftover /mnt
	expect "/mnt rw,relatime - tmpfs leftover"
	run_x 1 ./leftovers bash -c 'sleep 1000 & disown'
	expect "process "
	run_x 1 ./leftovers ip link add leftover type bridge
	expect "leftover:"
	run_x 1 ./leftovers touch /run/left
	[ "$output" = "file /run/left" ]
	# shellcheck disable=SC2016 # TMPDIR is what leftovers gives
	run_x 1 ./leftovers sh -c 'mktemp'
	expect "
file $(head -n 1 <<<"$output")"
}

@test "a control group, unless it is another's" {
	requires root command:ip
	local top
	top=$(awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) ~ /^cgroup/) { print $5; exit } }' /proc/self/mountinfo)
	[ -n "$top" ] || skip "this machine cannot: no cgroups"
	# shellcheck disable=SC2016 # LAB_NAME is what leftovers gives
	run_x 1 ./leftovers sh -c 'mkdir "$0/$LAB_NAME-left"' "$top"
	group=${output#cgroup }
	[[ $group == "$top"/whittle-lab-test-*-left ]]
	run_x 0 ./leftovers sh -c "rmdir '$group'; mkdir '$group'"
	[ -z "$output" ]
}

@test "an image, a network and a directory, of a script that uses podman" {
	requires podman
	tar -cf "$BATS_TEST_TMPDIR/empty.tar" -T /dev/null
	# shellcheck disable=SC2016 # LAB_NAME is what leftovers gives
	run_x 1 env ENGINE=podman sh -c 'echo $$ >"$0"; exec "$@"' "$BATS_TEST_TMPDIR/pid" ./leftovers -p bash -c '"$0" import -q "$1" "localhost/$LAB_NAME"
		"$0" network create --disable-dns "$LAB_NAME"
		mkdir "${TMPDIR:-/var/tmp}/$LAB_NAME.left"' "$ENGINE_CMD" "$BATS_TEST_TMPDIR/empty.tar"
	local name
	name=whittle-lab-test-$(cat "$BATS_TEST_TMPDIR/pid")
	expect "image localhost/$name"
	expect "network $name"
	expect "${TMPDIR:-/var/tmp}/$name.left"
}

@test "a script that fails, and one that doesn't end by the signal" {
	requires root command:ip
	run_x 2 ./leftovers sh -c 'exit 3'
	expect "sh: status 3"
	run_x 2 ./leftovers -k TERM:here sh -c 'trap "" TERM; echo "# here"; exit 0'
	expect "ended with status 0, not by SIGTERM"
}

load ../../tests/helpers
load ../labs

setup() {
	requires root
	cd "$BATS_TEST_DIRNAME"
}

# What exceed.sh shows wherever it runs. Its messages are on standard error or, in the
# virtual machine, among the rest.
shows_every_limit() {
	local all=$output$'\n'${stderr:-}
	expect "limit: memory: killed 1" "$all"
	expect "limit: memory: killed 0" "$all"
	expect "can't fork: Resource temporarily unavailable" "$all"
	[[ $all =~ "limit: pids: refused "[1-9] ]]
	expect "limit: pids: refused 0" "$all"
	[[ $all =~ "limit: cpu: made to wait "[1-9] ]]
	expect "a second is over" "$all"
}

# No file system of cgroups anywhere, as in a container of old.
without_cgroups() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare -m --propagation private bash -c '
		while read -r dir; do umount -l "$dir"; done < <(
			awk "{ for (i = 7; \$i != \"-\"; i++); if (\$(i + 1) ~ /^cgroup/) print \$5 }" /proc/self/mountinfo)
		! grep " - cgroup" /proc/self/mountinfo || exit 9
		"$@"' bash "$@"
}

booted() {
	command -v "qemu-system-$(uname -m)" >/dev/null || skip "this machine cannot: no qemu-system-$(uname -m)"
	run_x 0 ./boot "$1" "$PWD/exceed.sh"
}

@test "memory, processes and processor time are limited as this host has them" {
	shows ./exceed.sh
	shows_every_limit
}

@test "nothing is mounted: it is mounted, for this command alone" {
	run_x 0 without_cgroups ./exceed.sh
	shows_every_limit
	expect "memory: version "
	expect ", /run/memory"
}

@test "version 2 alone" {
	booted v2
	shows_every_limit
	expect "memory: version 2, /sys/fs/cgroup"$'\n'"cpu: version 2, /sys/fs/cgroup"$'\n'"pids: version 2, /sys/fs/cgroup"
}

@test "version 1 alone" {
	booted v1
	shows_every_limit
	expect "memory: version 1, /sys/fs/cgroup/memory"$'\n'"cpu: version 1, /sys/fs/cgroup/cpu,cpuacct"$'\n'"pids: version 1"
}

@test "some controllers in version 1, some in version 2" {
	booted mixed
	shows_every_limit
	expect "memory: version 1, /sys/fs/cgroup/memory"$'\n'"cpu: version 2, /sys/fs/cgroup/unified"$'\n'"pids: version 2"
}

@test "version 2, and not mounted" {
	booted none
	shows_every_limit
	expect "memory: version 2, /run/memory"$'\n'"cpu: version 2, /run/memory"
}

@test "a controller that the kernel was told to do without is named" {
	sed 's/^\(memory\t.*\)1$/\10/' /proc/cgroups >"$BATS_TEST_TMPDIR/cgroups"
	# shellcheck disable=SC2016 # for the inner shell
	run_x 2 without_cgroups sh -c 'mount --bind "$0" /proc/cgroups && exec "$@"' \
		"$BATS_TEST_TMPDIR/cgroups" ./limit -m 32M true
	expect "limit: this kernel has no memory controller, or was told at boot to do without it" "$stderr"
}

@test "limit: the command's exit status and standard input, and usage" {
	run_x 7 ./limit -p 10 sh -c 'exit 7'
	run_x 0 ./limit -p 10 cat <<<"from outside"
	[ "$output" = "from outside" ]
	run_x 2 ./limit -p 10
	expect "no command" "$stderr"
}

@test "limit: no group outlives it, interrupted or not" {
	# shellcheck disable=SC2016 # for the inner shell
	local command='grep -c whittle-lab /proc/self/cgroup; echo "# inside"; sleep 100'
	run_x 0 "$LABS/leftovers" ./limit -m 32M -p 10 -c 50 true
	for signal in INT TERM HUP; do
		run_x 0 "$LABS/leftovers" -k "$signal:inside" ./limit -m 32M -p 10 -c 50 sh -c "$command"
		[[ $output =~ ^[1-3]$'\n'"# inside" ]]
	done
}

@test "limit: a group that outlived a kill -9 goes with a later run" {
	run_x 0 ./limit -l
	local top=${output##*, }
	mkdir "$top/whittle-lab-test$$"
	touch -d '1 hour ago' "$top/whittle-lab-test$$"
	run_x 0 ./limit -p 10 true
	run ! test -e "$top/whittle-lab-test$$"
}

@test "the tour leaves nothing behind" {
	run_x 0 "$LABS/leftovers" ./exceed.sh
}

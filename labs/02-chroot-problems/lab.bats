load ../../tests/helpers
load ../labs

setup() {
	requires root
	cd "$BATS_TEST_DIRNAME"
}

@test "one jail reads the other's secret, and the host's files, through /proc" {
	shows ./neighbours.sh
	expect "/fd/3"$'\n'"the secret of a"
	expect "/root/secret"$'\n'"the secret of a"
	expect "/proc/1/root/run/a/secret"$'\n'"the secret of a"
	expect "can't open '/a/secret': No such file" "$stderr"
}

@test "taking /proc away doesn't close it against root" {
	shows ./neighbours.sh
	local after=${output#*umount b/proc}
	[ "$after" != "$output" ]
	expect "/root/secret"$'\n'"the secret of a" "$after"
}

@test "another user doesn't get in, and with hidepid sees nothing" {
	shows ./neighbours.sh
	expect "/root/secret': Permission denied" "$stderr"
	expect "/cmdline"$'\n'"/bin/tail"
	expect "/cmdline': No such file or directory" "$stderr"
}

@test "one jail ends the other's process" {
	shows ./neighbours.sh
	refute "tail" "${output#*Root in b even ends}"
	expect "/bin/ps" "${output#*Root in b even ends}"
}

@test "a command of one's own runs in jail b" {
	run_x 0 ./neighbours.sh /bin/sh -c 'cat /proc/$(pidof tail)/root/secret'
	[ "$output" = "the secret of a" ]
}

@test "the script leaves nothing behind, interrupted or not" {
	leaves_nothing ./neighbours.sh "Taking /proc away"
}

load ../../tests/helpers
load ../labs

setup() {
	requires root
	cd "$BATS_TEST_DIRNAME"
}

@test "root in a container reads the host's kernel log, and any file" {
	shows ./capabilities.sh
	[[ $output =~ "wc -l'"$'\n'[1-9] ]]
	expect "contain jail /bin/cat /secret"$'\n'"another user's secret"
}

@test "without capabilities root may do none of it" {
	shows ./capabilities.sh
	expect $'CapEff:\t0000000000000000\nCapBnd:\t0000000000000000'
	expect "mknod: /tmp/kmsg: Operation not permitted" "$stderr"
	expect "mount: permission denied" "$stderr"
	expect "cat: can't open '/secret': Permission denied" "$stderr"
	expect "chown: /secret: Operation not permitted" "$stderr"
	expect "httpd: bind: Permission denied" "$stderr"
	expect "escape: chroot: Operation not permitted" "$stderr"
}

@test "one capability is given back, and the others are not" {
	shows ./capabilities.sh
	expect "drop -k net_bind_service /bin/httpd -p 80"$'\n$'
	[ "$(grep -c "cat: can't open '/secret': Permission denied" <<<"$stderr")" -eq 2 ]
	[ "$(grep -c "httpd: bind" <<<"$stderr")" -eq 1 ]
}

@test "drop: the set that is left is exactly what was kept" {
	run_x 0 ./drop -k kill,setuid -k chown grep CapBnd /proc/self/status
	[ "$output" = $'CapBnd:\t00000000000000a1' ]
	run_x 2 ./drop -k fly true
	expect "drop: no capability 'fly'" "$stderr"
	run_x 127 ./drop /no/such/program
}

@test "a setuid program makes root of anybody, and of nobody once it is closed" {
	shows ./setuid.sh
	expect "/bin/su -c 'id -u'"$'\n0\n'
	[ "$(grep -c "su: must be suid" <<<"$stderr")" -eq 2 ]
	expect "/bin/su -c 'cat /secret'"$'\nsecret\n'
	[ "$(grep -c '^secret$' <<<"$output")" -eq 1 ]
	expect "cat: can't open '/secret': Permission denied" "$stderr"
}

@test "a filter stops one call, and another call does the same" {
	shows ./calls.sh
	local stopped=${output#*A filter that stops one call}
	expect "mkdirat   Operation not permitted" "$stopped"
	expect $'Seccomp:\t2' "$stopped"
	if [ "$(uname -m)" = x86_64 ]; then
		expect "mkdir     made it" "$stopped"
	fi
}

@test "a naive filter is passed by the 32-bit door, and a better one isn't" {
	run ./sneak "$BATS_TEST_TMPDIR/directory"
	[[ $output == *"int 0x80  made it"* ]] || skip "this machine cannot: no calls of 32-bit programs"
	run_x 0 ./filter -n mkdir,mkdirat ./sneak "$BATS_TEST_TMPDIR/directory"
	[ "$output" = $'mkdir     Operation not permitted\nmkdirat   Operation not permitted\nint 0x80  made it' ]
	run_x 1 ./filter mkdir,mkdirat ./sneak "$BATS_TEST_TMPDIR/directory"
	refute "made it"
}

@test "with a list of what is needed no way is left" {
	shows ./calls.sh
	local list=${output##*filter -o}
	expect "Operation not permitted" "$list"
	refute "made it" "$list"
}

@test "filter: a call that isn't one, a command that isn't there" {
	run_x 2 ./filter mkdirectory true
	expect "filter: no system call 'mkdirectory' on this architecture" "$stderr"
	run_x 127 ./filter mkdir /no/such/program
}

@test "the scripts leave nothing behind, interrupted or not" {
	leaves_nothing ./capabilities.sh "The same root"
	leaves_nothing ./setuid.sh "With no_new_privs"
	leaves_nothing ./calls.sh "Who lists"
}

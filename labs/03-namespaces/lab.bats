load ../../tests/helpers
load ../labs

setup() {
	requires root
	cd "$BATS_TEST_DIRNAME"
}

@test "the neighbour's processes, files and root are out of reach" {
	shows ./neighbours.sh
	expect "the secret of a" "${output%%b sees itself*}"
	refute "the secret of a" "${output#*b sees itself}"
	expect "PID   COMMAND"$'\n'"    1 /bin/ps -o pid,args"$'\n\n'
	expect "/fd/3': No such file" "$stderr"
	expect "/root/secret': No such file" "$stderr"
	expect "/proc/1/root/run/a/secret': No such file" "$stderr"
	expect "No such process" "$stderr"
	expect "/bin/tail" "${output#*a still runs}"
}

@test "lab 2's attack finds nothing here" {
	run_x 0 ./neighbours.sh /bin/sh -c 'pidof tail || echo "no tail"; ls /proc/*/root/secret 2>/dev/null || echo "no secret"'
	[ "$output" = $'no tail\nno secret' ]
}

@test "the escape works from chroot, also within namespaces" {
	shows ./escape.sh
	local chrooted=${output%%With pivot_root*}
	[ "$(grep -c "^the host's secret" <<<"$chrooted")" -eq 2 ]
}

@test "it doesn't work from pivot_root, but for a directory left open" {
	shows ./escape.sh
	local pivoted=${output#*With pivot_root}
	expect "can't open '/run/secret': No such file" "$stderr"
	expect "-f 9 cat secret"$'\n'"the host's secret" "$pivoted"
	expect "fchdir: Bad file descriptor" "$stderr"
	[ "$(grep -c "^the host's secret" <<<"$pivoted")" -eq 1 ]
}

@test "each namespace has its own: name, processes, mounts, queues, network" {
	shows ./each.sh
	expect $'\ncontainer\n$ hostname\nlab\n'
	expect "echo \$\$'"$'\n1\n'
	expect $'\nfile\n$ ls data\n\n'
	expect $'\n$ ls queues\nletters\n'
	expect "mount -t mqueue mqueue queues; ls queues'"$'\n\n'
	expect "\$ unshare -n nc 127.0.0.1 8000"$'\n$'
	expect "\$ nc 127.0.0.1 8000"$'\n'"the host's service"
}

@test "root in a user namespace is nobody on the host" {
	shows ./each.sh
	expect "contain jail /bin/cat /secret"$'\n'"only for the host's root"
	expect "contain -u 100000 jail /bin/id -u"$'\n0\n'
	expect "100000 jail/tmp/file"
	expect "can't open '/secret': Permission denied" "$stderr"
	expect "mknod: /tmp/disk2: Operation not permitted" "$stderr"
}

@test "the scripts leave nothing behind, interrupted or not" {
	leaves_nothing ./neighbours.sh "nothing to look into"
	leaves_nothing ./escape.sh "What pivot_root can't take"
	leaves_nothing ./each.sh "With one it is user"
}

load ../../tests/helpers
load ../labs

setup() {
	requires root
	cd "$BATS_TEST_DIRNAME"
}

@test "a shell in the jail sees the jail and nothing else" {
	run_x 0 ./jail.sh /bin/sh -c 'pwd; ls /'
	[ "$output" = $'/\nbin\ndev\netc\nhome\nlib\nproc\nroot\nrun\nsbin\nsys\ntmp\nusr\nvar' ]

	shows ./jail.sh
	[ "$(grep -c "No such file or directory" <<<"$stderr")" -eq 2 ]
}

@test "the classic escape works for root" {
	shows ./escape.sh
	expect "chroot jail /bin/escape cat /run/secret"$'\n'"the host's secret"
}

@test "it doesn't without CAP_SYS_CHROOT" {
	shows ./escape.sh
	expect "escape: chroot: Operation not permitted" "$stderr"
}

@test "a directory left open leads out without any privilege, a closed one doesn't" {
	shows ./escape.sh
	expect "-f 9 cat secret"$'\n'"the host's secret"
	expect "escape: fchdir: Bad file descriptor" "$stderr"
}

@test "the scripts leave nothing behind, interrupted or not" {
	leaves_nothing ./jail.sh "A shell whose root"
	leaves_nothing ./escape.sh "Open again"
}

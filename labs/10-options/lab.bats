load ../../tests/helpers
load ../labs

setup() {
	requires root
	cd "$BATS_TEST_DIRNAME"
}

# What must come out in all three, from the outside and from the inside.
same_six() {
	expect "mount:         /data ro
capabilities:  0000000000000400
seccomp:       a filter
memory:        33554432
cpu:           50000 100000"
	expect "network:       its own"
	expect "/
a file of the host's"
	expect "cgi-bin/try
touch: /data/file: Read-only file system
mount: permission denied (are you root?)
mkdir: can't create directory '/tmp/folder': Operation not permitted
128 MB: status 137"
	expect "network:       the host's" "${output#*network:       its own}"
}

@test "where nothing is said, nobody gets in, and who is in may do all of it" {
	shows ./open.sh
	expect "can't connect to remote host (127.0.0.1)" "$stderr"
	expect "cgi-bin/try
128 MB: status 0
\$ ls data
cgi-bin
file
index.html
mount:         /data rw"
	expect "seccomp:       none"
}

@test "the six options by hand" {
	requires command:ip
	shows ./raw.sh
	same_six
}

@test "the six options in podman" {
	requires podman
	shows ./podman.sh
	same_six
}

@test "the six options in settings.yaml" {
	requires podman
	[ -x "$D" ] || skip "d isn't built"
	shows ./settings.sh
	same_six
	expect "  READY     after"
}

@test "what isn't said is closed in settings.yaml: one word missing, one more in podman" {
	requires podman
	[ -x "$D" ] || skip "d isn't built"
	shows ./settings.sh
	local command=${output#*d cmd}
	for word in --read-only "no-new-privileges" "--pids-limit" "--restart on-failure"; do
		expect "$word" "$command"
		refute "$word" "$(cat podman.sh)"
	done
}

@test "the scripts leave nothing behind, interrupted or not" {
	requires podman command:ip
	leaves_nothing ./open.sh "But what is in"
	leaves_nothing ./raw.sh "What comes from inside" "INT TERM"
	run_x 0 "$LABS/leftovers" -p ./podman.sh
	leaves_nothing_in_podman ./podman.sh "INT:What the kernel has" "TERM:6. The host's network"
	[ -x "$D" ] || skip "d isn't built"
	run_x 0 "$LABS/leftovers" -p ./settings.sh
	leaves_nothing_in_podman ./settings.sh "TERM:What the kernel has"
}

load ../../tests/helpers
load ../labs

# Everything is built once, and as slowly as the machine is: a test's time limit is none
# for that. How it went is what the tests look at.
setup_file() {
	cd "$BATS_TEST_DIRNAME"
	shows ./ways.sh 2>/dev/null || :
}

setup() {
	requires root podman command:debootstrap
	cd "$BATS_TEST_DIRNAME"
}

teardown() {
	[ -z "${started:-}" ] || ! kill -TERM "-$started" 2>/dev/null || wait "$started" || :
}

# Where there is no way to the packages, that's no fault of ours.
built() {
	shows ./ways.sh && return 0
	[[ ! $stderr =~ (ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|CERT_|SELF_SIGNED) ]] ||
		skip "this machine cannot: npm has no registry (${BASH_REMATCH[0]})"
	[[ ! $stderr =~ ("debootstrap: "|"Could not resolve"|"Unable to connect"|"Unable to locate package") ]] ||
		skip "this machine cannot: no way to Debian's packages"
	return 1
}

# row WAY: its line of the table, as an array: size, built, again, npm.
row() {
	read -r _ size _ _ npm <<<"$(grep "^$1 .*[0-9] .*[0-9]\.[0-9]" <<<"${output#*Side by side}")"
	[ -n "$npm" ]
}

@test "all four serve the same page, and the dependency does its work" {
	built
	for way in simple by-hand cached two-stages; do
		expect "$way: <p>Hello, &lt;Ada&gt;!</p>"
	done
}

@test "a change of the source fetches the dependencies again, unless they come first" {
	built
	local first=${output#*The first build of each}
	first=${first%%One line of the source*}
	[ "$(grep -c ' yes$' <<<"$first")" -eq 4 ]
	row simple && [ "$npm" = yes ]
	row by-hand && [ "$npm" = yes ]
	row cached && [ "$npm" = no ]
	row two-stages && [ "$npm" = no ]
}

@test "two stages: less than a third of the size, and neither shell nor package manager" {
	built
	row by-hand
	local whole=$size
	row two-stages
	[ $((size * 3)) -lt "$whole" ]
	expect "by-hand: /bin/sh /usr/bin/apt-get /usr/bin/npm"
	expect "two-stages: no shell"
}

@test "nothing is left, interrupted before or in the middle of a build" {
	built
	leaves_nothing_in_podman ./ways.sh "INT:The base"

	local LAB_NAME=whittle-lab-test-$$
	export LAB_NAME
	start setsid ./ways.sh
	building() { grep -qs "STEP 2" "${TMPDIR:-/var/tmp}/$LAB_NAME".*/node.log; }
	wait_until 200 building
	kill -TERM "-$started"
	wait "$started" && status=0 || status=$?
	started=
	[ "$status" -eq 143 ]
	run ! ls -d "${TMPDIR:-/var/tmp}/$LAB_NAME".*
	run ! grep "$LAB_NAME" /proc/self/mountinfo
	run ! grep -la "$LAB_NAME" /proc/[0-9]*/cmdline
}

# What every lab's bats file loads, after ../tests/helpers.

LABS=$TOP/labs

# shows SCRIPT: runs it once for all tests of the file, and sets $output and $stderr as
# run_x does. What a script shows is what it says plus that it ends with status 0.
shows() {
	local kept=$BATS_FILE_TMPDIR/${1##*/}
	[ -e "$kept.status" ] || {
		"$1" >"$kept.out" 2>"$kept.err" 3>&- 4>&- </dev/null && status=0 || status=$?
		echo "$status" >"$kept.status"
	}
	output=$(cat "$kept.out") stderr=$(cat "$kept.err") status=$(cat "$kept.status")
	[ "$status" -eq 0 ] || {
		printf '%s: status %s\nstdout:\n%s\nstderr:\n%s\n' "$1" "$status" "$output" "$stderr" >&2
		return 1
	}
}

# leaves_nothing SCRIPT TEXT [SIGNALS]: neither when it runs to its end nor when it is ended
# at the heading with TEXT, in whatever way.
leaves_nothing() {
	local signal
	run_x 0 "$LABS/leftovers" "$1"
	for signal in ${3:-INT TERM KILL}; do
		run_x 0 "$LABS/leftovers" -k "$signal:$2" "$1"
		expect "$2"
	done
}

# leaves_nothing_in_podman SCRIPT SIGNAL:TEXT…: the same for a script that uses podman.
leaves_nothing_in_podman() {
	local script=$1 kill
	shift
	for kill; do
		run_x 0 "$LABS/leftovers" -p -k "$kill" "$script"
		expect "${kill#*:}"
	done
}

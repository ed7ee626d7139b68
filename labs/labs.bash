# What every lab's bats file loads, after ../tests/helpers.

LABS=$TOP/labs

# leaves_nothing SCRIPT TEXT: neither when it runs to its end nor when it is ended at the
# heading with TEXT, in whatever way.
leaves_nothing() {
	local signal
	run_x 0 "$LABS/leftovers" "$1"
	for signal in INT TERM ${3-KILL}; do
		run_x 0 "$LABS/leftovers" -k "$signal:$2" "$1"
		expect "$2"
	done
}

# bash reads this before what tests/run has it run (BASH_ENV). bats's countdown to a test's limit
# sleeps in a child, which outlives a test that is over before the countdown is under way, and
# holds the pipes that everybody reads to their end: the run seems to hang after its last test.
# Here the child goes with it. tests/helpers.bash has a countdown of its own, which also ends what
# hangs below a test's children; not every test file loads that.

case $0 in
*/bats-exec-test)
	unset BASH_ENV
	kill() {
		if [ "${FUNCNAME[1]:-}" = bats_abort_timeout_countdown ]; then
			# Stopped, it begins nothing more; bats's own signal is lost on a countdown that isn't ready for it.
			builtin kill -STOP "$2"
			pkill -KILL -P "$2"
			builtin kill -KILL "$2"
			wait "$2" || :
			return
		fi
		builtin kill "$@"
	} 2>/dev/null
	;;
esac

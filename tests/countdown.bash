# bash reads this before what tests/run has it run (BASH_ENV). bats's countdown to a test's limit
# sleeps in a child, which outlives a test that is over before the countdown is under way, and
# holds the pipes that everybody reads to their end: the run seems to hang after its last test.
# Here it holds none. tests/helpers.bash has a countdown of its own, which also ends what hangs
# below a test's children; not every test file loads that.

case $0 in
*/bats-exec-test)
	unset BASH_ENV
	sleep() {
		[ "${FUNCNAME[1]:-}" != bats_start_timeout_countdown ] || exec sleep "$@" >/dev/null 2>&1 3>&- 4>&-
		command sleep "$@"
	}
	;;
esac

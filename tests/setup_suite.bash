# Before and after all tests of a run.

setup_suite() {
	export BATS_TEST_TIMEOUT="${BATS_TEST_TIMEOUT:-300}"
	umask 022
}

teardown_suite() {
	:
}

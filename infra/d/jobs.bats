# Jobs: beside the service and in a container of their own, when they are due, and what is left.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires join engine || return 0
	fixture
	container "${P}web" shell
	has_jobs "${P}web" </dev/null
	d u "${P}web"
}

teardown_file() {
	fixture_remove
}

setup() {
	N=${P}web
}

# has_jobs NAME, YAML on standard input: those and a volume.
has_jobs() {
	{ echo 'mount_rw: [data:/data]' && cat; } | settings "$1"
}

# When a job was last run, as d remembers it: so many hours ago.
last() { # JOB HOURS
	jq --arg j "$1" --argjson t "$(($(date +%s) - $2 * 3600))" '.[$j].last = $t' "$WHITTLE_STATE/d/$N/jobs.json" \
		>"$BATS_TEST_TMPDIR/jobs.json"
	cp "$BATS_TEST_TMPDIR/jobs.json" "$WHITTLE_STATE/d/$N/jobs.json"
}

done_jobs() {
	d why --json "$N" | jq -c 'select(.event | startswith("job-")) | .event' | sort | uniq -c
}

# Processes inside that sleep for the job; without root only podman's user namespace may look.
asleep() {
	local inside=()
	[ "$(id -u)" = 0 ] || [ "$("$ENGINE_CMD" --which)" != podman ] || inside=(podman unshare)
	# shellcheck disable=SC2016 # the shell's in there
	"${inside[@]}" sh -c 'grep -lsz "^WHITTLE_JOB=" /proc/[0-9]*/environ | wc -l'
}

@test "a job runs beside the service or in a container of its own, with its volumes, and history tells" {
	has_jobs "$N" <<-EOT
		jobs:
		  mark: {cmd: [/svc, write, /data/beside, x]}
		  fresh: {cmd: [/svc, write, /data/fresh, x], in: fresh}
	EOT
	run_x 0 d job "$N" mark
	run_x 0 d job "$N" fresh
	[ -e "$WHITTLE_VOLUMES/$N/data/beside" ] && [ -e "$WHITTLE_VOLUMES/$N/data/fresh" ]
	[ "$(all_of "$N")" = "$N" ]
	run_x 0 d why "$N"
	expect "job-done"
	expect "fresh: "
	run_x 2 d job "$N" none
	expect "has no job 'none'" "$stderr"
	run_x 0 d job "$N"
	expect "by hand"
}

@test "a job that fails is told, with its output; one that isn't to be told is in the history" {
	has_jobs "$N" <<-EOT
		jobs:
		  bad: {cmd: [/svc, fail, oh no]}
		  quiet: {cmd: [/svc, fail, oh no], on_failure: ignore}
	EOT
	printf '#!/bin/sh\necho "$WHITTLE_EVENT $WHITTLE_TEXT" >>%s/told\n' "$ROOM" >"$ROOM/bin/hook"
	chmod +x "$ROOM/bin/hook"
	WHITTLE_HOOK=$ROOM/bin/hook run_x 1 d job "$N" bad
	expect "oh no" "$stderr"
	expect "job 'bad' ended with status 3" "$stderr"
	expect "job-failed bad ended with status 3" "$(cat "$ROOM/told")"
	WHITTLE_HOOK=$ROOM/bin/hook run_x 1 d job "$N" quiet
	expect "job-ended quiet" "$(cat "$ROOM/told")"
	d 0 "$N"
	run_x 1 d job "$N" bad
	expect "doesn't run" "$stderr"
	d 1 "$N"
}

@test "d jobs starts what is due, once however often it was missed; what is new waits for its time" {
	has_jobs "$N" <<-EOT
		jobs:
		  often: {cmd: [/svc, write, /data/often, x], at: hourly}
		  other: {cmd: [/svc, write, /data/other, x], at: monthly}
	EOT
	run_x 0 d jobs
	[ ! -e "$WHITTLE_VOLUMES/$N/data/often" ]
	last often 100
	before=$(d why --json "$N" | grep -c job-done || :)
	run_x 0 d jobs -n
	expect "often"
	expect "due"
	run_x 0 d jobs
	run_x 0 d jobs
	wait_until 30 test -e "$WHITTLE_VOLUMES/$N/data/often"
	wait_until 30 sh -c "! '$D' jobs -n | grep -q due"
	wait_until 30 eval '[ "$(d why --json "$N" | grep -c job-done)" -gt "$before" ]'
	run_x 0 d jobs
	[ "$(d why --json "$N" | grep -c job-done)" -eq $((before + 1)) ]
	[ ! -e "$WHITTLE_VOLUMES/$N/data/other" ]
	# A clock that was days ahead once doesn't hold it back for as long.
	last often -100
	run_x 0 d jobs
	[ "$(jq .often.last "$WHITTLE_STATE/d/$N/jobs.json")" -le "$(date +%s)" ]
}

@test "a job isn't started a second time, and doesn't outlive its time limit, in either place" {
	for in in beside fresh; do
		has_jobs "$N" <<<"jobs: {slow: {cmd: [/svc, sleep], in: $in, within: 3s}}"
		start "$D" job "$N" slow
		wait_until 20 eval '[ "$(asleep)" -gt 0 ] || [ "$(all_of "$N")" != "$N" ]'
		run_x 1 d job "$N" slow
		expect "still runs" "$stderr"
		failed=0
		wait "$started" || failed=$?
		[ "$failed" -eq 1 ]
		expect "took longer than 3 s" "$(cat "$BATS_TEST_TMPDIR/started.$((${#STARTED[@]} - 1))")"
		[ "$(asleep)" -eq 0 ]
		[ "$(all_of "$N")" = "$N" ]
	done
}

@test "data isn't copied while a job in a container of its own has it: the job is waited for as long as is said" {
	has_jobs "$N" <<<$'jobs: {slow: {cmd: [/svc, sleep], in: fresh}}\nsnapshot: yes'
	run_x 0 d R "$N"
	before=$(d pid "$N")
	start "$D" job "$N" slow
	wait_until 20 eval '[ "$(all_of "$N")" != "$N" ]'
	run_x 1 d snapshot "$N"
	expect "its job 'slow' runs, and has the same data; WHITTLE_WAIT=SECONDS waits for it" "$stderr"
	[ "$(d pid "$N")" = "$before" ]
	job=$started
	WHITTLE_WAIT=60 start "$D" snapshot "$N"
	wait_until 20 grep -q "for its job 'slow'" "$BATS_TEST_TMPDIR/started.1"
	kill "$job"
	wait "$started"
	expect SNAPSHOT "$(cat "$BATS_TEST_TMPDIR/started.1")"
	run_x 0 d R "$N"
}

@test "d killed in the middle of a job: the next one ends what is left and tells of it" {
	for in in beside fresh; do
		has_jobs "$N" <<<"jobs: {slow: {cmd: [/svc, sleep], in: $in}}"
		start "$D" job "$N" slow
		wait_until 20 eval '[ "$(asleep)" -gt 0 ] || [ "$(all_of "$N")" != "$N" ]'
		kill -KILL "$started"
		wait "$started" || :
		run_x 0 d jobs
		expect "what its job 'slow' left" "$stderr"
		[ "$(asleep)" -eq 0 ]
		[ "$(all_of "$N")" = "$N" ]
		run_x 0 d why "$N"
		expect "slow was cut off"
	done
	# And an interrupt leaves nothing at all.
	start "$D" job "$N" slow
	wait_until 20 eval '[ "$(all_of "$N")" != "$N" ]'
	kill "$started"
	wait "$started" || :
	[ "$(all_of "$N")" = "$N" ]
}

@test "no job begins while an update may still put the data back; what a killed one left, d jobs finishes" {
	has_jobs "$N" <<-EOT
		jobs: {mark: {cmd: [/svc, write, /data/marked, x], in: fresh}}
		snapshot: {vols: [data], restore: on-failure}
	EOT
	run_x 0 d R "$N"
	mood "$N" 2 -1
	start "$D" u "$N"
	wait_until 60 jq -e '.step == "wait"' "$WHITTLE_STATE/d/$N/journal.json"
	run_x 1 d job "$N" mark
	expect "an update that may still put the data back isn't over; WHITTLE_WAIT=SECONDS waits for it" "$stderr"
	[ ! -e "$WHITTLE_VOLUMES/$N/data/marked" ]
	kill -KILL "$started"
	wait "$started" || :
	# What only asks leaves it as it is.
	run_x 0 d jobs -n
	expect "d recover finishes or undoes it" "$stderr"
	[ -e "$WHITTLE_STATE/d/$N/journal.json" ]
	run_x 0 d jobs
	wait_until 20 eval '[ "$(version_of "$N")" = 1 ]'
	run_x 0 d job "$N" mark
	[ -e "$WHITTLE_VOLUMES/$N/data/marked" ]
	[ "$(all_of "$N")" = "$N" ]
	mood "$N" 1
}

# Hooks of a replacement: when they run, where, and what their refusal does.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires join engine || return 0
	fixture
	export N=${P}hk
	container "$N" shell
	printf '#!/bin/sh\necho "$WHITTLE_POINT $WHITTLE_NAME $WHITTLE_VERB $#$WHITTLE_HOOK" >>%s/said\n[ ! -e %s/no.$WHITTLE_POINT ] || { echo "not now"; exit 3; }\n[ ! -e %s/slow ] || exec sleep 60\n' \
		"$ROOM" "$ROOM" "$ROOM" >"$ROOM/bin/hook"
	chmod +x "$ROOM/bin/hook"
	settings "$N" <<-EOT
		mount_rw: ["data:/data"]
		snapshot: yes
		user: 0
		hooks:
		  before_stop: [$ROOM/bin/hook, a b]
		  before_snapshot: {inside: [/svc, write, /data/flushed, yes]}
		  after_ready: $ROOM/bin/hook
		  before_promote: {command: $ROOM/bin/hook x, within: 2s}
	EOT
	prebuilt "$N" 1 2
	next_is "$N" 1
	d u "$N"
}

teardown_file() {
	fixture_remove
}

setup() {
	rm -f "$ROOM"/no.* "$ROOM/slow" "$ROOM/said"
}

@test "each in its turn, with its words; plan tells them before" {
	next_is "$N" 2
	make -s -C "$WHITTLE_CONTAINERS/$N" all test install
	run_x 1 d plan "$N"
	expect "before_stop: $ROOM/bin/hook 'a b'"
	expect "before_snapshot (inside): /svc write /data/flushed yes"
	run_x 1 d plan --json "$N"
	[ "$(jq '.[0].hooks | length' <<<"$output")" -eq 4 ]
	run_x 0 d u "$N"
	serves "$N" 2
	run_x 0 cat "$ROOM/said"
	[ "$output" = "before_stop $N upgrade 1
after_ready $N upgrade 0
before_promote $N upgrade 1" ]
	run_x 0 find "$ROOM/volumes/$N/.whittle-snapshots" -name flushed
	expect flushed
}

@test "before_stop refuses: nothing stops, and the image isn't to blame" {
	touch "$ROOM/no.before_stop"
	before=$(d pid "$N")
	local next=$((3 - $(version_of "$N")))
	next_is "$N" "$next"
	run_x 1 d u "$N"
	expect "before_stop refused with status 3: not now" "$stderr"
	[ "$(d pid "$N")" = "$before" ]
	run_x 1 d 0 "$N"
	expect "not stopped: before_stop refused" "$stderr"
	[ "$(d pid "$N")" = "$before" ]
	run_x 0 d why "$N"
	expect "refused"
	rm "$ROOM/no.before_stop"
	run_x 0 d u "$N"
	serves "$N" "$next"
}

@test "after_ready and before_promote refuse, or take too long: the old one serves again" {
	was=$(version_of "$N")
	next_is "$N" $((3 - was))
	for point in after_ready before_promote; do
		touch "$ROOM/no.$point"
		run_x 1 d u --force "$N"
		expect "$point refused with status 3: not now" "$stderr"
		rm "$ROOM/no.$point"
		serves "$N" "$was"
		[ "$(all_of "$N")" = "$N" ]
	done
	sed -i 's/exec sleep/[ "$WHITTLE_POINT" != before_promote ] || exec sleep/' "$ROOM/bin/hook"
	touch "$ROOM/slow"
	run_x 1 d u --force "$N"
	expect "before_promote took longer than 2 s" "$stderr"
	serves "$N" "$was"
}

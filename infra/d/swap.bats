# swap: beside: the new container starts while the old one serves, and nobody who asks is turned
# away meanwhile.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine || return 0
	fixture
	engine image inspect localhost/whittle/relay:live >/dev/null 2>&1 ||
		make -s -C "$TOP/containers/relay" all test install >&2
	"$TOP/third-party/obj/prefix/bin/musl-gcc" -static -O2 -s -std=c11 -D_GNU_SOURCE \
		-o "$ROOM/gap" "$BATS_TEST_DIRNAME/tests/gap.c"
	export N=${P}web
	container "$N"
	prebuilt "$N" 1 2 3 4 5
	beside
	next_is "$N" 1
	d u "$N"
}

teardown_file() {
	fixture_remove
}

teardown() {
	no_fake
	stop_all
}

beside() {
	echo 'swap: {how: beside, drain: 5s}' | settings "$N"
}

# The versions 3, sick once it was ready, and 4, which never is.
mood() {
	case $2 in
	3) echo "3 2 0 0" ;;
	4) echo "4 0 1 0" ;;
	*) echo "$2 0 0 0" ;;
	esac >"$WHITTLE_CONTAINERS/$1/files/mood"
}

relay_id() {
	engine inspect -f '{{.Id}}' "$N-relay"
}

# One container and its relay, which goes to it.
good_state() {
	[ "$(all_of "$N")" = "$N $N-relay" ] || { all_of "$N" >&2; return 1; }
	version_of "$N" >/dev/null || { echo "doesn't serve" >&2; engine ps -a >&2; return 1; }
	[ "$("$PACK" id "$(engine inspect -f '{{.Image}}' "$N")")" = "$(image_id "$(live "$N")")" ] || { echo "live is another image" >&2; return 1; }
	expect "$(cat "$WHITTLE_STATE/d/$N/relay/address")" "$(d get-ip "$N")"
	[ ! -e "$WHITTLE_STATE/d/$N/journal.json" ]
}

# under_load COUNT COMMAND…: while it is asked; $asked and $failed say how often, and in vain.
under_load() {
	local count=$1
	shift
	mkfifo "$BATS_TEST_TMPDIR/stop"
	"$ROOM/gap" "$(cat "$ROOM/port.$N")" "$count" <"$BATS_TEST_TMPDIR/stop" >"$BATS_TEST_TMPDIR/gap" 3>&- 4>&- &
	local load=$!
	exec 9>"$BATS_TEST_TMPDIR/stop"
	run --separate-stderr "$@" 9>&-
	exec 9>&-
	wait "$load"
	read -r _ asked failed <"$BATS_TEST_TMPDIR/gap"
	echo "# $asked requests, $failed in vain" >&3
}

@test "10,000 requests during d u: none is lost, none refused" {
	relay=$(relay_id)
	next_is "$N" 2
	under_load 10000 d u "$N"
	[ "$status" -eq 0 ] || { echo "$stderr" >&2; return 1; }
	[ "$asked" -ge 10000 ]
	[ "$failed" -eq 0 ]
	serves "$N" 2
	expect MOVE "$stderr"
	expect DRAIN "$stderr"
	good_state
	[ "$(relay_id)" = "$relay" ]
}

@test "a version that is sick once it is asked, and one that isn't ready: back to the old one" {
	was=$(version_of "$N")
	next_is "$N" 3
	run_x 1 d u "$N"
	expect MOVE "$stderr"
	expect BACK "$stderr"
	serves "$N" "$was"
	good_state
	next_is "$N" 4
	under_load 1000 d u "$N"
	[ "$status" -eq 1 ]
	[ "$failed" -eq 0 ]
	refute MOVE "$stderr"
	serves "$N" "$was"
	good_state
}

@test "restart, too" {
	under_load 1000 d R "$N"
	[ "$status" -eq 0 ]
	[ "$failed" -eq 0 ]
	good_state
}

@test "the relay has the ports, and no rights; down ends it, up brings it" {
	run_x 0 d
	expect "$(cat "$ROOM/port.$N")->8080" "$output"
	run_x 0 engine inspect "$N-relay"
	jq -e '.[0] | .HostConfig.ReadonlyRootfs and (.Config.User == "65534:65534") and
		(.HostConfig.CapDrop | length > 0) and (.HostConfig.SecurityOpt | any(startswith("seccomp")))' <<<"$output"
	run_x 0 d down "$N"
	[ "$(all_of "$N")" = "$N" ]
	run_x 0 d up "$N"
	good_state
}

@test "other ports, no swap, and swap again: the port moves with the settings" {
	old=$(cat "$ROOM/port.$N")
	rm "$ROOM/port.$N"
	beside
	run_x 0 d R "$N"
	good_state
	run ! bash -c "exec 3<>/dev/tcp/127.0.0.1/$old"
	settings "$N" </dev/null
	run_x 0 d R "$N"
	[ "$(all_of "$N")" = "$N" ]
	version_of "$N"
	beside
	run_x 0 d R "$N"
	good_state
}

@test "killed at every step: the next d ends in one of the two good states" {
	sed -i 's/stable: .*/stable: 0/' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	d R "$N"
	with_fake_engine
	local n=0 how
	while :; do
		n=$((n + ${KILLS:+-2} + 3))
		[ $((n % 2)) = 0 ] && how=run || how=skip
		next_is "$N" $((3 - $(version_of "$N")))
		fake kill "$n" "$how"
		run --separate-stderr "$D" u -f "$N"
		[ -e "$ROOM/killed-at" ] || break
		no_fake
		version_of "$N" || { echo "after call $n nobody answers" >&2; return 1; }
		run --separate-stderr d recover
		good_state || { echo "killed at call $n ($(cat "$ROOM/killed-at")): $stderr" >&2; return 1; }
	done
	no_fake
	[ "$status" -eq 0 ]
	[ "$n" -gt 12 ]
	good_state
}

@test "what two containers would both write to is refused, with its line" {
	cp "$WHITTLE_CONTAINERS/$N/settings.yaml" "$BATS_TEST_TMPDIR/s"
	printf 'swap: beside\nmount_rw: [data:/data]\n' | settings "$N"
	run_x 2 d R "$N"
	expect "settings.yaml:1:7: swap: beside would have two containers write to '/data'" "$stderr"
	version_of "$N"
	cp "$BATS_TEST_TMPDIR/s" "$WHITTLE_CONTAINERS/$N/settings.yaml"
}

@test "and back" {
	version=$(version_of "$N")
	next_is "$N" $((3 - version))
	d u -f "$N"
	under_load 1000 d back "$N"
	[ "$status" -eq 0 ]
	[ "$failed" -eq 0 ]
	serves "$N" "$version"
	good_state
}

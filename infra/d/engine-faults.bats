# What faults.bats does to a stand-in, done to the engine itself: a call of it fails, lies, hangs
# or dies before or after what it does, or d is killed or interrupted there, and afterwards the
# service is in one of its two good states. Each call costs what it costs, so that a few cases of
# each verb are tried, all kinds among them; FAULTS=N is how many, FAULTS=all every kind at each.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

# As long as it takes.
# shellcheck disable=SC2034 # bats'
[ "${FAULTS:-}" != all ] || BATS_TEST_TIMEOUT=20000

setup_file() {
	file_requires root engine || return 0
	fixture
	export N=${P}web
	container "$N"
	settings "$N" </dev/null
	sed -i 's/stable: .*/stable: 0/; s/stop_timeout: .*/stop_timeout: 1s/' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	prebuilt "$N" 1 2
	for version in 1 2; do
		next_is "$N" "$version"
		d u "$N"
	done
	engine run -d --name "${P}other" --label com.docker.compose.project=shop "$(live "$N")"
	OTHER=$(other)
	export OTHER
	with_fake_engine
}

teardown_file() {
	[ -n "${ROOM:-}" ] || return 0
	no_fake
	fixture_remove
}

real() {
	"$REAL_ENGINE" "$@"
}

# What is somebody else's: the very container, and the process that it began with.
other() {
	"${REAL_ENGINE:-$ENGINE_CMD}" container inspect -f '{{.Id}} {{.State.Pid}}' "${P}other"
}

# Where something shares its namespaces, it runs in those of what is there now.
complaint_of_side() {
	local ids web
	mapfile -t ids < <(real ps -aq --no-trunc --filter "name=${P}side")
	[ "${#ids[@]}" -eq 1 ] || { echo "what shares its namespaces: ${#ids[@]}"; return; }
	web=$(real container inspect -f '{{.Id}}' "$N")
	[ "$(real container inspect -f '{{.State.Running}} {{.HostConfig.PidMode}}' "${ids[0]}")" = "true container:$web" ] ||
		echo "what shares its namespaces doesn't run in them"
}

# Why the state isn't good; nothing where it is. Stopped is good after up and down.
complaint() {
	local verb=$1 ids name image running live current
	[ ! -e "$WHITTLE_CONTAINERS/${P}side" ] || complaint_of_side
	find "$WHITTLE_STATE" -name journal.json -o -name restart.json
	[ "$(other)" = "$OTHER" ] || echo "what is of others was touched"
	mapfile -t ids < <(real ps -aq --no-trunc --filter "name=$N")
	[ "${#ids[@]}" -le 1 ] || echo "several: $(all_of "$N")"
	if [ "${#ids[@]}" -eq 0 ]; then
		[ "$verb" = up ] || [ "$verb" = down ] || echo "it is gone"
		return
	fi
	read -r name image running < <(real container inspect -f '{{.Name}} {{.Image}} {{.State.Running}}' "${ids[0]}")
	[ "${name#/}" = "$N" ] || echo "it is called $name"
	image=$("$PACK" id "$image")
	live=$(image_id "$(live "$N")")
	current=$(jq -r '.current as $n | .list[] | select(.n == $n) | .image' "$WHITTLE_STATE/d/$N/generations.json")
	[ "$image" = "$live" ] || echo "live is another image"
	[ "$image" = "$current" ] || echo "the generation is another image"
	if [ "$running" = true ]; then
		wait_until 10 version_of "$N" || echo "it doesn't answer"
	else
		[ "$verb" = up ] || [ "$verb" = down ] || echo "it doesn't run"
	fi
}

# begin VERB: where it begins; $args gets what d is called with.
begin() {
	local now
	args=("$1" "$N")
	case $1 in
	up) d down "$N" ;;
	down) d up "$N" ;;
	upgrade)
		now=$(version_of "$N")
		next_is "$N" $((3 - now))
		args=(upgrade -f "$N")
		;;
	back)
		args+=("$(jq '.current as $n | (.list[] | select(.n == $n).image) as $image
			| [.list[] | select(.image != $image).n] | max' "$WHITTLE_STATE/d/$N/generations.json")")
		;;
	esac 2>/dev/null
}

faults=("fail before" "kill after" "lie before" "int before" "hang after" "die before"
	"fail after" "kill before" "lie after" "int after" "hang before" "die after")

# one VERB CALL FAULT
one() {
	local args waiting told why
	begin "$1"
	fake "$2 $3"
	WHITTLE_ENGINE_LIMIT=6 "$D" "${args[@]}" >"$ROOM/out" 2>&1 </dev/null || :
	no_fake
	[ -e "$ROOM/met" ] || return 1
	# one line for each container, which may have both
	waiting=$(find "$WHITTLE_STATE" \( -name journal.json -o -name restart.json \) -printf '%h\n' | sort -u | wc -l)
	"$D" lA >/dev/null 2>"$ROOM/told"
	told=$(grep -c 'was cut off' "$ROOM/told" || :)
	[ "$told" -eq "$waiting" ] || echo "$told lines about $waiting"
	"$D" recover >>"$ROOM/out" 2>&1 || echo "d recover fails"
	why=$(complaint "$1")
	[ -z "$why" ] || {
		echo "${args[*]} with '$3' at call $2 ($(sed -n "${2}p" "$ROOM/calls" | cut -c -100)): $why"
		cat "$ROOM/out"
	}
}

# calls_of VERB: how many there are where nothing happens.
calls_of() {
	local args
	begin "$1"
	fake "0 none"
	"$D" "${args[@]}" >/dev/null 2>&1
	no_fake
	wc -l <"$ROOM/calls"
}

# some_calls VERB TURN [CASES]: they are spread over all calls, and begin with another fault each.
some_calls() {
	local all cases=${FAULTS:-${3:-4}} i n k said tried=0
	all=$(calls_of "$1")
	[ "$all" -gt 1 ]
	[ "$cases" != all ] || cases=$((all * ${#faults[@]}))
	for ((i = 0; i < cases; i++)); do
		if [ "${FAULTS:-}" = all ]; then
			n=$((i / ${#faults[@]} + 1)) k=$((i % ${#faults[@]}))
		else
			n=$((1 + (2 * i + 1) * all / (2 * cases))) k=$(((5 * i + $2) % ${#faults[@]}))
		fi
		# there are fewer calls where it finds less to do
		said=$(one "$1" "$n" "${faults[k]}") || continue
		[ -z "$said" ] || { echo "$said" >&2; return 1; }
		tried=$((tried + 1))
	done
	echo "# $1: $tried cases at $all calls" >&3
	[ "$tried" -gt $((cases / 2)) ]
}

@test "up: whatever the engine does" {
	some_calls up 0
}

@test "restart: whatever the engine does" {
	some_calls restart 1
}

@test "upgrade: whatever the engine does" {
	some_calls upgrade 2
}

@test "back: whatever the engine does" {
	some_calls back 3
}

@test "down: whatever the engine does" {
	some_calls down 4
}

@test "a port that somebody has for a moment" {
	d up "$N"
	fake busy
	run_x 0 d restart "$N"
	[ -e "$ROOM/met" ]
	fake busy
	run_x 0 d up -T "$N"
	[ -e "$ROOM/met" ]
	no_fake
	d down -T "$N"
}

@test "restart, with one that shares its namespaces: whatever the engine does" {
	requires join
	container "${P}side"
	rm "$WHITTLE_CONTAINERS/${P}side"/{Makefile,Dockerfile}
	printf 'image: %s\nneeds: [{name: %s, shares: pid}]\nstop_timeout: 1s\n' \
		"$(live "$N")" "$N" >"$WHITTLE_CONTAINERS/${P}side/settings.yaml"
	d up "$N" "${P}side"
	some_calls restart 5 2
}

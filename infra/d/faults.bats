# An engine that fails, lies, hangs or dies before and after what each call does, and a d that
# is killed or interrupted at each: afterwards the service is in one of its two good states,
# nothing of others is touched, the tags agree with what runs, and the next d says what it is
# about. The engine is a stand-in (tests/engine.c), so that there is time for all of it.
#
# Each call meets a few of the faults, in turn (every STEPth); FAULTS=all makes it meet every one.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

# As long as it takes.
# shellcheck disable=SC2034 # bats'
[ "${FAULTS:-}" != all ] || BATS_TEST_TIMEOUT=20000

setup_file() {
	file_requires root || return 0
	local lib=$TOP/third-party/obj/prefix
	export ROOM=$BATS_FILE_TMPDIR
	# Each of hundreds of cases waits for the disk dozens of times: in memory, where there is some.
	export MEMORY=$ROOM
	[ "$(stat -f -c %T /dev/shm 2>/dev/null)" != tmpfs ] || MEMORY=$(mktemp -d /dev/shm/whittle-faults.XXXXXX)
	export WHITTLE_CONTAINERS=$ROOM/containers WHITTLE_STATE=$MEMORY/state WHITTLE_VOLUMES=$ROOM/volumes
	export WHITTLE_SETTINGS=$ROOM/host.yaml STAND_IN=$MEMORY/engine WHITTLE_ENGINE=$ROOM/bin/podman
	mkdir -p "$ROOM/bin" "$STAND_IN" "$WHITTLE_CONTAINERS"/{web,side}
	: >"$WHITTLE_SETTINGS"
	"$lib/bin/musl-gcc" -static -Os -s -std=c11 -D_GNU_SOURCE -I"$lib/include" \
		-o "$WHITTLE_ENGINE" "$BATS_TEST_DIRNAME/tests/engine.c" -L"$lib/lib" -ljansson
	local n
	for n in 1 2 9; do
		engine image-is "localhost/whittle/image:$n" "$(image $n)"
	done
	engine image-is localhost/whittle/relay:live "$(image 8)"
	engine image-is localhost/whittle/side:live "$(image 9)"
	engine image-is localhost/whittle/web:live "$(image 1)"
	cp "$BATS_TEST_DIRNAME/tests/stand-in.mk" "$WHITTLE_CONTAINERS/web/Makefile"
	settings
	printf 'ready: {command: [x], stable: 0, within: 2s}\nneeds: [{name: web, shares: pid}]\n' >"$WHITTLE_CONTAINERS/side/settings.yaml"
	for n in 1 2; do
		echo "image $(image $n)" >"$WHITTLE_CONTAINERS/web/next"
		"$D" u web
	done
	"$D" up side
	# somebody else's, and what the fixtures of each verb begin with
	engine create --name other --label com.docker.compose.project=shop "$(image 9)" >/dev/null
	engine start other
	keep running
	settings swap
	"$D" restart web
	keep swapped
	settings
	return_to running
	"$D" down web
	engine rm -f web
	keep down
}

setup() {
	settings
}

# What hangs, where a test failed, would keep the others from the stand-in's lock.
teardown() {
	# shellcheck disable=SC2046 # process IDs
	kill $(pgrep -f "^$WHITTLE_ENGINE ") 2>/dev/null || :
}

teardown_file() {
	local id
	[ -n "${STAND_IN:-}" ] || return 0
	for id in $(engine ps -aq); do
		engine rm -f "$id"
	done
	[ "$MEMORY" = "$ROOM" ] || rm -rf "$MEMORY"
}

# settings [swap]: web's, with a relay before it or not.
settings() {
	printf 'ready: {command: [x], stable: 0, within: 2s}\nstop_timeout: 1s\n' >"$WHITTLE_CONTAINERS/web/settings.yaml"
	[ "${1:-}" != swap ] ||
		printf 'ports: [8080]\nswap: {how: beside, drain: 100ms}\n' >>"$WHITTLE_CONTAINERS/web/settings.yaml"
}

engine() {
	"$WHITTLE_ENGINE" "$@"
}

image() {
	printf 'sha256:%064d' "$1"
}

# keep NAME, return_to NAME: the engine's state, and d's.
keep() {
	cp "$STAND_IN/state.json" "$ROOM/$1.json"
	cp -a "$WHITTLE_STATE" "$ROOM/$1.state"
}

return_to() {
	rm -rf "$STAND_IN/fault" "$WHITTLE_STATE"
	engine restore "$ROOM/$1.json"
	cp -a "$ROOM/$1.state" "$WHITTLE_STATE"
	rm -f "$STAND_IN/calls" "$STAND_IN/met"
}

# Why the state isn't good; nothing where it is. Stopped is good after the verb $1, or before.
complaint() {
	local current
	current=$(jq -r '.current as $n | .list[] | select(.n == $n) | .image' "$WHITTLE_STATE/d/web/generations.json")
	local file
	for file in "$WHITTLE_STATE"/d/*/{journal,restart}.json; do
		[ ! -e "$file" ] || echo "$file is left"
	done
	for pid in $(jq '.containers[] | .pid // 0 | select(. > 0)' "$STAND_IN/state.json"); do
		[ -e "/proc/$pid" ] || echo "process $pid is gone"
	done
	jq -r --arg verb "$1" --arg current "$current" --arg address "$(cat "$WHITTLE_STATE/d/web/relay/address" 2>/dev/null)" '
		(.containers | [.[] | select(.labels["whittle.role"] == "relay")]) as $relay
		| (.containers | [.[] | select((.name | startswith("web")) and .labels["whittle.role"] != "relay")]) as $web
		| (.containers | [.[] | select(.name | startswith("side"))]) as $side
		| (.containers | [.[] | select(.name == "other" and .pid > 0)] | length) as $other
		| .images["localhost/whittle/web:live"] as $live
		| if $other != 1 then "what is of others was touched" else empty end,
		  if ($web | length) > 1 then "several: \($web | map(.name))" else empty end,
		  if ($relay | length) > 1 then "several: \($relay | map(.name))" else empty end,
		  if $relay == [] or $relay[0].name == "web-relay" then empty else "the relay is called \($relay[0].name)" end,
		  if ($web | map(.ip) | any) == ($relay != []) or ($web | map(.pid > 0) | any | not) then empty else "a relay without need, or none" end,
		  if $relay == [] or $relay[0].pid > 0 or ($web | map(.pid > 0) | any | not) then empty else "the relay does not run" end,
		  if $relay == [] or $web == [] or $address == $web[0].ip then empty else "the relay goes to \($address)" end,
		  if ($side | length) > 1 then "several: \($side | map(.name))" else empty end,
		  if ($web | map(.pid > 0) | any) or ($verb | test("up|down")) then empty else "web does not run" end,
		  if $web == [] or $web[0].name == "web" then empty else "it is called \($web[0].name)" end,
		  if $web == [] or $web[0].image == $live then empty else "live is another image" end,
		  if $web == [] or $web[0].image == $current then empty else "the generation is another image" end,
		  if ($side | map(.pid > 0) | any) or $verb == "up" or ($verb == "down" and ($web | map(.pid > 0) | any | not))
		  then empty else "side does not run" end
	' "$STAND_IN/state.json"
}

faults=("fail before" "kill after" "lie before" "int before" "hang after" "die before"
	"fail after" "kill before" "lie after" "int after" "hang before" "die after")

# one FIXTURE N FAULT VERB…
one() {
	local from=$1 n=$2 fault=$3 waiting lines why
	shift 3
	return_to "$from"
	echo "$n $fault" >"$STAND_IN/fault"
	WHITTLE_ENGINE_LIMIT=0.5 "$D" "$@" >"$ROOM/out" 2>"$ROOM/err" </dev/null || :
	[ -e "$STAND_IN/met" ] || return 1
	rm "$STAND_IN/fault"
	waiting=$(find "$WHITTLE_STATE" -name journal.json -o -name restart.json | wc -l)
	# whoever only asks changes nothing, and says one line for what waits
	[ "$("$D" lA 2>"$ROOM/told")" = "side"$'\n'"web" ] || echo "lA says something else"
	lines=$(grep -c 'was cut off' "$ROOM/told" || :)
	[ "$lines" -le "$waiting" ] && [ $((waiting > 0)) -eq $((lines > 0)) ] || echo "$lines lines about $waiting: $(cat "$ROOM/told")"
	"$D" recover >>"$ROOM/out" 2>>"$ROOM/err" || :
	why=$(complaint "$1")
	[ -z "$why" ] || {
		echo "$* with '$fault' at call $n ($(sed -n "${n}p" "$STAND_IN/calls")): $why"
		cat "$ROOM/err"
		return 0
	}
}

# every_call FIXTURE VERB…
every_call() {
	local n k step=${STEP:-4} cases=0 said from=$1
	shift
	[ "${FAULTS:-}" != all ] || step=1
	for ((n = 1; ; n++)); do
		for ((k = n % step; k < ${#faults[@]}; k += step)); do
			said=$(one "$from" "$n" "${faults[k]}" "$@") || break 2
			[ -z "$said" ] || { echo "$said" >&2; return 1; }
			cases=$((cases + 1))
		done
	done
	echo "# $1: $cases cases at $((n - 1)) calls" >&3
	[ "$n" -gt 4 ]
}

@test "up: whatever the engine does at any call" {
	every_call down up web
}

@test "restart: whatever the engine does at any call" {
	every_call running restart web
}

@test "upgrade: whatever the engine does at any call" {
	echo "image $(image 1)" >"$WHITTLE_CONTAINERS/web/next"
	every_call running upgrade web
}

@test "upgrade beside the old one: whatever the engine does at any call" {
	echo "image $(image 1)" >"$WHITTLE_CONTAINERS/web/next"
	settings swap
	STEP=6 every_call swapped upgrade web
}

@test "a relay comes, and goes: whatever the engine does at any call" {
	settings swap
	STEP=6 every_call running restart web
	settings
	STEP=6 every_call swapped restart web
}

@test "down, with a relay: whatever the engine does at any call" {
	settings swap
	STEP=6 every_call swapped down web
	settings
}

@test "back: whatever the engine does at any call" {
	every_call running back web
}

@test "down: whatever the engine does at any call" {
	every_call running down web
}

# ---- the same kinds, one by one ----

# call_of WORD: the number of the first call that begins so.
call_of() {
	grep -n "^$1" "$STAND_IN/calls" | head -1 | cut -d: -f1
}

@test "what d didn't make is never touched; adopt-name takes it over" {
	return_to down
	for started in "" yes; do
		id=$(engine create --name web --label com.docker.compose.project=shop "$(image 9)")
		[ -z "$started" ] || engine start web
		for verb in up restart upgrade down "back web 1" hup; do
			# shellcheck disable=SC2086 # the generation is a word of its own
			run --separate-stderr "$D" ${verb/ web*/} web ${verb#*web }
			[ "$status" -ge 1 ]
			[ "$(engine container inspect web | jq -r '.[0].Id')" = "$id" ]
		done
		run_x 2 "$D" restart web
		expect "compose, project 'shop'" "$stderr"
		run_x 0 "$D" adopt-name web
		run_x 0 "$D" restart web
		[ "$(engine container inspect web | jq -r '.[0].Id')" != "$id" ]
		return_to down
	done
	run_x 1 "$D" adopt-name web
}

@test "an engine that can't be asked is neither up nor down" {
	return_to running
	printf '#!/bin/sh\necho "Error: dial tcp: lookup h: no such host; no such container" >&2\nexit 125\n' >"$ROOM/bin/docker"
	chmod +x "$ROOM/bin/docker"
	WHITTLE_ENGINE=$ROOM/bin/docker run_x 2 "$D" is-up web
	[ -z "$output" ]
	WHITTLE_ENGINE=$ROOM/bin/docker run_x 2 "$D" restart web
	[ -z "$(complaint restart)" ]
}

# changed JQ-FILTER ARG…: the stand-in's state.
changed() {
	jq "${@:2}" "$1" "$STAND_IN/state.json" >"$STAND_IN/changed"
	mv "$STAND_IN/changed" "$STAND_IN/state.json"
}

@test "a process that has ended, or that is another by now, is none that runs" {
	return_to running
	local was other
	was=$(engine container inspect web | jq '.[0].State.Pid')
	# a zombie: nobody waits for it
	python3 -c 'import os, sys, time
pid = os.fork() or os._exit(0)
print(pid, file=open(sys.argv[1], "w"), flush=True)
time.sleep(600)' "$BATS_TEST_TMPDIR/zombie" 3>&- 4>&- &
	other=$!
	wait_until 30 test -s "$BATS_TEST_TMPDIR/zombie"
	changed '(.containers[] | select(.name == "web")).pid = $pid' --argjson pid "$(cat "$BATS_TEST_TMPDIR/zombie")"
	run_x 1 "$D" is-up web
	# a number that was given anew, long after
	changed '(.containers[] | select(.name == "web")) |= (.pid = $pid | .started -= 86400)' --argjson pid "$other"
	run_x 1 "$D" is-up web
	run_x 0 "$D" status
	expect stale
	kill "$was"
	run_x 0 "$D" up web
	kill "$other" 2>/dev/null || :
	[ -z "$(complaint restart)" ]
}

@test "a host that can't start it is no reason against the image" {
	return_to running
	echo "image $(image 1)" >"$WHITTLE_CONTAINERS/web/next"
	run_x 0 "$D" upgrade web
	local n
	n=$(call_of start)
	return_to running
	echo "$n fail before" >"$STAND_IN/fault"
	run_x 1 "$D" upgrade web
	run_x 0 "$D" why web
	[[ $output != *quarantined* ]]
	run_x 0 "$D" upgrade web
}

@test "a removal that the engine refuses for a moment is done a moment later" {
	return_to running
	run_x 0 "$D" restart web
	local n
	n=$(grep -n '^rm ' "$STAND_IN/calls" | tail -1 | cut -d: -f1)
	return_to running
	echo "$n fail before" >"$STAND_IN/fault"
	run_x 0 "$D" restart web
	[ -e "$STAND_IN/met" ]
	refute "rm" "$stderr"
	[ -z "$(complaint restart)" ]
}

@test "a restart and one of what shares its namespaces don't wait for each other" {
	return_to running
	"$D" restart web 2>"$BATS_TEST_TMPDIR/web" &
	WHITTLE_WAIT=100 run --separate-stderr "$D" restart side
	wait $!
	run_x 0 "$D" recover
	[ -z "$(complaint restart)" ]
}

@test "a dependency cycle is refused by every verb, and spelled out" {
	mkdir -p "$WHITTLE_CONTAINERS"/{a,b,c}
	return_to running
	echo 'needs: [b]' >"$WHITTLE_CONTAINERS/a/settings.yaml"
	echo 'needs: [c]' >"$WHITTLE_CONTAINERS/b/settings.yaml"
	echo 'needs: [{name: b, shares: pid}]' >"$WHITTLE_CONTAINERS/c/settings.yaml"
	for verb in up restart upgrade down back "down -T" "up -T"; do
		# shellcheck disable=SC2086
		run_x 2 "$D" $verb a
		expect "dependency cycle: b -> c -> b" "$stderr"
	done
	printf 'needs: [b]\nautostart: 1\n' >"$WHITTLE_CONTAINERS/a/settings.yaml"
	run ! "$D" up-all
	rm -r "$WHITTLE_CONTAINERS"/{a,b,c}
}

@test "whoever waits for a lock ends at a signal; a hangup that is ignored stays so" {
	return_to running
	local makefile=$WHITTLE_CONTAINERS/web/Makefile
	sed -i 's/^all:/all:\n\t@touch held; until [ -e go ]; do sleep 0.1; done/' "$makefile"
	(
		trap '' HUP
		exec "$D" upgrade -f web >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&-
	) &
	local upgrade=$! waiter
	wait_until 30 test -e "$WHITTLE_CONTAINERS/web/held"
	WHITTLE_WAIT=1000 "$D" restart web 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	waiter=$!
	wait_until 30 grep -q waiting "$BATS_TEST_TMPDIR/err"
	kill -TERM "$waiter"
	wait "$waiter" && false
	grep -q interrupted "$BATS_TEST_TMPDIR/err"
	kill -HUP "$upgrade"
	touch "$WHITTLE_CONTAINERS/web/go"
	wait "$upgrade"
	rm "$WHITTLE_CONTAINERS/web/"{go,held}
	cp "$BATS_TEST_DIRNAME/tests/stand-in.mk" "$makefile"
	[ -z "$(complaint upgrade)" ]
}

@test "what was edited while it was built isn't what a generation remembers" {
	return_to running
	local makefile=$WHITTLE_CONTAINERS/web/Makefile settings=$WHITTLE_CONTAINERS/web/settings.yaml
	cp "$settings" "$BATS_TEST_TMPDIR/settings"
	echo '# before' >>"$settings"
	sed -i 's/^all:/all:\n\t@echo "# meanwhile" >>settings.yaml/' "$makefile"
	run_x 0 "$D" upgrade -f web
	cp "$BATS_TEST_TMPDIR/settings" "$settings"
	cp "$BATS_TEST_DIRNAME/tests/stand-in.mk" "$makefile"
	run_x 0 jq -r '.list[-1].settings' "$WHITTLE_STATE/d/web/generations.json"
	expect "# before"
	refute "# meanwhile"
}

@test "an interrupt ends a readiness check of what never answers, and the old one runs again" {
	return_to running
	local settings=$WHITTLE_CONTAINERS/web/settings.yaml port
	port=$(free_port)
	cp "$settings" "$BATS_TEST_TMPDIR/settings"
	python3 -c "import socket, sys, time
s = socket.create_server(('127.0.0.1', $port))
held = []
while True:
	held.append(s.accept())
	open(sys.argv[1], 'w')" "$BATS_TEST_TMPDIR/asked" 3>&- 4>&- &
	local listener=$!
	printf 'ready: {http: "127.0.0.1:%s/", stable: 0, within: 10m}\n' "$port" >"$settings"
	# what a shell runs beside itself ignores interrupts
	env --default-signal=INT "$D" restart web 2>"$BATS_TEST_TMPDIR/err" 3>&- 4>&- &
	local restart=$!
	wait_until 30 test -e "$BATS_TEST_TMPDIR/asked"
	kill -INT "$restart"
	wait_until 30 grep -q BACK "$BATS_TEST_TMPDIR/err"
	wait "$restart" || :
	kill "$listener"
	cp "$BATS_TEST_TMPDIR/settings" "$settings"
	[ -z "$(complaint restart)" ]
}

# deaf_engine VERB: the stand-in behind one that answers nothing about containers any more from
# its first VERB on.
deaf_engine() {
	mkdir -p "$ROOM/deaf"
	cat >"$ROOM/deaf/podman" <<-EOF
		#!/bin/sh
		[ "\$1" != "$1" ] || touch "$ROOM/deaf/now"
		if [ "\$1" = container ] && [ -e "$ROOM/deaf/now" ]; then
			echo "Error: dial unix: connection refused" >&2
			exit 125
		fi
		exec "$WHITTLE_ENGINE" "\$@"
	EOF
	chmod +x "$ROOM/deaf/podman"
	rm -f "$ROOM/deaf/now"
}

@test "an engine that doesn't answer for a moment while it is waited for changes nothing" {
	return_to running
	run_x 0 "$D" restart web
	local n
	n=$(($(call_of start) + 1))
	[[ $(sed -n "${n}p" "$STAND_IN/calls") = "container inspect "* ]]
	return_to running
	echo "$n fail before" >"$STAND_IN/fault"
	run_x 0 "$D" restart web
	[ -e "$STAND_IN/met" ]
	[ -z "$(complaint restart)" ]
}

@test "an engine that can't be asked any more while it is waited for says nothing about the image" {
	return_to running
	echo "image $(image 1)" >"$WHITTLE_CONTAINERS/web/next"
	deaf_engine start
	WHITTLE_ENGINE=$ROOM/deaf/podman run_x 2 "$D" upgrade web
	expect "the engine can't be asked about it" "$stderr"
	refute "is gone" "$stderr"
	run_x 0 "$D" recover
	[ -z "$(complaint restart)" ]
	run_x 0 "$D" why web
	refute quarantined
}

@test "a tag that wasn't there before is gone after the way back, also where the engine fails once" {
	return_to running
	changed 'del(.images["localhost/whittle/web:prev"])'
	keep untagged
	echo "image $(image 1)" >"$WHITTLE_CONTAINERS/web/next"
	run_x 0 "$D" upgrade web
	local n
	n=$(call_of 'tag .*web:live')
	return_to untagged
	echo "$n kill after" >"$STAND_IN/fault"
	run ! "$D" upgrade web
	rm "$STAND_IN/fault"
	engine stop web
	keep half
	rm "$STAND_IN/calls"
	run_x 0 "$D" recover
	n=$(call_of rmi)
	for fault in fail lie; do
		return_to half
		echo "$n $fault before" >"$STAND_IN/fault"
		run_x 0 "$D" recover
		[ -e "$STAND_IN/met" ]
		run_x 0 jq -e '.images | has("localhost/whittle/web:prev") | not' "$STAND_IN/state.json"
		[ -z "$(complaint restart)" ]
	done
}

@test "down that fails midway: what was stopped for it runs again" {
	return_to running
	run_x 0 "$D" down web
	local n
	n=$(grep -n '^stop' "$STAND_IN/calls" | tail -1 | cut -d: -f1)
	for fault in fail lie; do
		return_to running
		echo "$n $fault before" >"$STAND_IN/fault"
		run_x 2 "$D" down web
		[ -e "$STAND_IN/met" ]
		expect "web still runs" "$stderr"
		[ -z "$(complaint restart)" ]
	done
	# it has stopped, and the answer was lost
	return_to running
	echo "$n fail after" >"$STAND_IN/fault"
	run_x 0 "$D" down web
	[ -z "$(complaint down)" ]
}

@test "down that was killed once it had stopped: what was stopped with it stays away" {
	return_to running
	run_x 0 "$D" down web
	local n
	n=$(grep -n '^stop' "$STAND_IN/calls" | tail -1 | cut -d: -f1)
	for when in after before; do
		return_to running
		echo "$n kill $when" >"$STAND_IN/fault"
		run ! "$D" down web
		[ -e "$WHITTLE_STATE/d/side/restart.json" ]
		rm "$STAND_IN/fault"
		run_x 0 "$D" recover
		[ ! -e "$WHITTLE_STATE/d/side/restart.json" ]
		if [ "$when" = after ]; then
			run_x 1 "$D" is-up web
			run_x 1 "$D" is-up side
		else
			[ -z "$(complaint restart)" ]
		fi
	done
}

# no_engine_runs: none of the stand-in's commands does.
no_engine_runs() {
	! pgrep -f "^$WHITTLE_ENGINE " >/dev/null
}

@test "a verb that only asks takes its engine along when it is ended" {
	local verb signal
	for verb in "is-up web" status; do
		for signal in TERM INT; do
			return_to running
			echo "1 hang before" >"$STAND_IN/fault"
			# shellcheck disable=SC2086 # the verb and its subject
			env --default-signal=INT "$D" $verb >/dev/null 2>&1 3>&- 4>&- &
			local d=$!
			wait_until 30 test -e "$STAND_IN/met"
			kill "-$signal" "$d"
			wait "$d" && false
			wait_until 10 no_engine_runs
		done
	done
}

@test "settings that were gone back to count for others too: the name of what shares, and what it needs" {
	return_to running
	local settings=$WHITTLE_CONTAINERS/side/settings.yaml
	cp "$settings" "$BATS_TEST_TMPDIR/settings"
	jq '.list[0].settings = $text | .list[0].n = 1 | .list = [.list[0], (.list[0] | .n = 2)] | .current = 1' \
		--rawfile text "$settings" "$WHITTLE_STATE/d/side/generations.json" >"$BATS_TEST_TMPDIR/generations"
	cp "$BATS_TEST_TMPDIR/generations" "$WHITTLE_STATE/d/side/generations.json"
	# its directory says something else by now: another name, and that it needs nothing
	printf 'name: elsewhere\nready: {command: [x], stable: 0, within: 2s}\n' >"$settings"
	local before after
	before=$(engine container inspect side | jq -r '.[0].Id')
	[ "$("$D" status --json | jq -r '.[] | select(.name == "side").state')" = running ]
	run_x 0 "$D" check
	expect "side went back to generation 1"
	run_x 0 "$D" restart web
	after=$(engine container inspect side | jq -r '.[0].Id')
	[ "$before" != "$after" ]
	[ -z "$(complaint restart)" ]
	run_x 0 "$D" down-all
	expect "2 done"
	cp "$BATS_TEST_TMPDIR/settings" "$settings"
}

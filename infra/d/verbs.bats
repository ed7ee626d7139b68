# Every verb and alias, on the engine that ENGINE names. It warns with each command, as engines do,
# which changes nothing.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine || return 0
	fixture
	container "${P}web"
	container "${P}box" shell
	echo 'autostart: 1' | settings "${P}web"
	printf 'autostart: 2\nneeds: [%sweb]\ntmpfs: [/tmp]\n' "$P" | settings "${P}box"
	wrap_engine "$ROOM/bin" 'echo "WARN: no such container sha256:0123, or so it seems" >&2'
	d b "${P}web" -t -s && d build -ts "${P}box"
}

teardown_file() {
	fixture_remove
}

@test "learn hands its options on to make, and refuses those that don't go together" {
	local folder=$WHITTLE_CONTAINERS/${P}web
	printf '\nlearn:\n\t@echo "LEARN=$(LEARN) DOUBT=$(DOUBT)" >said\n' >>"$folder/Makefile"
	while IFS='|' read -r options said; do
		# shellcheck disable=SC2086 # a list of words
		run_x 0 d learn $options "${P}web"
		[ "$(xargs <"$folder/said")" = "$said" ]
	done <<-'EOT'
		|LEARN= DOUBT=
		-n 3 --forget|LEARN=-n 3 --forget DOUBT=
		--write|LEARN= --write DOUBT=
		--doubt --write|LEARN= --write DOUBT=1
	EOT
	run_x 2 d learn --doubt -n 2 "${P}web"
	expect "neither -n nor --forget goes with it" "$stderr"
	run_x 2 d learn -n x "${P}web"
	expect "-n 'x': not a number" "$stderr"
}

@test "all names of the origin are known, and mean what they meant" {
	local line name alias
	while read -r name line; do
		for alias in $name $line; do
			run_x 0 d "$alias" --help
			expect "usage: d $name "
		done
	done <<-'EOT'
		build b
		down stop 0
		restart 01 R
		up start 1
		test t
		upgrade u
		hup H HUP reload r
		add-su addsu
		add-debug debug
		clean
		console C
		enter exec-cmd exec e0 e
		run
		shell
		build-all ba
		down-all stop-all 0a 00
		restart-all 01a ra RA Ra
		run-in-all ria
		test-all ta
		up-all start-all 1a 11
		upgrade-all ua
		autostart-wave aw al ai
		check-all-up cau ca qa
		cow-dir cow
		images i
		is-up iu
		get-ip getip get_ip ip
		get-all-ips ips
		log logs L
		pid
		spec s
		veth
		list-all-settings las
		list-all lA
		list-autostart la
		list-autostart-waves law
		list-buildable lb
		list-testable lt
		list-up lu ls l ps p
		list-up-names lun
		help h
		dup-check check chk
	EOT
}

@test "up, is-up, status, pid, ip, log, restart, down" {
	run_x 1 d iu "${P}w"
	[ "$output" = down ]
	run_x 0 d 1 "${P}web"
	run_x 0 d is-up "${P}web"
	[ "$output" = up ]
	run_x 0 d up "${P}web"
	expect "runs already" "$stderr"
	run_x 0 d ps
	expect "${P}web"
	refute "${P}box"
	run_x 0 d pid "${P}web"
	[ -d "/proc/$output" ]
	run_x 0 d getip "${P}web"
	[[ $output =~ ^[0-9.]+$ ]]
	ip=$output
	run_x 0 d ips
	expect "$ip"
	run_x 0 d L "${P}web"
	expect "serving, version 1"
	before=$(d pid "${P}web")
	# Though nobody reads on.
	run_x 0 bash -c "'$D' R '${P}web' 2>&1 | head -n 1; exit \"\${PIPESTATUS[0]}\""
	[ "$(d pid "${P}web")" != "$before" ]
	run_x 0 bash -c "{ sleep 0.3; '$D' clean -n; echo \$? >'$BATS_TEST_TMPDIR/status'; } | true"
	[ "$(cat "$BATS_TEST_TMPDIR/status")" = 0 ]
	refute "write to standard output" "$stderr"
	run_x 0 d 0 "${P}web"
	run_x 1 d iu "${P}web"
	run_x 0 d stop "${P}web"
	expect "doesn't run" "$stderr"
	[ "$(all_of "${P}web")" = "${P}web" ]
}

@test "d alone: a table of all, and the same as JSON" {
	run_x 0 d up "${P}web"
	run_x 0 d
	[[ ${lines[0]} == NAME* ]]
	[[ $output =~ ${P}web\ +running\ +[a-z-]+\ +[0-9a-z]+\ +yes\ +[0-9.]+M\ +1\ +[0-9]+-\>8080/tcp ]]
	[[ $output =~ ${P}box\ +- ]]
	refute $'\033'
	run_x 0 d --json
	jq -e --arg n "${P}web" '.[] | select(.name == $n) | .state == "running"' <<<"$output"
}

@test "log -n: the last lines, also where they come in pieces; and what follows them" {
	[ "$("$ENGINE_CMD" --which)" = podman ] || skip "this machine cannot: docker logs a line when it has ended"
	printf 'autostart: 1\nenv: [PIECES=1]\n' | settings "${P}web"
	run_x 0 d restart "${P}web"
	run_x 0 d log -n 1 "${P}web"
	[ "$output" = "in pieces" ]
	run_x 0 d log -n 2 "${P}web"
	[ "$output" = $'serving, version 1\nin pieces' ]
	run_x 0 d log -n 100 --since 1h "${P}web"
	expect $'serving, version 1\nin pieces'
	for wrong in 0 x -1 3x; do
		run_x 2 d log -n "$wrong" "${P}web"
		expect "--lines '$wrong'" "$stderr"
	done
	start "$D" log -f -n 1 "${P}web"
	wait_until 30 grep -q pieces "$BATS_TEST_TMPDIR/started.0"
	d hup "${P}web"
	wait_until 30 grep -q 'reloaded 1' "$BATS_TEST_TMPDIR/started.0"
	kill "$started"
	[ "$(grep -c pieces "$BATS_TEST_TMPDIR/started.0")" -eq 1 ]
	refute serving "$(cat "$BATS_TEST_TMPDIR/started.0")"
	d down "${P}web"
	run_x 2 d log -n 1 "${P}none"
	echo 'autostart: 1' | settings "${P}web"
}

@test "page: what there is to see, as JSON, written, and served by a process without rights" {
	local site=$BATS_TEST_TMPDIR/site host port page
	d 1 "${P}web"
	run_x 0 d page --json
	expect '"whittle":1'
	host=$(jq -r .host <<<"$output")
	run_x 0 jq -r --arg n "${P}web" '.containers[] | select(.name == $n) |
		.state, .live, .mood, .contents, (.memory > 0), (.log | type), .events[-1].event, .audit.verdict' <<<"$output"
	expect $'running\nyes\ngood\nnull\ntrue\nstring\nstarted\n'
	refute $'started\nnull'
	echo '{"whittle":1,"host":"other","time":1,"error":"no route","containers":[{"name":"far"}]}' >"$BATS_TEST_TMPDIR/other.json"
	run_x 0 d page -o "$site" --from "$BATS_TEST_TMPDIR/other.json"
	grep -q "no route" "$site/index.html"
	[ -e "$site/at/other/far.html" ]
	[ -e "$site/at/$host/${P}box.html" ]
	run_x 2 d page -o "$site" --from "$TOP/Makefile"
	expect "isn't a description of a host" "$stderr"
	run_x 2 d page
	run_x 2 d page --json -o "$site"

	port=$(free_port)
	start "$D" serve --port "$port"
	wait_until 20 curl -fs --max-time 20 -o "$BATS_TEST_TMPDIR/metrics" "http://127.0.0.1:$port/metrics"
	grep -q "^whittle_running{host=\"$host\",name=\"${P}web\"} 1$" "$BATS_TEST_TMPDIR/metrics"
	page=$(pgrep -P "$started" -x page)
	[ "$(id -u)" -ne 0 ] || grep -q $'^Uid:\t65534\t65534\t65534\t65534$' "/proc/$page/status"
	grep -q $'^NoNewPrivs:\t1$' "/proc/$page/status"
	kill -KILL "$started"
	wait_until 10 eval "! kill -0 $page 2>/dev/null"
	stop_all
}

@test "hup reaches the first process" {
	run_x 0 d up "${P}web"
	run_x 0 d HUP "${P}web"
	wait_until 10 bash -c '"$D" e "$1" /svc check; "$D" log "$1" | grep -q "reloaded 1"' - "${P}web"
	run_x 0 d down "${P}web"
	run_x 1 d r "${P}web"
	expect "doesn't run" "$stderr"
}

@test "inside: as its user, as root, with a shell, without one" {
	requires join
	run_x 0 d up "${P}box"
	run_x 0 d e "${P}box" /svc uid
	[ "$output" = 65534:65534 ]
	run_x 0 d e0 "${P}box" /svc uid
	[ "$output" = 0:0 ]
	run_x 0 d exec "${P}box" /svc echo -n a "b c"
	[ "$output" = "-n a b c" ]
	run_x 7 d exec-cmd "${P}box" /svc exit 7
	run_x 0 d enter "${P}box" <<<hello
	expect "a shell of uid 65534"
	expect "line hello"
	run_x 0 d C "${P}box" </dev/null
	expect "a shell of uid 0"
	run_x 0 d up "${P}web"
	run -127 --separate-stderr d console "${P}web" </dev/null || run -126 --separate-stderr d console "${P}web" </dev/null
	expect "d debug ${P}web" "$stderr"
	run_x 0 d ria /svc uid
	expect "== ${P}box"
	expect "1000:1000"
	run_x 3 d run-in-all /svc exit 3
}

@test "what it needs is started first" {
	# nor does it matter that it has no wave of its own
	settings "${P}web" </dev/null
	run_x 0 d up "${P}box"
	run_x 0 d restart-all
	expect "2 done, 0 failed, 0 left out"
	run_x 0 d down-all
	expect "2 done, 0 failed, 0 left out"
	echo 'autostart: 1' | settings "${P}web"
	run_x 0 d up "${P}box"
	run_x 0 d lun
	[ "$output" = "${P}box"$'\n'"${P}web" ]
}

@test "all: up in waves, restart, down with dependents first" {
	run_x 0 d 0a
	run_x 1 d cau
	expect "${P}web is down"
	run_x 0 d 1a
	expect "2 done, 0 failed, 0 left out"
	[[ $stderr =~ DONE\ +${P}web.*DONE\ +${P}box ]]
	run_x 0 d check-all-up
	[ "$output" = "all up" ]
	run_x 0 d Ra
	run_x 0 d 00
	[[ $stderr =~ DONE\ +${P}box.*DONE\ +${P}web ]]
	run_x 0 d lun
	[ -z "$output" ]
}

@test "lists" {
	run_x 0 d lA
	[ "$output" = "${P}box"$'\n'"${P}web" ]
	run_x 0 d la
	[ "$output" = "${P}box"$'\n'"${P}web" ]
	run_x 0 d law
	[ "$output" = "1: ${P}web"$'\n'"2: ${P}box" ]
	run_x 0 d lb
	[ "$output" = "${P}box"$'\n'"${P}web" ]
	run_x 0 d lt
	[ "$output" = "${P}box"$'\n'"${P}web" ]
	run_x 0 d aw "${P}box"
	[ "$output" = 2 ]
	run_x 0 d s "${P}b"
	[ "$output" = "${P}box" ]
	run_x 0 d las "${P}web"
	jq -e '.[0].read_only and .[0].memory == 268435456' <<<"$output"
	run_x 0 d i "${P}web"
	expect "whittle/${P}web:live"
	refute "${P}box"
}

@test "build and test all: the base first, then in order" {
	mkdir -p "$ROOM/base"
	# d's own way with pipes that nobody reads isn't a build's.
	printf "all:\n\t@awk '/^SigIgn:/ { exit substr(\$\$2, 13, 1) %% 2 }' /proc/self/status\n\t@echo the base is built\n" >"$ROOM/base/Makefile"
	sed -i "1i FROM localhost/whittle/${P}web:live AS before" "$WHITTLE_CONTAINERS/${P}web/Dockerfile"
	run_x 0 d ba
	expect "3 done, 0 failed"
	sed -i 1d "$WHITTLE_CONTAINERS/${P}web/Dockerfile"
	[[ $stderr =~ ^\ *DONE\ +base ]]
	printf 'all:\n\t@exit 1\n' >"$ROOM/base/Makefile"
	mood "${P}web" 1
	for line in "FROM localhost/whittle/base:live" "COPY --from=localhost/whittle/base:live /x /x"; do
		echo "$line" >>"$WHITTLE_CONTAINERS/${P}web/Dockerfile"
		run_x 1 d build-all
		expect "LEFT OUT  ${P}web" "$stderr"
		sed -i '$d' "$WHITTLE_CONTAINERS/${P}web/Dockerfile"
	done
	rm -r "$ROOM/base"
	run_x 0 d ta
	expect "2 done, 0 failed"
	touch "$WHITTLE_CONTAINERS/${P}web/fail-test"
	run_x 1 d test-all
	rm "$WHITTLE_CONTAINERS/${P}web/fail-test"
	expect "FAILED    ${P}web" "$stderr"
	expect "LEFT OUT  ${P}box" "$stderr"
	expect "the test fails" "$stderr"
}

@test "build: parameters, one more name, and the directory instead of a name" {
	local N=${P}par
	container "$N"
	real_pipeline "$N"
	sed -i 's/^CMD/ARG WHO=nobody\nLABEL who=$WHO\nCMD/' "$WHITTLE_CONTAINERS/$N/Dockerfile"
	who() {
		engine image inspect -f '{{index .Config.Labels "who"}}' "$1"
	}
	run_x 0 d b "$N"
	[ "$(who "localhost/whittle/$N:latest")" = nobody ]
	run_x 0 d b -b '--build-arg WHO=me' "$N"
	[ "$(who "localhost/whittle/$N:latest")" = me ]
	run_x 0 d b --build_params='--build-arg WHO=you' --repo="localhost/$P" --name=other --tag=7 \
		--cd "$WHITTLE_CONTAINERS/$N"
	[ "$(who "localhost/$P/other:7")" = you ]
	[ "$(engine image inspect -f '{{.Id}}' "localhost/$P/other:7")" = \
		"$(engine image inspect -f '{{.Id}}' "localhost/whittle/$N:latest")" ]
	run_x 2 d b --cd "$ROOM"
	expect "is not a container's directory" "$stderr"
	rm -r "${WHITTLE_CONTAINERS:?}/$N"
}

@test "run: other settings, and a command beside the service" {
	requires join
	run_x 0 d down-all
	run_x 0 d run --env '{GREETING: hello}' --memory 64m "${P}web"
	run_x 0 d e "${P}web" /svc env GREETING
	[ "$output" = hello ]
	run_x 1 d plan "${P}web"
	expect "its settings changed"
	before=$(d pid "${P}web")
	run_x 5 d run "${P}web" /svc exit 5
	run_x 0 d run "${P}web" -- /svc env HOSTNAME
	[ "$(d pid "${P}web")" = "$before" ]
	[ "$(all_of "${P}web")" = "${P}web" ]
	run_x 0 d shell "${P}box" -c word <<<typed
	expect "a shell of uid 65534"
	expect "word word"
	expect "line typed"
	run_x 2 d run --memory lots "${P}web"
	expect "command line:1:9" "$stderr"
	run_x 2 d run --nonsense "${P}web"
}

@test "run --print-cmd and --test change nothing" {
	run_x 0 d down-all
	engine rm "${P}web" >/dev/null
	engine network rm "whittle-${P}web" >/dev/null
	run_x 0 d run --test "${P}web"
	expect "network create"
	run_x 0 d run --print-cmd -l --env X=y "${P}web"
	expect "--env X=y"
	run_x 1 d is-up "${P}web"
	run ! engine network inspect "whittle-${P}web"
	[ -z "$(all_of "${P}web")" ]
}

@test "cmd prints a command that starts it" {
	requires join
	run_x 0 d cmd "${P}web"
	local command=$output
	run_x 0 bash -c "$command"
	wait_until 20 d e "${P}web" /svc check
	run_x 0 d plan "${P}web"
	run_x 0 d down "${P}web"
}

@test "a test instance beside production: other name, port, network; gone afterwards" {
	run_x 0 d up "${P}web"
	run_x 0 d run -T "${P}web"
	expect "INSTANCE_NAME=${P}web-test"
	eval "$output"
	run_x 0 curl -fs "http://$INSTANCE_ADDRESS_8080/version"
	[ "$output" = 1 ]
	run_x 0 d is-up "${P}web"
	run_x 2 d run -T "${P}web"
	expect "is there already" "$stderr"
	run_x 0 d down -T "${P}web"
	[ "$(all_of "${P}web")" = "${P}web" ]
	run ! engine network inspect "whittle-${P}web-test"
	[ ! -e "$INSTANCE_VOLUMES" ]
}

@test "d test NAME -- COMMAND runs it around an instance, and removes that whatever happens" {
	# shellcheck disable=SC2016
	run_x 0 d t "${P}web" -- sh -c 'curl -fs "http://$INSTANCE_ADDRESS_8080/healthz"'
	expect "all ok"
	expect PASSED "$stderr"
	run_x 1 d t "${P}web" -- false
	expect FAILED "$stderr"
	[[ $(all_of "${P}web") != *test* ]]
	# killed: the next one that has to do with tests cleans up
	"$D" t "${P}web" -- sleep 5 3>&- 4>&- &
	wait_until 20 engine inspect "${P}web-test"
	kill -KILL $!
	wait $! || :
	run_x 0 d clean
	expect "${P}web-test, a test instance whose test is gone" "$stderr"
	[[ $(all_of "${P}web") != *test* ]]
}

@test "what a test instance's image declares as a volume goes with it" {
	container "${P}anon"
	sed -i 's|^CMD|VOLUME /anon\n&|' "$WHITTLE_CONTAINERS/${P}anon/Dockerfile"
	run_x 0 d b "${P}anon"
	run_x 0 d t "${P}anon" -- "$ENGINE_CMD" inspect -f '{{range .Mounts}}volume:{{.Name}}.{{end}}' "${P}anon-test"
	volume=$(grep -o 'volume:[0-9a-f]*' <<<"$output" | cut -d: -f2)
	[ "${#volume}" -eq 64 ]
	run_x 0 engine volume ls -q
	refute "$volume"
	rm -r "$WHITTLE_CONTAINERS/${P}anon"
}

@test "an image that can't serve: the test instance's log is shown" {
	mood "${P}web" 9 0 1
	run_x 0 d b "${P}web"
	run_x 1 d t "${P}web" -- true
	expect "crashing, version 9" "$stderr"
	mood "${P}web" 1
	run_x 0 d b "${P}web"
	[[ $(all_of "${P}web") != *test* ]]
}

@test "veth, cow-dir, map" {
	requires root
	run_x 0 d up "${P}web"
	run_x 0 d veth "${P}web"
	run_x 0 ip link show dev "$output"
	run_x 0 d cow "${P}web"
	[ -d "$output" ]
	id=$(engine inspect -f '{{.Id}}' "${P}web")
	run_x 0 d map "${id:0:12}"
	[ "$output" = "${P}web" ]
	run_x 1 d map ffffffffffff
	run_x 0 bash -c "echo 'x ${id:0:12} y $id' | '$D' map"
	[ "$output" = "x ${P}web y ${P}web" ]
}

@test "debug: a toolkit in its process and network namespaces" {
	requires root
	WHITTLE_TOOLKIT=$(live "${P}box") run_x 0 d up "${P}web"
	export WHITTLE_TOOLKIT
	WHITTLE_TOOLKIT=$(live "${P}box")
	run_x 0 d debug "${P}web" /svc cat /proc/1/root/mood
	[ "$output" = "1 0 0 0" ]
	expect "/proc/1/root" "$stderr"
	run_x 0 d debug "${P}web" /svc check
	WHITTLE_TOOLKIT=localhost/whittle/${P}none
	run_x 2 d debug "${P}web"
	expect "no toolkit image" "$stderr"
}

@test "add-su: into a container that would let it work, and only there" {
	requires root
	run_x 0 d up "${P}web"
	run_x 1 d addsu "${P}web"
	expect "no_new_privileges" "$stderr"
	printf 'no_new_privileges: false\nread_only: false\n' | settings "${P}box"
	mkdir -p "$WHITTLE_CONTAINERS/${P}box/files/bin"
	cp "$ROOM/svc" "$WHITTLE_CONTAINERS/${P}box/files/bin/busybox"
	run_x 0 d b "${P}box" -ts
	run_x 0 d R "${P}box"
	WHITTLE_TOOLKIT=$(live "${P}box") run_x 0 d add-su "${P}box"
	run_x 0 stat -c '%a %u' "/proc/$(d pid "${P}box")/root/bin/su"
	[ "$output" = "4755 0" ]
	run_x 1 d scan "${P}box"
	expect "/bin/su"
	expect "setuid"
}

@test "image-export: one archive an image, whole or not at all" {
	mkdir -p "$ROOM/export"
	run_x 0 d image-export --dir "$ROOM/export" --dryrun
	[ -z "$(ls "$ROOM/export")" ]
	run_x 0 d image-export --dir "$ROOM/export" --filter 'web$'
	run_x 0 ls "$ROOM/export"
	[[ $output =~ ^${P}web-[0-9a-f]{12}.tar$ ]]
	run_x 0 tar -tf "$ROOM/export/$output"
	expect manifest.json
	run_x 0 d image-export --dir "$ROOM/export" --label no.such=label
	run_x 0 d image-export --dir "$ROOM/export" --filter 'web$'
	expect KEEP "$stderr"
}

@test "the helpers' old names are links to d" {
	for name in d-build d-run d-cowscan d-image-export d-map; do
		ln -sf "$D" "$ROOM/bin/$name"
	done
	run_x 0 "$ROOM/bin/d-run" --print-cmd "${P}web"
	expect "run -d"
	run_x 0 "$ROOM/bin/d-build" --cd "$WHITTLE_CONTAINERS/${P}web" --name "${P}other" --tag x
	run_x 0 engine image inspect "localhost/whittle/${P}other:x"
	cd "$WHITTLE_CONTAINERS/${P}web"
	run_x 0 "$ROOM/bin/d-build" --test
	run_x 0 "$ROOM/bin/d-build" -s
	run_x 0 "$ROOM/bin/d-image-export" --dryrun
	run_x 0 "$ROOM/bin/d-map" </dev/null
	run_x 0 d up "${P}web"
	run_x 0 "$ROOM/bin/d-cowscan" "${P}web"
}

@test "as make install-tools leaves it, it finds the project that it was installed from" {
	local at=$BATS_TEST_TMPDIR/usr alone=(env -u WHITTLE_CONTAINERS -u WHITTLE_SETTINGS -u WHITTLE_HOME "XDG_CONFIG_HOME=$BATS_TEST_TMPDIR")
	make -s -C "$TOP/infra/d" -o all install-tools PREFIX="$at"
	cd /
	run_x 0 "${alone[@]}" "$at/bin/d" lA
	expect hello
	# A package's has none, and says what is to be said.
	make -s -C "$TOP/infra/d" -o all install-tools PREFIX=/usr DESTDIR="$BATS_TEST_TMPDIR/package"
	[ ! -e "$BATS_TEST_TMPDIR/package/usr/share/whittle" ]
	run_x 2 "${alone[@]}" "$BATS_TEST_TMPDIR/package/usr/bin/d" pid hello
	expect "see project and containers in settings.yaml(5)" "$stderr"
}

@test "from any directory, and help" {
	cd /
	run_x 0 d lA
	expect "${P}web"
	run_x 0 d h
	expect "Every day"
	expect "01a ra RA Ra"
	run_x 0 d help 'gene|wave'
	expect autostart-wave
	run_x 1 d help nosuchthing
	run_x 2 d upgarde x
	expect "upgrade" "$stderr"
}

@test "completion knows verbs and containers" {
	run_x 0 d completion bash
	run_x 0 bash -c "PATH=${D%/*}:\$PATH; $output"'; COMP_WORDS=(d upg) COMP_CWORD=1; _d; echo "${COMPREPLY[*]}"; COMP_WORDS=(d up '"$P"') COMP_CWORD=2; _d; echo "${COMPREPLY[*]}"'
	expect "upgrade upgrade-all"
	expect "${P}box ${P}web"
	run_x 2 d completion tcsh
}

@test "completion in fish" {
	requires command:fish
	export PATH=${D%/*}:$PATH HOME=$BATS_TEST_TMPDIR
	d completion fish >"$BATS_TEST_TMPDIR/d.fish"
	run_x 0 fish --no-config -c 'source $argv[1]; complete -C "d upg"; complete -C "d up $argv[2]"' \
		"$BATS_TEST_TMPDIR/d.fish" "$P"
	expect $'upgrade\tbuild, test, replace'
	expect upgrade-all
	expect "${P}box"
	expect "${P}web"
}

# The shell sits at a terminal of its own, where somebody presses the tabulator.
@test "completion in zsh" {
	requires command:zsh
	export PATH=${D%/*}:$PATH HOME=$BATS_TEST_TMPDIR
	d completion zsh >"$BATS_TEST_TMPDIR/_d"
	cat >"$BATS_TEST_TMPDIR/press" <<-'EOT'
		zmodload zsh/zpty
		zpty shell zsh -f -i
		zpty -w shell "PROMPT=; fpath=($HOME \$fpath); autoload -U compinit; compinit -u -D; $1; echo rea''dy"
		zpty -r -m shell line '*ready*'
		zpty -w -n shell "d $2"$'\t'
		zpty -r -m shell line "*$3*" && print -r -- "$line"
		zpty -d shell
	EOT
	for load in "" "source $BATS_TEST_TMPDIR/_d"; do
		run_x 0 timeout 60 zsh -f "$BATS_TEST_TMPDIR/press" "$load" upgrade- upgrade-all
		run_x 0 timeout 60 zsh -f "$BATS_TEST_TMPDIR/press" "$load" "up ${P}w" "${P}web"
	done
}

@test "on a terminal: colours, unless they aren't wanted, and what is under way" {
	requires command:script
	run_x 0 d up "${P}web"
	run_x 0 script -qec "'$D'" /dev/null
	expect $'\033['
	NO_COLOR=1 run_x 0 script -qec "'$D'" /dev/null
	refute $'\033['
	run_x 0 script -qec "'$D' restart-all" /dev/null
	expect $'\r\033[K  0/'
	run_x 0 d restart-all
	refute $'\033'
}

@test "make test: an instance by the settings is around the tests, and gone afterwards" {
	container "${P}pipe"
	real_pipeline "${P}pipe"
	printf 'test_env: {GREETING: hello}\n' | settings "${P}pipe"
	printf 'load %s/tests/helpers\n%s "it serves" {\n%s\n}\n' "$TOP" @test '
		[ "$INSTANCE_IMAGE" = "$("$PACK" id "$TEST_IMAGE")" ]
		curl -fs "http://$INSTANCE_ADDRESS_8080/healthz"
		engine inspect -f "{{.Config.Env}}" "$INSTANCE_NAME" | grep GREETING=hello' >"$WHITTLE_CONTAINERS/${P}pipe/test.bats"
	run_x 0 d b "${P}pipe"
	run_x 0 d t "${P}pipe"
	expect "ok 1 it serves"
	[ -z "$(all_of "${P}pipe")" ]
	grep '^passed 1$' "$WHITTLE_CONTAINERS/${P}pipe/test-stamp"
	# with settings by which it never serves what it should
	sed -i 's/all ok/all gone/; s/within: .*/within: 1s/' "$WHITTLE_CONTAINERS/${P}pipe/settings.yaml"
	run_x 1 d t "${P}pipe"
	expect "isn't ready: not ready within 1 s: the text is not in the answer"
	[ -z "$(all_of "${P}pipe")" ]
	[ ! -e "$WHITTLE_CONTAINERS/${P}pipe/test-stamp" ]
	rm -r "$WHITTLE_CONTAINERS/${P}pipe"
}

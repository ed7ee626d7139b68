# All containers of several hosts: one with docker, one of an unprivileged user, two in one wave.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture
load tests/hosts

setup_file() {
	file_requires root podman pods command:sshd command:ip || return 0
	ROOM=$(mktemp -d /tmp/whittle-waves.XXXXXX)
	chmod 755 "$ROOM" # the user comes through
	export ROOM XDG_RUNTIME_DIR=$ROOM/r
	export WHITTLE_SETTINGS=$ROOM/host.yaml WHITTLE_STATE=$ROOM/state WHITTLE_CONTAINERS=$ROOM/here
	export N=wv$((RANDOM % 90 + 10)) NET=10.97.8 HOSTS=
	version 1 && version 2
	version sick 'ENTRYPOINT ["/bin/probe", "--help"]'
	engine save -m -o "$ROOM/images.tar" "localhost/$N-v:1" "localhost/$N-v:2" "localhost/$N-v:sick" >/dev/null 2>&1
	hosts_bridge || skip_file "this machine cannot: it has no bridges" || return 0
	hosts_make h1 h2=docker h3=user
	sed -i 's/wave: 3/wave: 2/' "$WHITTLE_SETTINGS"
	d hosts add
	local h
	for h in $HOSTS; do
		mkdir "$ROOM/$h/c/web"
		echo 'FROM scratch' >"$ROOM/$h/c/web/Dockerfile"
		contract web >"$ROOM/$h/c/web/Makefile"
		printf 'name: %s\nnetwork: none\nautostart: 1\nready: {http: ":8000/", within: 10s, stable: 0}\nstop_timeout: 1s\n' \
			"$N$h" >"$ROOM/$h/c/web/settings.yaml"
		next "$h" 1
		! host_is "$h" user || chown -R 64123:64123 "$ROOM/$h/c"
	done
}

teardown_file() {
	[ -n "${N:-}" ] || return 0
	hosts_remove
	remove_all_of "$N" || :
	rm -rf --one-file-system "$ROOM"
}

teardown() {
	stop_all
}

# version V [LINE]: an image for all hosts.
version() {
	local at=$ROOM/web.$1
	mkdir "$at"
	printf 'FROM %s\nLABEL version=%s\n%s\n' "$HOST_IMAGE" "$1" "${2:-}" >"$at/Dockerfile"
	engine build -q --layers=false --format docker -t "localhost/$N-v:$1" "$at" >/dev/null 2>&1
	image_id "localhost/$N-v:$1" >"$at/id"
}

# next HOST VERSION: what its next build is.
next() {
	printf 'image %s\ninputs %s\n' "$(cat "$ROOM/web.$2/id")" "$2" >"$ROOM/$1/c/web/next"
}

# runs HOST VERSION [CONTAINER]
runs() {
	[ "$(engine_on "$1" inspect -f '{{.State.Running}} {{index .Config.Labels "version"}}' "${3:-$N$1}" </dev/null)" = "true $2" ]
}

hook() { # HOST COMMAND
	echo "hooks: {before_stop: {command: [sh, -c, '$2'], within: 60s}}" >>"$ROOM/$1/c/web/settings.yaml"
}

no_hook() {
	sed -i '/^hooks:/d' "$ROOM/$1/c/web/settings.yaml"
}

@test "-A ua: a canary that fails: it is as before, and nothing else has begun" {
	run_x 0 d -A ua
	for h in $HOSTS; do runs "$h" 1; done
	next h1 sick && next h2 2 && next h3 2
	run_x 1 d -A ua
	expect "h1 failed: left as they are: h2 h3" "$stderr"
	for h in $HOSTS; do runs "$h" 1; done
	run_x 0 d @h1 why web
	expect "failed"
	run_x 0 d @h2 why web
	refute "failed"
}

@test "-A ua: one can't be reached, one is killed in the midst: each in a good state, and all there in the end" {
	# h3 is off with all that ran on it; h2 loses d and its connection before the old container stops.
	next h1 2
	hook h2 "touch $ROOM/h2/held; exec sleep 1000"
	host_down h3
	start d -A ua
	wait_until 100 test -e "$ROOM/h2/held"
	host_down h2
	wait_until 30 bash -c "! kill -0 $started"
	status=0
	wait "$started" || status=$?
	output=$(cat "$BATS_TEST_TMPDIR/started.0")
	[ "$status" -eq 2 ] || { echo "$output" >&2; return 1; }
	expect "h3: can't be reached"
	expect "h2: the connection was lost while d ran there"
	runs h1 2
	run_x 2 d -A
	expect "h2           unknown"
	expect "h3           missed: d ua"

	# Both come back: one has to finish or undo, one has missed all.
	no_hook h2
	sshd_up h2
	sshd_up h3
	run_x 0 d @h2 recover
	runs h2 1
	run_x 0 d @h3 up-all
	runs h3 1
	run_x 1 d plan -A
	expect "h3           missed: d ua"
	refute "h2           missed"
	run_x 0 d hosts retry
	runs h3 2
	runs h2 1
	run_x 0 d -A ua
	for h in $HOSTS; do runs "$h" 2; done
	run_x 0 d @h2 why web
	expect "upgrade: it was cut off at 'create'"
	run_x 0 d plan -A
	refute "missed"
}

@test "two people at once, here, there and on all hosts: one true message, and both end well" {
	for h in $HOSTS; do next "$h" 1; done
	hook h1 "touch $ROOM/h1/held; until [ -e $ROOM/go ]; do sleep 0.1; done"
	start d -A ua
	first=$started
	wait_until 60 test -e "$ROOM/h1/held"
	run_x 2 d @h1 upgrade web
	expect "web is being changed by 'd upgrade web'" "$stderr"
	# Somebody who sits there.
	run_x 2 ssh_to h1 "env WHITTLE_STATE=$ROOM/h1/state WHITTLE_CONTAINERS=$ROOM/h1/c WHITTLE_SETTINGS=$ROOM/h1/settings.yaml CONTAINERS_STORAGE_CONF=$ROOM/h1/storage.conf WHITTLE_ENGINE=$ENGINE_CMD $ROOM/h1/state/bin/d restart web"
	expect "web is being changed by 'd upgrade web'" "$stderr"
	start d -A ua
	wait_until 60 grep -rqs "web: waiting for 'd upgrade web'" "$ROOM/h1/state/d/web/log"
	touch "$ROOM/go"
	wait "$first"
	wait "$started"
	for h in $HOSTS; do runs "$h" 1; done
	no_hook h1
}

@test "on: by a registry, to any engine, after the key of there" {
	requires command:docker-registry command:skopeo command:minisign
	export S=${N}sent
	mkdir -p "$ROOM/here/$S"
	contract "$S" >"$ROOM/here/$S/Makefile"
	printf 'on: lab\nnetwork: none\nready: {http: ":8000/", stable: 0}\nstop_timeout: 1s\n' >"$ROOM/here/$S/settings.yaml"
	minisign -G -W -p "$ROOM/trusted.pub" -s "$ROOM/sec" >/dev/null
	printf 'verify_key: %s\ndefaults: {require_signature: true}\n' "$ROOM/trusted.pub" >"$ROOM/h2/settings.yaml"
	start_registry "$ROOM/registry" '' "$NET.1"
	sed -i "s|^    labels:|    registry: $NET.1:$port/lab\n    tls: false\n&|" "$WHITTLE_SETTINGS"

	sent_image 1
	"$PACK" sign -k "$ROOM/sec" "$(cat "$ROOM/build.1/id")"
	run_x 0 d upgrade "$S"
	expect "$NET.1:$port/lab/$S@sha256:"
	refute " bytes"
	for h in $HOSTS; do runs "$h" 1 "$S"; done

	stop_all
	sent_image 2
	run_x 2 d upgrade "$S"
	expect "h1: bring $S: " "$stderr"
	runs h1 1 "$S"
	start_registry "$ROOM/registry" '' "$NET.1"
	sed -i "s|$NET.1:[0-9]*/lab|$NET.1:$port/lab|" "$WHITTLE_SETTINGS"
	run_x 1 d upgrade "$S"
	expect "require_signature is set, and" "$output$stderr"
	runs h1 2 "$S"
	runs h2 1 "$S"
	runs h3 2 "$S"
	# A signature that comes later goes the same way.
	"$PACK" sign -k "$ROOM/sec" "$(cat "$ROOM/build.2/id")"
	run_x 0 d upgrade "$S"
	runs h2 2 "$S"
}

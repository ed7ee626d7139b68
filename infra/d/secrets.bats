# Secrets: where they are, where they aren't, and what a new one does.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires command:age tmpfs join engine || return 0
	fixture
	export N=${P}sec XDG_CONFIG_HOME=$ROOM/config SECRETS=/run/whittle/secrets
	[ "$(id -u)" = 0 ] || SECRETS=$XDG_RUNTIME_DIR/whittle/secrets
	mkdir -p "$ROOM/config/whittle"
	age-keygen -o "$ROOM/config/whittle/age.key" 2>"$ROOM/age.pub"
	container "$N"
	secret one
	settings "$N" <<-EOT
		secrets:
		  password: $ROOM/password
		  token: age:$ROOM/token.age
		  made: {command: [cat, $ROOM/made], mode: "0440", owner: "7:1000"}
	EOT
	d u "$N"
}

teardown_file() {
	[ -n "${P:-}" ] || return 0
	fixture_remove
	rm -rf "${SECRETS:?}/$P"*
}

# New ones, which begin alike.
secret() {
	echo "hunter-$1-password" >"$ROOM/password"
	echo "hunter-$1-token" | age -r "$(sed -n 's/.*: //p' "$ROOM/age.pub")" >"$ROOM/token.age"
	echo "hunter-$1-made" >"$ROOM/made"
}

@test "read by who runs, and in no argument, environment, inspection, state or image" {
	[ "$(d e "$N" /svc cat /run/secrets/password)" = hunter-one-password ]
	[ "$(d e "$N" /svc cat /run/secrets/token)" = hunter-one-token ]
	[ "$(d e "$N" /svc cat /run/secrets/made)" = hunter-one-made ]
	pid=$(d pid "$N")
	# As its own user namespace may, without root.
	inside=()
	[ "$(id -u)" = 0 ] || inside=(podman unshare)
	run_x 1 "${inside[@]}" grep -a hunter- "/proc/$pid/cmdline" "/proc/$pid/environ"
	engine inspect "$N" >"$BATS_TEST_TMPDIR/inspect"
	engine save "$(live "$N")" >"$BATS_TEST_TMPDIR/image"
	d cmd "$N" >"$BATS_TEST_TMPDIR/cmd"
	grep -q "/whittle/secrets/$N/START.*/run/secrets" "$BATS_TEST_TMPDIR/cmd"
	d las "$N" >"$BATS_TEST_TMPDIR/las"
	run_x 1 grep -ra hunter- "$BATS_TEST_TMPDIR" "$WHITTLE_STATE" "$WHITTLE_CONTAINERS"
	home=$SECRETS/$N
	[ "$(stat -fc %T "$home")" = tmpfs ]
	[ "$(stat -c %a "$home")" = 700 ]
	[ "$(stat -c %a "$home"/*/password)" = 400 ]
	[ "$(stat -c %a "$home"/*/made)" = 440 ]
}

@test "a new one is told by plan, and upgrade makes the container anew; the old one's goes" {
	run_x 0 d plan "$N"
	secret two
	run_x 1 d plan "$N"
	expect "restart: a secret changed"
	run_x 0 d up "$N"
	expect "with other secrets" "$stderr"
	run_x 0 d u "$N"
	[ "$(d e "$N" /svc cat /run/secrets/token)" = hunter-two-token ]
	run_x 0 d plan "$N"
	[ "$(find "$SECRETS/$N" -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq 1 ]
}

@test "rotate restarts what runs with an old one, and nothing else" {
	before=$(d pid "$N")
	run_x 0 d rotate
	[ "$(d pid "$N")" = "$before" ]
	secret four
	run_x 1 d rotate -n
	[ "$output" = "$N has an old secret" ]
	[ "$(d pid "$N")" = "$before" ]
	run_x 0 d rotate
	[ "$(d e "$N" /svc cat /run/secrets/token)" = hunter-four-token ]
	run_x 0 d rotate -n
	secret two
	d rotate "$N"
}

@test "an upgrade that fails: the old container has its own, the new one's are gone" {
	secret three
	mood "$N" 2 0 1
	run_x 1 d u "$N"
	serves "$N" 1
	[ "$(d e "$N" /svc cat /run/secrets/token)" = hunter-two-token ]
	[ "$(find "$SECRETS/$N" -mindepth 1 -maxdepth 1 -type d | wc -l)" -eq 1 ]
	mood "$N" 1
	make -s -C "$WHITTLE_CONTAINERS/$N" all
}

@test "one that can't be had: said before anything stops" {
	before=$(d pid "$N")
	mv "$ROOM/config/whittle/age.key" "$ROOM/key"
	run_x 1 d R "$N"
	expect "secret 'token': age failed" "$stderr"
	[ "$(d pid "$N")" = "$before" ]
	mv "$ROOM/key" "$ROOM/config/whittle/age.key"
}

@test "whatever the umask of whoever starts it, who runs reads them" {
	(umask 077 && d R "$N")
	[ "$(d e "$N" /svc cat /run/secrets/password)" = "$(cat "$ROOM/password")" ]
	[ "$(stat -c %a "$SECRETS/$N")" = 700 ]
}

@test "a test instance has them, too, and leaves none" {
	run_x 0 d up -T "$N"
	expect INSTANCE
	[ -n "$(ls "$SECRETS/$N-test")" ]
	run_x 0 d down -T "$N"
	[ ! -e "$SECRETS/$N-test" ]
}

@test "those of a test that was killed, of what somebody removed and of a d that was killed are swept" {
	has=$(d e "$N" /svc cat /run/secrets/password)
	sleep 300 &
	owner=$!
	run_x 0 d run -T --owner "$owner" --name "$N-mine" --port_offset free "$N"
	[ -e "$SECRETS/$N-mine" ]
	kill "$owner"
	wait "$owner" || :
	run_x 0 d up -T "$N"
	[ ! -e "$SECRETS/$N-mine" ]
	engine rm -f "$N-test" >/dev/null 2>&1
	mkdir -m 700 "$SECRETS/$N-"{early,now,other}
	for name in early now; do
		ln -s "$(readlink "$SECRETS/$N/.of")" "$SECRETS/$N-$name/.of"
	done
	ln -s "$(readlink "$SECRETS/$N/.of")-2" "$SECRETS/$N-other/.of"
	exec {now}<"$SECRETS/$N-now"
	flock -s "$now"
	run_x 0 d recover
	exec {now}<&-
	expect "the secrets of $N-test, a container that is gone" "$stderr"
	[ ! -e "$SECRETS/$N-test" ]
	[ ! -e "$SECRETS/$N-early" ]
	# Being made right now, another d's, and what runs.
	[ -e "$SECRETS/$N-now" ]
	[ -e "$SECRETS/$N-other" ]
	[ "$(d e "$N" /svc cat /run/secrets/password)" = "$has" ]
	run_x 0 d clean -n
	expect "would remove the secrets of $N-now"
	[ -e "$SECRETS/$N-now" ]
	# By what timers run.
	run_x 0 d jobs
	[ ! -e "$SECRETS/$N-now" ]
	mkdir -m 700 "$SECRETS/$N-late"
	ln -s "$(readlink "$SECRETS/$N/.of")" "$SECRETS/$N-late/.of"
	run_x 0 d auto
	[ ! -e "$SECRETS/$N-late" ]
	[ "$(d e "$N" /svc cat /run/secrets/password)" = "$has" ]
}

@test "what can't be removed keeps the note whose it is, and goes with the next sweep" {
	requires root
	mkdir -p "$SECRETS/$N-stuck/1/busy"
	ln -s "$(readlink "$SECRETS/$N/.of")" "$SECRETS/$N-stuck/.of"
	mount --bind "$SECRETS/$N-stuck/1/busy" "$SECRETS/$N-stuck/1/busy"
	run d clean
	umount "$SECRETS/$N-stuck/1/busy"
	[ "$status" -ne 0 ]
	[ -L "$SECRETS/$N-stuck/.of" ]
	run_x 0 d clean
	[ ! -e "$SECRETS/$N-stuck" ]
}

@test "check finds what looks like one in the environment" {
	container "${P}env"
	printf 'env: {DB_PASSWORD: tiger, TOKEN_FILE: /run/secrets/t, URL: "pg://me:it@db/x", HOME: /}\n' |
		settings "${P}env"
	run_x 1 d check
	expect "${P}env: env: 'DB_PASSWORD' looks like a secret" "$stderr"
	expect "'URL' looks like a secret" "$stderr"
	refute TOKEN_FILE "$stderr"
	rm -r "$WHITTLE_CONTAINERS/${P}env"
}

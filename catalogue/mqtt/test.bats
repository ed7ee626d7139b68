# Users with rights of their own, and messages that outlive a restart, by mosquitto's clients.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	file_requires command:mosquitto_pub command:mosquitto_sub || return 0
	# The instance that make test has around it, by settings.yaml.
	export ID=${INSTANCE_NAME:?run by make test} PORT=$INSTANCE_PORT_1883
}

# As tests/passwords has them: the password is the name, twice.
say() { # USER TOPIC MESSAGE OPTION…
	mosquitto_pub -h 127.0.0.1 -p "$PORT" -u "$1" -P "$1$1" -q 1 -t "$2" -m "$3" "${@:4}"
}

# The next message of a topic, with 27 for none within the seconds.
hear() { # USER TOPIC [SECONDS]
	mosquitto_sub -h 127.0.0.1 -p "$PORT" -u "$1" -P "$1$1" -q 1 -C 1 -W "${3:-10}" -t "$2"
}

@test "who has a name and the right password gets in, and nobody else" {
	run_x 0 say lamp home/lamp/state on
	run ! mosquitto_pub -h 127.0.0.1 -p "$PORT" -u lamp -P wrong -t home/lamp/state -m x
	run ! mosquitto_pub -h 127.0.0.1 -p "$PORT" -u nobody -P x -t home/lamp/state -m x
	run ! mosquitto_pub -h 127.0.0.1 -p "$PORT" -t home/lamp/state -m x
}

@test "a message reaches who listens to it at that moment" {
	start mosquitto_sub -h 127.0.0.1 -p "$PORT" -u house -P househouse -t 'home/+/bell' -C 1 -W 20 -v
	# Its subscription may come a moment after its connection: said until it was heard.
	wait_until 15 said
	[ "$(cat "$BATS_TEST_TMPDIR/started.0")" = "home/lamp/bell rings" ]
}

said() {
	say lamp home/lamp/bell rings
	! kill -0 "$started" 2>/dev/null
}

@test "each in one's own branch, house in all of them" {
	say lamp home/lamp/level 7 -r
	[ "$(hear house home/lamp/level)" = 7 ]
	[ "$(hear lamp home/lamp/level)" = 7 ]
	# Not read, and not written, by the others.
	run_x 27 hear door home/lamp/level 2
	run say door home/lamp/level 8 -r
	[ "$(hear house home/lamp/level)" = 7 ]
	run say lamp other 8 -r
	run_x 27 hear house other 2
}

@test "retained messages are there again after a restart" {
	say door home/door/lock closed -r
	run_x 0 engine restart -t 20 "$ID" 3>&- 4>&-
	wait_until 20 say lamp home/lamp/state on
	[ "$(hear house home/door/lock)" = closed ]
}

@test "it runs as mosquitto, without root's rights anywhere" {
	image_root "$TEST_IMAGE" "$BATS_TEST_TMPDIR/root"
	[ "$(user_of "$ID")" = "$(awk -F: '$1 == "mosquitto" { print $3 }' "$BATS_TEST_TMPDIR/root/etc/passwd")" ]
	run_x 0 find "$BATS_TEST_TMPDIR/root" -type f -perm /6000 -print
	[ -z "$output" ]
}

@test "the line for a new user comes from the image itself" {
	mkdir -m 777 "$BATS_TEST_TMPDIR/made"
	run_x 0 engine run --rm --network none --read-only --cap-drop ALL -v "$BATS_TEST_TMPDIR/made:/tmp" \
		--entrypoint /usr/bin/mosquitto_passwd "$TEST_IMAGE" -b -c /tmp/passwords new secret
	run_x 0 engine run --rm --network none --read-only --cap-drop ALL -v "$BATS_TEST_TMPDIR/made:/tmp" \
		--entrypoint /usr/bin/mosquitto_passwd "$TEST_IMAGE" -b /tmp/passwords second secret
	run_x 0 cut -d$ -f1,2 "$BATS_TEST_TMPDIR/made/passwords"
	[ "$output" = 'new:$7'$'\n''second:$7' ]
}

@test "its health check works" {
	run_x 0 exec_in "$ID" /usr/bin/probe tcp:127.0.0.1:1883
}

@test "nothing else is in it that could be started" {
	is_carved || skip "nothing is carved away yet"
	image_root "$TEST_IMAGE" "$BATS_TEST_TMPDIR/root"
	[ "$(programs_in "$BATS_TEST_TMPDIR/root" | grep -v '/lib/' | xargs)" = "/usr/bin/mosquitto_passwd /usr/bin/probe /usr/sbin/mosquitto" ]
}

teardown() {
	stop_all
}

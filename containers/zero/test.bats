# The smallest image holds one file, and that serves.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/zero:latest}
	# The instance that make test has around it, by settings.yaml.
	export NAME=${INSTANCE_NAME:?run by make test} PORT=$INSTANCE_PORT_8000
}

teardown_file() {
	engine rm -f "$NAME-2" >/dev/null 2>&1 || :
}

# The names of all files of an image, without those that engines put there.
files_of() {
	engine create --name "$NAME-2" "$1" /none >/dev/null
	engine export "$NAME-2" | tar -t | sed 's@^\./@@' |
		grep -vE '^$|/$|^(\.dockerenv|etc/(hostname|hosts|mtab|resolv\.conf)|dev/console|run/\.containerenv)$' || :
	engine rm "$NAME-2" >/dev/null
}

@test "it says its sentence" {
	run_x 0 curl -fs "http://127.0.0.1:$PORT/anything"
	[ "$output" = "hello from an empty image" ]
}

@test "the health check is yes while it serves" {
	run_x 0 exec_in "$NAME" /bin/hello -c
}

@test "the health check is no where nothing serves, and another option is trouble" {
	run_x 1 engine run --rm --network none --entrypoint /bin/hello "$IMAGE" -c
	run_x 2 engine run --rm --network none --entrypoint /bin/hello "$IMAGE" -x
}

@test "a client that says nothing doesn't stop the next one" {
	exec 7<>"/dev/tcp/127.0.0.1/$PORT"
	run_x 0 curl -fs --max-time 20 "http://127.0.0.1:$PORT/"
	exec 7>&-
}

@test "one file is in the image, of less than 8 KiB, and it isn't root's process" {
	run_x 0 files_of "$IMAGE"
	[ "$output" = bin/hello ]
	[ "$(stat -c %s "$BATS_TEST_DIRNAME/files/bin/hello")" -lt 8192 ]
	run_x 0 engine image inspect -f '{{.Config.User}}' "$IMAGE"
	[ "$output" = 65534:65534 ]
}

@test "the image below it is empty" {
	run_x 0 files_of localhost/whittle/zero:empty
	[ -z "$output" ]
}

@test "there is no shell, nor anything else to start" {
	for program in /bin/sh /bin/busybox /bin/ls; do
		run -127 engine run --rm --network none --entrypoint "$program" "$IMAGE"
	done
}

@test "it ends at SIGTERM, also as process 1" {
	run_x 0 engine stop -t 60 "$NAME"
	run_x 0 engine inspect -f '{{.State.ExitCode}}' "$NAME"
	[ "$output" = 0 ]
}

# The image holds one file, which takes connections; what it does with them is tested beside its
# source.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/relay:latest}
	export NAME=${INSTANCE_NAME:?run by make test} PORT=$INSTANCE_PORT_8080
}

@test "it takes a connection for which there is nobody yet" {
	exec 7<>"/dev/tcp/127.0.0.1/$PORT"
	run_x 0 engine inspect -f '{{.State.Running}}' "$NAME"
	[ "$output" = true ]
	exec 7>&-
}

@test "one file is in the image, and it isn't root's process" {
	run_x 0 find "$BATS_TEST_DIRNAME/files" -type f
	[ "$output" = "$BATS_TEST_DIRNAME/files/bin/relay" ]
	run_x 0 engine image inspect -f '{{.Config.User}}' "$IMAGE"
	[ "$output" = 65534:65534 ]
}

@test "without a port it says how it is used" {
	run_x 2 engine run --rm --network none "$IMAGE" /target
	expect "usage: relay" "$stderr"
}

@test "it ends at SIGTERM, also as process 1" {
	run_x 0 engine stop -t 60 "$NAME"
	run_x 0 engine inspect -f '{{.State.ExitCode}}' "$NAME"
	[ "$output" = 0 ]
}

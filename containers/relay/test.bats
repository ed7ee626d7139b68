# The image holds one file, which takes connections and passes them on; that it does so in every
# case is tested beside its source.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/relay:latest}
	export NAME=${INSTANCE_NAME:?run by make test} PORT=$INSTANCE_PORT_8080
}

teardown() {
	stop_all
	[ -z "${started_here:-}" ] || engine rm -f "$NAME-passing" "$NAME-behind" >/dev/null 2>&1 || :
}

# Another one beside the instance, by the same rights.
up() { # NAME, and what run takes behind it
	engine run -d --name "$1" --read-only --cap-drop ALL --security-opt no-new-privileges "${PROFILE[@]}" "${@:2}" >/dev/null
}

@test "it takes a connection for which there is nobody yet" {
	exec 7<>"/dev/tcp/127.0.0.1/$PORT"
	run_x 0 engine inspect -f '{{.State.Running}}' "$NAME"
	[ "$output" = true ]
	exec 7>&-
}

@test "what comes is held until somebody is there, goes to the address in the file, and back" {
	requires root command:nsenter command:python3
	started_here=1
	port=$(free_port)
	mkdir -m 755 "$BATS_TEST_TMPDIR/relay"
	# Whose network the server is in: the relay itself has the port in its own.
	up "$NAME-behind" "$IMAGE" /none 9090
	engine inspect "$NAME-behind" | jq -r '.[0].NetworkSettings | [.IPAddress, .Networks[].IPAddress] | map(select(. != null and . != ""))[0]' \
		>"$BATS_TEST_TMPDIR/relay/address"
	up "$NAME-passing" -p "127.0.0.1:$port:8080" -v "$BATS_TEST_TMPDIR/relay:/relay:ro" "$IMAGE" /relay/address 8080
	wait_until 20 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
	exec 7<>"/dev/tcp/127.0.0.1/$port"
	echo early >&7
	start nsenter -t "$(engine inspect -f '{{.State.Pid}}' "$NAME-behind")" -n python3 -c 'if True:
		import socketserver
		class Talk(socketserver.StreamRequestHandler):
		    def handle(self):
		        self.wfile.write(b"got " + self.rfile.readline())
		socketserver.TCPServer.allow_reuse_address = True
		socketserver.TCPServer(("0.0.0.0", 8080), Talk).serve_forever()'
	read -rt 30 answer <&7
	exec 7>&-
	[ "$answer" = "got early" ]
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

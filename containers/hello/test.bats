# One page, by one program, as hellouser, from a root that is read-only.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; for another shell
load ../../tests/helpers

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/hello:latest}
	# The instance that make test has around it, by settings.yaml.
	export ID=${INSTANCE_NAME:?run by make test} PORT=$INSTANCE_PORT_8000
	image_root "$IMAGE" "$BATS_FILE_TMPDIR/root"
}

teardown() {
	instance_remove_all
}

@test "it serves the page, and says no to what isn't there" {
	run_x 0 curl -fs "http://127.0.0.1:$PORT/"
	[ "$output" = "$(cat files/srv/index.html)" ]
	run_x 0 curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/none"
	[ "$output" = 404 ]
}

@test "nothing outside of its directory is served, nothing is run, nothing is taken in" {
	for path in /../etc/passwd /%2e%2e/etc/passwd /..%2fetc/passwd //etc/passwd; do
		run_x 0 curl -s --path-as-is -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT$path"
		[[ $output == 40[034] ]]
	done
	run_x 0 curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/cgi-bin/x"
	[[ $output == 40[034] ]]
	run_x 0 curl -s -o /dev/null -w '%{http_code}' -X PUT -d x "http://127.0.0.1:$PORT/index.html"
	[[ $output == [45]0[0-9] ]]
	run_x 0 curl -fs "http://127.0.0.1:$PORT/"
	expect "Hello, world!"
}

@test "its own health check works" {
	run_x 0 exec_in "$ID" /bin/probe http://127.0.0.1:8000/ 'Hello, world!'
	run_x 0 engine inspect -f '{{.Config.Healthcheck.Test}}' "$ID"
	expect probe
}

@test "it runs as hellouser, who can write nothing" {
	run_x 0 cat "$BATS_FILE_TMPDIR/root/etc/passwd"
	[[ $output == "hellouser:x:8000:8000:"*":/sbin/nologin" ]]
	run_x 0 engine image inspect -f '{{.Config.User}}' "$IMAGE"
	[ "$output" = hellouser ]
	[ "$(user_of "$ID")" = 8000 ]
	run_x 0 find "$BATS_FILE_TMPDIR/root" -xdev ! -type l -perm /002 -print
	[ -z "$output" ] || {
		echo "$output"
		return 1
	}
}

@test "httpd, probe, and nothing else to start" {
	[ "$(programs_in "$BATS_FILE_TMPDIR/root" | xargs)" = "/bin/httpd /bin/probe" ]
	run_x 0 find "$BATS_FILE_TMPDIR/root" -type f -perm /6000 -print
	[ -z "$output" ]
	run_x 127 engine run --rm --network none --entrypoint /bin/sh "$IMAGE"
	# Asked for something else, it is httpd all the same.
	run engine run --rm --network none --entrypoint /bin/httpd "$IMAGE" sh -c 'echo $((60606 * 7007))'
	refute 424666242
}

@test "prep's own audit finds nothing in it" {
	local own=()
	[ -x "$PREP" ] || skip "prep isn't built"
	grep -E '^[A-Z_]+=' files/prep-local | tr -d "'" >"$BATS_TEST_TMPDIR/prep.conf"
	# Without root its files are this user's here, who is root in a namespace of its own.
	[ "$(id -u)" = 0 ] || own=(unshare --map-root-user)
	run_x 0 "${own[@]}" "$PREP" -a -r "$BATS_FILE_TMPDIR/root" -c "$BATS_TEST_TMPDIR/prep.conf"
}

@test "it ends when it is told to, without its time running out" {
	instance_start
	run_x 0 timeout 100 "$ENGINE_CMD" stop -t 1000 "$instance"
}

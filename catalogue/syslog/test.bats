# Logs come in by UDP, TCP and TLS, and stand in a file for each host.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	file_requires command:logger command:openssl || return 0
	# The instance that make test has around it, by settings.yaml.
	export ID=${INSTANCE_NAME:?run by make test} LOGS=$INSTANCE_VOLUMES/remote
}

# noted TEXT [HOST]: whether a log has it, each host in a directory of its own.
noted() {
	grep -rqF -- "$1" "$LOGS/${2:-}"
}

# record HOST TEXT: a message as RFC 5424 has it, with the length that TLS wants before it.
record() {
	local line
	line="<14>1 $(date -u +%Y-%m-%dT%H:%M:%SZ) $1 app - - - $2"
	printf '%d %s' "${#line}" "$line"
}

@test "by UDP" {
	run_x 0 logger -n 127.0.0.1 -P "$INSTANCE_PORT_5514_UDP" --udp --rfc5424 --rfc5424=nohost -t app "by udp $BATS_TEST_NUMBER-$$"
	wait_until 10 noted "by udp $BATS_TEST_NUMBER-$$"
	run_x 0 logger -n 127.0.0.1 -P "$INSTANCE_PORT_5514_UDP" --udp --rfc3164 -t app "in the old form $$"
	wait_until 10 noted "in the old form $$" "$(hostname)"
}

@test "by TCP, many at once, each whole and in its order" {
	seq -f 'line %06.0f of many' 2000 >"$BATS_TEST_TMPDIR/lines"
	run_x 0 logger -n 127.0.0.1 -P "$INSTANCE_PORT_5514" --tcp --octet-count -t app -f "$BATS_TEST_TMPDIR/lines"
	wait_until 20 noted "line 002000 of many"
	diff <(cat "$LOGS"/*/*.log | grep -o 'line .* of many') "$BATS_TEST_TMPDIR/lines"
}

@test "by TLS, with the certificate that it was given; without TLS nothing is taken there" {
	record box "by tls $$" |
		openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$INSTANCE_PORT_6514" -servername logs.example 2>"$BATS_TEST_TMPDIR/said"
	grep -q 'CN *= *logs.example' "$BATS_TEST_TMPDIR/said"
	wait_until 10 noted "by tls $$" box
	run ! openssl s_client -connect "127.0.0.1:$INSTANCE_PORT_6514" -tls1_1 </dev/null
	record box "without tls $$" | timeout 5 bash -c "exec 5<>/dev/tcp/127.0.0.1/$INSTANCE_PORT_6514; cat >&5; cat <&5" || :
	record box "after it $$" | openssl s_client -quiet -no_ign_eof -connect "127.0.0.1:$INSTANCE_PORT_6514" 2>/dev/null
	wait_until 10 noted "after it $$" box
	run ! noted "without tls $$"
}

@test "a host that calls itself by a path stays in the directory" {
	printf '<14>1 %s ../../../tmp/evil app - - - from evil %s' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$$" >"/dev/udp/127.0.0.1/$INSTANCE_PORT_5514_UDP"
	wait_until 10 noted "from evil $$"
	[ -z "$(find "$LOGS" -mindepth 3)" ]
	run_x 0 find "$LOGS" -name '*evil*' -type d
	[ -n "$output" ]
}

@test "logs are kept over a restart, and go on" {
	run_x 0 engine restart -t 20 "$ID" 3>&- 4>&-
	wait_until 20 bash -c "exec 5<>/dev/tcp/127.0.0.1/$INSTANCE_PORT_5514"
	run_x 0 logger -n 127.0.0.1 -P "$INSTANCE_PORT_5514" --tcp --octet-count -t app "after the restart $$"
	wait_until 10 noted "after the restart $$"
	noted "by udp 1-" || noted "line 000001 of many"
}

@test "it runs as syslog, without root's rights anywhere" {
	[ "$(user_of "$ID")" = 990 ]
	image_root "$TEST_IMAGE" "$BATS_TEST_TMPDIR/root"
	run_x 0 find "$BATS_TEST_TMPDIR/root" -type f -perm /6000 -print
	[ -z "$output" ]
	run_x 0 exec_in "$ID" /usr/bin/probe tcp:127.0.0.1:5514
}

@test "nothing else is in it that could be started" {
	is_carved || skip "nothing is carved away yet"
	image_root "$TEST_IMAGE" "$BATS_TEST_TMPDIR/root"
	[ "$(programs_in "$BATS_TEST_TMPDIR/root" | grep -v '/lib/' | xargs)" = "/usr/bin/probe /usr/sbin/rsyslogd" ]
}

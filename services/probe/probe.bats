# probe against servers that behave, and servers that don't.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; perl has variables too
load ../../tests/helpers

setup() {
	cd "$BATS_TEST_DIRNAME" || return
}

teardown() {
	stop_all
}

# serve ADDRESS MODE [BYTES]: in the background; its port is in $port.
serve() {
	start tests/server "$1" "$2" "${3-}"
	local out=$BATS_TEST_TMPDIR/started.$((${#STARTED[@]} - 1))
	wait_until 10 test -s "$out"
	port=$(cat "$out")
}

OK='HTTP/1.1 200 OK\r\n'

# one_line TEXT: standard error is one line of the usual shape with TEXT in it.
one_line() {
	[ "$(wc -l <<<"$stderr")" -eq 1 ]
	[[ $stderr == "probe: "* ]]
	expect "$1" "$stderr"
}

@test "http: status 2xx is enough without a text" {
	serve 127.0.0.1 say "HTTP/1.0 204 No Content\r\n\r\n"
	run_x 0 "$PROBE" "http://127.0.0.1:$port/healthz"
	[ -z "$output$stderr" ]
}

@test "http: the text must be in the body" {
	serve 127.0.0.1 say "${OK}X: all ok\r\n\r\nERROR"
	run_x 1 "$PROBE" "http://127.0.0.1:$port/healthz" 'all ok'
	one_line "text is not in the answer"
}

@test "http: the text is found, also across chunks" {
	serve 127.0.0.1 say "${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nall \r\n2\r\nok\r\n0\r\n\r\n"
	run_x 0 "$PROBE" "http://127.0.0.1:$port/healthz" 'all ok'
}

@test "http: a text that is there doesn't make up for a bad status" {
	serve 127.0.0.1 say "HTTP/1.1 503 Service Unavailable\r\n\r\nall ok"
	run_x 1 "$PROBE" "http://127.0.0.1:$port/healthz" 'all ok'
	one_line "status 503"
}

@test "http: a redirection is not followed, and not healthy" {
	serve 127.0.0.1 say "HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n"
	run_x 1 "$PROBE" "http://127.0.0.1:$port/"
	one_line "status 302"
}

@test "http: the request is what a server expects" {
	serve 127.0.0.1 echo
	run_x 0 "$PROBE" "http://127.0.0.1:$port/a?b=c#d" $'GET /a?b=c HTTP/1.1\r\nHost: 127.0.0.1:'"$port"$'\r\n'
	run_x 0 "$PROBE" "http://127.0.0.1:$port" $'GET / HTTP/1.1\r\n'
	run_x 0 "$PROBE" "http://127.0.0.1:$port/" $'\r\nConnection: close\r\n'
}

@test "http: a name is looked up, an IPv6 address goes in brackets" {
	serve 127.0.0.1 say "$OK\r\nall ok"
	run_x 0 "$PROBE" "http://localhost:$port/" 'all ok'
	grep -q '^00000000000000000000000000000001 .* lo$' /proc/net/if_inet6 || skip "this machine cannot: no ::1"
	serve ::1 say "$OK\r\nall ok"
	run_x 0 "$PROBE" "http://[::1]:$port/" 'all ok'
	run_x 0 "$PROBE" "tcp:[::1]:$port"
}

@test "a name that doesn't exist" {
	run_x 1 "$PROBE" -t 20s http://no-such-host.invalid/
	one_line "no-such-host.invalid"
}

@test "nobody listens" {
	unused=$(free_port)
	run_x 1 "$PROBE" "http://127.0.0.1:$unused/"
	one_line "refused"
	run_x 1 "$PROBE" "tcp:127.0.0.1:$unused"
	one_line "refused"
	run_x 1 "$PROBE" "unix:$BATS_TEST_TMPDIR/none"
	one_line "No such file"
}

@test "a connection to oneself doesn't count" {
	requires root command:unshare command:ip
	# With only two ports to choose from, the kernel soon gives us the one that we ask for.
	# shellcheck disable=SC2016 # for the inner shell
	run_x 0 unshare -n sh -c 'ip link set lo up
		echo 40000 40001 >/proc/sys/net/ipv4/ip_local_port_range
		for i in $(seq 50); do
			"$0" tcp:127.0.0.1:40000 2>/dev/null && exit 1
			"$0" tcp:127.0.0.1:40001 2>/dev/null && exit 1
		done
		exit 0' "$PROBE"
}

@test "tcp and unix: the connection is enough" {
	serve 127.0.0.1 hold
	run_x 0 "$PROBE" "tcp:127.0.0.1:$port"
	serve "$BATS_TEST_TMPDIR/s" hold
	run_x 0 "$PROBE" "unix:$BATS_TEST_TMPDIR/s"
	touch "$BATS_TEST_TMPDIR/file"
	run_x 1 "$PROBE" "unix:$BATS_TEST_TMPDIR/file"
	one_line "refused"
}

@test "servers that close early or reset" {
	serve 127.0.0.1 say
	run_x 1 "$PROBE" "http://127.0.0.1:$port/"
	one_line "closed without an answer"
	serve 127.0.0.1 say "${OK}Content-Length: 100\r\n\r\nhalf"
	run_x 1 "$PROBE" "http://127.0.0.1:$port/" whole
	one_line "cut off"
	serve 127.0.0.1 reset "${OK}Conte"
	run_x 1 "$PROBE" "http://127.0.0.1:$port/"
	expect "http://127.0.0.1:$port/" "$stderr"
}

@test "the time limit ends what never answers, drips or never accepts" {
	serve 127.0.0.1 hold
	run_x 1 "$PROBE" -t 300ms "http://127.0.0.1:$port/"
	one_line "no answer within 300ms"
	serve 127.0.0.1 hold "${OK}Content-Length: 100\r\n\r\nhalf"
	run_x 1 "$PROBE" -t 300ms "http://127.0.0.1:$port/" whole
	one_line "no answer within 300ms"
	serve 127.0.0.1 drip "$OK"
	run_x 1 "$PROBE" -t 300ms "http://127.0.0.1:$port/"
	one_line "no answer within 300ms"
	serve 127.0.0.1 deaf
	run_x 1 "$PROBE" --time=300ms "http://127.0.0.1:$port/"
	one_line "no answer within 300ms"
}

@test "the time limit holds also where the signal came blocked or ignored" {
	serve 127.0.0.1 hold
	run_x 1 perl -MPOSIX -e 'sigprocmask(SIG_BLOCK, POSIX::SigSet->new(SIGALRM)); $SIG{ALRM} = "IGNORE"; exec @ARGV' \
		"$PROBE" -t 300ms "http://127.0.0.1:$port/"
	one_line "no answer within 300ms"
}

@test "floods are cut off: a line, a head, a body without end" {
	serve 127.0.0.1 flood "xxxxxxxxxxxxxxxx"
	run_x 1 "$PROBE" -t 60s "http://127.0.0.1:$port/"
	one_line "more than 8192 bytes"
	serve 127.0.0.1 flood "${OK}"
	run_x 1 "$PROBE" -t 60s "http://127.0.0.1:$port/"
	one_line "is no field"
	serve 127.0.0.1 flood "${OK}\r\n"
	run_x 1 "$PROBE" -t 60s "http://127.0.0.1:$port/" 'all ok'
	one_line "more than 1048576 bytes"
}

@test "not HTTP at all" {
	serve 127.0.0.1 say "SSH-2.0-x\r\n"
	run_x 1 "$PROBE" "http://127.0.0.1:$port/"
	one_line "not HTTP"
}

@test "wrong usage is trouble, not a verdict" {
	run_x 2 "$PROBE"
	expect "usage:" "$stderr"
	run_x 2 "$PROBE" -x http://a/
	run_x 2 "$PROBE" http://a/ b c
	run_x 2 "$PROBE" -t
	run_x 2 "$PROBE" -t soon http://a/
	one_line "bad time limit 'soon'"
	run_x 2 "$PROBE" -t 0 http://a/
	run_x 2 "$PROBE" -t 2d http://a/
	run_x 2 "$PROBE" https://a/
	one_line "no TLS"
	run_x 2 "$PROBE" $'http://a/\nX: y'
	one_line '\012'
	run_x 2 "$PROBE" tcp:a:1 text
	one_line "only an answer over http"
	run_x 2 "$PROBE" http://a/ ''
	run_x 2 "$PROBE" tcp:a
}

@test "help goes to standard output" {
	run_x 0 "$PROBE" --help
	expect "usage: probe"
	[ -z "$stderr" ]
}

@test "small and static: it runs in an empty root file system" {
	[ -z "${SAN:-}" ] || skip "this machine cannot: the sanitizer build is dynamic"
	[ "$(stat -c %s "$PROBE")" -lt 131072 ]
	requires root
	mkdir "$BATS_TEST_TMPDIR/root"
	cp "$PROBE" "$BATS_TEST_TMPDIR/root/probe"
	serve 127.0.0.1 say "$OK\r\nall ok"
	run_x 0 chroot "$BATS_TEST_TMPDIR/root" /probe "http://127.0.0.1:$port/" 'all ok'
}

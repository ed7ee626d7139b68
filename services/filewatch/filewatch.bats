# filewatch as people run it: settings, --once, the server, reloads, and changes of every
# kind while it watches.

# shellcheck disable=SC2154,SC2016,SC2030,SC2031 # run_x sets stderr; inner shells; run
load ../../tests/helpers

setup() {
	dir=$BATS_TEST_TMPDIR
	watched=$dir/watched
	mkdir "$watched"
	port=$(free_port)
}

teardown() {
	stop_all
	# shellcheck disable=SC2086 # one or several
	[ -z "${MOUNTED:-}" ] || umount -l $MOUNTED
}

# settings LINE…: the rules, and an address of our own. Events alone must do: the interval
# is an hour.
settings() {
	{
		printf 'listen: 127.0.0.1:%s\ninterval: 1h\npoll: 1h\nrules:\n' "$port"
		printf '  - %s\n' "$@"
	} >"$dir/settings.yaml"
}

# serve RULE…: starts a server, and waits until it knows something.
serve() {
	settings "$@"
	start "$FILEWATCH" -c "$dir/settings.yaml"
	server=$started
	log=$dir/started.$((${#STARTED[@]} - 1))
	wait_until 20 get /
}

once() {
	settings "$@"
	run "$FILEWATCH" -c "$dir/settings.yaml" --once
}

get() {
	curl -fsS --max-time 5 "http://127.0.0.1:$port$1"
}

healthz() {
	curl -s --max-time 5 "http://127.0.0.1:$port/healthz"
}

is_ok() {
	[ "$(healthz)" = "all ok" ]
}

# says MESSAGE: the rules that aren't ok say just that.
says() {
	[ "$(messages)" = "$1" ]
}

messages() {
	get /api/v1/status | python3 -c 'import json, sys
for r in json.load(sys.stdin)["rules"]:
    if r["state"] not in ("ok", "skipped"):
        print(r["state"] + " " + r["message"])'
}

# ---- command line and settings ----

@test "usage: help, unknown options and too many words" {
	run_x 0 "$FILEWATCH" --help
	expect "usage: filewatch"
	run_x 2 "$FILEWATCH" --nonsense
	run_x 2 "$FILEWATCH" word
	run_x 2 "$FILEWATCH" --once --check-config
	run_x 2 "$FILEWATCH" -c "$dir/none"
	expect "filewatch: read '$dir/none': No such file or directory" "$stderr"
}

@test "check-config: the example and the template are right, a mistake has its place" {
	run_x 0 "$FILEWATCH" -t -c filewatch.yaml
	run_x 0 "$FILEWATCH" -t -c ../../containers/filewatch/files/etc/filewatch/filewatch.yaml
	settings '{path: /a, max-age: 1 week}'
	run_x 2 "$FILEWATCH" --check-config --config "$dir/settings.yaml"
	expect "settings.yaml:5:25: expected a duration" "$stderr"
}

@test "once: a table and the exit status" {
	touch "$watched/a"
	once "{path: $watched/a, max-age: 1h}"
	[ "$status" -eq 0 ]
	expect "ok       1      $watched/a  at most 1 h old"
	[ "${lines[-1]}" = "all ok" ]
	once "{path: $watched/a, min-age: 1h}" "{path: $watched/none}"
	[ "$status" -eq 1 ]
	expect "failing  0      $watched/none  missing"
	[ "${lines[-1]}" = ERROR ]
}

@test "once: the output can't be written" {
	settings "{path: /etc/passwd}"
	run_x 2 bash -c '"$FILEWATCH" -c "$1" --once >/dev/full' - "$dir/settings.yaml"
	expect "write to standard output: No space left on device" "$stderr"
}

# ---- rules, by looking once ----

# row RULE STATUS TEXT: a single rule's outcome.
row() {
	once "$1"
	[ "$status" -eq "$2" ] || {
		echo "$output"
		return 1
	}
	expect "$3"
}

@test "rules: age" {
	touch "$watched/new"
	touch -d '3 hours ago' "$watched/old"
	touch -d '1 hour' "$watched/future"
	row "{path: $watched/new, max-age: 2h}" 0 "all ok"
	row "{path: $watched/old, max-age: 2h}" 1 "3 h old, at most 2 h"
	row "{path: $watched/old, max-age: 3h1m}" 0 "all ok"
	row "{path: $watched/old, min-age: 2h}" 0 "all ok"
	row "{path: $watched/new, min-age: 2h}" 1 "old, at least 2 h"
	row "{path: $watched/future, max-age: 2h}" 1 "in the future"
	row "{path: $watched/future}" 0 "all ok"
}

@test "rules: empty files and directories" {
	: >"$watched/empty"
	echo x >"$watched/full"
	mkdir "$watched/dir"
	row "{path: $watched/empty, empty: file}" 0 "all ok"
	row "{path: $watched/full, empty: file}" 1 "not empty"
	row "{path: $watched/dir, empty: dir}" 0 "all ok"
	row "{path: $watched/dir, empty: file}" 1 "a directory, not a regular file"
	row "{path: $watched/empty, empty: dir}" 1 "a regular file, not a directory"
	row "{path: '$watched/*', empty: dir}" 0 "all ok"
	touch "$watched/dir/.hidden"
	row "{path: $watched/dir, empty: dir}" 1 "not empty"
}

@test "rules: text and regular expressions" {
	printf 'all\nis fine\n' >"$watched/log"
	row "{path: $watched/log, not-found: ERROR}" 0 "all ok"
	row "{path: $watched/log, not-found: fine}" 1 "has 'fine'"
	row "{path: $watched/log, not-found: {regex: '^fine'}}" 0 "all ok"
	row "{path: $watched/log, not-found: {regex: '^is f.*e$'}}" 1 "has /^is f"
	row "{path: $watched/log, found: fine}" 0 "all ok"
	row "{path: $watched/log, found: done}" 1 "lacks 'done'"
	row "{path: $watched/log, found: all, not-found: fine}" 1 "has 'fine'"
}

@test "rules: what can't be read is not ok" {
	requires root
	mkfifo "$watched/fifo"
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$watched/socket"
	mknod "$watched/device" c 1 3
	mkdir "$watched/dir"
	for f in fifo socket device dir; do
		row "{path: $watched/$f, not-found: x}" 1 "not a regular file"
	done
	row "{path: '$watched/*', not-found: x}" 1 "3 of 3"
	install -m 000 /dev/null "$watched/secret"
	chmod 711 "$dir" "$watched"
	chmod 700 "$watched/dir"
	settings "{path: $watched/secret, not-found: x}"
	chmod 644 "$dir/settings.yaml"
	run_x 1 as_nobody --once
	expect "can't be read: Permission denied"
	settings "{path: '$watched/dir/**', missing: ok}"
	run_x 1 as_nobody --once
	expect "can't read directory $watched/dir: Permission denied"
}

# Without privileges, from a place that nobody can reach.
as_nobody() {
	local d s=0
	d=$(mktemp -d /tmp/filewatch-test.XXXXXX)
	chmod 755 "$d"
	cp "$FILEWATCH" "$dir/settings.yaml" "$d/"
	chmod -R a+rX "$d"
	path_for_nobody
	setpriv --reuid 65534 --regid 65534 --clear-groups "$d/filewatch" -c "$d/settings.yaml" "$@" || s=$?
	rm -rf "$d"
	return $s
}

# bats' temporary directories are root's alone.
path_for_nobody() {
	local p=$watched
	while [ "$p" != /tmp ] && [ "$p" != / ]; do
		chmod a+x "$p"
		p=$(dirname "$p")
	done
}

@test "rules: size, count, owner, mode" {
	head -c 2000 /dev/zero >"$watched/f"
	chmod 640 "$watched/f"
	row "{path: $watched/f, size: {min: 1k, max: 2k}}" 0 "all ok"
	row "{path: $watched/f, size: {max: 1k}}" 1 "1.9 KiB, at most 1 KiB"
	row "{path: $watched/f, size: 2000}" 0 "all ok"
	row "{path: $watched/f, mode: 0640}" 0 "all ok"
	row "{path: $watched/f, mode: 0600}" 1 "mode 0640, not 0600"
	row "{path: $watched/f, mode: {max: 0600}}" 1 "mode 0640, at most 0600"
	row "{path: $watched/f, owner: $(id -u)}" 0 "all ok"
	row "{path: $watched/f, owner: 54321}" 1 "owner $(id -u):"
	row "{path: '$watched/*', count: 1}" 0 "all ok"
	row "{path: '$watched/*', count: {min: 2}}" 1 "1 match, at least 2"
	row "{path: '$watched/none*', count: 0}" 0 "all ok"
}

@test "rules: globs, exceptions, none matching" {
	mkdir -p "$watched/a/b" "$watched/.hidden"
	touch "$watched/a/1.log" "$watched/a/b/2.log" "$watched/.hidden/3.log"
	touch -d '3 hours ago' "$watched/a/b/2.log"
	row "{path: '$watched/**/*.log', max-age: 1h}" 1 "1 of 2: $watched/a/b/2.log: 3 h old"
	once "{path: '$watched/**/*.log', max-age: 1h}" "{path: $watched/a/b/2.log, skip: true}"
	[ "$status" -eq 0 ]
	once "{path: '$watched/**/*.log', max-age: 1h}" "{path: '$watched/a/b/*', skip: true}"
	[ "$status" -eq 0 ]
	once "{path: '$watched/**/*.log', max-age: 1h}" "{path: $watched/a/b/2.log, max-age: 1d}"
	[ "$status" -eq 0 ]
	row "{path: '$watched/*.none'}" 1 "no match"
	row "{path: '$watched/*.none', missing: ok}" 0 "all ok"
	row "{path: '$watched/no/such/directory/*.none'}" 1 "no match"
}

@test "rules: the newest, with prefix and suffix, and exceptions" {
	touch -d '3 hours ago' "$watched/db-1.gz"
	touch -d '2 hours ago' "$watched/db-2.gz"
	touch "$watched/db-3.gz.part" "$watched/other.gz"
	mkdir "$watched/db-4.gz"
	row "{path: '$watched/db-{NEWEST}.gz', max-age: 1h}" 1 "$watched/db-2.gz: 2 h old"
	row "{path: '$watched/{NEWEST}.gz', max-age: 1h}" 0 "all ok"
	once "{path: '$watched/{NEWEST}.gz', max-age: 1h}" "{path: $watched/other.gz, skip: true}"
	expect "$watched/db-2.gz: 2 h old"
	row "{path: '$watched/{NEWEST}.xz'}" 1 "no match"
}

@test "rules: links are followed to files, not into directories below a wildcard" {
	echo ERROR >"$dir/target"
	ln -s "$dir/target" "$watched/link"
	ln -s nowhere "$watched/dangling"
	ln -s "$dir" "$watched/loop"
	row "{path: $watched/link, not-found: ERROR}" 1 "has 'ERROR'"
	row "{path: '$watched/**', not-found: ERROR}" 1 "2 of 2"
	row "{path: '$watched/dang*'}" 1 "can't be read: No such file"
}

@test "names that are hostile stay on their line" {
	touch "$watched/"$'x\n\e[31mok' "$watched/a<b>&\"'"
	once "{path: '$watched/*', empty: dir, missing: ok}" "{path: '$watched/x*', min-age: 1h}"
	expect 'x\012\033[31mok'
	serve "{path: '$watched/*', min-age: 1h}"
	run_x 0 get /
	expect 'a&lt;b&gt;&amp;&quot;&#39;'
	refute 'a<b>'
	refute $'\e'
	get /api/v1/status | python3 -m json.tool >/dev/null
}

@test "nagios: words, performance data, exit status" {
	touch "$watched/a"
	settings "{path: $watched/a}"
	run_x 0 "$FILEWATCH" nagios -c "$dir/settings.yaml"
	[ "$output" = "FILEWATCH OK - 1 of 1 rules ok | failing=0;;0;0;1 pending=0 grace=0 ok=1" ]
	settings "{path: '$watched/a|b'}" "{path: $watched/a}"
	run_x 2 "$FILEWATCH" nagios -c "$dir/settings.yaml"
	expect "FILEWATCH CRITICAL - 1 of 2 rules ok: $watched/a/b: missing | failing=1"
	settings "{path: $watched/none, grace: 1h}"
	run_x 1 "$FILEWATCH" nagios -c "$dir/settings.yaml"
	expect "FILEWATCH WARNING"
	run_x 3 "$FILEWATCH" nagios -c "$dir/none"
	expect "FILEWATCH UNKNOWN"
}

# ---- the server ----

@test "the page shows a day of each rule: what was wrong, and for how long" {
	touch "$watched/a"
	serve "{path: $watched/a}"
	wait_until 20 is_ok
	run_x 0 get /
	refute '<rect class="failing"'
	rm "$watched/a"
	wait_until 20 says "failing missing"
	touch "$watched/a"
	wait_until 20 is_ok
	run_x 0 get /
	expect '<svg class="day"'
	expect 'aria-label="in the last 24 hours: failing 1 s'
	expect '<rect class="failing"'
	# well-formed, and within its box
	get / | python3 -c 'if True:
		import re, sys, xml.etree.ElementTree as tree
		for text in re.findall(r"<svg class=\"day\".*?</svg>", sys.stdin.read()):
		    picture = tree.fromstring(text)
		    width, height = map(int, picture.get("viewBox").split()[2:])
		    for r in picture:
		        assert 0 <= int(r.get("x", 0)) and int(r.get("x", 0)) + int(r.get("width")) <= width, text
		        assert int(r.get("y")) + int(r.get("height")) <= height, text
	'
}

@test "the page's colours stand out enough, in light and in dark" {
	touch "$watched/a"
	serve "{path: $watched/a}"
	get /filewatch.css >"$dir/css"
	run_x 0 "$TOP/tests/contrast" "$dir/css"
}

@test "server: healthz, page, JSON, metrics, and what isn't there" {
	touch "$watched/a"
	serve "{path: $watched/a}"
	run_x 0 curl -s -i "http://127.0.0.1:$port/healthz"
	expect "HTTP/1.1 200"
	expect "all ok"
	run_x 0 curl -s -i "http://127.0.0.1:$port/"
	expect "text/html"
	expect "Content-Security-Policy: default-src 'none'"
	expect "$watched/a"
	run_x 0 get /metrics
	expect 'filewatch_rules{state="ok"} 1'
	refute "$watched"
	for path in /filewatch.css /filewatch.js /favicon.svg; do
		run_x 0 get $path
	done
	run_x 0 curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/none"
	[ "$output" = 404 ]
	run_x 0 curl -s -o /dev/null -w '%{http_code}' -d x=y "http://127.0.0.1:$port/"
	[ "$output" = 405 ]
	run_x 0 curl -s -I "http://127.0.0.1:$port/"
	expect "HTTP/1.1 200"
	rm "$watched/a"
	wait_until 20 says "failing missing"
	run_x 0 curl -s -i "http://127.0.0.1:$port/healthz"
	expect "HTTP/1.1 503"
	expect ERROR
}

@test "server: what hasn't changed isn't sent twice" {
	touch "$watched/a"
	serve "{path: $watched/a}"
	tag=$(curl -sI "http://127.0.0.1:$port/" | tr -d '\r' | sed -n 's/^ETag: //p')
	[ -n "$tag" ]
	# A minute may begin between the two requests, but not twice.
	run_x 0 curl -s -o /dev/null -w '%{http_code}' -H "If-None-Match: $tag" "http://127.0.0.1:$port/"
	if [ "$output" != 304 ]; then
		tag=$(curl -sI "http://127.0.0.1:$port/" | tr -d '\r' | sed -n 's/^ETag: //p')
		run_x 0 curl -s -o /dev/null -w '%{http_code}' -H "If-None-Match: $tag" "http://127.0.0.1:$port/"
	fi
	[ "$output" = 304 ]
	rm "$watched/a"
	wait_until 20 says "failing missing"
	run_x 0 curl -s -o /dev/null -w '%{http_code}' -H "If-None-Match: $tag" "http://127.0.0.1:$port/"
	[ "$output" = 200 ]
}

@test "server: the address is taken, or isn't ours" {
	serve "{path: $watched}"
	run_x 2 "$FILEWATCH" -c "$dir/settings.yaml"
	expect "listen at '127.0.0.1:$port': Address" "$stderr"
	port=1 settings "{path: $watched}"
	sed -i 's/127.0.0.1/203.0.113.1/' "$dir/settings.yaml"
	run_x 2 "$FILEWATCH" -c "$dir/settings.yaml"
	expect "listen at '203.0.113.1:" "$stderr"
}

@test "server: SIGHUP takes new rules over, bad ones not, and says so" {
	touch "$watched/a"
	serve "{path: $watched/a}"
	settings "{path: $watched/a, max-age: soon}"
	kill -HUP "$server"
	wait_until 20 grep -q "the old rules stay in force" "$log"
	grep -q "settings.yaml:5:.*expected a duration" "$log"
	is_ok
	settings "{path: $watched/b}"
	kill -HUP "$server"
	wait_until 20 says "failing missing"
	grep -q "settings reloaded: 1 rules" "$log"
	run_x 0 get /metrics
	expect "filewatch_reloads_total 1"
	expect "filewatch_reload_failures_total 1"
}

@test "server: SIGTERM and SIGINT end it with 0, also as process 1" {
	touch "$watched/a"
	for signal in TERM INT; do
		serve "{path: $watched/a}"
		kill -$signal "$server"
		ended_well "$server"
	done
	requires root
	settings "{path: $watched/a}"
	start unshare --fork --pid --kill-child "$FILEWATCH" -c "$dir/settings.yaml"
	wait_until 20 is_ok
	kill -TERM "$(pgrep -P "$started")"
	ended_well "$started"
}

# Not by run: only the shell that started it can wait for it.
ended_well() {
	local s=0
	wait "$1" || s=$?
	[ "$s" -eq 0 ]
}

# ---- while it watches ----

@test "events: an age limit passes at its instant" {
	touch "$watched/a"
	serve "{path: $watched/a, max-age: 2s}"
	wait_until 20 has_message "old, at most 2 s"
	touch "$watched/a"
	wait_until 20 is_ok
}

@test "events: come, changed, gone, renamed over" {
	touch "$watched/a"
	serve "{path: $watched/a, not-found: ERROR}"
	echo ERROR >>"$watched/a"
	wait_until 20 says "failing has 'ERROR'"
	echo fine >"$watched/new"
	mv "$watched/new" "$watched/a"
	wait_until 20 is_ok
	rm "$watched/a"
	wait_until 20 says "failing missing"
	echo ERROR >"$watched/a"
	wait_until 20 says "failing has 'ERROR'"
	: >"$watched/a"
	wait_until 20 is_ok
	chmod 000 "$watched/a"
	chmod 600 "$watched/a"
	wait_until 20 is_ok
}

@test "logs of Windows, UTF-16 and compressed ones: found, or said not to be searched" {
	printf 'job FAILED\r\nall else is well\r\n' >"$watched/crlf.log"
	once "{path: $watched/crlf.log, not-found: {regex: 'FAILED\$'}}"
	[ "$status" -eq 1 ]
	expect "has /FAILED\$/"
	printf 'job FAILED\n' | iconv -t UTF-16 >"$watched/wide.log"
	once "{path: $watched/wide.log, not-found: FAILED}"
	[ "$status" -eq 1 ]
	expect "can't be searched for text: it is UTF-16"
	printf 'job FAILED\n' | gzip >"$watched/app.log.1.gz"
	echo fine >"$watched/app.log"
	once "{path: $watched/app.log*, not-found: FAILED}"
	[ "$status" -eq 1 ]
	expect "app.log.1.gz: can't be searched for text: it is compressed (gzip)"
	# who doesn't want it searched says so
	once "{path: $watched/app.log*, not-found: FAILED}" "{path: $watched/app.log.1.gz}"
	[ "$status" -eq 0 ]
}

@test "a file that is mounted by itself, and replaced where it comes from, is stale" {
	requires root
	mkdir "$dir/host"
	echo one >"$dir/host/conf"
	touch "$watched/conf"
	mount --bind "$dir/host/conf" "$watched/conf"
	MOUNTED=$watched/conf
	once "{path: $watched/conf}"
	[ "$status" -eq 0 ]
	echo two >"$dir/host/conf.new"
	mv "$dir/host/conf.new" "$dir/host/conf"
	once "{path: $watched/conf}"
	[ "$status" -eq 1 ]
	expect "stale: another file has taken its place where it is mounted from"
	# removed alone it is stale, too; a mount of its directory never is
	once "{path: $dir/host/conf}"
	[ "$status" -eq 0 ]
}

@test "a reload when the system has no inotify instance left: polled from then on" {
	requires root userns
	echo fine >"$watched/a"
	settings "{path: $watched/a, not-found: BAD}"
	sed -i 's/^poll: .*/poll: 1s/' "$dir/settings.yaml"
	# a user namespace has limits of its own
	start unshare -U -r "$FILEWATCH" -c "$dir/settings.yaml"
	server=$started
	wait_until 20 is_ok
	sleep 0.3 # it waits for events again, after those of the start
	pid=$(pgrep -f "^$FILEWATCH -c $dir/settings.yaml")
	kill -STOP "$pid"
	wait_until 10 grep -q '^State:.*stopped' "/proc/$pid/status"
	echo BAD >>"$watched/a" # an event, and the signal: both are there when it wakes up
	nsenter -t "$pid" -U sh -c 'echo 0 >/proc/sys/user/max_inotify_instances'
	kill -HUP "$pid"
	kill -CONT "$pid"
	wait_until 20 says_bad
	kill -0 "$pid"
}

says_bad() {
	[[ $(messages) == *"has 'BAD'"* ]]
}

@test "events: a directory that should be empty" {
	mkdir "$watched/in"
	serve "{path: $watched/in, empty: dir}"
	is_ok
	touch "$watched/in/.x"
	wait_until 20 says "failing not empty"
	rm "$watched/in/.x"
	wait_until 20 is_ok
}

@test "events: the directory is deleted and made again, or renamed, also above" {
	mkdir -p "$watched/a/b"
	touch "$watched/a/b/c"
	serve "{path: $watched/a/b/c}" "{path: '$watched/a/b/*.x', missing: ok, not-found: ERROR}"
	is_ok
	rm -r "$watched/a"
	wait_until 20 says "failing missing"
	mkdir -p "$watched/a/b"
	touch "$watched/a/b/c"
	wait_until 20 is_ok
	echo ERROR >"$watched/a/b/1.x"
	wait_until 20 says "failing $watched/a/b/1.x: has 'ERROR'"
	mv "$watched/a" "$watched/z"
	wait_until 20 says "failing missing"
	mv "$watched/z" "$watched/a"
	wait_until 20 says "failing $watched/a/b/1.x: has 'ERROR'"
	rm "$watched/a/b/1.x"
	wait_until 20 is_ok
}

@test "events: new directories below **, at any depth" {
	serve "{path: '$watched/**/*.log', missing: ok, not-found: ERROR}"
	mkdir -p "$watched/1/2/3"
	echo ERROR >"$watched/1/2/3/a.log"
	wait_until 20 says "failing $watched/1/2/3/a.log: has 'ERROR'"
	mv "$watched/1/2" "$watched/elsewhere"
	wait_until 20 says "failing $watched/elsewhere/3/a.log: has 'ERROR'"
	echo ERROR >"$watched/1/b.log"
	wait_until 20 says "failing 2 of 2: $watched/1/b.log: has 'ERROR'"
	rm -r "$watched/1" "$watched/elsewhere"
	wait_until 20 is_ok
}

@test "events: the newest changes" {
	touch -d '2 hours ago' "$watched/1.gz"
	serve "{path: '$watched/{NEWEST}.gz', max-age: 1h}"
	says "failing $watched/1.gz: 2 h old, at most 1 h"
	touch "$watched/2.gz"
	wait_until 20 is_ok
	rm "$watched/2.gz"
	wait_until 20 says "failing $watched/1.gz: 2 h old, at most 1 h"
}

@test "events: through links, hard links, and links on the way that turn elsewhere" {
	mkdir "$dir/elsewhere" "$watched/1" "$watched/2"
	echo fine | tee "$dir/elsewhere/target" "$watched/1/log" >"$watched/2/log"
	ln -s "$dir/elsewhere/target" "$watched/link"
	echo fine >"$watched/hard"
	ln "$watched/hard" "$dir/elsewhere/hard"
	ln -s 1 "$watched/current"
	serve "{path: $watched/link, not-found: ERROR}" "{path: $watched/hard, not-found: ERROR}" \
		"{path: $watched/current/log, not-found: ERROR}"
	is_ok
	echo ERROR >>"$dir/elsewhere/target"
	wait_until 20 says "failing has 'ERROR'"
	echo fine >"$dir/elsewhere/target"
	wait_until 20 is_ok
	echo ERROR >>"$dir/elsewhere/hard"
	wait_until 20 says "failing has 'ERROR'"
	echo fine >"$dir/elsewhere/hard"
	wait_until 20 is_ok
	echo ERROR >>"$watched/2/log"
	ln -sfn 2 "$watched/current"
	wait_until 20 says "failing has 'ERROR'"
}

@test "events: a file system mounted over, and unmounted" {
	requires root
	mkdir "$watched/mnt"
	echo fine >"$watched/mnt/a"
	serve "{path: $watched/mnt/a, not-found: ERROR}"
	is_ok
	mount -t tmpfs none "$watched/mnt"
	MOUNTED=$watched/mnt
	wait_until 20 says "failing missing"
	echo ERROR >"$watched/mnt/a"
	wait_until 20 says "failing has 'ERROR'"
	umount "$watched/mnt"
	MOUNTED=
	wait_until 20 is_ok
	echo ERROR >"$watched/mnt/a"
	wait_until 20 says "failing has 'ERROR'"
}

how() {
	get /api/v1/status | sed -n 's/.*"watched_by":"\([^"]*\)".*/\1/p'
}

@test "events get lost here: polled" {
	requires root
	mkdir "$dir/lower" "$dir/upper" "$dir/work"
	mount -t tmpfs none "$dir/work"
	MOUNTED=$dir/work
	mkdir "$dir/work/upper" "$dir/work/work" "$dir/work/over"
	mount -t overlay none -o "lowerdir=$dir/lower,upperdir=$dir/work/upper,workdir=$dir/work/work" "$dir/work/over" ||
		skip "this machine cannot: no overlay file system"
	MOUNTED="$dir/work/over $dir/work"
	settings "{path: '$dir/work/over/*.log', not-found: ERROR, missing: ok}" "{path: $watched}" \
		"{path: '/proc/sys/kernel/host*'}"
	sed -i 's/^poll:.*/poll: 100ms/' "$dir/settings.yaml"
	start "$FILEWATCH" -c "$dir/settings.yaml"
	wait_until 20 is_ok
	[ "$(how)" = "events, poll
events
events, poll" ]
	# Behind the back of the watched mount.
	echo ERROR >"$dir/lower/a.log"
	wait_until 20 says "failing $dir/work/over/a.log: has 'ERROR'"
}

@test "no events at all: polled" {
	settings "{path: $watched/a}"
	sed -i 's/^poll:.*/poll: 100ms/' "$dir/settings.yaml"
	touch "$watched/a"
	unshare --map-root-user sh -c 'echo 0 >/proc/sys/user/max_inotify_instances' ||
		skip "this machine cannot: no limit to set in a user namespace"
	start unshare --map-root-user sh -c 'echo 0 >/proc/sys/user/max_inotify_instances
		exec "$0" -c "$1"' "$FILEWATCH" "$dir/settings.yaml"
	wait_until 20 is_ok
	[ "$(how)" = poll ]
	grep -q "no events, files are polled" "$dir/started.0"
	rm "$watched/a"
	wait_until 20 says "failing missing"
}

@test "events: a log is rotated" {
	echo "one ERROR" >"$watched/log"
	serve "{path: $watched/log, not-found: ERROR}"
	says "failing has 'ERROR'"
	mv "$watched/log" "$watched/log.1"
	wait_until 20 says "failing missing"
	echo fine >"$watched/log"
	wait_until 20 is_ok
	printf 'ERR' >>"$watched/log"
	sleep 0.2
	printf 'OR\n' >>"$watched/log"
	wait_until 20 says "failing has 'ERROR'"
}

@test "events: more than the queue holds" {
	mkdir "$watched/d"
	serve "{path: '$watched/d/*', missing: ok, empty: file}"
	kill -STOP "$server"
	python3 - "$watched/d" <<-'EOT'
		import os, sys
		# two files in turn: equal events in a row are merged by the kernel
		fds = [os.open(sys.argv[1] + "/" + n, os.O_CREAT | os.O_WRONLY) for n in "ab"]
		for i in range(40000):
		    os.pwrite(fds[i % 2], b"x", 0)
		os.open(sys.argv[1] + "/c", os.O_CREAT | os.O_WRONLY)
		for fd in fds:
		    os.ftruncate(fd, 0)
		open(sys.argv[1] + "/lost", "w").write("x")
	EOT
	kill -CONT "$server"
	wait_until 20 says "failing 1 of 4: $watched/d/lost: not empty"
	run_x 0 get /metrics
	refute "filewatch_event_overflows_total 0"
}

@test "who wrote to a file: the process and its user" {
	requires root
	echo fine >"$watched/log"
	serve "{path: $watched/log, not-found: ERROR}"
	wait_until 20 is_ok
	mkfifo "$dir/hold"
	setpriv --reuid 1234 --clear-groups sh -c 'echo ERROR >&3; read x <&4' 3>>"$watched/log" 4<>"$dir/hold" &
	wait_until 20 written_by "$! 1234 sh" || {
		kill $!
		python3 -c 'import ctypes; exit(ctypes.CDLL(None).fanotify_init(0, 0) < 0)' || skip "this machine cannot: no fanotify"
		return 1
	}
	run -0 get /
	expect "; written by sh (process $!, user 1234)"
	kill $!
	# Another one, at the file's next name.
	sh -c 'echo ERROR >"$0.new"; mv "$0.new" "$0"; read x <&4' "$watched/log" 3>&- 4<>"$dir/hold" &
	wait_until 20 written_by "$! 0 sh" || { kill $!; return 1; }
	kill $!
}

# written_by TEXT: the first file of the first rule.
written_by() {
	[ "$(get /api/v1/status | python3 -c 'import json, sys
w = json.load(sys.stdin)["rules"][0]["findings"][0]["written_by"]
print(w["pid"], w["uid"], w["name"])')" = "$1" ]
}

@test "grace: a finding counts when it lasts" {
	touch "$watched/a"
	serve "{path: $watched/a, grace: 3s}"
	rm "$watched/a"
	wait_until 20 says "grace missing"
	is_ok
	touch "$watched/a"
	wait_until 20 says ""
	rm "$watched/a"
	wait_until 20 says "grace missing"
	wait_until 20 says "failing missing"
	[ "$(healthz)" = ERROR ]
}

@test "reload: what is known of unchanged rules stays" {
	echo "an ERROR" >"$watched/log"
	touch "$watched/a"
	serve "{path: $watched/log, not-found: ERROR}" "{path: '$watched/**', missing: ok}"
	since=$(get /api/v1/status | sed -n 's/.*"path":"[^"]*log","state":"failing","since":"\([^"]*\)".*/\1/p')
	[ -n "$since" ]
	searched=$(get /metrics | grep ^filewatch_searched)
	sleep 1.1
	settings "{path: $watched/a}" "{path: $watched/log, not-found: ERROR}" "{path: '$watched/**', missing: ok}"
	kill -HUP "$server"
	wait_until 20 grep -q "reloaded: 3 rules" "$log"
	wait_until 20 eval 'get /api/v1/status | grep -q "\"ok\":2"'
	run_x 0 get /api/v1/status
	expect "\"state\":\"failing\",\"since\":\"$since\""
	[ "$(get /metrics | grep ^filewatch_searched)" = "$searched" ]
	[ "$(grep -c "failing '$watched/log'" "$log")" = 1 ]
	echo fine >"$watched/log"
	wait_until 20 is_ok
}

# ---- notification ----

notify_settings() { # EVERY
	cat >"$dir/hook" <<-'EOT'
		#!/bin/sh
		env | grep '^FILEWATCH_' | sort >>"$(dirname "$0")/told.new"
		printenv FILEWATCH_REPORT >>"$(dirname "$0")/told.new"
		cp "$(dirname "$0")/told.new" "$(dirname "$0")/told.whole"
		mv "$(dirname "$0")/told.whole" "$(dirname "$0")/told"
	EOT
	chmod 755 "$dir/hook"
	sed -i "1i notify: {command: [$dir/hook], every: $1}" "$dir/settings.yaml"
}

told() {
	grep -qF "$1" "$dir/told"
}

@test "notify: a command is told of a change, and of its end" {
	touch "$watched/a"
	settings "{path: $watched/a}"
	notify_settings 1ms
	start "$FILEWATCH" -c "$dir/settings.yaml"
	wait_until 20 is_ok
	rm "$watched/a"
	wait_until 20 told FILEWATCH_STATE=failing
	told "FILEWATCH_PATH=$watched/a"
	told FILEWATCH_BEFORE=ok
	told FILEWATCH_MESSAGE=missing
	told FILEWATCH_OVERALL=ERROR
	touch "$watched/a"
	wait_until 20 told FILEWATCH_STATE=ok
	told "FILEWATCH_OVERALL=all ok"
}

@test "notify: no more often than allowed, and nothing is lost" {
	settings "{path: $watched/a}" "{path: $watched/b}" "{path: $watched/c}"
	touch "$watched/a" "$watched/b" "$watched/c"
	notify_settings 2s
	start "$FILEWATCH" -c "$dir/settings.yaml"
	wait_until 20 is_ok
	rm "$watched/a"
	wait_until 20 told "FILEWATCH_CHANGES=1"
	rm "$watched/b" "$watched/c"
	wait_until 20 told "FILEWATCH_CHANGES=2"
	[ "$(grep -c FILEWATCH_CHANGES "$dir/told")" = 2 ]
	told "failing $watched/b: missing"
	told "failing $watched/c: missing"
}

@test "notify: the notifier ends with the watcher, also if that is killed" {
	settings "{path: $watched}"
	notify_settings 1s
	start "$FILEWATCH" -c "$dir/settings.yaml"
	wait_until 20 is_ok
	child=$(pgrep -P "$started")
	kill -KILL "$started"
	wait_until 20 eval '! kill -0 '"$child"
}

# ---- protection ----

status_of() {
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

@test "protection: no capabilities but to read, no new privileges, few system calls" {
	[ "${SAN:-}" != 1 ] || skip "this machine cannot: sanitizers need what is forbidden"
	serve "{path: $watched}"
	[ "$(status_of "$server" NoNewPrivs)" = 1 ]
	[ $((0x$(status_of "$server" CapEff) & ~4)) = 0 ]
	[ $((0x$(status_of "$server" CapPrm) & ~4)) = 0 ]
	[ $((0x$(status_of "$server" CapInh))) = 0 ]
	for task in "/proc/$server/task"/*; do
		[ "$(sed -n 's/^Seccomp:[[:space:]]*//p' "$task/status")" = 2 ]
	done
	grep -q "protected: no new privileges, seccomp" "$log"
}

@test "protection: what lies outside of what may be read isn't taken over at a reload" {
	[ "${SAN:-}" != 1 ] || skip "this machine cannot: sanitizers need what is forbidden"
	serve "{path: $watched}"
	grep -q Landlock "$log" || skip "this machine cannot: no Landlock"
	settings "{path: /usr/bin}"
	kill -HUP "$server"
	wait_until 20 grep -q "'/usr/bin' is outside of what this process may read" "$log"
	is_ok
}

# ---- clients ----

@test "clients: slow and silent ones keep nobody out" {
	settings "{path: $watched}"
	sed -i 's/^interval.*/connections: 8/' "$dir/settings.yaml"
	start "$FILEWATCH" -c "$dir/settings.yaml"
	wait_until 20 is_ok
	cat >"$dir/slow.py" <<-'EOT'
		import socket, sys, time
		held = []
		while True:
		    # more than there are places, each sending a byte now and then
		    while len(held) < 40:
		        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		        s.send(b"GET /healthz HTTP/1.1\r\n")
		        held.append(s)
		    for s in held[:]:
		        try:
		            s.send(b"X")
		        except OSError:
		            held.remove(s)
		    time.sleep(0.05)
		    open(sys.argv[2], "w").write("going on")
	EOT
	start python3 "$dir/slow.py" "$port" "$dir/going-on"
	wait_until 20 test -s "$dir/going-on"
	# Between our connecting and our asking, more may come than there are places, so that
	# once in a while we have to go, too; but not each time.
	for _ in {1..20}; do
		wait_until 20 is_ok
	done
	kill -0 "$started"
}

@test "clients: a request that is too long is refused" {
	serve "{path: $watched}"
	long=$(head -c 20000 /dev/zero | tr '\0' a)
	run curl -s -o /dev/null -w '%{http_code}' -H "X: $long" "http://127.0.0.1:$port/"
	[ "$output" = 431 ] || [ "$output" = 413 ]
	run curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$port/$long"
	[ "$output" = 414 ]
	is_ok
}

# FLOOD=1000000 and LOG_MIB=10240 for more of it.

@test "a flood of events: still answering, and right in the end" {
	mkdir "$watched/d" "$watched/e"
	touch "$watched/e/quiet"
	serve "{path: '$watched/d/**', missing: ok, empty: file}" "{path: $watched/e/quiet, not-found: ERROR}"
	cat >"$dir/flood.py" <<-'EOT'
		import os, sys
		n = int(sys.argv[2])
		for i in range(n // 4):
		    p = "%s/%d" % (sys.argv[1], i % 1000)
		    os.close(os.open(p, os.O_CREAT | os.O_WRONLY))
		    if i % 2:
		        os.unlink(p)
		with open(sys.argv[1] + "/last", "w") as f:
		    f.write("x")
	EOT
	start python3 "$dir/flood.py" "$watched/d" "${FLOOD:-50000}"
	flood=$started
	while kill -0 "$flood" 2>/dev/null; do
		run_x 0 curl -s --max-time 2 -o /dev/null "http://127.0.0.1:$port/healthz"
		sleep 0.1
	done
	echo ERROR >"$watched/e/quiet"
	wait_until 20 has_message "has 'ERROR'"
	wait_until 20 has_message "$watched/d/last: not empty"
}

has_message() {
	messages | grep -qF "$1"
}

@test "a large log with the forbidden word at its end" {
	truncate -s "$((${LOG_MIB:-512} - 1))M" "$watched/log"
	serve "{path: $watched/log, not-found: ERROR}"
	wait_until 120 is_ok
	truncate -s "${LOG_MIB:-512}M" "$watched/log"
	printf 'ERR' >>"$watched/log"
	wait_until 120 is_ok
	printf 'OR' >>"$watched/log"
	wait_until 20 says "failing has 'ERROR'"
	rm "$watched/log"
	truncate -s "${LOG_MIB:-512}M" "$watched/log"
	echo ERROR >>"$watched/log"
	# From the first look to the last byte it is not green.
	while ! says "failing has 'ERROR'"; do
		run is_ok
		[ "$status" -ne 0 ]
	done
}

# A thread that is stopped is what a thread in a dead network file system looks like.
hold_watcher() { # PID SECONDS
	python3 - "$1" "$2" "http://127.0.0.1:$port/healthz" <<-'EOT'
		import ctypes, os, sys, time, urllib.error, urllib.request
		pid = int(sys.argv[1])
		ptrace = ctypes.CDLL(None, use_errno=True).ptrace
		assert ptrace(16, pid, None, None) == 0  # PTRACE_ATTACH: this thread, not the process
		os.waitpid(pid, 0x40000000)
		time.sleep(float(sys.argv[2]))
		try:
		    print(urllib.request.urlopen(sys.argv[3]).read().decode())
		except urllib.error.HTTPError as e:
		    print(e.read().decode())
		ptrace(17, pid, None, None)
	EOT
}

@test "a watcher that hangs is not a green light" {
	requires root
	touch "$watched/a"
	settings "{path: $watched/a}"
	sed -i 's/^interval.*/interval: 1s\nstale: 1s/' "$dir/settings.yaml"
	start "$FILEWATCH" -c "$dir/settings.yaml"
	wait_until 20 is_ok
	run_x 0 hold_watcher "$started" 3
	[ "$output" = ERROR ]
	wait_until 20 is_ok
}

@test "what wasn't read to its end is not green, and holds nothing up" {
	truncate -s 200G "$watched/big"
	serve "{path: $watched/big, not-found: {regex: 'a.*b'}}" "{path: $watched/a}"
	wait_until 20 says "pending still being read
failing missing"
	[ "$(healthz)" = ERROR ]
	touch "$watched/a"
	wait_until 20 says "pending still being read"
	[ "$(healthz)" = ERROR ]
}

# The image: a test instance beside a production one, with read-only root and no
# capabilities, and real files of every kind; and what must not be in it.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/filewatch:latest}
	export ID=whittle-test-filewatch-$$
	export CONF=$BATS_FILE_TMPDIR/conf WATCH=$BATS_FILE_TMPDIR/watch
	PORT=$(free_port)
	export PORT
	chmod 755 "$BATS_FILE_TMPDIR"
	mkdir -p "$CONF" "$WATCH/empty" "$WATCH/logs" "$WATCH/backup" "$WATCH/globs"
	make_right
	write_settings
	engine run -d --name "$ID" --read-only --cap-drop ALL --security-opt no-new-privileges "${PROFILE[@]}" \
		--memory 64m --pids-limit 32 -p "127.0.0.1:$PORT:8080" \
		-v "$CONF:/etc/filewatch:ro" -v "$WATCH:/watch:ro" "$IMAGE" >/dev/null
	# What stands for production: another name, another port, the image's own settings.
	engine run -d --name "$ID-production" --read-only --cap-drop ALL \
		--security-opt no-new-privileges "${PROFILE[@]}" "$IMAGE" >/dev/null
	wait_until 20 curl -s "http://127.0.0.1:$PORT/healthz"
	image_root "$IMAGE" "$BATS_FILE_TMPDIR/root"
}

teardown_file() {
	local c
	# One by one: podman removes none where one of them isn't there.
	for c in "$ID" "$ID-production"; do
		engine rm -f "$c" >/dev/null 2>&1 || :
	done
}

write_settings() {
	cat >"$CONF/filewatch.yaml" <<-'EOT'
		listen: 0.0.0.0:8080
		interval: 1s
		poll: 1s
		rules:
		  - {path: /watch/fresh, max-age: 1h}
		  - {path: /watch/there}
		  - {path: /watch/empty, empty: dir}
		  - {path: /watch/nothing, empty: file}
		  - {path: /watch/logs/*.log, not-found: ERROR}
		  - {path: '/watch/backup/{NEWEST}.gz', max-age: 1h}
		  - {path: /watch/globs/*, max-age: 1h}
		  - {path: /watch/globs/old-but-known, skip: true}
	EOT
}

# All as the rules want it.
make_right() {
	find "$WATCH" -mindepth 2 -delete
	touch "$WATCH/fresh" "$WATCH/there" "$WATCH/backup/2.gz" "$WATCH/globs/a" "$WATCH/globs/b"
	touch -d '3 days ago' "$WATCH/backup/1.gz" "$WATCH/globs/old-but-known"
	: >"$WATCH/nothing"
	echo "all fine" >"$WATCH/logs/a.log"
}

setup() {
	make_right
	wait_until 10 is_ok
}

healthz() {
	curl -s -o /dev/null -w '%{http_code}' "http://127.0.0.1:$PORT/healthz"
}

is_ok() {
	[ "$(healthz)" = 200 ] && [ "$(curl -s "http://127.0.0.1:$PORT/healthz")" = "all ok" ]
}

# One rule fails, for that reason, and no other.
is_error() { # PATH TEXT
	[ "$(healthz)" = 503 ] && [ "$(curl -s "http://127.0.0.1:$PORT/healthz")" = ERROR ] &&
		[ "$(findings)" = "$1: $2" ]
}

findings() {
	curl -s "http://127.0.0.1:$PORT/api/v1/status" |
		python3 -c 'import json, sys
for r in json.load(sys.stdin)["rules"]:
    if r["state"] == "failing":
        print(r["path"] + ": " + r["message"])'
}

log_says() {
	engine logs "$ID" 2>&1 | grep -qF "$1"
}

@test "fresh: all is ok, also by the image's own health check" {
	run_x 0 exec_in "$ID" /bin/probe http://127.0.0.1:8080/healthz 'all ok'
	run_x 0 engine inspect -f '{{.Config.Healthcheck.Test}}' "$ID"
	expect probe
}

@test "too old" {
	touch -d '2 hours ago' "$WATCH/fresh"
	wait_until 10 is_error /watch/fresh "2 h old, at most 1 h"
	run_x 1 exec_in "$ID" /bin/probe http://127.0.0.1:8080/healthz 'all ok'
}

@test "gone, and back" {
	rm "$WATCH/there"
	wait_until 10 is_error /watch/there missing
	touch "$WATCH/there"
	wait_until 10 is_ok
}

@test "a directory that should be empty: a file in it, a hidden one too" {
	touch "$WATCH/empty/.hidden"
	wait_until 10 is_error /watch/empty "not empty"
}

@test "a file that should be empty" {
	echo x >"$WATCH/nothing"
	wait_until 10 is_error /watch/nothing "not empty"
}

@test "forbidden text, and an unreadable file is no better" {
	echo "an ERROR" >>"$WATCH/logs/a.log"
	wait_until 10 is_error '/watch/logs/*.log' "/watch/logs/a.log: has 'ERROR'"
	make_right
	wait_until 10 is_ok
	install -m 000 /dev/null "$WATCH/logs/b.log"
	wait_until 10 is_error '/watch/logs/*.log' \
		"1 of 2: /watch/logs/b.log: can't be read: Permission denied"
}

@test "newest: only the newest file's age counts" {
	touch -d '2 hours ago' "$WATCH/backup/2.gz"
	touch "$WATCH/backup/3.tmp"
	wait_until 10 is_error '/watch/backup/{NEWEST}.gz' \
		"/watch/backup/2.gz: 2 h old, at most 1 h"
}

@test "glob: every match counts, none is a finding, an exception doesn't count" {
	touch -d '2 hours ago' "$WATCH/globs/b"
	wait_until 10 is_error '/watch/globs/*' "1 of 2: /watch/globs/b: 2 h old, at most 1 h"
	rm "$WATCH/globs/a" "$WATCH/globs/b"
	wait_until 10 is_error '/watch/globs/*' "no match"
}

@test "new settings at SIGHUP, and bad ones leave the old" {
	echo 'rules: [{path: /watch/none, missing: perhaps}]' >"$CONF/filewatch.yaml"
	engine kill -s HUP "$ID"
	wait_until 10 log_says "filewatch.yaml:1:38: expected ok, not 'perhaps'"
	is_ok
	echo 'rules: [{path: /watch/none}]' >"$CONF/filewatch.yaml"
	engine kill -s HUP "$ID"
	wait_until 10 is_error /watch/none missing
	write_settings
	engine kill -s HUP "$ID"
	wait_until 10 is_ok
}

@test "the page is a table with the rules in it" {
	run_x 0 curl -fs "http://127.0.0.1:$PORT/"
	expect "<table"
	expect "/watch/logs/*.log"
}

@test "production goes on beside it; without anything to watch it says ERROR" {
	run_x 0 engine inspect -f '{{.State.Running}}' "$ID-production"
	[ "$output" = true ]
	run_x 1 exec_in "$ID-production" /bin/probe http://127.0.0.1:8080/healthz 'all ok'
}

@test "nothing to start is in it but filewatch and probe" {
	[ "$(programs_in "$BATS_FILE_TMPDIR/root" | xargs)" = "/bin/filewatch /bin/probe" ]
	for program in /bin/sh /bin/busybox /bin/ls sh; do
		run_x 127 engine run --rm --network none --entrypoint "$program" "$IMAGE" \
			-c 'echo here'
	done
	# docker by itself says of this one only that it can't start it (126).
	run exec_in "$ID" sh
	[ "$status" -eq 126 ] || [ "$status" -eq 127 ]
}

@test "no applet comes back by another name" {
	run_x 0 find "$BATS_FILE_TMPDIR/root" -type l -printf '%p -> %l\n'
	refute busybox
	refute "bin/"
}

@test "no setuid, setgid, world-writable file or device is in it" {
	run_x 0 find "$BATS_FILE_TMPDIR/root" -xdev \( -type f -o -type d \) -perm /6002 -print
	[ -z "$output" ]
	run_x 0 find "$BATS_FILE_TMPDIR/root" \( -type b -o -type c -o -type p \) -print
	[ -z "$output" ]
}

@test "one account, which can't log in, and runs the server" {
	run_x 0 cat "$BATS_FILE_TMPDIR/root/etc/passwd"
	[ "$(wc -l <<<"$output")" = 1 ]
	expect "filewatch:"
	expect ":8080:8080:"
	expect ":/sbin/nologin"
	run_x 0 cat "$BATS_FILE_TMPDIR/root/etc/group"
	[ "$(cut -d: -f1 <<<"$output")" = filewatch ]
	[ "$(user_of "$ID")" = 8080 ]
}

@test "prep's own audit finds nothing in it" {
	local own=()
	[ -x "$PREP" ] || skip "prep isn't built"
	grep -E '^[A-Z_]+=' "$BATS_TEST_DIRNAME/files/prep-local" | tr -d "'" >"$BATS_TEST_TMPDIR/prep.conf"
	# Without root its files are this user's here, who is root in a namespace of its own.
	[ "$(id -u)" = 0 ] || own=(unshare --map-root-user)
	run_x 0 "${own[@]}" "$PREP" -a -r "$BATS_FILE_TMPDIR/root" -c "$BATS_TEST_TMPDIR/prep.conf"
}

@test "it adds less than 1 MiB to the baseline" {
	local size=0 file
	while read -r file; do
		size=$((size + file))
	done < <(find "$BATS_FILE_TMPDIR/root" -type f ! -path '*/bin/probe' ! -name 'ld-musl*' -printf '%s\n')
	echo "$size bytes"
	[ "$size" -lt 1048576 ]
}

@test "it ends at SIGTERM, also as process 1" {
	run_x 0 engine stop -t 60 "$ID-production"
	run_x 0 engine inspect -f '{{.State.ExitCode}}' "$ID-production"
	[ "$output" = 0 ]
}

# Baselines: written, verified, accepted, and watched by rules.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; inner shells have variables too
load ../../tests/helpers

setup() {
	dir=$BATS_TEST_TMPDIR
	tree=$dir/tree
	mkdir -p "$tree/sub/deep"
	echo one >"$tree/1"
	echo two >"$tree/sub/two words"
	echo three >"$tree/sub/deep/"$'new\nline'
	printf 'x' >"$tree/sub/"$'\xff'
	ln -s 1 "$tree/link"
	mkfifo "$tree/fifo"
	port=$(free_port)
}

teardown() {
	stop_all
	[ -z "${MOUNTED:-}" ] || umount -l "$MOUNTED"
}

baseline() {
	run_x 0 "$FILEWATCH" baseline -r "$tree" -o "$dir/b" "$@" /
}

verify() { # STATUS [ARG…]
	run_x "$1" "$FILEWATCH" verify -r "$tree" "${@:2}" "$dir/b"
}

difference_id() {
	sed -n 's/.*, id //p' <<<"$output"
}

@test "usage" {
	run_x 0 "$FILEWATCH" verify --help
	expect "usage: filewatch baseline"
	run_x 2 "$FILEWATCH" verify
	run_x 2 "$FILEWATCH" baseline /
	run_x 2 "$FILEWATCH" baseline -o "$dir/b"
	run_x 2 "$FILEWATCH" baseline -o "$dir/b" relative
	expect "path 'relative' must be absolute" "$stderr"
	run_x 2 "$FILEWATCH" accept "$dir/b"
	run_x 2 "$FILEWATCH" verify --rate fast "$dir/b"
	run_x 2 "$FILEWATCH" verify -x relative "$dir/b"
	run_x 2 "$FILEWATCH" baseline -r "$dir/none" -o "$dir/b" /
}

@test "a baseline of everything, the same each time, and nothing to complain" {
	baseline
	grep -qx './1 type=file mode=0644 uid=0 gid=0 size=4 sha256digest=2c8b08da5ce60398e1f19af0e5dccc744df274b826abe585eaba68c525434806' "$dir/b" || [ "$(id -u)" -ne 0 ]
	grep -q '^./sub/two\\040words type=file' "$dir/b"
	grep -q '^./sub/deep/new\\012line type=file' "$dir/b"
	grep -q '^./sub/\\377 type=file' "$dir/b"
	grep -q '^./link type=link .*link=1$' "$dir/b"
	grep -q '^./fifo type=fifo' "$dir/b"
	verify 0
	expect "9 entries, no difference"
	run_x 0 "$FILEWATCH" baseline -r "$tree" -o - /
	[ "$output" = "$(cat "$dir/b")" ]
}

@test "digests are those of sha256sum" {
	head -c 3000000 /dev/urandom >"$tree/big"
	: >"$tree/empty"
	baseline
	for f in big empty 1; do
		grep -q "^./$f .*sha256digest=$(sha256sum <"$tree/$f" | cut -d' ' -f1)" "$dir/b"
	done
}

@test "added, removed, changed, each with what differs" {
	baseline
	echo more >>"$tree/1"
	rm "$tree/sub/two words"
	chmod 700 "$tree/sub/deep"
	ln -sfn elsewhere "$tree/link"
	rm "$tree/fifo"
	mkdir "$tree/fifo"
	echo new >"$tree/fifo/new"
	verify 1
	[ "${lines[0]}" = "changed /1: size 9, not 4; content" ]
	[ "${lines[1]}" = "changed /fifo: type dir, not fifo" ]
	[ "${lines[2]}" = "added /fifo/new" ]
	[ "${lines[3]}" = "changed /link: link to elsewhere, not 1" ]
	[ "${lines[4]}" = "changed /sub/deep: mode 0700, not 0755" ]
	[ "${lines[5]}" = "removed /sub/two words" ]
	[[ ${lines[6]} == "6 differences, id "* ]]
	verify 1 --json
	python3 - "$output" <<-'EOT'
		import json, sys
		d = json.loads(sys.argv[1])
		assert d["mismatches"] == 6 and d["unknown"] == 0, d
		assert [x["kind"] for x in d["differences"]] == \
		    ["changed", "changed", "added", "changed", "changed", "removed"]
		assert d["differences"][0]["differs"] == ["size", "sha256"]
		assert d["differences"][0]["was"]["size"] == 4
	EOT
}

@test "verify --diff shows what changed in text files" {
	requires command:diff
	printf 'a\0b' >"$tree/binary"
	head -c 300000 /dev/zero | tr '\0' x >"$tree/large"
	printf 'one\n\ttwo\n' >"$tree/conf"
	baseline --texts "$dir/texts"
	[ "$(stat -c %a "$dir/texts")" = 700 ]
	[ "$(ls "$dir/texts" | wc -l)" -eq "$(sha256sum "$tree/1" "$tree/conf" "$tree"/sub/* "$tree"/sub/deep/* 2>/dev/null | cut -d' ' -f1 | sort -u | wc -l)" ]
	verify 0 --diff "$dir/texts"
	printf 'one\n\tthree \e[31m\n' >"$tree/conf"
	printf 'a\0c' >"$tree/binary"
	echo y >>"$tree/large"
	verify 1 --diff "$dir/texts"
	expect $'changed /conf: size 17, not 9; content\n--- a/conf\n+++ b/conf\n@@ -1,2 +1,2 @@\n one\n-\ttwo\n+\tthree \\033[31m\nchanged /large'
	# What was accepted is what the next difference is against; another's file isn't believed.
	run_x 0 "$FILEWATCH" accept -r "$tree" --texts "$dir/texts" "$dir/b" "$(difference_id)"
	echo more >>"$tree/conf"
	verify 1 --diff "$dir/texts"
	expect $'three \\033[31m\n+more'
	for f in "$dir/texts"/*; do echo forged >"$f"; done
	verify 1 --diff "$dir/texts"
	refute forged
	run_x 2 "$FILEWATCH" verify --json --diff "$dir/texts" "$dir/b"
	run_x 2 "$FILEWATCH" baseline --diff "$dir/texts" -o "$dir/c" /
}

@test "content alone: the same size and times, but other bytes" {
	touch -r "$tree/1" "$dir/stamp"
	baseline
	echo eno >"$tree/1"
	touch -r "$dir/stamp" "$tree/1"
	verify 1
	expect "changed /1: content"
}

@test "owner and capabilities" {
	requires root
	setcap_by_hand "$tree/1" 0000000200200000000000000000000000000000
	baseline
	grep -qx '# xattr ./1 security.capability=0000000200200000000000000000000000000000' "$dir/b"
	verify 0
	chown 7:8 "$tree/sub"
	setcap_by_hand "$tree/1" 0100000200200000000000000000000000000000
	setcap_by_hand "$tree/sub/two words" 0100000200200000000000000000000000000000
	verify 1
	expect "changed /1: capabilities 0100000200200000000000000000000000000000, not 0000000200200000000000000000000000000000"
	expect "changed /sub: user 7, not 0; group 8, not 0"
	expect "changed /sub/two words: capabilities 0100000200200000000000000000000000000000, not none"
}

setcap_by_hand() {
	python3 -c 'import os, sys
os.setxattr(sys.argv[1], "security.capability", bytes.fromhex(sys.argv[2]))' "$@" ||
		skip "this machine cannot: no file capabilities here"
}

@test "hostile names stay on their line, in JSON too" {
	baseline
	touch "$tree/"$'a\nadded forged\e[0m'
	verify 1
	expect 'added /a\012added forged\033[0m'
	touch "$tree/"$'\xfe'
	verify 1 --json
	python3 -m json.tool <<<"$output" >/dev/null
	expect '"path_hex":"2ffe"'
}

@test "excludes: given when the baseline is made, or later" {
	baseline -x '/sub/deep' -x '/**/*.log'
	touch "$tree/sub/deep/new" "$tree/sub/a.log"
	verify 0
	touch "$tree/sub/b.tmp"
	verify 1
	verify 0 -x '/**/*.tmp'
	# Neither a line's end nor a backslash at the end takes the next entry along.
	baseline -x "/none\\" -x $'/sub/deep/new\nline' -x '/\1'
	run_x 0 cat "$dir/b"
	expect '# exclude /none\134'
	expect '# exclude /sub/deep/new\012line'
	grep -q '^\. type=dir' "$dir/b"
	refute ./1
	rm "$tree/1" "$tree/sub/deep/"$'new\nline'
	verify 0
}

@test "single files and directories of a larger tree" {
	run_x 0 "$FILEWATCH" baseline -r "$tree" -o "$dir/b" /1 /sub/deep
	[ "$(grep -c '^\./' "$dir/b")" = 3 ]
	touch "$tree/not-covered" "$tree/sub/neither"
	verify 0
	touch "$tree/sub/deep/covered"
	rm "$tree/1"
	verify 1
	[ "${lines[0]}" = "removed /1" ]
	[ "${lines[1]}" = "added /sub/deep/covered" ]
	run_x 2 "$FILEWATCH" baseline -r "$tree" -o "$dir/b2" /none
	expect "nothing written" "$stderr"
	[ ! -e "$dir/b2" ]
}

@test "what can't be read is no mismatch" {
	requires root
	baseline
	local d
	d=$(mktemp -d /tmp/filewatch-test.XXXXXX)
	chmod 755 "$d"
	cp "$FILEWATCH" "$dir/b" "$d/"
	cp -a "$tree" "$d/tree"
	chmod -R a+rX "$d"
	chmod 600 "$d/tree/1"
	chmod 700 "$d/tree/sub"
	sed -i '/^\.\/1 /s/0644/0600/; /^\.\/sub type/s/0755/0700/' "$d/b"
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$d/filewatch" verify -r "$d/tree" "$d/b"
	echo x >>"$d/tree/link"
	ln -sfn x "$d/tree/link"
	local first=$output status1=$status
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$d/filewatch" verify -r "$d/tree" "$d/b"
	rm -rf "$d"
	[ "$status1" -eq 2 ]
	expect "unreadable /1: Permission denied" "$first"
	expect "unreadable /sub: Permission denied" "$first"
	refute "removed" "$first"
	[ "$status" -eq 1 ]
	expect "changed /link: link to x, not 1"
}

@test "a file that changes while it is read is never reported as another" {
	truncate -s 64M "$tree/busy"
	baseline
	# Written all the time with what it holds already: the stamps move, the content doesn't.
	start python3 -c 'import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY)
while True:
    os.pwrite(fd, b"\0", 0)
    time.sleep(0.001)' "$tree/busy"
	wait_until 20 test "$tree/busy" -nt "$dir/b"
	verify 2
	expect "unstable /busy: changes while it is read"
	refute "changed /busy"
	stop_all
	verify 0
}

@test "a rate limit is kept" {
	truncate -s 4M "$tree/big"
	baseline
	local begin=$EPOCHREALTIME end
	verify 0 --rate 4m
	end=$EPOCHREALTIME
	[ $((${end/./} - ${begin/./})) -gt 800000 ]
}

@test "accept takes over what was reviewed, and nothing else" {
	baseline
	echo more >>"$tree/1"
	verify 1
	reviewed=$(difference_id)
	touch "$tree/late"
	run_x 1 "$FILEWATCH" accept -r "$tree" "$dir/b" "$reviewed"
	expect "nothing accepted" "$stderr"
	verify 1
	expect "added /late"
	rm "$tree/late"
	run_x 0 "$FILEWATCH" accept -r "$tree" "$dir/b" "$reviewed"
	verify 0
	baseline_of_now=$("$FILEWATCH" baseline -r "$tree" -o - /)
	[ "$baseline_of_now" = "$(cat "$dir/b")" ]
	[ -z "$(find "$dir" -maxdepth 1 -name 'b.new*')" ]
}

@test "the file that is replaced keeps its owner and mode, a link stays one, a device is written to" {
	requires root
	baseline
	chmod 640 "$dir/b"
	chown 65534:65533 "$dir/b"
	ln -s b "$dir/to-b"
	echo more >>"$tree/1"
	verify 1
	run_x 0 "$FILEWATCH" accept -r "$tree" "$dir/to-b" "$(difference_id)"
	verify 0
	[ -L "$dir/to-b" ]
	[ "$(stat -c '%a %u %g' "$dir/b")" = "640 65534 65533" ]
	mknod "$dir/null" c 1 3
	run_x 0 "$FILEWATCH" baseline -r "$tree" -o "$dir/null" /
	[ -c "$dir/null" ]
	[ -z "$(find "$dir" -maxdepth 1 -name '*.new*')" ]
}

@test "accept on a full disk leaves the old baseline" {
	requires root tmpfs
	mkdir "$dir/small"
	mount -t tmpfs -o size=16k none "$dir/small"
	MOUNTED=$dir/small
	baseline
	cp "$dir/b" "$dir/small/b"
	for i in {1..200}; do touch "$tree/sub/file-$i"; done
	run_x 1 "$FILEWATCH" verify -r "$tree" "$dir/small/b"
	run_x 2 "$FILEWATCH" accept -r "$tree" "$dir/small/b" "$(difference_id)"
	expect "No space left" "$stderr"
	cmp "$dir/b" "$dir/small/b"
	[ "$(ls "$dir/small")" = b ]
}

@test "mounts in the tree are not entered where nothing is known below" {
	requires root
	mkdir "$tree/mnt"
	baseline
	mount -t tmpfs none "$tree/mnt"
	MOUNTED=$tree/mnt
	touch "$tree/mnt/inside"
	verify 0
}

@test "but what is mounted over something known stands in its place" {
	requires root
	baseline
	mount -t tmpfs none "$tree/sub/deep"
	MOUNTED=$tree/sub/deep
	verify 1
	[ "${lines[0]}" = 'removed /sub/deep/new\012line' ]
	[ "${#lines[@]}" = 2 ]
	echo three >"$tree/sub/deep/"$'new\nline'
	verify 0
}

@test "no link leads out of the tree" {
	requires root
	baseline
	mv "$tree/sub" "$dir/outside"
	ln -s "$dir/outside" "$tree/sub"
	verify 1
	expect "changed /sub: type link, not dir"
	expect "removed /sub/two words"
	sed -i 's|^./1 |./../../etc/passwd |' "$dir/b"
	verify 2
	expect "leads out of the tree" "$stderr"
}

@test "bad baselines: refused with a reason" {
	for text in '' 'x' '#mtree\n./a type=file sha256digest=zz\n' '#mtree\n./a\001\n' \
		'#mtree\n./a type=nonsense\n' \
		'#mtree\n# xattr ./none security.capability=00\n' '#mtree\n# exclude relative\n' \
		'#mtree\n# exclude /a\\\n./b type=dir\n./c type=dir\n' \
		'#mtree\n'; do
		printf %b "$text" >"$dir/b"
		verify 2
		expect "$dir/b" "$stderr"
	done
}

@test "other tools' mtree files, with /set and without owners" {
	cat >"$dir/b" <<-'EOT'
		#mtree
		/set type=file mode=0644
		. type=dir mode=0755
		    1 size=4
		    fifo type=fifo
		    link type=link link=1
		    sub type=dir mode=0755
		        deep type=dir mode=0755
		            new\012line sha256=6d4e5f9f7d5f21ce2b2eb6dc4d8b8b7a1ff1a3a1e1b1b1e1f1b1e1f1b1e1f1b1
		        ..
		        two\040words
		        \377
		    ..
		..
	EOT
	verify 1
	[ "${#lines[@]}" = 2 ]
	[ "${lines[0]}" = 'changed /sub/deep/new\012line: content' ]
	# As BSD's mtree begins its own.
	sed -i '1s/.*/#\t   user: root\n\n# ./' "$dir/b"
	verify 1
	[ "${lines[0]}" = 'changed /sub/deep/new\012line: content' ]
}

@test "what BSD's mtree writes, with names of any bytes" {
	requires command:mtree
	local name
	for name in 'é' ' a#b*[c]?' $'\t\x01\x7f' $'\x80\x8a\xa0\xff' 'M-x' '^x' '\\M-x' '\\^x'; do
		echo "$name" >"$tree/$name"
	done
	mtree -c -k type,mode,uid,gid,size,link,sha256 -p "$tree" >"$dir/b"
	grep -qF '\M-C\M-)' "$dir/b"
	verify 0
	echo other >"$tree/é"
	echo other >"$tree/"$'\t\x01\x7f'
	verify 1
	[ "${lines[0]}" = 'changed /\011\001\177: size 6, not 4; content' ]
	[ "${lines[1]}" = 'changed /é: size 6, not 3; content' ]
	[[ "${lines[2]}" = "2 differences"* ]]
}

# ---- by rules ----

serve() {
	cat >"$dir/settings.yaml" <<-EOT
		listen: 127.0.0.1:$port
		interval: 1h
		poll: 1h
		rules:
		  - path: $tree
		    integrity: $1
	EOT
	start "$FILEWATCH" -c "$dir/settings.yaml"
	wait_until 20 known
}

known() {
	curl -fs "http://127.0.0.1:$port/api/v1/status" | grep -q '"pending":0'
}

is_ok() {
	[ "$(curl -s "http://127.0.0.1:$port/healthz")" = "all ok" ]
}

says() {
	curl -s "http://127.0.0.1:$port/api/v1/status" | grep -qF "$1"
}

@test "rule: a change shows at once, and is right again when it is undone or accepted" {
	baseline
	serve "{baseline: $dir/b, root: $tree}"
	is_ok
	echo more >>"$tree/1"
	wait_until 20 says "1 mismatch: changed /1: size 9, not 4; content"
	echo one >"$tree/1"
	wait_until 20 is_ok
	touch "$tree/sub/deep/new"
	wait_until 20 says "added /sub/deep/new"
	verify 1
	run_x 0 "$FILEWATCH" accept -r "$tree" "$dir/b" "$(difference_id)"
	wait_until 20 is_ok
	rm "$dir/b"
	wait_until 20 says "can't read baseline"
	run ! is_ok
}

@test "rule: without a good baseline nothing is green" {
	serve "$dir/none"
	says "can't read baseline $dir/none: No such file"
	run ! is_ok
	stop_all
	echo nonsense >"$dir/b"
	serve "$dir/b"
	says "bad baseline"
	run ! is_ok
}

@test "rule: only what may have changed is hashed again" {
	head -c 1000000 /dev/zero >"$tree/big"
	baseline
	sleep 0.1
	serve "{baseline: $dir/b, root: $tree}"
	hashed() { curl -s "http://127.0.0.1:$port/metrics" | sed -n 's/^filewatch_hashed_bytes_total //p'; }
	before=$(hashed)
	[ "$before" -ge 1000000 ]
	echo 1 >"$tree/1"
	wait_until 20 says "changed /1"
	[ "$(($(hashed) - before))" -lt 1000 ]
}

@test "rule: --once waits for the comparison" {
	baseline
	serve "{baseline: $dir/b, root: $tree}"
	run_x 0 "$FILEWATCH" -c "$dir/settings.yaml" --once
	echo more >>"$tree/1"
	run_x 1 "$FILEWATCH" -c "$dir/settings.yaml" --once
	expect "1 mismatch: changed /1"
}

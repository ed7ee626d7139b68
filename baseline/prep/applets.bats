# applets: what stands in a compiled BusyBox, and what is left of it after a cut.

load ../../tests/helpers

APPLETS=$(prog baseline/prep applets)
TRY=$TOP/baseline/prep/tests/applets-try
KEEP=sh,ls,cat

setup_file() {
	local tar
	tar=$("$TOP/infra/fetch" alpine 2>/dev/null) || return 0
	mkdir "$BATS_FILE_TMPDIR/alpine"
	tar -xzf "$tar" -C "$BATS_FILE_TMPDIR/alpine" ./bin/busybox ./lib
	mkdir "$BATS_FILE_TMPDIR/alpine/tmp"
}

setup() {
	requires alpine
	ROOT=$BATS_FILE_TMPDIR/alpine
	BUSYBOX=$ROOT/bin/busybox
	cd "$BATS_TEST_TMPDIR" || return
}

teardown() {
	! mountpoint -q "$BATS_TEST_TMPDIR/small" || umount "$BATS_TEST_TMPDIR/small"
}

# The names that live in a program.
alive() {
	"$APPLETS" list "$1" | awk '$2 ~ /^alive/ { print $1 }' | xargs
}

# Alpine's BusyBox needs its C library: inside ROOT, called as $1.
in_root() {
	perl -e 'chroot shift; chdir "/"; my $p = shift; exec {$p} @ARGV' "$ROOT" "$@"
}

# refused FILE [ARG…]: exit status 2, a message about it, and neither FILE nor the output is touched.
refused() {
	local file=$1 before
	shift
	before=$(stat -c '%i %Y %s' "$file")
	run_x 2 timeout 20 "$APPLETS" cut "${@:--k$KEEP}" -o out "$file"
	expect "applets: '" "$stderr"
	[ ! -e out ]
	[ "$(stat -c '%i %Y %s' "$file")" = "$before" ]
}

@test "list: names, aliases, what the shell has built in" {
	run_x 0 "$APPLETS" list "$BUSYBOX"
	[ "${#lines[@]}" -eq 304 ]
	[[ ${lines[0]} =~ ^\[\ +alive ]]
	local want
	for want in '\[\[ +alive, same as \[, .*' 'zcat +alive, same as gunzip' \
		'reboot +alive, same as halt' 'wget +alive' 'echo +alive, also built into the shell'; do
		grep -qxE "$want" <<<"$output"
	done

	"$APPLETS" list --json "$BUSYBOX" >json
	run_x 0 jq -r '[(.applets | length), .nameless, (.applets[] | select(.name == "zcat") |
		.alive, .same_as, .builtin)] | map(tostring) | join(" ")' json
	[ "$output" = "304 0 true gunzip false" ]
	# the program itself says the same
	in_root /bin/busybox busybox --list >listed
	jq -r '.applets[].name' json | diff - listed
}

@test "keep sh, ls and cat: no other name does its job, in any way" {
	requires root
	local names
	names=$("$APPLETS" list "$BUSYBOX" | awk '{ print $1 }' | grep -vxE 'sh|ls|cat')
	[ "$(wc -w <<<"$names")" -eq 301 ]
	run_x 0 "$APPLETS" cut "$BUSYBOX" -k $KEEP -o "$ROOT/bin/cut"
	expect "cut 301, alive: cat ls sh"
	expect "still built into the shell: [ [[ echo false kill printf pwd test true"
	# shellcheck disable=SC2086 # names
	run_x 0 "$TRY" --root "$ROOT" dead /bin/cut $names
	run_x 0 "$TRY" --root "$ROOT" alive /bin/cut sh ls cat
	# the same names do something in the uncut one (not those that could end the machine)
	run_x 0 "$TRY" --root "$ROOT" alive /bin/busybox wget nc vi awk tar crontab su zcip [

	[ "$(in_root /bin/cut sh -c 'for i in 1 2; do echo $((i * 21)); done')" = "$(printf '21\n42')" ]
	[ "$(in_root /bin/cut ls /lib)" = "$(in_root /bin/busybox ls /lib)" ]
	[ "$(in_root /bin/cut cat /bin/cut | sha256sum)" = "$(sha256sum <"$ROOT/bin/cut")" ]
	run_x 0 in_root /bin/cut ls --help
	[ "$stderr" = "$(in_root /bin/busybox ls --help 2>&1)" ]
	in_root /bin/cut busybox --list >listed
	[ "$(grep -v / listed | xargs)" = "cat ls sh" ]
	[ "$(wc -l <listed)" -eq 304 ]
}

@test "sh, ls and cat pass BusyBox's own tests after the cut as before" {
	requires root command:gcc
	"$TOP/infra/fetch" busybox >/dev/null 2>&1 || skip "this machine cannot: no source of BusyBox"
	# SUITE= (empty) runs all of the shell's suite, which takes minutes
	local modules=${SUITE-ash-alias ash-arith ash-getopts ash-glob ash-heredoc ash-invert ash-parsing ash-quoting ash-vars}
	"$APPLETS" cut "$BUSYBOX" -k $KEEP -o cut
	run_x 0 "$TOP/baseline/prep/tests/applets-suite" -m "$modules" "$BUSYBOX" cut
	echo "# $(xargs <<<"$output")" >&3
}

@test "list tells the truth about a cut file, and a second cut changes nothing" {
	local before
	"$APPLETS" cut "$BUSYBOX" -k $KEEP -o cut
	run_x 0 "$APPLETS" list cut
	[ "${#lines[@]}" -eq 4 ]
	[ "$(alive cut)" = "cat ls sh" ]
	expect "(without a name)   cut, 301 of them"
	[ "$("$APPLETS" list --json cut | jq .nameless)" = 301 ]

	before=$(stat -c '%i %Y %Z' cut)
	cp cut kept
	run_x 0 "$APPLETS" cut -k $KEEP -o cut cut
	expect "cut 0, alive: cat ls sh"
	[ "$(stat -c '%i %Y %Z' cut)" = "$before" ]
	"$APPLETS" cut -k $KEEP -o again cut
	cmp again kept
	# what was removed can be removed again, but not kept
	run_x 0 "$APPLETS" cut -r wget,vi -o again cut
	cmp again kept
	run_x 2 "$APPLETS" cut -k sh,wget -o other cut
	expect "has no living applet 'wget'" "$stderr"
	[ ! -e other ]
	# and more can go later
	run_x 0 "$APPLETS" cut -r ls -o cut cut
	[ "$(alive cut)" = "cat sh" ]
}

@test "remove some: the others live, with their own help texts" {
	requires root
	run_x 0 "$APPLETS" cut --json -r wget,nc,zcat,[ -o "$ROOT/bin/cut" "$BUSYBOX"
	[ "$(jq -c '[.cut, .builtin, .listed, (.alive | length)]' <<<"$output")" = '[["[","nc","wget","zcat"],["["],[],300]' ]
	diff <(alive "$ROOT/bin/cut" | xargs -n1) <(alive "$BUSYBOX" | xargs -n1 | grep -vxE 'wget|nc|zcat|\[')
	run_x 0 "$TRY" --root "$ROOT" dead /bin/cut wget nc zcat [
	run_x 0 "$TRY" --root "$ROOT" alive /bin/cut gunzip test awk vi xargs zcip
	local name
	for name in gunzip grep ls tar xargs zcip; do
		[ "$(in_root /bin/cut "$name" --help 2>&1)" = "$(in_root /bin/busybox "$name" --help 2>&1)" ]
	done
}

@test "nothing changes but names, entry points and code that becomes traps" {
	run_x 0 "$APPLETS" cut --json -k $KEEP -o cut "$BUSYBOX"
	[ "$(jq .code_erased <<<"$output")" -gt 50000 ]
	# where this build has its tables and its code
	run_x 0 python3 - "$BUSYBOX" cut "$(jq .code_erased <<<"$output")" <<-'EOT'
		import sys
		old, new = (open(f, "rb").read() for f in sys.argv[1:3])
		names = old.index(b"[\0[[\0acpid\0")
		end = old.index(b"\0\0", names)
		table = range(0xc3870, 0xc3870 + 8 * 305)
		code = range(0x6030, 0x6030 + 0x991c8)
		assert len(old) == len(new)
		traps = 0
		for i in (i for i in range(len(old)) if old[i] != new[i]):
		    assert names <= i < end or i in table or (i in code and new[i] == 0xcc), hex(i)
		    assert not names <= i < end or old[i] != 0
		traps = sum(new[i] == 0xcc for i in code) - sum(old[i] == 0xcc for i in code)
		assert 0 <= int(sys.argv[3]) - traps < 2000, traps
	EOT
}

@test "without section headers" {
	requires root
	python3 - "$BUSYBOX" "$ROOT/bin/bare" <<-'EOT'
		import os, struct, sys
		b = bytearray(open(sys.argv[1], "rb").read())
		end = struct.unpack_from("<Q", b, 40)[0]
		b[40:48] = bytes(8)
		b[58:64] = bytes(6)
		open(sys.argv[2], "wb").write(b[:end])
		os.chmod(sys.argv[2], 0o755)
	EOT
	run_x 0 "$APPLETS" cut --json -k $KEEP -o "$ROOT/bin/cut" "$ROOT/bin/bare"
	[ "$(jq -c '[.alive, .code_erased]' <<<"$output")" = '[["cat","ls","sh"],0]' ]
	run_x 0 "$TRY" --root "$ROOT" dead /bin/cut wget vi awk reboot
	run_x 0 "$TRY" --root "$ROOT" alive /bin/cut sh ls cat
}

@test "code that refers to long tables everywhere takes no longer, and none of it is erased" {
	python3 - "$BUSYBOX" tables <<-'EOT'
		import struct, sys
		b = bytearray(open(sys.argv[1], "rb").read())
		def section(i):
		    at = struct.unpack_from("<Q", b, 40)[0] + 64 * i
		    return struct.unpack_from("<IIQQQQ", b, at)
		sections = [section(i) for i in range(struct.unpack_from("<H", b, 60)[0])]
		text = max((s for s in sections if s[1] == 1 and s[2] & 4), key=lambda s: s[5])
		data = max((s for s in sections if s[1] == 1 and s[2] == 2), key=lambda s: s[5])
		names = b.index(b"[\0[[\0")
		# (address, offset) of both; each word of the table leads to the code's begin
		table, table_at = data[3] + 0x8000, data[4] + 0x8000
		for at in range(table_at, names - 0x1000, 4):
		    struct.pack_into("<i", b, at, text[3] - table)
		for at in range(text[4] + 0x1000, text[4] + text[5] - 0x1000, 7):
		    address = text[3] + at - text[4]
		    b[at:at + 3] = b"\x48\x8d\x05"  # lea table(%rip), %rax
		    struct.pack_into("<i", b, at + 3, table - (address + 7))
		open(sys.argv[2], "wb").write(b)
	EOT
	run_x 0 "$APPLETS" cut --json -k $KEEP -o cut tables
	[ "$(jq -c '[.alive, .code_erased]' <<<"$output")" = '[["cat","ls","sh"],0]' ]
}

@test "in place: mode, owner, access control list, capabilities and attributes stay" {
	requires root command:setcap command:setfacl command:setfattr
	local before
	mkdir dir && cd dir
	cp "$BUSYBOX" file
	chown 1234:5678 file
	chmod 6751 file
	setcap cap_net_raw,cap_net_bind_service+ep file
	setfacl -m u:99:r file
	setfattr -n user.origin -v here file
	before="$(stat -c '%a %u %g' file) $(getcap file) $(getfacl -cn file) $(getfattr -d file)"
	run_x 0 "$APPLETS" cut -k $KEEP -o file file
	[ "$(alive file)" = "cat ls sh" ]
	[ "$(stat -c '%a %u %g' file) $(getcap file) $(getfacl -cn file) $(getfattr -d file)" = "$before" ]
	[ "$(ls -A)" = file ]
}

@test "in place, to another directory, over what is there: a new file in one step" {
	mkdir dir
	echo old >dir/new
	cp "$BUSYBOX" file
	exec 5<dir/new
	run_x 0 "$APPLETS" cut -k $KEEP -o dir/new file
	[ "$(alive dir/new)" = "cat ls sh" ]
	[ "$(cat <&5)" = old ]
	[ "$(alive file | wc -w)" -eq 304 ]
	# a link may lead to the file, but a link isn't overwritten
	ln -s file link
	run_x 0 "$APPLETS" cut -k $KEEP -o dir/new link
	run_x 2 "$APPLETS" cut -k $KEEP -o link file
	expect "'link' isn't a regular file" "$stderr"
	run_x 2 "$APPLETS" cut -k $KEEP -o dir file
	run_x 2 "$APPLETS" cut -k $KEEP -o nowhere/new file
	[ "$(alive file | wc -w)" -eq 304 ]
}

@test "a file with hard links isn't replaced under one of its names" {
	cp "$BUSYBOX" file
	ln file wget
	run_x 2 "$APPLETS" cut -k $KEEP -o file file
	expect "has 1 more name" "$stderr"
	[ "$(alive wget | wc -w)" -eq 304 ]
	run_x 0 "$APPLETS" cut -k $KEEP -o other file
}

@test "refused and untouched: what isn't a BusyBox, or not a whole one" {
	local n size
	echo '#!/bin/sh' >file && refused file
	: >file && refused file
	cp /bin/true file && refused file
	cp "$(command -v bash)" file && refused file
	printf 'BusyBox v1.36.1' >>file && refused file
	# packed: the program as it is isn't in the file
	gzip -c "$BUSYBOX" >packed && refused packed
	cp /bin/true packed && xz <"$BUSYBOX" >>packed && refused packed
	size=$(stat -c %s "$BUSYBOX")
	for ((n = 1; n <= 40; n++)); do
		head -c $((size * n / 41)) "$BUSYBOX" >file
		refused file
	done
	head -c $((size - 1)) "$BUSYBOX" >file && refused file
	mkdir directory && refused directory
	mkfifo fifo && refused fifo
	run_x 2 "$APPLETS" cut -k $KEEP -o out /dev/zero
	run_x 2 "$APPLETS" cut -k $KEEP -o out missing
	run_x 2 "$APPLETS" list missing
}

@test "refused and untouched: tables that don't fit" {
	# each test harms a copy: an entry point, a name, an offset of a name
	harm() { # PYTHON that changes the bytes b
		python3 -c 'import sys
b = bytearray(open(sys.argv[1], "rb").read())
names = b.index(b"[\0[[\0acpid\0")
exec(sys.argv[2])
open("file", "wb").write(b)' "$BUSYBOX" "$1"
		run_x 2 "$APPLETS" cut -k $KEEP -o out file
		[ ! -e out ]
	}
	harm 'at = b.index(b"\0wget\0", names); b[at + 1] = ord("a")'
	expect "has no table of applets that is certain" "$stderr"
	harm 'b[b.index(b"BusyBox v"):][:1]; b[:] = b.replace(b"BusyBox v", b"BusyBix v")'
	expect "isn't a BusyBox" "$stderr"
	harm 'import struct; table = 0xc3870; b[table + 8 * 40:table + 8 * 41] = bytes(8)'
	expect "isn't certain which entry points go with it" "$stderr"
	harm 'b[18] = 0xf7; b[19] = 0'
	expect "is for a processor that isn't known here" "$stderr"
	harm 'b[4] = 7'
	expect "damaged ELF header" "$stderr"
}

@test "wrong names, wrong usage" {
	refused "$BUSYBOX" -k sh,nosuch
	expect "has no living applet 'nosuch'" "$stderr"
	refused "$BUSYBOX" -r wgte
	expect "has no applet 'wgte'" "$stderr"
	refused "$BUSYBOX" -r busybox
	expect "it's what calls the applets" "$stderr"
	run_x 0 "$APPLETS" cut -k busybox,sh -o out "$BUSYBOX"
	rm out
	refused "$BUSYBOX" -k ''
	expect "without any applet" "$stderr"
	run_x 2 "$APPLETS" cut -k sh -r ls -o out "$BUSYBOX"
	expect usage: "$stderr"
	run_x 2 "$APPLETS" cut -k sh "$BUSYBOX"
	run_x 2 "$APPLETS" cut -o out "$BUSYBOX"
	run_x 2 "$APPLETS" list -k sh "$BUSYBOX"
	run_x 2 "$APPLETS" shrink "$BUSYBOX"
	run_x 2 "$APPLETS" list
	run_x 2 "$APPLETS" list "$BUSYBOX" "$BUSYBOX"
	[ ! -e out ]
	run_x 0 "$APPLETS" --help
	expect "usage: applets list"
}

@test "a full disk: exit 2, the old file whole, nothing left behind" {
	requires root
	mkdir small
	mount -t tmpfs -o size=1200k tmpfs small || skip "this machine cannot: no tmpfs to mount"
	cp "$BUSYBOX" small/busybox
	run_x 2 "$APPLETS" cut -k $KEEP -o small/busybox small/busybox
	expect "No space left on device" "$stderr"
	cmp "$BUSYBOX" small/busybox
	[ "$(ls -A small)" = busybox ]
}

@test "killed at any moment: the old file or the new one, and the next run works" {
	local n pid whole
	"$APPLETS" cut -k $KEEP -o new "$BUSYBOX"
	for ((n = 0; n < ${KILLS:-40}; n++)); do
		cp "$BUSYBOX" file
		"$APPLETS" cut -k $KEEP -o file file >/dev/null &
		pid=$!
		perl -e 'select undef, undef, undef, $ARGV[0] / 4000' $((n % 40))
		kill -KILL $pid 2>/dev/null || :
		wait $pid 2>/dev/null || :
		cmp -s file new || cmp -s file "$BUSYBOX" || whole=no
		[ -z "${whole-}" ]
	done
	"$APPLETS" cut -k $KEEP -o file file
	cmp file new
	[ "$(printf '%s ' .[!.]* *)" = '.[!.]* file new ' ]
}

@test "the baseline's own BusyBox, which has few applets" {
	local own=$TOP/baseline/rootfs/obj/busybox others
	[ -x "$own" ] || skip "this machine cannot: the baseline's BusyBox isn't built"
	others=$(alive "$own" | xargs -n1 | grep -vxE 'sh|ls|cat|busybox')
	run_x 0 "$APPLETS" cut -k $KEEP -o cut "$own"
	[ "$(alive cut)" = "cat ls sh" ]
	# shellcheck disable=SC2086 # names
	run_x 0 "$TRY" dead "$PWD/cut" $others
	run_x 0 "$TRY" alive "$PWD/cut" sh ls cat
	[ "$( (exec -a ls ./cut --help) 2>&1)" = "$( (exec -a ls "$own" --help) 2>&1)" ]
}

@test "Debian's two packages, by links, words and faked names" {
	requires root
	command -v apt-get >/dev/null || skip "this machine cannot: no apt-get"
	local release
	release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")-$(dpkg --print-architecture)
	run_x 0 "$TOP/baseline/prep/tests/applets-samples" "$release-"
	[[ $output != *"left out"* ]] || skip "this machine cannot: $(grep -m 1 "left out" <<<"$output")"
	expect "$release-busybox-static "
	expect "$release-busybox "
}

# ---- prep ----

export TREE_PY=$TOP/baseline/prep/tests/tree.py

# A whole Alpine in ./tree, and prep.conf with these lines beside it.
tree() { # LINE…
	requires root
	mkdir tree
	tar -xzf "$("$TOP/infra/fetch" alpine)" -C tree
	printf '%s\n' "$@" >prep.conf
}

prep() {
	"$PREP" -r tree -c prep.conf "$@"
}

script() { # PATH LINE…
	mkdir -p "tree${1%/*}"
	printf '%s\n' "${@:2}" >"tree$1"
	chmod 755 "tree$1"
}

@test "prep: keeps some applets, the names of all others go, the ledger says so" {
	tree APPLETS_KEEP=sh,ls,cat
	"$TREE_PY" list tree >before
	run_x 0 prep -n
	expect "cut 301 applets out of /bin/busybox (applets)"
	expect "remove /usr/bin/wget (applets)"
	refute "remove /bin/ls "
	run_x 0 prep -o ledger
	[ "$(find tree -lname '*/busybox' -printf '%P\n' | sort | xargs)" = "bin/cat bin/ls bin/sh" ]
	[ "$(alive tree/bin/busybox)" = "cat ls sh" ]
	run_x 0 jq -c 'select(.action == "cut") | [.path, .rule, (.applets | length), .builtin]' ledger
	[ "$output" = '["/bin/busybox","applets",301,["[","[[","echo","false","kill","printf","pwd","test","true"]]' ]
	run_x 0 jq -c 'select(.path == "/usr/bin/wget") | [.action, .rule]' ledger
	[ "$output" = '["remove","applets"]' ]
	run_x 0 "$TREE_PY" check before ledger tree
	run_x 0 chroot tree /bin/sh -c 'cat /etc/alpine-release; /bin/busybox wget; echo $?'
	expect 127
	# once more: nothing to do, nothing to say
	run_x 0 prep -n
	[ -z "$output" ]
	run_x 1 prep -a
	refute busybox
}

@test "prep: removes some applets; those that no BusyBox has may be gone already" {
	tree APPLETS_RM="wget nc, vi telnet" SYSDIRS_RM_REGEX= SBIN_DONT_DELETE_REGEX=.
	run_x 0 prep -q -o ledger
	[ "$(jq -c 'select(.action == "cut").applets' ledger)" = '["nc","vi","wget"]' ]
	[ ! -L tree/usr/bin/wget ] && [ ! -L tree/usr/bin/nc ] && [ ! -L tree/usr/bin/vi ]
	[ -L tree/usr/bin/awk ]
	run_x 0 "$TRY" --root "$PWD/tree" dead /bin/busybox wget nc vi
	run_x 0 "$TRY" --root "$PWD/tree" alive /bin/busybox awk sh tar
}

@test "prep: hard links, copies by another name, programs that nobody may execute" {
	tree APPLETS_KEEP="sh ls cat" ROOT_RM_HOMEDIR=0 SUID_DONT_DELETE_REGEX=.
	find tree -lname /bin/busybox -exec ln -f tree/bin/busybox {} \;
	cp tree/bin/busybox tree/usr/lib/innocent.so
	chmod 644 tree/usr/lib/innocent.so
	cp tree/bin/busybox tree/root/wget
	setcap cap_net_raw+ep tree/bin/busybox
	chown 12:34 tree/root/wget && chmod 4711 tree/root/wget
	"$TREE_PY" list tree >before
	run_x 0 prep -o ledger
	[ "$(find tree -samefile tree/bin/busybox -printf '%P\n' | sort | xargs)" = "bin/busybox bin/cat bin/ls bin/sh" ]
	[ -n "$(getcap tree/bin/busybox)" ]
	[ "$(alive tree/bin/busybox)" = "cat ls sh" ]
	[ "$(alive tree/usr/lib/innocent.so)" = "cat ls sh" ]
	[ "$(alive tree/root/wget)" = "cat ls sh" ]
	[ "$(stat -c '%u %g %a' tree/root/wget)" = "12 34 4711" ]
	[ "$(jq -c 'select(.action == "cut").path' ledger | sort | xargs)" = "/bin/busybox /bin/cat /bin/ls /bin/sh /root/wget /usr/lib/innocent.so" ]
	run_x 0 "$TREE_PY" check before ledger tree
}

@test "prep: a program of which nothing is left goes" {
	[ -x "$TOP/baseline/rootfs/obj/busybox" ] || skip "this machine cannot: the baseline's BusyBox isn't built"
	tree APPLETS_KEEP=awk
	cp "$TOP/baseline/rootfs/obj/busybox" tree/bin/busybox-small
	ln -s busybox-small tree/bin/small
	run_x 0 prep
	[ ! -e tree/bin/busybox-small ] && [ ! -L tree/bin/small ]
	[ "$(alive tree/bin/busybox)" = awk ]
}

@test "prep: what it can't do wholly it doesn't begin" {
	tree APPLETS_KEEP=sh,lss
	"$TREE_PY" list tree >before
	untouched() { # EXPECTED
		run_x 2 prep -o ledger
		expect "$1" "$stderr"
		"$TREE_PY" same before tree
	}
	untouched "no BusyBox here has an applet 'lss'"
	echo APPLETS_KEEP=sh,telnet >prep.conf
	untouched "no BusyBox here has an applet 'telnet'"
	echo APPLETS_RM=wgte >prep.conf
	untouched "there is no applet 'wgte'"
	echo APPLETS_RM=busybox >prep.conf
	untouched "can't be cut"
	printf 'APPLETS_KEEP=sh\nAPPLETS_RM=wget\n' >prep.conf
	untouched "one of them has to be empty"
	echo 'APPLETS_KEEP=sh;ls' >prep.conf
	untouched "prep.conf:1: APPLETS_KEEP"
	# a second one, damaged
	echo 'APPLETS_KEEP=sh' >prep.conf
	head -c 700000 tree/bin/busybox >tree/usr/lib/half
	sed 's/wget/aget/g' tree/bin/busybox >tree/usr/lib/other
	"$TREE_PY" list tree >before
	untouched "'/usr/lib/other' has no table of applets that is certain"
	# without the lists nobody looks
	echo >prep.conf
	run_x 0 prep
	cmp "$BUSYBOX" tree/bin/busybox
}

@test "prep -a: scripts that call what is cut" {
	tree APPLETS_KEEP=sh,ls,cat
	script /usr/local/bin/entry '#!/bin/sh -e' '# wget' 'echo hi; [ -f /x ] && cat /x' \
		'exec su-exec app wget -q "$1" | grep x' 'ls; wget y'
	script /opt/tool.sh 'x=$(date)'
	script /opt/clean '#!/bin/sh' 'ls /bin && /usr/bin/getconf PATH; frobnicate'
	script /opt/other '#!/usr/bin/python3' 'wget'
	rm -f tree/etc/network/if-up.d/dad tree/usr/share/udhcpc/default.script
	run_x 1 prep -a
	local said='calls .* an applet that is cut'
	[ "$(grep -c "$said" <<<"$output")" -eq 3 ]
	expect "/usr/local/bin/entry: calls 'wget' in line 4, an applet that is cut (applets)"
	expect "/usr/local/bin/entry: calls 'grep' in line 4, an applet that is cut (applets)"
	expect "/opt/tool.sh: calls 'date' in line 1, an applet that is cut (applets)"
	expect "/bin/busybox: BusyBox with applets that aren't wanted (applets)"
	# what the image is started with isn't in the tree
	run_x 1 prep -a -e 'sh -c "httpd -f; exec ls"'
	expect "/: the entry point calls 'httpd', an applet that is cut (applets)"
	[ "$(grep -c "$said" <<<"$output")" -eq 4 ]
	run_x 2 prep -e ls
	expect "--entry-point requires --audit" "$stderr"
	# the same once it is done
	run_x 0 prep -q
	run_x 1 prep -a
	[ "$(grep -c "$said" <<<"$output")" -eq 3 ]
	# another program brings it, or it stays
	cp tree/usr/bin/getconf tree/usr/local/bin/wget
	run_x 1 prep -a --json
	[ "$(jq -r 'select(.rule == "applets") | .path + " " + .finding' <<<"$output" | sort | cut -d' ' -f1-3 | xargs)" = \
		"/opt/tool.sh calls date /usr/local/bin/entry calls grep" ]
	# without a cut BusyBox a missing command is none of prep's business
	rm -rf tree
	tree
	script /opt/tool.sh 'x=$(telnet)'
	run_x 1 prep -a
	refute telnet
}

@test "prep: killed at any moment while it cuts, a second run ends it" {
	tree APPLETS_KEEP=sh,ls,cat
	run_x 0 "$TREE_PY" kill "${PREP_KILLS:-15}" "$PWD/tree" "$PWD/prep.conf" "$PREP"
}

@test "prep: a full disk while it cuts: the old program whole, and a second run ends it" {
	tree APPLETS_KEEP=sh,ls,cat APK_CLEANUP=0 SYSDIRS_RM_REGEX=
	run_x 0 unshare -m bash -euc '
		mkdir small
		mount -t tmpfs -o size=9500k whittle small
		cp -a tree/. small/
		! cat /dev/zero >small/home/fill 2>/dev/null
		"$TREE_PY" list small >before
		status=0
		"$PREP" -q -r small -c prep.conf -o ledger 2>said || status=$?
		[ $status -eq 2 ]
		grep -q "write ./bin/busybox.: No space left on device" said
		cmp tree/bin/busybox small/bin/busybox
		[ -z "$(find small/bin -name ".*")" ]
		"$TREE_PY" check before ledger small
		rm small/home/fill
		"$PREP" -q -r small -c prep.conf -o ledger
		[ "$(chroot small /bin/sh -c "ls /bin" | xargs)" = "busybox cat ls sh" ]
	'
}

@test "prep in a build: the image's shell lives, what was cut doesn't come back" {
	requires root engine
	local image=localhost/whittle-test-applets-$$
	mkdir context
	cp "$("$TOP/infra/fetch" alpine)" context/alpine.tar.gz
	cp "$TOP/baseline/prep/prep" context/prep
	echo 'APPLETS_KEEP="sh cat"' >context/prep-local
	cat >context/Dockerfile <<-'EOT'
		FROM scratch
		ADD alpine.tar.gz /
		COPY prep prep-local /
		RUN ["/prep"]
		CMD ["/bin/sh", "-c", "cat /etc/alpine-release; exec /bin/busybox wget"]
	EOT
	run_x 0 engine build -q --no-cache -t "$image" context
	run -127 engine run --rm --network none "$image"
	engine rmi -f "$image" >/dev/null
	expect 3.20.3
	expect "wget: applet not found"
}

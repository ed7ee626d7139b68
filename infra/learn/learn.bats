#!/usr/bin/env bats
# learn: what its recorder sees of programs of every kind, and the list that comes of it.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; for another shell
load ../../tests/helpers

LEARN=$(prog infra/learn learn)

setup() {
	run=$BATS_TEST_TMPDIR/run
	mkdir -m 777 "$run"
	tree=$BATS_TEST_TMPDIR/tree
	list=$BATS_TEST_TMPDIR/keep
	chmod 755 "$BATS_TEST_TMPDIR"
}

teardown() {
	stop_all
	[[ $run != */whittle-learn.* ]] || rm -rf "$run"
}

# Whether any trace has a line of that kind about that.
saw() { # KIND SUBJECT
	awk -F'\t' -v kind="$1" -v subject="$2" '$1 == kind && $4 == subject { found = 1 } END { exit !found }' "$run"/*.trace || {
		printf 'not seen: %s %s in:\n' "$1" "$2" >&2
		grep -hv '^c' "$run"/*.trace >&2
		return 1
	}
}

@test "what is executed, opened, listed, looked at, read as a link, written to and asked for in vain" {
	mkdir "$BATS_TEST_TMPDIR/d"
	ln -s to "$BATS_TEST_TMPDIR/d/link"
	cd "$BATS_TEST_TMPDIR"
	run_x 7 "$LEARN" record "$run" -- sh -c 'cat /etc/hostname >d/copy; ls d; readlink d/link; test -e d/none; exit 7'
	saw x "$(command -v cat)"
	saw o /etc/hostname
	saw w "$BATS_TEST_TMPDIR/d/copy"
	saw l "$BATS_TEST_TMPDIR/d"
	saw r "$BATS_TEST_TMPDIR/d/link"
	saw s "$BATS_TEST_TMPDIR/d/none"
}

@test "the command keeps its process, its signals, its exit status and its descriptors" {
	run_x 0 sh -c 'echo $$; exec "$0" record "$1" -- sh -c "echo \$\$"' "$LEARN" "$run"
	[ "${lines[0]}" = "${lines[1]}" ]
	run -143 "$LEARN" record "$run" -- sh -c 'kill -TERM $$'
	run_x 3 "$LEARN" record "$run" -- sh -c 'trap "exit 3" USR1; kill -USR1 $$; sleep 1'
	[ "$(echo in | "$LEARN" record "$run" -- cat)" = in ]
	run_x 127 "$LEARN" record "$run" -- /no/such/program
	expect "start '/no/such/program': No such file" "$stderr"
	run_x 126 "$LEARN" record "$run" -- /etc/passwd
	run_x 125 "$LEARN" record "$run/none" -- true
	run_x 2 "$LEARN" record "$run" --
}

@test "threads, vfork, programs that are linked statically, processes that stop and go on" {
	run_x 0 "$LEARN" record "$run" -- "$LEARN" --help
	saw x "$LEARN"
	run_x 0 "$LEARN" record "$run" -- python3 -c '
import os, subprocess, threading, signal, time
t = [threading.Thread(target=lambda n=n: open("/etc/hostname" if n else "/etc/passwd").read()) for n in range(8)]
[x.start() for x in t]; [x.join() for x in t]
subprocess.run(["/bin/true"], check=True)
pid = os.fork()
if pid == 0:
    os.kill(os.getpid(), signal.SIGSTOP); open("/etc/group").read(); os._exit(0)
os.waitpid(pid, os.WUNTRACED); os.kill(pid, signal.SIGCONT); os.waitpid(pid, 0)'
	saw o /etc/passwd
	saw o /etc/group
	saw x /bin/true
}

@test "a program that drops root stays seen, by a recorder that has no privilege but to be root" {
	requires root command:setpriv
	# CAP_SETUID and CAP_SETGID: not CAP_SYS_PTRACE, not CAP_DAC_OVERRIDE.
	run_x 0 setpriv --bounding-set -all,+setuid,+setgid --no-new-privs "$LEARN" record "$run" -- python3 -c '
import os
os.setgroups([]); os.setgid(65534); os.setuid(65534)
open("/etc/hostname").read(); os.path.exists("/etc/services-none")
if os.fork() == 0:
    open("/etc/group").read(); os.execv("/bin/cat", ["cat", "/etc/debian_version"])
os.wait()'
	saw u "setuid 65534"
	saw o /etc/hostname
	saw s /etc/services-none
	saw o /etc/group
	saw o /etc/debian_version
}

@test "without any privilege" {
	requires open command:setpriv
	# Where bats has its directories nobody else may go.
	run=$(mktemp -d "${TMPDIR:-/tmp}/whittle-learn.XXXXXX")
	chmod 777 "$run"
	run_x 0 setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all --no-new-privs \
		"$LEARN" record "$run" -- cat /etc/hostname
	saw o /etc/hostname
}

@test "sockets, names of any bytes, a program that traces and one that would use io_uring" {
	cd "$BATS_TEST_TMPDIR"
	run_x 0 "$LEARN" record "$run" -- python3 -c '
import socket, os, ctypes
a = socket.socket(); a.bind(("127.0.0.1", 0)); a.listen()
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); b.bind(("127.0.0.1", 0))
u = socket.socket(socket.AF_UNIX); u.bind("sock")
open(b"a\xff\tb\\c", "w")
c = ctypes.CDLL(None, use_errno=True)
assert c.syscall(425, 8, ctypes.create_string_buffer(200)) == -1 and ctypes.get_errno() == 38
c.ptrace(0, 0, 0, 0)
print(a.getsockname()[1], b.getsockname()[1])' 
	saw b "$BATS_TEST_TMPDIR/sock"
	saw p "127.0.0.1:0"
	saw q "127.0.0.1:0"
	grep -aq $'a\xff\\\\011b\\\\134c$' "$run"/*.trace
	grep -q 'it traces processes itself' "$run"/*.trace
}

@test "100,000 paths are a line each, the same one a thousand times is one" {
	run_x 0 "$LEARN" record "$run" -- python3 -c '
import os
for i in range(100000):
    try: os.stat("/none/%d" % i)
    except OSError: pass
for i in range(1000): os.stat("/etc/hostname")'
	[ "$(grep -c '/none/' "$run"/*.trace)" -eq 100000 ]
	[ "$(grep -c '/etc/hostname' "$run"/*.trace)" -eq 1 ]
}

# A root file system with a program, its libraries, and data.
small_tree() {
	local path lib
	mkdir -p "$tree"/{etc,usr/bin,srv/site/deep,var/spool/x}
	echo root:x:0:0::/:/bin/sh >"$tree/etc/passwd"
	for path in /bin/dash /bin/cat; do
		cp -a --parents "$(readlink -f "$path")" "$tree"
		for lib in $(ldd "$path" | grep -o '/[^ ]*'); do
			mkdir -p "$tree${lib%/*}"
			cp -L "$lib" "$tree$lib"
		done
	done
	ln -s dash "$tree/usr/bin/run"
	touch "$tree"/srv/site/{a,b,c,deep/d,deep/e} "$tree"/etc/{one,two}
}

trace() { # LINE…, with blanks for tabs
	{
		echo whittle-trace 1
		printf 'e\t0\t\ne\t1\t/usr/bin/dash\n'
		printf '%s\n' "$@" | tr ' ' '\t'
	} >"$run/x.trace"
	printf '100\tbegin\t\n200\tok\tfirst one\n300\tok\tsecond one\n' >"$run/tests"
}

learn_keep() {
	run_x 0 "$LEARN" keep -r "$tree" -k "$list" "$@" "$run"
}

@test "the list: what nothing else brings along, with its reason, directories folded" {
	small_tree
	trace 'x 50 0 /usr/bin/run' 'o 51 1 /lib/x86_64-linux-gnu/libc.so.6' 'o 150 1 /etc/one' 's 150 1 /none' 'o 250 1 /srv/site/a' \
		'o 250 1 /srv/site/b' 'o 250 1 /srv/site/c' 'o 250 1 /srv/site/deep/d' 'o 250 1 /srv/site/deep/e' \
		'w 350 1 /var/spool/x/made' 'o 150 1 /proc/self/maps' 'o 150 1 /etc/passwd' 'o 150 0 /.whittle/learn'
	learn_keep
	run_x 0 grep -v '^#' "$list"
	[ "$output" = "/etc/one       # opened by /usr/bin/dash in 'first one'
/srv/site/**   # opened by /usr/bin/dash in 'second one'
/usr/bin/run   # executed at the start
/var/spool/x/  # written to by /usr/bin/dash at the end" ]
	grep -q '^# tests: 2$' "$list"
	# The same traces, the same list.
	cp "$list" "$list.first"
	learn_keep
	[ -z "$output" ]
	cmp "$list" "$list.first"
	rm "$list"
	learn_keep
	cmp "$list" "$list.first"
	# And prep makes of it an image where it works.
	run_x 0 "$PREP" -q -r "$tree" -k "$list"
	[ ! -e "$tree/usr/bin/cat" ] && [ ! -e "$tree/etc/two" ] && [ -d "$tree/var/spool/x" ] && [ -f "$tree/srv/site/deep/e" ]
	[ "$(id -u)" -ne 0 ] || run_x 0 chroot "$tree" /usr/bin/run -c 'read x </etc/one; echo works'
}

@test "learning again adds, keeps what people wrote and what was needed earlier, unless asked to forget" {
	small_tree
	trace 'x 50 0 /usr/bin/run' 'o 150 1 /etc/one'
	learn_keep
	echo '/etc/two   # for the night' >>"$list"
	trace 'x 50 0 /usr/bin/run' 'o 150 1 /srv/site/a'
	run_x 1 "$LEARN" keep -n -r "$tree" -k "$list" "$run"
	[ "$output" = "+ /srv/site/a  # opened by /usr/bin/dash in 'first one'" ]
	run ! grep -q site "$list"
	learn_keep
	grep -q '^/etc/one ' "$list" && grep -q '^/etc/two  *# for the night' "$list" && grep -q '^/srv/site/a ' "$list"
	learn_keep --forget
	[ "$output" = "- /etc/one  # opened by /usr/bin/dash in 'first one'" ]
	run ! grep -q '^/etc/one' "$list"
	grep -q '^/etc/two  *# for the night' "$list"
}

@test "people's comments stay where they stand when the list is written anew" {
	small_tree
	printf '%s\n' '# on top' '/srv/site/a  # of the site' '# why two' '#   in two lines' '/etc/two  # for the night' \
		'# of one' '/etc/one  # opened by /bin/x' '# at the end' >"$list"
	trace 'x 50 0 /usr/bin/run'
	learn_keep
	run_x 0 grep -vE '^# (What the image keeps|learn, which|tests:)' "$list"
	[ "$output" = "# of one
/etc/one      # opened by /bin/x
# why two
#   in two lines
/etc/two      # for the night
# on top
/srv/site/a   # of the site
/usr/bin/run  # executed at the start
# at the end" ]
	# Once more, and nothing is there twice.
	cp "$list" "$list.first"
	learn_keep
	cmp "$list" "$list.first"
	# What belongs to a line that goes stays all the same.
	learn_keep --forget
	run_x 0 grep -vE '^# (What the image keeps|learn, which|tests:)' "$list"
	[ "$output" = "# of one
# why two
#   in two lines
/etc/two      # for the night
# on top
/srv/site/a   # of the site
/usr/bin/run  # executed at the start
# at the end" ]
}

@test "traces are taken for hostile: what isn't one is refused, links and pipes aren't followed" {
	small_tree
	local line
	while IFS= read -r line; do
		trace 'x 50 0 /usr/bin/run'
		printf '%b\n' "$line" >>"$run/x.trace"
		run_x 2 "$LEARN" keep -r "$tree" -k "$list" "$run"
		expect "x.trace:5: no line of a trace" "$stderr"
		[ ! -e "$list" ]
	done <<-'EOT'
		x\t1\t7\t/a
		y\t1\t0\t/a
		x\tno\t0\t/a
		x\t1\t0\t/a\\9
		x\t1\t0\t/a\\000
		x\t1\t0
		e\t9\t/a
		x\t1\t0\t/a\tb
	EOT
	rm "$run/x.trace"
	run_x 2 "$LEARN" keep -r "$tree" -k "$list" "$run"
	expect "holds no trace" "$stderr"
	ln -s /etc/passwd "$run/x.trace"
	run_x 2 "$LEARN" keep -r "$tree" -k "$list" "$run"
	rm "$run/x.trace"
	mkfifo "$run/x.trace"
	run_x 2 "$LEARN" keep -r "$tree" -k "$list" "$run"
	rm "$run/x.trace"
	# A way out of the root leads nowhere.
	ln -s ../../../../../etc "$tree/srv/out"
	trace 'x 50 0 /usr/bin/run' 'o 50 0 /srv/out/../../etc/hostname' 'o 50 0 /../../../etc/one'
	learn_keep
	run_x 0 grep -v '^#' "$list"
	refute hostname
	expect /etc/one
}

@test "what was carved and is asked for all the same is a line for the list, unless it is forbidden there" {
	small_tree
	rm "$tree"/etc/two "$tree"/srv/site/a
	ln -s site "$tree/srv/link"
	printf '{"action":"remove","rule":"carve","path":"%s"}\n' /etc/two /srv/site/a /srv/gone /srv/gone/deep >"$BATS_TEST_TMPDIR/ledger"
	echo '{"action":"remove","rule":"sbin","path":"/sbin/x"}' >>"$BATS_TEST_TMPDIR/ledger"
	trace 'o 150 1 /etc/../etc/two' 's 250 1 /srv/link/a' 's 50 0 /srv/gone/deep' 's 50 0 /srv/gone/never' 'o 50 1 /sbin/x' 'o 50 1 /etc/one'
	run_x 1 "$LEARN" missed -r "$tree" -l "$BATS_TEST_TMPDIR/ledger" "$run"
	[ "$output" = "/etc/two  # missed by /usr/bin/dash in 'first one'
/srv/gone/deep  # missed at the start
/srv/site/a  # missed by /usr/bin/dash in 'second one'" ]
	printf '!/srv/**\n!/etc/t*\n' >"$list"
	run_x 0 "$LEARN" missed -k "$list" -r "$tree" -l "$BATS_TEST_TMPDIR/ledger" "$run"
	[ -z "$output" ]
	echo '{' >>"$BATS_TEST_TMPDIR/ledger"
	run_x 2 "$LEARN" missed -r "$tree" -l "$BATS_TEST_TMPDIR/ledger" "$run"
	expect "ledger:6: no line of a ledger" "$stderr"
}

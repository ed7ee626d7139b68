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

@test "a command that is process 1: it has no child that it didn't start, and tells none to end that it doesn't know" {
	local map=()
	[ "$(id -u)" -eq 0 ] || map=(--map-root-user)
	run_x 0 timeout -s KILL 30 unshare "${map[@]}" --pid --fork --kill-child "$LEARN" record "$run" -- python3 -c 'import os, signal, time
os.fork() or os._exit(0)
os.waitpid(-1, 0)
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("none")
os.kill(-1, signal.SIGTERM)
time.sleep(0.2)
open("/etc/group")'
	[ "$output" = none ]
	saw x "$(command -v python3)"
	saw o /etc/group
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
b = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); b.bind(("127.0.0.3", 0))
d = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); d.bind(("::1", 0))
u = socket.socket(socket.AF_UNIX); u.bind("sock")
open(b"a\xff\tb\\c", "w")
c = ctypes.CDLL(None, use_errno=True)
assert c.syscall(425, 8, ctypes.create_string_buffer(200)) == -1 and ctypes.get_errno() == 38
c.ptrace(0, 0, 0, 0)
print(a.getsockname()[1], b.getsockname()[1])' 
	saw b "$BATS_TEST_TMPDIR/sock"
	saw p "127.0.0.1:0"
	saw q "127.0.0.1:0"
	saw d "127.0.0.3:0"
	saw d "[::1]:0"
	run ! grep -aP "^d\t.*127.0.0.1:" "$run"/*.trace
	grep -aq $'a\xff\\\\011b\\\\134c$' "$run"/*.trace
	grep -q 'it traces processes itself' "$run"/*.trace
}

# A program in C for a test of what only C can do: its path.
compiled() { # NAME, source on standard input
	cat >"$BATS_TEST_TMPDIR/$1.c"
	"${CC:-gcc}" -O1 -pthread -o "$BATS_TEST_TMPDIR/$1" "$BATS_TEST_TMPDIR/$1.c" >&2
	echo "$BATS_TEST_TMPDIR/$1"
}

@test "the calls of a 32-bit program on a 64-bit kernel" {
	[ "$(uname -m)" = x86_64 ] || skip "this machine cannot run 32-bit x86 programs"
	local program
	# The 32-bit way into the kernel, from anywhere; what it points to lies below 4 GiB.
	program=$(compiled old <<-'EOT'
		#include <errno.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/mman.h>
		static long call(long n, long a, long b, long c)
		{
			long got;
			__asm__ volatile("int $0x80" : "=a"(got) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
			return got;
		}
		int main(int argc, char **argv)
		{
			char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
			unsigned *args = (unsigned *)(low + 1024);
			unsigned char address[16] = {2, 0, 0x1f, 0x90, 127, 0, 0, 1};
			long fd;
			if (low == MAP_FAILED || call(20, 0, 0, 0) == -ENOSYS)
				return 9; /* a kernel without them */
			if (argc > 1 && (call(214, 65534, 0, 0) || call(213, 65534, 0, 0)))
				return 3;
			(void)argv;
			strcpy(low, "/etc/hostname");
			if (call(5, (long)low, 0, 0) < 0)
				return 1;
			strcpy(low, "/none/by-stat64");
			call(195, (long)low, (long)(low + 2048), 0);
			strcpy(low, "/none/by-fstatat64");
			call(300, -100, (long)low, (long)(low + 2048));
			memcpy(low + 512, address, sizeof(address));
			args[0] = 2, args[1] = 1, args[2] = 0;
			fd = call(102, 1, (long)args, 0);
			args[0] = (unsigned)fd, args[1] = (unsigned)(long)(low + 512), args[2] = 16;
			return call(102, 2, (long)args, 0) == 0 && call(425, 8, (long)low, 0) == -ENOSYS ? 0 : 2;
		}
	EOT
	)
	run "$LEARN" record "$run" -- "$program"
	[ "$status" -ne 9 ] || skip "this machine cannot run 32-bit x86 programs"
	[ "$status" -eq 0 ]
	saw o /etc/hostname
	saw s /none/by-stat64
	saw s /none/by-fstatat64
	saw p 127.0.0.1:8080
	saw c "i386 195"
	# And the profile lets such programs run.
	run_x 0 "$LEARN" seccomp "$BATS_TEST_TMPDIR/profile" "$run"
	run_x 0 jq -r '.architectures[], .syscalls[0].names[]' "$BATS_TEST_TMPDIR/profile"
	for word in SCMP_ARCH_X86 stat64 socketcall; do
		[[ $'\n'$output$'\n' == *$'\n'$word$'\n'* ]]
	done
	# Having become somebody else it stays seen.
	[ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || return 0
	rm "$run"/*
	run_x 0 setpriv --bounding-set -all,+setuid,+setgid --no-new-privs "$LEARN" record "$run" -- "$program" drop
	saw u "setuid 65534"
	saw o /etc/hostname
	saw p 127.0.0.1:8080
}

@test "a profile: who changes files in one way may do so in each, who reads them may not" {
	local program
	program=$(compiled makes <<-'EOT'
		#include <sys/stat.h>
		int main(int argc, char **argv)
		{
			return argc > 1 && mkdir(argv[1], 0700);
		}
	EOT
	)
	run_x 0 "$LEARN" record "$run" -- "$program"
	run_x 0 "$LEARN" seccomp "$BATS_TEST_TMPDIR/profile" "$run"
	jq -e '.syscalls[0].names | (contains(["rename"]) or contains(["ftruncate"]) or contains(["symlink"]) | not) and contains(["fadvise64"])' "$BATS_TEST_TMPDIR/profile"
	rm "$run"/*
	run_x 0 "$LEARN" record "$run" -- "$program" "$BATS_TEST_TMPDIR/made"
	run_x 0 "$LEARN" seccomp "$BATS_TEST_TMPDIR/profile" "$run"
	jq -e '.syscalls[0].names | contains(["mkdir", "rename", "unlinkat", "ftruncate", "fsync", "symlinkat"])' "$BATS_TEST_TMPDIR/profile"
}

@test "a profile: what is one call here and another on other processors or in newer libraries is both" {
	local program
	program=$(compiled calls <<-'EOT'
		#define _GNU_SOURCE
		#include <fcntl.h>
		#include <sys/syscall.h>
		#include <unistd.h>
		int main(void)
		{
			syscall(SYS_setitimer, 0, 0, 0);
			syscall(SYS_fchmodat, AT_FDCWD, "/none", 0600);
			return 0;
		}
	EOT
	)
	run_x 0 "$LEARN" record "$run" -- "$program"
	run_x 0 "$LEARN" seccomp "$BATS_TEST_TMPDIR/profile" "$run"
	jq -e '.syscalls[0].names as $names | ["alarm", "setitimer", "chmod", "fchmodat", "fchmodat2", "vfork"] - $names == [] and ($names | index("chown") == null)' "$BATS_TEST_TMPDIR/profile"
}

@test "thousands of threads and processes at once and one after the other, and how many there were" {
	local program
	program=$(compiled many <<-'EOT'
		#include <pthread.h>
		#include <semaphore.h>
		#include <sys/wait.h>
		#include <unistd.h>
		static pthread_barrier_t all;
		static void *wait_for_all(void *arg) { pthread_barrier_wait(&all); return arg; }
		int main(void)
		{
			pthread_t t[200];
			pthread_attr_t small;
			pthread_attr_init(&small);
			pthread_attr_setstacksize(&small, 65536);
			pthread_barrier_init(&all, NULL, 201);
			for (int i = 0; i < 200; i++)
				if (pthread_create(&t[i], &small, wait_for_all, NULL))
					return 1;
			pthread_barrier_wait(&all);
			for (int i = 0; i < 200; i++)
				pthread_join(t[i], NULL);
			for (int i = 0; i < 2000; i++) {
				pid_t child = i % 2 ? fork() : vfork();
				if (child == 0)
					_exit(i % 100);
				int status;
				if (waitpid(child, &status, 0) != child || WEXITSTATUS(status) != i % 100)
					return 2;
			}
			return access("/none/at-the-end", F_OK) ? 0 : 3;
		}
	EOT
	)
	run_x 0 "$LEARN" record "$run" -- "$program"
	saw s /none/at-the-end
	run_x 0 awk -F'\t' '$1 == "n" { n = $4 } END { print n }' "$run"/*.trace
	[ "$output" -ge 201 ] && [ "$output" -le 224 ] # by sixteens, and the main thread
}

@test "a thread that starts a program, and a program that does so from another directory by a relative path" {
	local program
	mkdir -p "$BATS_TEST_TMPDIR/deep/er"
	printf '#!/bin/sh\ncat < data\n' >"$BATS_TEST_TMPDIR/deep/script"
	chmod 755 "$BATS_TEST_TMPDIR/deep/script"
	echo here >"$BATS_TEST_TMPDIR/deep/er/data"
	program=$(compiled thread <<-'EOT'
		#include <pthread.h>
		#include <unistd.h>
		static void *start(void *folder)
		{
			if (chdir(folder) || chdir("er"))
				_exit(1);
			execl("../script", "script", (char *)0);
			_exit(2);
		}
		int main(int argc, char **argv)
		{
			pthread_t t;
			(void)argc;
			pthread_create(&t, NULL, start, argv[1]);
			pause();
		}
	EOT
	)
	run_x 0 "$LEARN" record "$run" -- "$program" "$BATS_TEST_TMPDIR/deep"
	[ "$output" = here ]
	saw x "$BATS_TEST_TMPDIR/deep/er/../script"
	saw o "$BATS_TEST_TMPDIR/deep/er/data"
}

@test "names of any bytes, and files that are renamed all the while" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p tree/d
	touch tree/d/one
	run_x 0 "$LEARN" record "$run" -- python3 -c '
import os, threading
for name in (b"new\nline", b"tab\there", b"\xff\xfe", b"back\\slash", b" blank ", b"#", b"\x7f", "\u202eodd".encode()):
    open(b"tree/d/" + name, "w").close()
stop = threading.Event()
def swap():
    while not stop.is_set():
        os.rename("tree/d", "tree/e"); os.rename("tree/e", "tree/d")
t = threading.Thread(target=swap); t.start()
found = 0
for i in range(2000):
    try: os.stat("tree/d/one"); found += 1
    except FileNotFoundError: pass
stop.set(); t.join()'
	saw s "$BATS_TEST_TMPDIR/tree/d/one"
	# Each of them is one line, and what reads it finds the same name in the tree.
	touch tree/d/never{1,2,3,4}
	sed -i "s|$BATS_TEST_TMPDIR/tree||" "$run"/*.trace
	mkdir tree/etc tree/bin
	echo root:x:0:0::/:/bin/sh >tree/etc/passwd
	printf '100\tbegin\t\n99999999999999\tok\tall\n' >"$run.tests"
	run_x 0 "$LEARN" keep -r tree -k "$list" "$run"
	[ "$(id -u)" -eq 0 ] || return 0 # prep makes root the owner
	run_x 0 "$PREP" -q -r tree -k "$list"
	[ ! -e tree/d/never1 ]
	for name in $'new\nline' $'tab\there' $'\xff\xfe' 'back\slash' ' blank ' '#' $'\x7f' $'\u202eodd'; do
		[ -e "tree/d/$name" ] || {
			printf 'gone: %q\n' "$name" >&2
			cat "$list" >&2
			return 1
		}
	done
}

@test "facts: where something was written, ports, users, threads" {
	small_tree
	ln -s /var/spool "$tree/srv/link"
	trace 'w 150 1 /var/spool/x/made' 'w 150 1 /srv/link/new/deep' 'b 150 1 /srv/site/sock' 'w 150 1 /dev/null' 'w 150 1 /proc/self/x' \
		'p 50 1 0.0.0.0:80' 'q 50 1 0.0.0.0:80' 'p 50 1 127.0.0.1:9000' 'q 50 1 127.0.0.1:9000' 'p 50 1 [::]:53' 'q 50 1 [::]:53' 'd 50 1 [::]:53' 'd 50 1 0.0.0.0:41000' \
		'd 50 1 0.0.0.0:5000' 'd 150 1 0.0.0.0:6000' 'p 50 1 0.0.0.0:7' \
		'n 50 0 1' 'n 60 0 7' 'w 150 1 /../../etc/one'
	printf 'u\t50\t1\tsetgid 7\nu\t50\t1\tsetuid 33\nu\t50\t1\tsetuid 33\n' >>"$run/x.trace"
	run_x 0 "$LEARN" facts -r "$tree" "$run"
	diff -u - <(jq -cS . <<<"$output") <<<'{"listens":["5000/udp","53/tcp","53/udp","80/tcp"],"tasks":7,"users":[{"gid":7,"uid":33}],"written":{"/etc":"/usr/bin/dash","/srv/site":"/usr/bin/dash","/var/spool":"/usr/bin/dash","/var/spool/x":"/usr/bin/dash"}}'
}

@test "edit: a key at a time, comments and the rest stay as they are; what isn't YAML afterwards is refused" {
	local file=$BATS_TEST_TMPDIR/settings.yaml
	cat >"$file" <<-'EOT'
		# The service.
		ports:
		  - 53:53/udp  # names
		  # transfers
		  - 53:53/tcp
		# What it may.
		caps: [NET_BIND_SERVICE, "CHOWN"]  # few

		memory: 64m   # measured
		tmpfs:
		- {path: /run, size: 4m}
		- /tmp:16m
		vols:
		  - path: log
		    contents: |
		      # not a comment
		      x
		# the end
	EOT
	chmod 640 "$file"
	run_x 0 "$LEARN" edit "$file" set memory 32m
	run_x 1 "$LEARN" edit "$file" set memory 32m
	run_x 0 "$LEARN" edit "$file" set pids 8
	run_x 0 "$LEARN" edit "$file" drop caps CHOWN
	run_x 0 "$LEARN" edit "$file" add caps KILL
	run_x 1 "$LEARN" edit "$file" drop caps SYS_ADMIN
	run_x 0 "$LEARN" edit "$file" drop ports 53/tcp
	run_x 0 "$LEARN" edit "$file" drop tmpfs /run
	run_x 0 "$LEARN" edit "$file" add vols '{path: more, type: dir}'
	run_x 0 "$LEARN" edit "$file" add mount_rw more:/srv/more
	run_x 0 "$LEARN" edit "$file" set user '"0:0"'
	run_x 1 "$LEARN" edit "$file" set user '"0:0"'
	run_x 0 "$LEARN" edit "$file" unset user
	run_x 2 "$LEARN" edit "$file" set log 'a: b: c'
	expect "$file:" "$stderr"
	run_x 2 "$LEARN" edit "$file" other log
	[ "$(stat -c %a "$file")" = 640 ]
	diff -u - "$file" <<-'EOT'
		# The service.
		ports:
		  - 53:53/udp  # names
		  # transfers
		# What it may.
		caps: [NET_BIND_SERVICE, KILL]  # few

		memory: 32m   # measured
		tmpfs:
		- /tmp:16m
		vols:
		  - path: log
		    contents: |
		      # not a comment
		      x
		  - {path: more, type: dir}
		# the end
		pids: 8
		mount_rw:
		  - more:/srv/more
	EOT
	# Where YAML would count lines otherwise nothing is changed.
	printf 'a:\n- \r -\n' >"$BATS_TEST_TMPDIR/odd"
	run_x 2 "$LEARN" edit "$BATS_TEST_TMPDIR/odd" unset a
	expect "end otherwise than with a newline" "$stderr"
	printf 'a: 1\n?\n b\n: 2\n' >"$BATS_TEST_TMPDIR/odd"
	run_x 2 "$LEARN" edit "$BATS_TEST_TMPDIR/odd" set a 3
	[ "$(cat "$BATS_TEST_TMPDIR/odd")" = $'a: 1\n?\n b\n: 2' ]
	# The last element takes its key along.
	run_x 0 "$LEARN" edit "$file" drop tmpfs /tmp
	run_x 1 grep tmpfs "$file"
	run_x 0 "$LEARN" edit "$file" unset vols
	run_x 0 tail -n 5 "$file"
	[ "${lines[0]}" = "memory: 32m   # measured" ] && [ "${lines[1]}" = "# the end" ]
}

@test "what configuration names and no test asked for is named" {
	small_tree
	mkdir -p "$tree/etc/web"
	printf '# /srv/none\ninclude mime.types; root /srv/site;\nkey = "/srv/site/a", other\n' >"$tree/etc/web/web.conf"
	rm "$tree/srv/site/a"
	printf '{"action":"remove","rule":"carve","path":"%s"}\n' /srv/site/a /etc/web/mime.types /srv/none /srv/other >"$BATS_TEST_TMPDIR/ledger"
	run_x 1 "$LEARN" named -r "$tree" -l "$BATS_TEST_TMPDIR/ledger"
	[ "$output" = "/etc/web/mime.types  # named by /etc/web/web.conf
/srv/site/a  # named by /etc/web/web.conf" ]
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
	printf '100\tbegin\t\n200\tok\tfirst one\n300\tok\tsecond one\n' >"$run.tests"
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
	# And prep makes of it an image where it works, whose owner is root.
	[ "$(id -u)" -eq 0 ] || return 0
	run_x 0 "$PREP" -q -r "$tree" -k "$list"
	[ ! -e "$tree/usr/bin/cat" ] && [ ! -e "$tree/etc/two" ] && [ -d "$tree/var/spool/x" ] && [ -f "$tree/srv/site/deep/e" ]
	run_x 0 chroot "$tree" /usr/bin/run -c 'read x </etc/one; echo works'
}

@test "the list: who means to trust the system's authorities keeps them, though no test meets one" {
	small_tree
	mkdir -p "$tree"/usr/lib/ssl "$tree"/etc/ssl/{certs,private} "$tree/usr/share/ca"
	touch "$tree"/usr/share/ca/{a,b}.crt
	ln -s /etc/ssl/certs /etc/ssl/private "$tree/usr/lib/ssl/"
	ln -s a.pem "$tree/etc/ssl/certs/01234567.0" && ln -s b.pem "$tree/etc/ssl/certs/89abcdef.0"
	ln -s /usr/share/ca/a.crt "$tree/etc/ssl/certs/a.pem" && ln -s /usr/share/ca/b.crt "$tree/etc/ssl/certs/b.pem"
	trace 'x 50 0 /usr/bin/run' 'o 150 1 /usr/lib/ssl/cert.pem' 'o 150 1 /srv/cert.pem'
	learn_keep
	run_x 0 grep -v '^#' "$list"
	[ "$output" = "/etc/ssl/certs/**   # opened by /usr/bin/dash in 'first one'
/usr/bin/run        # executed at the start
/usr/lib/ssl/certs  # opened by /usr/bin/dash in 'first one'" ]
	learn_keep
	[ -z "$output" ]
	[ "$(id -u)" -eq 0 ] || return 0
	run_x 0 "$PREP" -q -r "$tree" -k "$list"
	[ -f "$tree/usr/share/ca/b.crt" ] && [ -L "$tree/usr/lib/ssl/certs" ] && [ ! -e "$tree/usr/lib/ssl/private" ]
	# Where there are none, nothing is missed.
	rm -r "$tree/etc/ssl/certs" "$list"
	learn_keep
	refute ssl
}

@test "the list: a program that Python took for a module's directory isn't needed for that" {
	local python=/usr/lib/python3.13
	small_tree
	mkdir -p "$tree$python/json/__pycache__"
	touch "$tree$python/"{base64.py,os.py,json/__init__.py,json/__pycache__/__init__.cpython-313.pyc} "$tree/usr/bin/"{base64,json,ffmpeg,os}
	trace 'x 50 0 /usr/bin/run' "o 51 1 $python/base64.py" "o 51 1 $python/json/__pycache__/__init__.cpython-313.pyc" 'e 2 /usr/bin/python3.13' \
		's 51 2 /usr/bin/base64' 's 51 2 /usr/bin/json' 's 51 2 /usr/bin/ffmpeg' 's 51 1 /usr/bin/os'
	learn_keep
	expect "+ /usr/bin/ffmpeg  # looked at by /usr/bin/python3.13"
	expect "+ /usr/bin/os  # looked at by /usr/bin/dash"
	refute "/usr/bin/base64"
	refute "/usr/bin/json"
}

@test "what bats says of the time that a test took is no part of its name" {
	printf '1..3\nok 1 it serves in 435ms\nnot ok 2 answers in time in 7ms\nok 3 later in 2ms # skip no clock\n' >"$run/tap"
	run_x 0 "$LEARN" tests "$run.tests" <"$run/tap"
	[ "$output" = "$(cat "$run/tap")" ]
	run_x 0 cut -f 2- "$run.tests"
	[ "$output" = $'begin\t1..3\nok\tit serves\nnot\tanswers in time\nok\tlater # skip no clock' ]
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
		expect "x.trace:5: not a line of a trace" "$stderr"
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
	# Nor is what is written and read beside them.
	trace 'x 50 0 /usr/bin/run'
	echo kept >"$BATS_TEST_TMPDIR/victim"
	for kind in "ln -s $BATS_TEST_TMPDIR/victim" mkfifo; do
		rm "$run.tests"
		$kind "$run.tests"
		run_x 2 timeout 20 "$LEARN" tests "$run.tests" <<<'ok 1 x'
		run_x 2 timeout 20 "$LEARN" keep -r "$tree" -k "$list" "$run"
		expect "read '$run.tests':" "$stderr"
	done
	[ "$(cat "$BATS_TEST_TMPDIR/victim")" = kept ]
	rm "$run.tests"
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
	expect "ledger:6: not a line of a ledger" "$stderr"
}

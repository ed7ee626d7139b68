#!/usr/bin/env bats
# prep on real root file systems (Alpine's, a debootstrapped Debian), on hostile ones, and
# as /prep in an image.

load ../../tests/helpers
load tests/trees

setup_file() {
	keep_alpine
}

teardown_file() {
	chattr -R -f -i "$BATS_FILE_TMPDIR" || :
}

# --- the command line

@test "help names every setting with its default" {
	run_x 0 "$PREP" --help
	expect "SYSDIRS_RM_REGEX=/(hexdump|chgrp|chmod|chown|ln|od|strings|su)\$"
	expect "SBIN_DONT_DELETE_REGEX=nologin"
	expect "SUID_ACTION=remove"
	expect "Exit status"
}

@test "without -r it runs nowhere but as /prep in an image" {
	run_x 2 "$PREP"
	expect "prep: not /prep in an image: name the root file system with -r ROOT" "$stderr"
	run_x 2 "$PREP" -n
	bare
	run_x 2 "$PREP" -r "$tree" extra
	expect "prep: unexpected argument 'extra'" "$stderr"
}

@test "the running system is refused, by whatever name" {
	requires root
	ln -s / "$BATS_TEST_TMPDIR/link"
	local root
	for root in / // /. /proc/self/root "$BATS_TEST_TMPDIR/link"; do
		run_x 2 "$PREP" -n -r "$root"
		expect "is the root of the running system" "$stderr"
	done
}

@test "what isn't a root file system is refused" {
	mkdir -p "$tree"
	run_x 2 "$PREP" -r "$tree"
	expect "isn't a root file system" "$stderr"
	run_x 2 "$PREP" -r /usr
	run_x 2 "$PREP" -r /home
	run_x 2 "$PREP" -r "$tree/none"
	expect "No such file or directory" "$stderr"
	run_x 2 "$PREP" -r /etc/passwd
	expect "Not a directory" "$stderr"
	mkdir "$tree"/{etc,bin}
	run_x 2 "$PREP" -r "$tree"
	# a link that only on this machine leads to a passwd
	ln -s /etc/passwd "$tree/etc/passwd"
	run_x 2 "$PREP" -r "$tree"
}

@test "bad settings are named with file and line before anything changes" {
	bare
	program /bin/su
	settings '# fine' 'SHEL_RM=1' 'SYSDIRS_RM_REGEX=/(su$' 'SUID_ACTION=keep'
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 2 "$PREP" -r "$tree" -c "$conf" -o "$ledger"
	expect "prep: $conf:2: unknown key 'SHEL_RM', is 'SHELL_RM' meant?" "$stderr"
	expect "prep: $conf:3: SYSDIRS_RM_REGEX: bad regular expression '/(su\$'" "$stderr"
	expect "prep: $conf:4: SUID_ACTION: bad value 'keep', want one of: remove strip" "$stderr"
	[ ! -e "$ledger" ]
	unchanged
	run_x 2 "$PREP" -r "$tree" -c "$conf.none"
}

@test "-n prints the plan and changes nothing" {
	bare
	program /bin/su /sbin/init
	chmod 1777 "$tree/tmp"
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 0 "$PREP" -n -r "$tree"
	expect "remove /bin/su (programs)"
	expect "remove /sbin/init (sbin)"
	expect "mode 1777 to 1775 /tmp (world-writable)"
	expect "edit, 1 lines out and 0 changed, /etc/passwd (accounts)"
	unchanged
	run_x 0 "$PREP" -n -q -r "$tree"
	[ -z "$output" ]
	run_x 2 "$PREP" -n -r "$tree" -o "$ledger"
}

# --- real root file systems

@test "Alpine: hardened, sound, its programs run" {
	alpine
	harden
	gone /sbin/apk /lib/apk /etc/apk /lib/libapk.so.2.14.0 /var/cache/apk /usr/share/apk \
		/etc/crontabs /etc/periodic /var/spool/cron /root /etc/fstab /etc/inittab \
		/etc/modules /etc/modprobe.d /etc/modules-load.d /etc/sysctl.conf /etc/sysctl.d \
		/bin/su /bin/chmod /bin/chown /bin/ln /usr/bin/od /usr/bin/strings /sbin/init
	there /bin/busybox /bin/sh /sbin/nologin /lib/ld-musl-x86_64.so.1 /etc/mtab /etc/ssl/certs \
		/lib/libc.musl-x86_64.so.1
	[ ! -s "$tree/etc/passwd" ] && [ ! -s "$tree/etc/group" ] && [ ! -s "$tree/etc/shadow" ]
	[ "$(mode_of /tmp)" = 1775 ]
	is_sound
	[ "$(chroot "$tree" /bin/sh -c 'echo it runs | sed s/runs/works/')" = "it works" ]
	chroot "$tree" /usr/bin/getconf PATH
	chroot "$tree" /usr/bin/scanelf -q -n /usr/bin/getent
}

@test "Debian, whose /sbin is a link: hardened, sound, its programs run" {
	debian
	chroot "$tree" useradd user1
	chroot "$tree" usermod -p '' user1
	settings 'ACCOUNTS_DONT_DELETE_REGEX=^user1' 'GROUP_DONT_DELETE_REGEX=^user1'
	harden
	there /sbin /bin /lib /lib64 /usr/sbin/nologin /usr/bin/bash /etc/os-release /bin/awk
	[ "$(readlink "$tree/sbin")" = usr/sbin ]
	[ "$(ls "$tree/usr/sbin")" = nologin ]
	gone /usr/bin/dpkg /usr/bin/apt-get /var/lib/dpkg /var/lib/apt /var/cache/apt /etc/apt \
		/etc/passwd- /etc/group- /etc/shadow- /etc/init.d /etc/rc0.d /etc/cron.daily /etc/rmt \
		/usr/bin/su /usr/bin/passwd /usr/bin/mount /usr/bin/chage /root
	[ "$(cut -d: -f1,7 "$tree/etc/passwd")" = user1:/sbin/nologin ]
	[[ $(cat "$tree/etc/shadow") == user1:!:* ]]
	[[ $(cat "$tree/etc/gshadow") == user1:* ]]
	[ "$(cut -d: -f1 "$tree/etc/group")" = user1 ]
	[ "$(mode_of /etc/shadow)" = 640 ]
	# No program lacks a library that it had before.
	local f
	while IFS= read -r f; do
		run chroot "$tree" /lib64/ld-linux-x86-64.so.2 --list "$f"
		refute "not found"
	done < <(cd "$tree" && find usr/bin usr/lib -type f -perm -100 -exec \
		sh -c 'head -c 4 "$1" | grep -q ELF && echo "/$1"' - {} \;)
	[ "$(chroot "$tree" /bin/bash -c 'printf "%s\n" b a | sort | tr -d "\n"')" = ab ]
	[ "$(chroot "$tree" /usr/bin/perl -e 'print 6 * 7')" = 42 ]
	[ "$(chroot "$tree" /usr/bin/awk 'BEGIN { print 6 * 7 }')" = 42 ]
	is_sound
}

@test "no shell is left of Alpine or Debian with SHELL_RM" {
	settings 'SHELL_RM=1'
	alpine
	ln "$tree/bin/busybox" "$tree/opt/box"
	cp "$tree/bin/busybox" "$tree/usr/lib/copy"
	printf '#!/bin/sh -' >"$tree/bin/sh.distrib"
	chmod 755 "$tree/bin/sh.distrib"
	ln -s ../lib/copy "$tree/usr/bin/applet"
	harden
	gone /bin/busybox /bin/sh /bin/ash /bin/ls /usr/bin/wget /opt/box /usr/lib/copy \
		/usr/bin/applet /sbin/nologin /bin/sh.distrib
	[ -z "$(find "$tree" -lname '*busybox*')" ]
	run -1 grep -rlF 'BusyBox v1' "$tree/bin" "$tree/sbin" "$tree/usr" "$tree/opt"
	is_sound
	chroot "$tree" /usr/bin/getconf PATH
	rm -r "$tree" "$ledger"
	debian
	harden
	gone /bin/sh /bin/bash /bin/dash /bin/rbash
	is_sound
	chroot "$tree" /bin/ls /
	run ! chroot "$tree" /bin/sh -c true
}

# --- the switches

@test "each switch on its own" {
	local off='APK_CLEANUP=0 CRONTABS_REMOVE=0 ROOT_RM_HOMEDIR=0 SYSDIRS_RM_REGEX= SUDO_RM=0
		SBIN_DONT_DELETE_REGEX=. HARDEN_SELF_REMOVE=0 SYSDIRS_UID0_AND_755=0
		WORLD_WRITABLE_DIRS_RM=0 WORLD_WRITABLE_FILES_RM=0 SUID_DONT_DELETE_REGEX=.
		ACCOUNTS_DONT_DELETE_REGEX=. GROUP_DONT_DELETE_REGEX=. SHELL_DISABLE_LOGIN=0'
	local key value path
	while read -r key value path; do
		rm -rf "$tree"
		bare
		program /sbin/apk /usr/bin/od /usr/bin/sudo /usr/sbin/ip /usr/sbin/nologin /prep /bin/probe
		program /usr/bin/setuid /root/x /bin/ash
		chmod 4755 "$tree/usr/bin/setuid"
		mkdir -p "$tree"/{etc/crontabs,var/cache/apk/x,etc/app,srv}
		chmod 700 "$tree/etc/app"
		chmod 777 "$tree/srv"
		echo >"$tree/srv/file"
		chmod 666 "$tree/srv/file"
		# shellcheck disable=SC2086 # a word each
		settings $off
		run_x 0 "$PREP" -n -r "$tree" -c "$conf"
		[ -z "$output" ] || { echo "all is off, and still: $output" >&2; return 1; }
		sed -i "/^$key=/d" "$conf"
		echo "$key=$value" >>"$conf"
		run_x 0 "$PREP" -n -r "$tree" -c "$conf"
		# Just the one: what the switch is about and nothing else.
		[ -n "$output" ]
		! grep -vE "^$path( |\$)" <<<"$output" || {
			echo "that is with $key=$value, expected $path" >&2
			return 1
		}
	done <<-'EOT'
		APK_CLEANUP 1 remove (/sbin/apk|/var/cache/apk|/var/cache/apk/x)
		APK_CLEANUP 2 remove (/var/cache/apk|/var/cache/apk/x)
		CRONTABS_REMOVE 1 remove /etc/crontabs
		ROOT_RM_HOMEDIR 1 remove (/root|/root/x)
		SYSDIRS_RM_REGEX /(od)$ remove /usr/bin/od
		SUDO_RM 1 remove /usr/bin/sudo
		SBIN_DONT_DELETE_REGEX nologin|apk remove /usr/sbin/ip
		HARDEN_SELF_REMOVE 1 remove /prep
		PROBE_RM 1 remove /bin/probe
		SYSDIRS_UID0_AND_755 1 mode 0700 to 0755 /etc/app
		WORLD_WRITABLE_DIRS_RM 1 mode 0777 to 0775 /srv
		WORLD_WRITABLE_FILES_RM 1 mode 0666 to 0664 /srv/file
		SUID_DONT_DELETE_REGEX /none remove /usr/bin/setuid
		SHELL_RM 1 remove /bin/ash
		ACCOUNTS_DONT_DELETE_REGEX ^none edit, 1 lines out and 0 changed, /etc/passwd
		SHELL_DISABLE_LOGIN 1 edit, 0 lines out and 1 changed, /etc/passwd
	EOT
}

@test "accounts, groups and both shadows are filtered together" {
	bare
	cat >"$tree/etc/passwd" <<-'EOT'
		root:x:0:0:root:/root:/bin/sh
		app:x:1:1::/:/bin/sh
		app2:x:2:2::/:/bin/sh
	EOT
	printf '%s\n' 'root:*::0:::::' 'app::1::::::' 'app2:$6$salt$hash:1::::::' >"$tree/etc/shadow"
	printf '%s\n' 'root:x:0:' 'app:x:1:root,app,app2' 'application:x:3:' >"$tree/etc/group"
	printf '%s\n' 'root:*::' 'app:!:root:app,app2' >"$tree/etc/gshadow"
	chmod 666 "$tree"/etc/{passwd,group,shadow,gshadow}
	settings 'ACCOUNTS_DONT_DELETE_REGEX=^app' 'GROUP_DONT_DELETE_REGEX=^app'
	harden
	[ "$(cat "$tree/etc/passwd")" = app:x:1:1::/:/sbin/nologin ]
	[ "$(cat "$tree/etc/shadow")" = app:!:1:::::: ]
	[ "$(cat "$tree/etc/group")" = app:x:1:app ]
	[ "$(cat "$tree/etc/gshadow")" = app:!::app ]
	[ "$(mode_of /etc/passwd) $(mode_of /etc/group)" = "644 644" ]
	[ "$(mode_of /etc/shadow) $(mode_of /etc/gshadow)" = "640 640" ]
	refute 'salt' "$(cat "$ledger")"
	recorded '.action == "edit" and .path == "/etc/passwd" and .removed[1].line == 3 and
		.changed[0].text == "app:x:1:1::/:/bin/sh"'
	run_x 0 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
	is_sound
}

@test "account files keep owner and mode, and no temporary file stays" {
	bare
	echo 'user1:x:1:1::/:/bin/sh' >>"$tree/etc/passwd"
	echo 'user1:*:1::::::' >"$tree/etc/shadow"
	echo 'root:*:1::::::' >>"$tree/etc/shadow"
	chown 0:42 "$tree/etc/shadow"
	chmod 600 "$tree/etc/shadow"
	ln "$tree/etc/passwd" "$BATS_TEST_TMPDIR/outside"
	echo left >"$tree/etc/.passwd.prep" # by a run that was killed
	harden
	[ "$(stat -c '%u %g %a' "$tree/etc/shadow")" = "0 42 600" ]
	[ -z "$(find "$tree/etc" -name '.*')" ]
	# the other name of the file still has what it had
	[ "$(wc -l <"$BATS_TEST_TMPDIR/outside")" -eq 2 ]
}

@test "one account file under two names is edited once" {
	requires root
	bare
	echo 'user1:x:1:1::/:/sbin/nologin' >"$tree/etc/passwd"
	ln -s passwd "$tree/etc/shadow"
	ln -s /etc/passwd "$tree/etc/group"
	settings 'ACCOUNTS_DONT_DELETE_REGEX=^user1'
	harden
	[ "$(cat "$tree/etc/passwd")" = user1:x:1:1::/:/sbin/nologin ]
	[ "$(readlink "$tree/etc/shadow")" = passwd ]
}

@test "by default no name is an exception: not user1, not suid1" {
	requires root
	bare
	echo 'user1:x:1:1::/:/sbin/nologin' >>"$tree/etc/passwd"
	program /bin/suid1 /usr/sbin/zzz
	chmod 4755 "$tree/bin/suid1"
	harden
	gone /bin/suid1 /usr/sbin/zzz
	[ ! -s "$tree/etc/passwd" ]
}

@test "setuid, setgid and capabilities: removed, stripped, kept" {
	requires root
	bare
	local f
	fixture() {
		rm -rf "$tree" "$ledger"
		bare
		program /bin/both /opt/setgid /opt/data /usr/bin/cap /bin/suid1 /bin/plain /opt/kept
		chmod 6755 "$tree/bin/both"
		chmod 2755 "$tree/opt/setgid"
		chmod 4644 "$tree/opt/data"
		chmod 4755 "$tree/bin/suid1" "$tree/opt/kept"
		ln "$tree/opt/kept" "$tree/opt/suid2"
		setcap cap_net_raw+ep "$tree/usr/bin/cap"
	}
	fixture
	settings 'SUID_DONT_DELETE_REGEX=/bin/suid1|suid2'
	harden
	gone /bin/both /opt/setgid /opt/data /usr/bin/cap /opt/kept
	there /bin/suid1 /opt/suid2 /bin/plain
	recorded '.path == "/usr/bin/cap" and .rule == "capabilities" and (.capability | length) == 40'
	is_sound
	fixture
	settings SUID_ACTION=strip 'SUID_DONT_DELETE_REGEX=/bin/suid1|suid2'
	harden
	[ "$(mode_of /bin/both) $(mode_of /opt/setgid) $(mode_of /opt/data)" = "755 755 644" ]
	[ -z "$(getcap "$tree/usr/bin/cap")" ]
	# of two names one is to stay as it is, and the mode is both names'
	[ "$(mode_of /bin/suid1) $(mode_of /opt/kept) $(mode_of /opt/suid2)" = "4755 4755 4755" ]
	is_sound
}

@test "capabilities of a file with two names are stripped once, and both names are recorded" {
	requires root
	bare
	program /usr/bin/ping
	setcap cap_net_raw+ep "$tree/usr/bin/ping"
	ln "$tree/usr/bin/ping" "$tree/usr/bin/ping6"
	settings SUID_ACTION=strip
	harden
	there /usr/bin/ping /usr/bin/ping6
	[ -z "$(getcap "$tree/usr/bin/ping6")" ]
	recorded '.path == "/usr/bin/ping" and .rule == "capabilities"'
	recorded '.path == "/usr/bin/ping6" and .rule == "capabilities"'
	is_sound
}

@test "a file that an owner can make executable is looked at for capabilities" {
	requires root
	bare
	program /home/app/tool
	chmod 644 "$tree/home/app/tool"
	chown 1000 "$tree/home/app/tool"
	setcap cap_setuid+ep "$tree/home/app/tool"
	harden
	gone /home/app/tool
}

@test "world-writable: sticky bits, devices and links stay as they are" {
	requires root
	bare
	mkdir -p "$tree"/{srv/a,var/mail}
	chmod 1777 "$tree/tmp"
	chmod 2777 "$tree/srv/a"
	echo >"$tree/srv/a/file"
	chmod 6666 "$tree/srv/a/file"
	mkfifo -m 666 "$tree/srv/fifo"
	mknod -m 666 "$tree/srv/null" c 1 3
	ln -s a "$tree/srv/link"
	chmod 777 "$tree"
	settings SUID_ACTION=strip
	harden
	[ "$(mode_of /tmp) $(mode_of /srv/a) $(mode_of /srv/fifo)" = "1775 2775 664" ]
	[ "$(mode_of /srv/a/file) $(mode_of /srv/null) $(mode_of /)" = "664 666 775" ]
	is_sound
}

@test "links that lead nowhere go, in whatever order they hang together" {
	requires root
	bare
	mkdir -p "$tree"/{opt/b,usr/sbin}
	ln -s b1 "$tree/opt/a1"
	ln -s c1 "$tree/opt/b1"
	ln -s ../usr/sbin/tool "$tree/opt/c1"
	program /usr/sbin/tool
	ln -s loop2 "$tree/opt/loop1"
	ln -s loop1 "$tree/opt/loop2"
	ln -s /etc/passwd/x "$tree/opt/through-file"
	ln -s /etc/passwd/ "$tree/opt/file-as-directory"
	ln -s /tmp/soon "$tree/opt/into-tmp"
	ln -s /opt/b "$tree/opt/absolute"
	ln -s absolute/../b "$tree/opt/relative"
	ln -s ../../../../../etc/passwd "$tree/opt/above"
	ln -s /proc/self/fd/1 "$tree/opt/proc"
	ln -s /dev/stdout "$tree/opt/dev"
	harden
	gone /opt/a1 /opt/b1 /opt/c1 /opt/loop1 /opt/loop2 /opt/through-file /opt/file-as-directory \
		/opt/into-tmp
	there /opt/absolute /opt/relative /opt/above /opt/proc /opt/dev
	is_sound
}

@test "a tree whose sbin is another name of bin keeps its programs" {
	requires root
	mkdir -p "$tree"/{etc,usr/bin}
	echo 'root:x:0:0::/:/bin/sh' >"$tree/etc/passwd"
	ln -s usr/bin "$tree/bin"
	ln -s usr/bin "$tree/sbin"
	ln -s bin "$tree/usr/sbin"
	program /usr/bin/useful /usr/bin/su /usr/bin/odd
	settings 'SYSDIRS_RM_REGEX=^/bin/su$|/sbin/odd$'
	harden
	there /usr/bin/useful /sbin /usr/sbin/useful
	gone /usr/bin/su /usr/bin/odd # by their paths on a tree that isn't merged
	is_sound
}

@test "an unwanted directory stays while something in it does" {
	requires root
	bare
	program /sbin/sub/nologin /sbin/sub/tool /sbin/other/tool
	harden
	there /sbin/sub/nologin
	gone /sbin/sub/tool /sbin/other
	is_sound
}

@test "links into what is mounted at run time stay where prep is told of it" {
	bare
	mkdir -p "$tree"/{config,srv,usr/share/app}
	ln -s /config/app.yml "$tree/etc/app.yml"        # the directory is there, the file isn't
	ln -s ../var/lib/app/data "$tree/srv/data"       # nothing of the path is there
	ln -s /run/app.sock "$tree/srv/socket"           # a single file
	ln -s /configs "$tree/srv/other"                 # begins alike
	ln -s /srv/data/x "$tree/srv/chain"              # by way of another link
	settings 'RUNTIME_MOUNTS=/config/, /var/lib/app /run/app.sock'
	harden
	there /etc/app.yml /srv/data /srv/socket /srv/chain
	gone /srv/other
	is_sound
	settings ''
	run_x 1 "$PREP" -a -r "$tree" -c "$conf"
	expect "dangling symbolic link" "$stderr$output"
	printf 'mount /config\nmount /var/lib/app\nmount /run/app.sock\n' >"$BATS_TEST_TMPDIR/starts"
	run_x 0 "$PREP" -a -r "$tree" -c "$conf" -s "$BATS_TEST_TMPDIR/starts"
	printf 'mount config\n' >"$BATS_TEST_TMPDIR/starts"
	run_x 2 "$PREP" -a -r "$tree" -c "$conf" -s "$BATS_TEST_TMPDIR/starts"
	expect 'starts:1: want "run COMMAND", "user NAME" or "mount /PATH"' "$stderr"
	settings 'RUNTIME_MOUNTS=config'
	run_x 2 "$PREP" -a -r "$tree" -c "$conf"
	expect ":1: RUNTIME_MOUNTS: 'config' isn't an absolute path" "$stderr"
}

@test "packages and modules named apk in an application's data stay" {
	bare
	# apk-tools 2 and 3, and where each has its database.
	program /usr/bin/apk /usr/lib/libapk.so.2 /usr/lib/libapk.so.3.0.0 /sbin/apk.static
	mkdir -p "$tree"/lib/apk/db "$tree"/usr/lib/apk/db
	touch "$tree"/lib/apk/db/installed "$tree"/usr/lib/apk/db/installed
	mkdir -p "$tree"/usr/share/{app,apk} "$tree"/usr/lib/python3/site-packages/androguard \
		"$tree"/usr/share/bash-completion/completions
	touch "$tree"/usr/share/app/base.apk "$tree"/usr/share/apk/x \
		"$tree"/usr/share/bash-completion/completions/apk \
		"$tree"/usr/lib/python3/site-packages/androguard/apk.py
	harden
	there /usr/share/app/base.apk /usr/lib/python3/site-packages/androguard/apk.py
	gone /usr/bin/apk /usr/lib/libapk.so.2 /usr/lib/libapk.so.3.0.0 /sbin/apk.static /lib/apk /usr/lib/apk /usr/share/apk \
		/usr/share/bash-completion/completions/apk
	is_sound
}

@test "what is named apk goes, what only sounds so stays" {
	requires root
	bare
	program /usr/bin/apk-tool /usr/bin/mapkit /usr/bin/apkit /usr/lib/libapk.so.2 /usr/bin/x.apk \
		/home/apk
	harden
	gone /usr/bin/apk-tool /usr/lib/libapk.so.2 /usr/bin/x.apk
	there /usr/bin/mapkit /usr/bin/apkit /home/apk
}

# --- the ledger

@test "the ledger tells what was there, and a gap in it is found" {
	alpine
	ln "$tree/bin/busybox" "$tree/opt/second"
	settings SHELL_RM=1
	harden
	local sum
	sum=$(sha256sum <"$BATS_FILE_TMPDIR/alpine/bin/busybox")
	recorded ".action == \"remove\" and .path == \"/bin/busybox\" and .rule == \"shells\" and
		.type == \"file\" and .mode == \"0755\" and .uid == 0 and .gid == 0 and
		.size == 808712 and .sha256 == \"${sum%% *}\""
	recorded '.path == "/bin/sh" and .type == "link" and .target == "/bin/busybox"'
	recorded '.path == "/opt/second" and .hardlink == "/bin/busybox"'
	recorded '.action == "mode" and .path == "/tmp" and .mode == "1777" and .to_mode == "1775"'
	[ "$(stat -c %a "$ledger")" = 600 ]
	run_x 0 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
	sed -i '/"path":"\/bin\/ls"/d' "$ledger"
	run_x 1 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
	expect "bin/ls" "$stderr"
}

@test "a second run adds to the ledger" {
	requires root
	bare
	program /bin/su
	harden
	program /bin/od
	run_x 0 "$PREP" -r "$tree" -c "$conf" -o "$ledger"
	[ "$(jq -r 'select(.action == "remove").path' "$ledger" | xargs)" = "/bin/su /bin/od" ]
}

@test "a line that a killed run left half is cut off; another file is no ledger" {
	requires root
	bare
	program /bin/su
	printf '{"action":"remove","path":"/old","rule":"x"}\n{"action":"rem' >"$ledger"
	run_x 0 "$PREP" -q -r "$tree" -o "$ledger"
	[ "$(jq -r .path "$ledger" | xargs)" = "/old /bin/su /etc/passwd" ]
	local text
	for text in 'something else' $'text\n' $'{"action":"x"}\nmore' $'[]\n'; do
		printf %s "$text" >"$ledger"
		run_x 2 "$PREP" -r "$tree" -o "$ledger"
		expect "isn't a ledger" "$stderr"
		[ "$(printf %s "$text" | cksum)" = "$(cksum <"$ledger")" ]
	done
	run_x 2 "$PREP" -r "$tree" -o /dev/null
	expect "'/dev/null' isn't a file" "$stderr"
	run_x 2 "$PREP" -r "$tree" -o "$tree"
}

@test "a ledger that would be removed itself is refused" {
	requires root
	bare
	mkdir "$tree/root"
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 2 "$PREP" -r "$tree" -o "$tree/root/ledger.jsonl"
	expect "the ledger '/root/ledger.jsonl' is itself one of the files to be changed" "$stderr"
	rm "$tree/root/ledger.jsonl"
	unchanged
}

@test "killed at any moment: what is gone is recorded, and a second run ends as the first" {
	alpine
	ln "$tree/bin/busybox" "$tree/opt/box"
	cp "$tree/bin/busybox" "$tree/opt/copy"
	cp "$tree/sbin/apk" "$tree/opt/capable"
	setcap cap_net_raw+ep "$tree/opt/capable"
	mkdir -m 777 "$tree/srv/open"
	chown -R 1000 "$tree/etc/network"
	settings SHELL_RM=1 SUID_ACTION=strip 'ACCOUNTS_DONT_DELETE_REGEX=^guest'
	run_x 0 python3 "$TREE_PY" kill "${KILLS:-25}" "$tree" "$conf" "$PREP"
}

@test "a full disk: nothing that isn't recorded changes, and a second run ends it" {
	alpine
	run_x 0 unshare -m bash -euc '
		mkdir "$1/small"
		mount -t tmpfs -o size=8k whittle "$1/small"
		! "$PREP" -q -r "$1/tree" -o "$1/small/ledger" 2>"$1/said"
		grep -q "write the ledger: No space left on device" "$1/said"
		cp "$1/small/ledger" "$1/ledger.jsonl"
	' - "$BATS_TEST_TMPDIR"
	python3 "$TREE_PY" list "$BATS_FILE_TMPDIR/alpine" >"$before"
	run_x 0 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
	run_x 0 "$PREP" -q -r "$tree" -o "$ledger"
	run_x 0 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
	run_x 0 "$PREP" -a -r "$tree"
}

@test "a full root file system: the account files stay whole" {
	requires root
	bare
	for i in {1..2000}; do
		echo "user$i:x:$i:$i:a comment that takes some room:/home/user$i:/bin/sh"
	done >"$BATS_TEST_TMPDIR/passwd"
	run_x 0 unshare -m bash -euc '
		mount -t tmpfs -o size=600k,mode=755 whittle "$1"
		mkdir -p "$1/etc" "$1/bin"
		cp "$2/passwd" "$1/etc/passwd"
		! cat /dev/zero >"$1/fill" 2>/dev/null
		printf "ACCOUNTS_DONT_DELETE_REGEX=.\n" >"$2/prep.conf"
		status=0
		"$PREP" -q -r "$1" -c "$2/prep.conf" -o "$2/ledger.jsonl" 2>"$2/said" || status=$?
		[ $status -eq 2 ]
		grep -q "write ./etc/passwd.: No space left on device" "$2/said"
		cmp "$2/passwd" "$1/etc/passwd"
		[ ! -e "$1/etc/.passwd.prep" ]
		[ ! -s "$2/ledger.jsonl" ]
		rm "$1/fill"
		"$PREP" -q -r "$1" -c "$2/prep.conf" -o "$2/ledger.jsonl"
		[ "$(grep -c :/sbin/nologin "$1/etc/passwd")" -eq 2000 ]
	' - "$tree" "$BATS_TEST_TMPDIR"
}

# --- hostile trees

@test "odd names are removed, recorded to the byte, and can't forge a line" {
	requires root
	bare
	local odd=$'new\nline'
	program "/sbin/$odd" $'/sbin/\xff\xfe' '/sbin/-rf' $'/sbin/\033[2J' '/sbin/"quoted\"' '/sbin/ ' \
		'/sbin/..x' "/bin/${odd}-"
	run_x 0 "$PREP" -n -r "$tree"
	expect 'remove /sbin/new\012line (sbin)'
	expect 'remove /sbin/\377\376 (sbin)'
	refute $'\033'
	run_x 1 "$PREP" -a --json -r "$tree"
	jq -es 'any(.[]; .path == "/sbin/new\nline" and .rule == "sbin")' <<<"$output" >/dev/null
	harden
	[ -z "$(ls -A "$tree/sbin")" ]
	recorded '.path_hex == "2f7362696e2ffffe"'
	recorded '.path == "/sbin/new\nline"'
	is_sound
}

@test "links out of the tree are never followed" {
	requires root
	local outside=$BATS_TEST_TMPDIR/outside
	mkdir -p "$outside"/{sbin,apk,deep/sub}
	printf 'root:x:0:0::/:/bin/sh\n' | tee "$outside/passwd" "$outside/sbin/tool" >/dev/null
	chmod 4777 "$outside/sbin/tool"
	chmod 777 "$outside/deep"
	python3 "$TREE_PY" list "$outside" >"$BATS_TEST_TMPDIR/outside.before"
	bare
	rm -r "$tree/sbin"
	ln -s "$outside/sbin" "$tree/sbin"
	ln -s "../../$(basename "$BATS_TEST_TMPDIR")/outside/sbin" "$tree/usr/sbin"
	ln -s "$outside" "$tree/lib"
	ln -s / "$tree/root"
	ln -s "$outside/deep" "$tree/var"
	ln -s "$outside/passwd" "$tree/etc/group"
	ln -s "$outside" "$tree/etc/init.d"
	ln -s / "$tree/usr/lib"
	harden
	gone /sbin /root /lib /var /etc/group /etc/init.d
	run_x 0 python3 "$TREE_PY" same "$BATS_TEST_TMPDIR/outside.before" "$outside"
	is_sound
}

@test "/etc or /bin as a link to / is refused or harmless" {
	requires root
	bare
	rm -r "${tree:?}/etc"
	ln -s / "$tree/etc"
	run_x 2 "$PREP" -r "$tree"
	expect "isn't a root file system" "$stderr"
	rm "$tree/etc"
	mkdir "$tree/etc"
	echo 'root:x:0:0::/:/bin/sh' >"$tree/etc/passwd"
	rm -r "${tree:?}/bin" "${tree:?}/sbin"
	ln -s / "$tree/bin"
	ln -s / "$tree/sbin"
	harden
	there /etc/passwd /usr/bin /bin /sbin
	is_sound
}

@test "mounts in the tree, from other and from the same file system, are left alone" {
	requires root tmpfs
	bare
	mkdir -p "$tree"/{sbin/disk,root/deep/bind,etc} "$BATS_TEST_TMPDIR/data/sbin"
	program /root/file
	printf '127.0.0.1 x\n' >"$BATS_TEST_TMPDIR/data/hosts"
	chmod 666 "$BATS_TEST_TMPDIR/data/hosts"
	: >"$tree/etc/hosts"
	: >"$tree/etc/fstab"
	cp "$tree/etc/passwd" "$BATS_TEST_TMPDIR/data/sbin/tool"
	chmod 4777 "$BATS_TEST_TMPDIR/data/sbin/tool" "$BATS_TEST_TMPDIR/data/sbin"
	python3 "$TREE_PY" list "$BATS_TEST_TMPDIR/data" >"$before"
	run_x 0 unshare -m bash -euc '
		mount -t tmpfs whittle "$1/sbin/disk"
		echo x >"$1/sbin/disk/x"
		mount --bind "$2/data" "$1/root/deep/bind"
		mount --bind "$2/data/hosts" "$1/etc/hosts"
		mount --bind "$2/data/hosts" "$1/etc/fstab"
		"$PREP" -r "$1" -o "$2/ledger.jsonl"
		[ -e "$1/sbin/disk/x" ] && [ -d "$1/root/deep" ] && [ ! -e "$1/root/file" ]
		[ "$(stat -c %a "$1/etc/hosts")" = 666 ]
		"$PREP" -a -r "$1"
		[ "$("$PREP" -r "$1")" = "0 removed, 0 modes, 0 owners, 0 files edited" ]
	' - "$tree" "$BATS_TEST_TMPDIR"
	run_x 0 python3 "$TREE_PY" same "$before" "$BATS_TEST_TMPDIR/data"
	# once nothing is mounted there any more, the directories go
	run_x 0 "$PREP" -q -r "$tree" -o "$ledger"
	gone /sbin/disk /root /etc/fstab
}

@test "a file that can't be removed is reported, the rest goes on" {
	requires root
	bare
	program /sbin/fixed /sbin/zz /sbin/aa
	chattr +i "$tree/sbin/fixed" 2>/dev/null || skip "this machine cannot: no immutable files on this file system"
	chmod 777 "$tree/tmp"
	mkdir "$tree/root"
	program /root/sub/fixed /root/sub/other
	chattr +i "$tree/root/sub/fixed"
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 2 "$PREP" -r "$tree" -o "$ledger"
	expect "prep: remove '/sbin/fixed': Operation not permitted" "$stderr"
	expect "prep: remove '/root/sub/fixed': Operation not permitted" "$stderr"
	[ "$(wc -l <<<"$stderr")" -eq 2 ]
	gone /sbin/zz /sbin/aa /root/sub/other
	[ "$(mode_of /tmp)" = 775 ]
	run_x 0 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
	chattr -R -i "$tree" || :
	run_x 0 "$PREP" -r "$tree" -o "$ledger"
	gone /sbin/fixed /root
	run_x 0 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
}

@test "a name outside of the tree for the same file is safe" {
	requires root
	bare
	program /bin/setuid
	chmod 4755 "$tree/bin/setuid"
	echo >"$tree/etc/open"
	chmod 666 "$tree/etc/open"
	ln "$tree/bin/setuid" "$BATS_TEST_TMPDIR/setuid"
	ln "$tree/etc/open" "$BATS_TEST_TMPDIR/open"
	run_x 2 "$PREP" -r "$tree"
	expect "'/etc/open' has a hard link outside of the tree and is left as it is" "$stderr"
	gone /bin/setuid
	[ "$(stat -c %a "$BATS_TEST_TMPDIR/setuid" "$BATS_TEST_TMPDIR/open" | xargs)" = "4755 666" ]
}

@test "a tree deeper than any path" {
	requires root
	bare
	mkdir "$tree/root"
	python3 - "$tree/root" <<-'EOT'
		import os, sys
		os.chdir(sys.argv[1])
		for i in range(300):
		    os.mkdir("d" * 50)
		    os.chdir("d" * 50)
		open("bottom", "w").close()
	EOT
	# shellcheck disable=SC2016 # the inner shell's
	run_x 0 bash -c 'ulimit -Sn 64 && exec "$@"' - "$PREP" -q -r "$tree" -o "$ledger"
	gone /root
	[ "$(grep -c '"rule":"root-home"' "$ledger")" -eq 302 ]
	[ "$(jq -r 'select(.type == "file" and .rule == "root-home").path | length' "$ledger")" -eq 15312 ]
}

@test "a read-only tree: everything reported, nothing done, exit status 2" {
	requires root
	bare
	program /bin/su
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 2 unshare -m sh -euc '
		mount --bind "$1" "$1"
		mount -o remount,bind,ro "$1"
		exec "$PREP" -r "$1" -o "$2"' - "$tree" "$ledger"
	expect "remove '/bin/su': Read-only file system" "$stderr"
	[ ! -s "$ledger" ]
	unchanged
}

@test "two runs don't meet" {
	requires root
	bare
	start flock "$tree" sleep 20
	wait_until 5 sh -c '! flock -n "$1" true' - "$tree"
	run_x 2 "$PREP" -r "$tree"
	expect "another prep is running on this tree" "$stderr"
	run_x 0 "$PREP" -n -r "$tree"
}

# --- the audit

@test "the audit finds what hardening would change, and what it can't mend" {
	requires root
	bare
	program /bin/su /usr/bin/sudo
	mkdir -p "$tree"/{app/.git,home/app/.aws,root/.ssh,tmp,home/app/.docker,usr/share/doc}
	printf '{}' >"$tree/home/app/.docker/config.json"
	touch "$tree"/app/{Dockerfile,.npmrc} "$tree/tmp/x" "$tree/usr/share/doc/config.json"
	cat >"$tree/app/renamed" <<-'EOT'
		some text before it
		-----BEGIN RSA PRIVATE KEY-----
		MIIEpAIBAAKCAQEAx
	EOT
	cp "$tree/app/renamed" "$tree/root/.ssh/id_rsa"
	printf -- '-----BEGIN CERTIFICATE-----\n%060d\n' 0 >"$tree/etc/cert.pem"
	printf 'text about\n "-----BEGIN PRIVATE KEY-----" and so on, long enough to be looked at\n' \
		>"$tree/usr/share/doc/text"
	echo 'toor:x:0:0::/:/bin/sh' >>"$tree/etc/passwd"
	run_x 1 "$PREP" -a -r "$tree"
	expect "/bin/su: dangerous program (programs)"
	expect "/usr/bin/sudo: lets users become root (sudo)"
	expect "/app/.git: source history (secret)"
	expect "/home/app/.aws: cloud credentials (secret)"
	expect "/home/app/.docker/config.json: registry credentials (secret)"
	expect "/app/.npmrc: registry credentials (secret)"
	expect "/app/renamed: private key (secret)"
	expect "/root/.ssh/id_rsa: private key (secret)"
	expect "/app/Dockerfile: leftover of a build (leftover)"
	expect "/tmp/x: temporary file (leftover)"
	expect "/etc/passwd: 'toor' shares the id 0 with 'root' (shared-id)"
	refute "cert.pem"
	refute "/usr/share/doc"
	[ "$(wc -l <<<"$output")" -eq 13 ]
	run_x 1 "$PREP" -a --json -r "$tree"
	jq -es 'length == 13 and all(.[]; .rule and .path and .finding)' <<<"$output" >/dev/null
}

@test "SECRETS_FAIL stops before anything changes, unless the secret goes or is allowed" {
	requires root
	bare
	program /bin/su
	mkdir -p "$tree"/{app/.git,root}
	touch "$tree/root/.npmrc"
	settings SECRETS_FAIL=1
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 1 "$PREP" -r "$tree" -c "$conf" -o "$ledger"
	expect "prep: source history in '/app/.git' (secret)" "$stderr"
	refute .npmrc "$stderr"
	unchanged
	[ ! -s "$ledger" ]
	settings SECRETS_FAIL=1 'SECRETS_ALLOW_REGEX=^/app/'
	run_x 0 "$PREP" -r "$tree" -c "$conf"
	gone /bin/su
	run_x 0 "$PREP" -a -r "$tree" -c "$conf"
}

# --- in an image

# prep in $tree. A sanitizer build isn't static, so it can't run in there.
install_prep() {
	[ "${SAN:-}" != 1 ] || skip "this machine cannot: a sanitizer build isn't static"
	cp "$PREP" "$tree/prep"
}

# As an engine starts it: process 1 of its own process namespace, the tree is its root.
in_image() {
	unshare --mount --pid --fork --kill-child sh -euc '
		mount -t proc proc "$1/proc"
		cd "$1"
		exec chroot . "$2"' - "$tree" "${1:-/prep}"
}

@test "in an image: prep-local's values hold, the ledger is inside, /prep goes last" {
	alpine
	install_prep
	cat >"$tree/prep-local" <<-'EOT'
		adduser -D -H app
		ACCOUNTS_DONT_DELETE_REGEX='^app'
		GROUP_DONT_DELETE_REGEX='^app'
		SYSDIRS_RM_REGEX="$SYSDIRS_RM_REGEX|/wget$"
		SHELL_RM=1
	EOT
	run_x 0 in_image
	gone /prep /prep-local /bin/sh /bin/busybox /usr/bin/wget /bin/su
	[[ $(cat "$tree/etc/passwd") =~ ^app:x:1000:1000:[^:]*:/home/app:/sbin/nologin$ ]]
	ledger=$tree/var/lib/whittle/ledger.jsonl
	recorded '.path == "/usr/bin/wget" and .rule == "programs"'
	recorded '.path == "/bin/su" and .rule == "programs"'
	[ "$(tail -n 2 "$ledger" | jq -r .path | xargs)" = "/prep /prep-local" ]
}

@test "in an image: exit 0 in prep-local switches hardening off" {
	alpine
	install_prep
	echo 'exit 0' >"$tree/prep-local"
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 0 in_image
	unchanged
	echo 'set -e; false' >"$tree/prep-local"
	run_x 1 in_image
	echo 'exit 7' >"$tree/prep-local"
	run_x 7 in_image
	echo 'if then' >"$tree/prep-local"
	run_x 2 in_image
	there /prep /bin/su
}

@test "in an image: a slip in prep-local's or the environment's names is an error" {
	alpine
	install_prep
	echo 'GROUPS_DONT_DELETE_REGEX=x' >"$tree/prep-local"
	run_x 2 in_image
	expect "/prep-local: unknown key 'GROUPS_DONT_DELETE_REGEX', is 'GROUP_DONT_DELETE_REGEX' meant?" "$stderr"
	echo 'SUID_ACTION=keep' >"$tree/prep-local"
	run_x 2 in_image
	expect "/prep-local: SUID_ACTION: bad value 'keep'" "$stderr"
	rm "$tree/prep-local"
	run_x 2 env SYSDIRS_RM_REGEX='(' bash -c "$(declare -f in_image); tree=$tree; in_image"
	expect "environment: SYSDIRS_RM_REGEX: bad regular expression" "$stderr"
	there /prep /bin/su
}

@test "in an image without a shell: prep.conf holds, prep-local is an error" {
	bare
	requires root
	mkdir "$tree/proc"
	program /bin/su /bin/od
	install_prep
	settings 'SYSDIRS_RM_REGEX=/od$' 'BAD=1'
	cp "$conf" "$tree/prep.conf"
	run_x 2 in_image
	expect "prep: /prep.conf:2: unknown key 'BAD'" "$stderr"
	echo 'SYSDIRS_RM_REGEX=/od$' >"$tree/prep.conf"
	touch "$tree/prep-local"
	run_x 2 in_image
	expect "/bin/sh" "$stderr"
	expect "/prep.conf" "$stderr"
	there /bin/od
	rm "$tree/prep-local"
	python3 "$TREE_PY" list "$tree" >"$before"
	run_x 0 in_image
	there /bin/su
	gone /bin/od /prep /prep.conf
	mv "$tree/var/lib/whittle/ledger.jsonl" "$ledger"
	rm -r "${tree:?}/var"
	run_x 0 python3 "$TREE_PY" check "$before" "$ledger" "$tree"
}

@test "in an image: a base's ledger is continued, links to it are not followed" {
	alpine
	install_prep
	mkdir -p "$tree/var/lib/whittle"
	echo '{"action":"remove","path":"/from-base","rule":"sbin"}' >"$tree/var/lib/whittle/ledger.jsonl"
	run_x 0 in_image
	[ "$(head -n 1 "$tree/var/lib/whittle/ledger.jsonl" | jq -r .path)" = /from-base ]
	[ "$(wc -l <"$tree/var/lib/whittle/ledger.jsonl")" -gt 100 ]
	alpine
	install_prep
	ln -s /etc "$tree/var/lib/whittle"
	run_x 2 in_image
	there /bin/su
	gone /etc/ledger.jsonl
}

@test "/prep on a machine, not in a container, refuses" {
	alpine
	install_prep
	# In the host's process namespace, with the root that process 1 has: as on the host
	# itself. Only the name is /prep.
	run_x 2 unshare -m sh -euc '
		: >"$2/empty"
		mount --bind "$2" /mnt
		exec "$0" -n' "$PREP" "$PREP" "$BATS_TEST_TMPDIR"
	expect "not /prep in an image" "$stderr"
	run_x 2 env container=x "$PREP" -n
}

@test "in a build of the engine at hand" {
	requires root engine alpine
	local image=localhost/whittle-test-prep-$$ context=$BATS_TEST_TMPDIR/context id
	mkdir "$context"
	tar -cf "$context/alpine.tar" -C "$BATS_FILE_TMPDIR/alpine" .
	mkdir "$tree"
	install_prep
	mv "$tree/prep" "$context/prep"
	printf 'SHELL_RM=1\nWORLD_WRITABLE_DIRS_RM=1\nln -s /nowhere /etc/link\n' >"$context/prep-local"
	cat >"$context/Dockerfile" <<-'EOT'
		FROM scratch
		ADD alpine.tar /
		COPY prep prep-local /
		RUN ["/prep"]
		CMD ["/usr/bin/getconf", "PATH"]
	EOT
	run_x 0 engine build -q --no-cache -t "$image" "$context"
	id=$(engine create "$image")
	engine export "$id" | tar -xf - -C "$tree"
	engine rm "$id" >/dev/null
	engine rmi -f "$image" >/dev/null
	gone /bin/sh /bin/busybox /prep /prep-local /etc/link /etc/fstab
	there /etc/mtab /var/lib/whittle/ledger.jsonl
	settings SHELL_RM=1
	rm -rf "${tree:?}"/{dev,proc,sys,run/*,.dockerenv,etc/{hosts,hostname,resolv.conf}}
	run_x 0 "$PREP" -a -r "$tree" -c "$conf"
}

@test "account files can be edited, but nothing removes them" {
	requires root
	bare
	program /usr/bin/passwd
	chmod 4644 "$tree/etc/passwd"
	mkdir "$tree/etc/pam.d"
	echo >"$tree/etc/pam.d/passwd"
	echo >"$tree/etc/group"
	mv "$tree/etc/group" "$tree/etc/real-group"
	ln -s real-group "$tree/etc/group"
	settings 'SYSDIRS_RM_REGEX=/(passwd|group|real-group)$'
	harden
	there /etc/passwd /etc/group /etc/real-group
	gone /usr/bin/passwd /etc/pam.d/passwd
	[ "$(mode_of /etc/passwd)" = 644 ]
	is_sound
}

@test "directories that are swapped for links while it runs lead nowhere" {
	requires root
	local outside=$BATS_TEST_TMPDIR/outside i
	bare
	mkdir -p "$outside/d" "$tree/sbin/d"
	for i in {1..200}; do
		echo "$i" | tee "$outside/d/$i" >"$tree/sbin/d/$i"
	done
	chmod 666 "$outside"/d/* "$tree"/sbin/d/*
	ln -s "$outside/d" "$tree/sbin/e"
	cp -a "$tree" "$tree.fresh"
	python3 "$TREE_PY" list "$outside" >"$before"
	for ((i = 0; i < ${RACES:-10}; i++)); do
		start python3 "$TREE_PY" swap "$tree/sbin" d e
		wait_until 5 test -e "$tree/sbin/swapped"
		"$PREP" -q -r "$tree" 2>>"$BATS_TEST_TMPDIR/said" || :
		stop_all
		rm -rf "$tree"
		cp -a "$tree.fresh" "$tree"
	done
	run_x 0 python3 "$TREE_PY" same "$before" "$outside"
	# They were swapped indeed.
	grep -q "Not a directory\|changed during the run\|Stale" "$BATS_TEST_TMPDIR/said"
}

@test "what the image starts stays, with its interpreter, what its script calls, and its accounts" {
	requires root
	bare
	mkdir -p "$tree/usr/sbin" "$tree/opt"
	printf '#!/opt/loader\n' >"$tree/usr/sbin/odd"
	printf '#!/bin/sh -e\n# chgrp is only spoken of\nchown app /data\nexec serverd "$@"\n' >"$tree/usr/sbin/entry"
	for f in bin/sh bin/chown bin/chgrp opt/loader usr/sbin/serverd usr/sbin/other; do
		printf 'program %s' $f >"$tree/$f"
	done
	chmod 755 "$tree"/{bin,usr/sbin,opt}/*
	ln -s ../usr/sbin/serverd "$tree/sbin/served"
	chmod u+s "$tree/usr/sbin/serverd"
	printf 'app:x:7:70::/:/bin/sh\ntwo:x:8:80::/:/bin/sh\n' >>"$tree/etc/passwd"
	printf 'root:x:0:\napp:x:70:\ntwo:x:80:\nlogs:x:90:app,two\nopen:x:91:\n' >"$tree/etc/group"
	printf "run 'entry' 'x y'\nrun odd\nrun served -f\nuser 7:open\n" >"$BATS_TEST_TMPDIR/starts"
	settings SHELL_RM=1
	run_x 0 "$PREP" -n -r "$tree" -c "$conf" -s "$BATS_TEST_TMPDIR/starts"
	expect "kept: entry point /usr/sbin/entry (sbin)"
	run_x 0 "$PREP" -r "$tree" -c "$conf" -s "$BATS_TEST_TMPDIR/starts" -o "$ledger"
	there /usr/sbin/entry /usr/sbin/odd /opt/loader /usr/sbin/serverd /sbin/served /bin/sh /bin/chown
	gone /usr/sbin/other /bin/chgrp
	[ "$(stat -c %a "$tree/usr/sbin/serverd")" = 755 ]
	[ "$(cut -d: -f1 "$tree/etc/passwd")" = app ]
	[ "$(cut -d: -f1,4 "$tree/etc/group" | xargs)" = "app: logs:app open:" ]
	run_x 0 jq -r 'select(.action == "keep") | .rule + " " + .why + " " + .path' "$ledger"
	expect "shells entry point /bin/sh"
	expect "programs entry point /bin/chown"
	expect "sbin entry point /usr/sbin/serverd"

	printf 'user app\nstart x\n' >"$BATS_TEST_TMPDIR/starts"
	run_x 2 "$PREP" -n -r "$tree" -s "$BATS_TEST_TMPDIR/starts"
	expect "starts:2: want" "$stderr"
}

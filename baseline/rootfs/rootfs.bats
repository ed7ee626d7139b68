# What the baseline is made from: the applets of the list and no others, a tar that is the
# same wherever and whenever it is made.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; inner shells have variables too
load ../../tests/helpers

setup_file() {
	cd "$BATS_TEST_DIRNAME" || return
	export BB=$PWD/obj/busybox
	./build-busybox -L >"$BATS_FILE_TMPDIR/known"
	sed 's/#.*//' applets.list | awk 'NF { print $1 }' | sort >"$BATS_FILE_TMPDIR/listed"
	mkdir "$BATS_FILE_TMPDIR/root"
	tar -C "$BATS_FILE_TMPDIR/root" -xf obj/rootfs-musl.tar
}

setup() {
	cd "$BATS_TEST_DIRNAME" || return
	tmp=$BATS_FILE_TMPDIR
	root=$tmp/root
}

loader() {
	basename "$TOP"/third-party/obj/prefix/lib/ld-musl-*.so.1
}

@test "the source's whole list of applets is understood" {
	[ "$(wc -l <"$tmp/known")" -gt 400 ]
	for name in '[' '[[' wget nc vi su mount insmod telnetd sh ash hush nologin; do
		grep -qxF -e "$name" "$tmp/known"
	done
	# Nothing on our list is a name that the source doesn't know.
	run_x 0 comm -23 "$tmp/listed" "$tmp/known"
	[ -z "$output" ]
}

# try HOW NAME: BusyBox under that name, by one of four ways; its output.
try() {
	case $1 in
	link) ln -s "$BB" "$tmp/links/$2" && "$tmp/links/$2" --help ;;
	word) "$BB" "$2" --help ;;
	argv0) (exec -a "$2" "$BB" --help) ;;
	login) (exec -a "-$2" "$BB" --help) ;;
	esac </dev/null 2>&1
}

@test "an applet that isn't listed isn't there: not by link, word or argv[0]" {
	rm -rf "$tmp/links"
	mkdir "$tmp/links"
	tried=0
	while read -r name; do
		for how in link word argv0 login; do
			status=0
			out=$(try $how "$name") || status=$?
			if [ $status -ne 127 ] || [[ $out != *"applet not found"* ]]; then
				echo "$name by $how: status $status, $out"
				return 1
			fi
			tried=$((tried + 1))
		done
	done < <(comm -23 "$tmp/known" "$tmp/listed")
	[ "$tried" -gt 1600 ]
}

@test "an applet that is listed is there by all of them" {
	rm -rf "$tmp/links"
	mkdir "$tmp/links"
	while read -r name; do
		for how in link word argv0; do
			out=$(try $how "$name") || :
			if [[ $out == *"applet not found"* ]]; then
				echo "$name by $how: $out"
				return 1
			fi
		done
	done <"$tmp/listed"
}

@test "no function of an unlisted applet is left: names of some aren't in the program" {
	for name in wget telnet ftpget udhcpc crontab httpd; do
		run ! grep -qaF "$name" "$BB"
	done
	grep -qaF adduser "$BB"
}

@test "every listed applet has a link in the tree, and nothing else points to BusyBox" {
	find "$root" -lname '*busybox' -printf '%f\n' | sort >"$tmp/linked"
	diff "$tmp/listed" "$tmp/linked"
	# Relative links: the tree holds together when looked at from outside.
	[ "$(readlink -f "$root/usr/sbin/adduser")" = "$root/bin/busybox" ]
}

@test "the tree: accounts, modes, no setuid, nothing writable but /tmp" {
	[ "$(cut -d: -f1 "$root/etc/passwd" | tr '\n' ' ')" = "root nobody " ]
	[ "$(cut -d: -f1 "$root/etc/group" | tr '\n' ' ')" = "root nobody " ]
	grep -q '^ID=whittle$' "$root/etc/os-release"
	run tar --numeric-owner -tvf obj/rootfs-musl.tar
	refute rws
	refute r-s
	[ "$(awk '$2 != "0/0"' <<<"$output" | wc -l)" -eq 0 ]
	[ "$(awk '$1 ~ /^-.......w/ || $1 ~ /^d.......w[^t]/' <<<"$output" | wc -l)" -eq 0 ]
	[ "$(awk '$1 == "drwxrwxrwt" { print $6 }' <<<"$output" | tr '\n' ' ')" = "./tmp/ ./var/tmp/ " ]
	[ "$(awk '$6 == "./etc/shadow" { print $1 }' <<<"$output")" = "-rw-------" ]
}

@test "the shell does what prep-local needs" {
	run_x 0 "$BB" sh -ec 'f() { local x=$((2 * 21)); echo $x; }; [ "$(f)" = 42 ] && test -d / &&
		printf "%s\n" "a b" && command -v sed >/dev/null && case abc in a*) echo yes;; esac'
	[ "$output" = $'a b\nyes' ]
}

@test "adduser writes passwd, group and shadow" {
	requires root
	cp -a "$root" "$tmp/users"
	run_x 0 chroot "$tmp/users" /bin/sh -c 'addgroup -S -g 200 app && adduser -S -D -H -h /nowhere -s /sbin/nologin -u 200 -G app app && id app'
	expect "uid=200(app) gid=200(app)"
	grep -q '^app:!:' "$tmp/users/etc/shadow"
	grep -q '^app:x:200:200:.*:/nowhere:/sbin/nologin$' "$tmp/users/etc/passwd"
}

@test "a dynamic program runs on the tree's loader" {
	requires root
	printf '#include <stdio.h>\nint main(void) { puts("dynamic"); return 0; }\n' >"$tmp/hello.c"
	"$TOP/third-party/obj/prefix/bin/musl-gcc" -Wl,--dynamic-linker="/lib/$(loader)" -o "$root/hello" "$tmp/hello.c"
	run_x 0 chroot "$root" /hello
	[ "$output" = dynamic ]
	rm "$root/lib/$(loader)"
	run ! chroot "$root" /hello 2>/dev/null
}

@test "the same bytes from another directory, another umask, another time zone" {
	mkdir -p "$tmp/elsewhere"
	(
		umask 077
		export TMPDIR="$tmp/elsewhere" TZ=Pacific/Chatham LC_ALL=C.UTF-8
		./build-busybox -l applets.list -l options.list -o "$tmp/elsewhere/busybox"
		touch "$tmp/elsewhere/busybox"
		./make-rootfs -b "$tmp/elsewhere/busybox" -m "$TOP"/third-party/obj/prefix/lib/ld-musl-*.so.1 -o "$tmp/again.tar"
	)
	cmp obj/busybox "$tmp/elsewhere/busybox"
	cmp obj/rootfs-musl.tar "$tmp/again.tar"
}

@test "a list with a mistake names file and line, and nothing is built" {
	printf 'cat\n# a comment\nwgett # typo\n' >"$tmp/list"
	run_x 2 ./build-busybox -l "$tmp/list" -o "$tmp/out"
	expect "$tmp/list:3: no applet 'wgett' in BusyBox" "$stderr"
	printf 'cat\nls\ncat\n' >"$tmp/list"
	run_x 2 ./build-busybox -l "$tmp/list" -o "$tmp/out"
	expect "$tmp/list:3: applet 'cat' again" "$stderr"
	printf 'cat ls\n' >"$tmp/list"
	run_x 2 ./build-busybox -l "$tmp/list" -o "$tmp/out"
	expect "$tmp/list:1: more than one word" "$stderr"
	printf 'cat\nls\nNO_SUCH_OPTION\n' >"$tmp/list"
	run_x 2 ./build-busybox -l "$tmp/list" -o "$tmp/out"
	expect "$tmp/list:3:" "$stderr"
	expect "NO_SUCH_OPTION" "$stderr"
	# An option of an applet that isn't there.
	printf 'cat\nls\nFEATURE_WGET_HTTPS\n' >"$tmp/list"
	run_x 2 ./build-busybox -l "$tmp/list" -o "$tmp/out"
	expect "needs an option that is off" "$stderr"
	[ ! -e "$tmp/out" ]
}

@test "a list of one: the program is that applet under any name" {
	echo true >"$tmp/list"
	run_x 0 ./build-busybox -l "$tmp/list" -o "$tmp/out"
	[ "$(cat "$tmp/out.links")" = /bin/true ]
	run_x 0 "$tmp/out" sh -c 'echo shell'
	[ -z "$output" ]
}

@test "the pinned Alpine root file system, as it is" {
	requires alpine
	run_x 0 make BASE=alpine
	cmp obj/rootfs-alpine.tar <(gzip -dc "$("$TOP/infra/fetch" alpine)")
	run_x 2 make BASE=gentoo
	expect "want musl or alpine" "$stderr"
}

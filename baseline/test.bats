# The baseline's image: what is in it, what isn't, and that an image built on it can
# harden itself. For both bases.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; inner shells have variables too
load ../tests/helpers

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/baseline:latest}
	export ID=whittle-test-baseline-$$
	engine create --name "$ID" "$IMAGE" /bin/sh >/dev/null
	engine export "$ID" >"$BATS_FILE_TMPDIR/image.tar"
	engine rm "$ID" >/dev/null
	tar --numeric-owner -tvf "$BATS_FILE_TMPDIR/image.tar" >"$BATS_FILE_TMPDIR/list"
	mkdir "$BATS_FILE_TMPDIR/root"
	tar -C "$BATS_FILE_TMPDIR/root" --no-same-owner --exclude='dev/*' -xf "$BATS_FILE_TMPDIR/image.tar"
}

teardown_file() {
	engine rmi "localhost/$ID" >/dev/null 2>&1 || :
}

setup() {
	root=$BATS_FILE_TMPDIR/root
	list=$BATS_FILE_TMPDIR/list
	base=musl
	[ ! -e "$root/etc/alpine-release" ] || base=alpine
}

# in_image COMMAND…: in a container that can do nothing and reach nothing.
in_image() {
	engine run --rm --network none --cap-drop ALL --security-opt no-new-privileges \
		--entrypoint "$1" "$IMAGE" "${@:2}"
}

@test "it is the base that was asked for" {
	[ "$base" = "${BASE:-musl}" ]
	if [ "$base" = alpine ]; then
		[ "$(cat "$root/etc/alpine-release")" = "$("$TOP/infra/fetch" -n alpine)" ]
	else
		grep -qx ID=whittle "$root/etc/os-release"
	fi
}

@test "prep and probe are there, the baseline's own prep-local isn't" {
	cmp "$root/prep" "$TOP/baseline/prep/prep"
	cmp "$root/bin/probe" "$TOP/services/probe/probe"
	[ ! -e "$root/prep-local" ]
	run_x 2 in_image /bin/probe
	expect "usage: probe" "$stderr"
	run_x 1 in_image /bin/probe tcp:127.0.0.1:1
	expect "refused" "$stderr"
}

@test "the applets are those of the list, and the others can't be brought back" {
	if [ "$base" = alpine ]; then
		# Alpine's BusyBox is Alpine's; images on this base install packages.
		run_x 0 in_image /sbin/apk --version
		return
	fi
	run_x 0 in_image /bin/busybox --list
	[ "$output" = "$(sed 's/#.*//' "$BATS_TEST_DIRNAME/rootfs/applets.list" | awk 'NF { print $1 }' | LC_ALL=C sort)" ]
	run_x 127 in_image /bin/busybox wget
	expect "applet not found" "$stderr"
	run_x 127 in_image /bin/sh -c 'cd /tmp && ln -s /bin/busybox wget && ./wget http://127.0.0.1/'
	expect "applet not found" "$stderr"
}

@test "the shell and the tools that images need at build time work" {
	run_x 0 in_image /bin/sh -ec 'cd /tmp; mkdir a; touch a/b; chmod 600 a/b; ln -s b a/c; cp -a a d
		echo one >d/b; sed -i s/one/two/ d/b; grep -q two d/c; rm a/b; ls d; rm -r d a/c; rmdir a; id -u'
	[ "$output" = $'b\nc\n0' ]
}

@test "no setuid, no setgid, nothing but /tmp writable for all" {
	run ! grep -E '^-..([sS]|...[sS])' "$list"
	run ! grep -E '^-.......w' "$list"
	run ! grep -E '^d.......w[^t]' "$list"
	grep -qE '^drwxrwxrwt .* (\./)?tmp/$' "$list"
}

@test "no accounts but root and nobody" {
	[ "$(cut -d: -f1 "$root/etc/passwd" | sort | tr '\n' ' ')" = "nobody root " ]
	run ! grep -vE '^(root|nobody|shadow|nogroup):' "$root/etc/group"
	run ! grep -vE '^[^:]*:[!*]' "$root/etc/shadow"
}

@test "no crontabs, no init scripts, no dangling links" {
	for gone in etc/crontabs var/spool/cron etc/periodic etc/init.d etc/conf.d etc/fstab etc/modules etc/inittab; do
		[ ! -e "$root/$gone" ] || { echo "$gone is there"; false; }
	done
	while IFS= read -r -d '' link; do
		to=$(readlink "$link")
		case $to in
		/proc/*) continue ;;
		/*) [ -e "$root$to" ] || [ -L "$root$to" ] ;;
		*) [ -e "$link" ] ;;
		esac || { echo "$link -> $to dangles"; false; }
	done < <(find "$root" -type l -print0)
}

@test "a dynamic program for musl runs" {
	printf '#include <stdio.h>\nint main(void) { puts("dynamic"); return 0; }\n' >"$BATS_TEST_TMPDIR/hello.c"
	loader=/lib/$(basename "$TOP"/third-party/obj/prefix/lib/ld-musl-*.so.1)
	"$TOP/third-party/obj/prefix/bin/musl-gcc" -Wl,--dynamic-linker="$loader" -o "$BATS_TEST_TMPDIR/hello" "$BATS_TEST_TMPDIR/hello.c"
	chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/hello"
	run_x 0 engine run --rm --network none -v "$BATS_TEST_TMPDIR/hello:/hello:ro" "$IMAGE" /hello
	[ "$output" = dynamic ]
}

@test "an image built on it makes its account, hardens itself and is locked down" {
	mkdir -p "$BATS_TEST_TMPDIR/image/files"
	cat >"$BATS_TEST_TMPDIR/image/files/prep-local" <<-'EOT'
		addgroup -S -g 200 app
		adduser -S -D -H -s /sbin/nologin -u 200 -G app app
		mkdir /data
		chown app:app /data
		ACCOUNTS_DONT_DELETE_REGEX='^app:'
		GROUP_DONT_DELETE_REGEX='^app:'
	EOT
	printf 'FROM %s\nCOPY files/ /\nRUN ["/prep"]\nUSER app\nCMD ["id"]\n' "$IMAGE" >"$BATS_TEST_TMPDIR/image/Dockerfile"
	engine build -q --pull=false -t "localhost/$ID" "$BATS_TEST_TMPDIR/image"
	run_x 0 engine run --rm --network none "localhost/$ID"
	expect "uid=200(app) gid=200(app)"
	run_x 1 engine run --rm --network none "localhost/$ID" ls -ld /data /prep /prep-local /root /bin/chmod /bin/ln /usr/sbin/adduser
	expect "app      app"
	for gone in /prep /prep-local /root /bin/chmod /bin/ln /usr/sbin/adduser; do
		expect "$gone: No such file" "$stderr"
	done
	run_x 0 engine run --rm --network none "localhost/$ID" cat /etc/passwd
	# BusyBox before 1.38 fills in a name.
	[[ $output =~ ^app:x:200:200:[^:]*:/home/app:/sbin/nologin$ ]]
}

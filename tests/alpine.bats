# Alpine's packages, pinned: from a small repository that is made and signed here as Alpine's
# is, resolved and installed by apk, on whatever host this is.

# shellcheck disable=SC2154 # run_x sets stderr
load helpers

PACKAGES=$TOP/infra/packages

setup_file() {
	file_requires command:openssl alpine || return 0
	cd "$BATS_FILE_TMPDIR"
	ARCH=$(uname -m)
	export ARCH ROOTFS=$BATS_FILE_TMPDIR/rootfs MIRROR=$BATS_FILE_TMPDIR/mirror
	mkdir -p "$ROOTFS" "$MIRROR/v3.22/main/$ARCH" "$MIRROR/v3.22/community/$ARCH" keys
	tar -C "$ROOTFS" -xzf "$("$TOP/infra/fetch" alpine 2>/dev/null)"
	openssl genrsa -out key.pem 2048 2>/dev/null
	openssl rsa -in key.pem -pubout -out keys/tests.rsa.pub 2>/dev/null
	mkdir -p busybox/bin busybox/lib base/etc lib/usr/lib web/usr/bin
	cp -L "$ROOTFS/bin/busybox" busybox/bin/
	ln -s busybox busybox/bin/sh
	cp "$ROOTFS/lib/ld-musl-$ARCH.so.1" busybox/lib/
	ln -s "ld-musl-$ARCH.so.1" "busybox/lib/libc.musl-$ARCH.so.1"
	printf 'root:x:0:0:root:/root:/bin/sh\n' >base/etc/passwd
	printf 'root:x:0:\n' >base/etc/group
	echo library >lib/usr/lib/thing
	printf '#!/bin/sh\necho served\n' >web/usr/bin/webd
	chmod 755 web/usr/bin/webd
	package main alpine-baselayout 3.6-r0 base
	package main busybox 1.37.0-r1 busybox
	package main thing 2.0_rc1-r3 lib
	printf '#!/bin/sh\necho "web:x:100:101::/var/empty:/sbin/nologin" >>/etc/passwd\n' >pre
	package community web 1.2-r0 web 'depend = thing' 'origin = websource'
	publish
}

# package REPOSITORY NAME VERSION FILES [LINE…]: as abuild packs it; with a script where "pre" is one.
package() {
	local at=$MIRROR/v3.22/$1/$ARCH/$2-$3.apk control=$BATS_FILE_TMPDIR/control names=(.PKGINFO)
	rm -rf "$control"
	mkdir "$control"
	data_of "$BATS_FILE_TMPDIR/$4" >"$control/data.tar.gz"
	{
		printf 'pkgname = %s\npkgver = %s\npkgdesc = %s\nurl = x\nsize = 1\narch = %s\nlicense = MIT\n' "$2" "$3" "$2" "$ARCH"
		[ $# -lt 5 ] || printf '%s\n' "${@:5}"
		printf 'datahash = %s\n' "$(sha256sum <"$control/data.tar.gz" | cut -d' ' -f1)"
	} >"$control/.PKGINFO"
	if [ "$2" = web ]; then
		install -m 755 "$BATS_FILE_TMPDIR/pre" "$control/.pre-install"
		names+=(.pre-install)
	fi
	segment "$control" "${names[@]}" >"$control/control.tar.gz"
	{
		signature "$control/control.tar.gz"
		cat "$control/control.tar.gz" "$control/data.tar.gz"
	} >"$at"
}

# A directory's files, each with its digest in a header, as apk wants them.
data_of() {
	python3 - "$1" <<-'EOT'
		import hashlib, os, sys, tarfile
		out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|gz", format=tarfile.PAX_FORMAT)
		os.chdir(sys.argv[1])
		for where, directories, names in sorted(os.walk(".")):
		    for name in sorted(directories) + sorted(names):
		        path = os.path.relpath(os.path.join(where, name))
		        info = out.gettarinfo(path)
		        info.uid = info.gid = info.mtime = 0
		        info.uname = info.gname = "root"
		        body = open(path, "rb").read() if info.isreg() else info.linkname.encode()
		        if not info.isdir():
		            info.pax_headers = {"APK-TOOLS.checksum.SHA1": hashlib.sha1(body).hexdigest()}
		        out.addfile(info, open(path, "rb") if info.isreg() else None)
		out.close()
	EOT
}

# A part of what others follow: without the end of an archive.
segment() { # DIRECTORY NAME…
	tar -C "$1" -b 1 --owner=0 --group=0 --numeric-owner --mtime=@1700000000 -c "${@:2}" | head -c -1024 | gzip -n
}

# The part that goes before a file that is signed.
signature() { # FILE
	openssl dgst -sha1 -sign "$BATS_FILE_TMPDIR/key.pem" -out "$BATS_FILE_TMPDIR/.SIGN.RSA.tests.rsa.pub" "$1"
	segment "$BATS_FILE_TMPDIR" .SIGN.RSA.tests.rsa.pub
}

# Indexes, signed.
publish() {
	local at
	for at in "$MIRROR"/v3.22/*/"$ARCH"; do
		(
			cd "$at"
			rm -f APKINDEX.tar.gz
			# What an empty repository has is an index of nothing.
			"$ROOTFS/lib/ld-musl-$ARCH.so.1" --library-path "$ROOTFS/lib:$ROOTFS/usr/lib" "$ROOTFS/sbin/apk" index --allow-untrusted -q -o unsigned ./*.apk
			{
				signature unsigned
				cat unsigned
			} >APKINDEX.tar.gz
			rm unsigned
		)
	done
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir c && cd c
	export ALPINE_MIRROR=file://$MIRROR ALPINE_KEYS=$BATS_FILE_TMPDIR/keys WHITTLE_CACHE=$BATS_TEST_TMPDIR/cache
	printf 'alpine 3.22\nweb\n' >packages
}

@test "lock: each package with what it needs, from the signed indexes; again: the same file" {
	run_x 0 "$PACKAGES" lock
	[ "$(grep -v '^#' packages.lock | cut -d' ' -f1-3 | xargs)" = "for alpine 3.22 alpine-baselayout 3.6-r0 $ARCH busybox 1.37.0-r1 $ARCH thing 2.0_rc1-r3 $ARCH web 1.2-r0 $ARCH" ]
	grep -q "^web 1.2-r0 $ARCH $(sha256sum <"$MIRROR/v3.22/community/$ARCH/web-1.2-r0.apk" | cut -d' ' -f1) alpine:v3.22/community/$ARCH/web-1.2-r0.apk$" packages.lock
	before=$(stat -c '%i %Y' packages.lock)
	run_x 0 "$PACKAGES" lock
	[ "$(stat -c '%i %Y' packages.lock)" = "$before" ]
	printf 'alpine 3.22\nnothing-of-that-name\n' >packages
	run_x 2 "$PACKAGES" lock
	expect "can't be resolved in alpine 3.22" "$stderr"
}

@test "an index by another key is refused, and a package that isn't what the index says" {
	mkdir other
	openssl genrsa 2048 2>/dev/null | openssl rsa -pubout -out other/tests.rsa.pub 2>/dev/null
	ALPINE_KEYS=$PWD/other run_x 2 "$PACKAGES" lock
	expect "not signed by a key in '$PWD/other'" "$stderr"
	[ ! -e packages.lock ]
	cp -r "$MIRROR" mirror
	cp "mirror/v3.22/main/$ARCH/busybox-1.37.0-r1.apk" "mirror/v3.22/main/$ARCH/thing-2.0_rc1-r3.apk"
	ALPINE_MIRROR=file://$PWD/mirror run_x 2 "$PACKAGES" lock
	[ ! -e packages.lock ]
	# Unsigned, though the index is signed.
	cp "$MIRROR/v3.22/main/$ARCH/thing-2.0_rc1-r3.apk" thing.apk
	tail -c +2 thing.apk >"mirror/v3.22/main/$ARCH/thing-2.0_rc1-r3.apk"
	ALPINE_MIRROR=file://$PWD/mirror run_x 2 "$PACKAGES" lock
	[ ! -e packages.lock ]
}

@test "assemble: exactly those files, each by its digest, scripts run, the same bytes again" {
	requires root
	run_x 0 "$PACKAGES" lock
	rm -rf "$WHITTLE_CACHE/packages/pool"
	run_x 0 "$PACKAGES" assemble "$PWD/one.tar"
	WHITTLE_CACHE=$BATS_TEST_TMPDIR/cache2 run_x 0 "$PACKAGES" assemble "$PWD/two.tar"
	cmp one.tar two.tar
	mkdir root
	tar -C root -xf one.tar
	[ "$(chroot root /usr/bin/webd)" = served ]
	grep -q '^web:x:100:' root/etc/passwd
	grep -qx 'P:web' root/lib/apk/db/installed
	[ ! -e root/var/cache/apk ]
	# A file in the cache that changed is fetched again; one that isn't the locked one is refused.
	rm "$WHITTLE_CACHE/packages/pool/web_1.2-r0_$ARCH.apk"
	echo x >"$WHITTLE_CACHE/packages/pool/web_1.2-r0_$ARCH.apk"
	run_x 0 "$PACKAGES" assemble "$PWD/two.tar"
	cmp one.tar two.tar
	sed -i "s/^\(web .* \)[0-9a-f]\{64\} /\1$(printf x | sha256sum | cut -d' ' -f1) /" packages.lock
	run_x 2 "$PACKAGES" assemble "$PWD/three.tar"
	expect "can't get web 1.2-r0" "$stderr"
	[ ! -e three.tar ]
}

@test "it becomes an image: the scripts' account, no apk in it, the packages in its bill of materials" {
	requires root engine
	engine image inspect localhost/whittle/baseline:live >/dev/null 2>&1 || skip "this machine cannot: no baseline is built"
	N=walpine$RANDOM
	mkdir "$N"
	cd "$N"
	cp ../packages .
	printf 'include %s/etc/Makefile-docker\n' "$TOP" >Makefile
	printf 'FROM localhost/whittle/%s:packages\nCOPY --from=localhost/whittle/baseline:live /prep /prep\nCOPY files/ /\nRUN ["/prep"]\nUSER web\nCMD ["/usr/bin/webd"]\n' "$N" >Dockerfile
	export WHITTLE_STATE=$BATS_TEST_TMPDIR/state WHITTLE_PROGRAMS_READY=1 WHITTLE_BASELINE_READY=1
	run_x 0 make lock
	run_x 0 make all
	run_x 0 engine run --rm --network none "localhost/whittle/$N:latest"
	[ "$output" = served ]
	grep -rq "pkg:apk/alpine/web@1.2-r0" "$WHITTLE_STATE/images/$N"
	run_x 0 "$PACK" explain "$N:latest" /lib/apk/db/installed
	expect "removed by prep's rule package-manager"
}

teardown() {
	[ -z "${N:-}" ] || remove_all_of "$N" || :
}

@test "outdated: what the security database has fixed first" {
	run_x 0 "$PACKAGES" lock
	run_x 0 "$PACKAGES" outdated
	package main thing 2.0-r0 lib
	package community web 1.3-r0 web 'depend = thing' 'origin = websource'
	publish
	printf '{"packages":[{"pkg":{"name":"websource","secfixes":{"1.3-r0":["CVE-2026-7 GHSA-x"],"1.1-r0":["CVE-2020-1"],"0":["CVE-2020-2"]}}}]}' >db
	ALPINE_SECDB=file://$PWD/db run_x 1 "$PACKAGES" outdated
	[ "$output" = "c: web 1.2-r0 -> 1.3-r0 (security: CVE-2026-7)"$'\n'"c: thing 2.0_rc1-r3 -> 2.0-r0" ]
	run_x 0 "$PACKAGES" bump
	run_x 0 "$PACKAGES" outdated
	rm "$MIRROR/v3.22/main/$ARCH/thing-2.0-r0.apk" "$MIRROR/v3.22/community/$ARCH/web-1.3-r0.apk"
	publish
}

@test "where there is no apk to be had, that is said" {
	PATH=$BATS_TEST_TMPDIR/none:/usr/bin:/bin SOURCE_CACHE=/none WHITTLE_CACHE=$BATS_TEST_TMPDIR/empty run_x 2 env \
		https_proxy=http://127.0.0.1:1 http_proxy=http://127.0.0.1:1 "$PACKAGES" lock
	expect "there is no apk here, and the pinned Alpine root file system, which has one, can't be had" "$stderr"
}

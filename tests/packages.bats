# Distribution packages, pinned: against a small repository that is made and signed here, and
# what is refused.

# shellcheck disable=SC2154 # run_x sets stderr
load helpers

PACKAGES=$TOP/infra/packages

setup_file() {
	file_requires command:gpg command:dpkg-deb command:apt-get || return 0
	cd "$BATS_FILE_TMPDIR"
	export GNUPGHOME=$BATS_FILE_TMPDIR/gnupg
	mkdir -m 700 gnupg
	gpg --batch --quiet --passphrase '' --quick-gen-key tests default default never 2>/dev/null
	gpg --export >keys.gpg
	ARCH=$(dpkg --print-architecture)
	export ARCH
	package base 1 'Essential: yes'
	package lib 1:2+b1
	package web 1 'Depends: lib (>= 1)'
	publish
}

teardown_file() {
	[ -z "${GNUPGHOME:-}" ] || gpgconf --kill all || :
}

setup() {
	cd "$BATS_TEST_TMPDIR"
	mkdir c && cd c
	export DEBIAN_MIRROR=file://$BATS_FILE_TMPDIR/mirror DEBIAN_SECURITY_MIRROR=file://$BATS_FILE_TMPDIR/security
	export DEBIAN_KEYRING=$BATS_FILE_TMPDIR/keys.gpg WHITTLE_CACHE=$BATS_TEST_TMPDIR/cache
	printf 'debian trixie\nweb  # the service\n' >packages
}

# package NAME VERSION [FIELD…]: a .deb in the mirror; in the security archive with AT=security.
package() {
	local at=${AT:-mirror} pool=pool dir
	[ "$at" = mirror ] || pool=pool/updates
	dir=$BATS_FILE_TMPDIR/build/$1
	rm -rf "$dir"
	mkdir -p "$dir/DEBIAN" "$dir/usr/share/$1" "$BATS_FILE_TMPDIR/$at/$pool"
	echo "$2" >"$dir/usr/share/$1/version"
	printf 'Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: x <x@example.org>\nDescription: %s\n' "$1" "$2" "$ARCH" "$1" >"$dir/DEBIAN/control"
	[ $# -lt 3 ] || printf '%s\n' "${@:3}" >>"$dir/DEBIAN/control"
	dpkg-deb -b "$dir" "$BATS_FILE_TMPDIR/$at/$pool/$1_${2#*:}_$ARCH.deb" >/dev/null
}

# Indexes of what is there, signed.
publish() {
	local at suite index deb
	for at in mirror:trixie mirror:trixie-updates security:trixie-security; do
		suite=${at#*:} at=$BATS_FILE_TMPDIR/${at%%:*}
		index=$at/dists/$suite
		rm -rf "$index"
		mkdir -p "$index/main/binary-$ARCH"
		(
			cd "$at"
			[[ $suite == *-updates ]] || for deb in pool/*.deb pool/updates/*.deb; do
				[ -f "$deb" ] || continue
				dpkg-deb -f "$deb"
				printf 'Filename: %s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum <"$deb" | cut -d' ' -f1)"
			done
		) >"$index/main/binary-$ARCH/Packages"
		(
			cd "$index"
			printf 'Origin: Debian\nLabel: Debian\nSuite: %s\nCodename: %s\nDate: %s\nArchitectures: %s\nComponents: main\nSHA256:\n %s %s main/binary-%s/Packages\n' \
				"$suite" "$suite" "$(date -u '+%a, %d %b %Y %H:%M:%S UTC')" "$ARCH" "$(sha256sum <"main/binary-$ARCH/Packages" | cut -d' ' -f1)" \
				"$(stat -c %s "main/binary-$ARCH/Packages")" "$ARCH" >Release
			gpg --batch --quiet --clearsign -o InRelease Release
		)
	done
}

@test "lock: each package with what it needs, by the digest in the signed index; again: the same file" {
	run_x 0 "$PACKAGES" lock
	expect "3 packages of debian trixie"
	[ "$(grep -v '^#' packages.lock | cut -d' ' -f1-3 | xargs)" = "for debian trixie base 1 $ARCH lib 1:2+b1 $ARCH web 1 $ARCH" ]
	grep -q "^lib 1:2+b1 $ARCH $(sha256sum <"$BATS_FILE_TMPDIR/mirror/pool/lib_2+b1_$ARCH.deb" | cut -d' ' -f1) debian:pool/lib_2+b1_$ARCH.deb$" packages.lock
	before=$(stat -c '%i %Y' packages.lock)
	run_x 0 "$PACKAGES" lock
	[ "$(stat -c '%i %Y' packages.lock)" = "$before" ]
	run_x 0 "$PACKAGES" check
}

@test "a lock that doesn't fit, and files with mistakes: named with their line, nothing changed" {
	run_x 2 "$PACKAGES" check
	expect "no packages.lock: run make lock" "$stderr"
	run_x 0 "$PACKAGES" lock
	echo lib >>packages
	run_x 1 "$PACKAGES" check
	expect "'packages' asks for debian trixie $ARCH: lib web: run make lock" "$stderr"
	printf 'debian trixie\nweb\n' >packages
	sed -i 's/^lib [^ ]*/lib ..\/x/' packages.lock
	run_x 2 "$PACKAGES" check
	expect "packages.lock:5: want" "$stderr"
	printf '# none\n\nfedora 41\n' >packages
	run_x 2 "$PACKAGES" lock
	expect "packages:3: want a distribution and its release" "$stderr"
	printf 'debian trixie\nweb\n-o x\nnginx;reboot\n' >packages
	run_x 2 "$PACKAGES" lock
	expect "packages:3: want NAME" "$stderr"
	expect "packages:4: want NAME" "$stderr"
	printf 'debian trixie\nnothing-of-that-name\n' >packages
	run_x 2 "$PACKAGES" lock
	expect "Unable to locate package nothing-of-that-name" "$stderr"
}

@test "an index that isn't signed, or by another key, is refused" {
	GNUPGHOME=$BATS_TEST_TMPDIR/other
	mkdir -m 700 "$GNUPGHOME"
	gpg --batch --quiet --passphrase '' --quick-gen-key other default default never 2>/dev/null
	gpg --export >"$BATS_TEST_TMPDIR/other.gpg"
	gpgconf --kill all
	DEBIAN_KEYRING=$BATS_TEST_TMPDIR/other.gpg run_x 2 "$PACKAGES" lock
	expect "can't get the indexes of debian trixie" "$stderr"
	[ ! -e packages.lock ]
}

@test "outdated and bump: what is newer, security first" {
	run_x 0 "$PACKAGES" lock
	run_x 0 "$PACKAGES" outdated
	package base 2 'Essential: yes'
	AT=security package web 1.1 'Depends: lib (>= 1)'
	publish
	rm -rf "$WHITTLE_CACHE"
	run_x 1 "$PACKAGES" outdated
	[ "$output" = "c: web 1 -> 1.1 (security)"$'\n'"c: base 1 -> 2" ]
	run_x 1 "$PACKAGES" outdated --json
	[ "$(jq -c '[.container, .distribution, (.updates[] | [.name, .from, .to, .security])]' <<<"$output")" = '["c","debian trixie",["web","1","1.1",true],["base","1","2",false]]' ]
	# By Debian's list of what was fixed where, which has names of sources; then by the copy of it.
	printf '{"base": {"CVE-2026-1": {"releases": {"trixie": {"status": "resolved", "fixed_version": "1.5"}}},
		"CVE-2026-2": {"releases": {"trixie": {"status": "open"}}}, "CVE-2025-3": {"releases": {"trixie": {"status": "resolved", "fixed_version": "0.9"}}}}}' >"$BATS_TEST_TMPDIR/tracker"
	DEBIAN_TRACKER=file://$BATS_TEST_TMPDIR/tracker run_x 1 "$PACKAGES" outdated
	[ "$output" = "c: base 1 -> 2 (security: CVE-2026-1)"$'\n'"c: web 1 -> 1.1 (security)" ]
	rm "$BATS_TEST_TMPDIR/tracker"
	DEBIAN_TRACKER=file://$BATS_TEST_TMPDIR/tracker OFFLINE=1 run_x 1 "$PACKAGES" outdated --json
	[ "$(jq -c '.updates[0].advisories' <<<"$output")" = '["CVE-2026-1"]' ]
	DEBIAN_TRACKER=file://$BATS_TEST_TMPDIR/tracker run_x 1 "$PACKAGES" outdated
	expect "can't get the list of security fixes from 'file://$BATS_TEST_TMPDIR/tracker': the copy of" "$stderr"
	expect "CVE-2026-1"
	run_x 0 "$PACKAGES" bump
	expect "web 1 -> 1.1 (security)"
	grep -q "^web 1.1 .* debian-security:pool/updates/web_1.1_" packages.lock
	run_x 0 "$PACKAGES" outdated
	# A lock that was made for other packages, and none.
	echo lib >>packages
	run_x 0 "$PACKAGES" bump
	[[ $output != *$'\n'* ]]
	rm packages.lock
	run_x 0 "$PACKAGES" bump
	expect "+ web 1.1 (security)"
	refute "->"
	rm -f "$BATS_FILE_TMPDIR"/mirror/pool/base_2_* && rm -rf "$BATS_FILE_TMPDIR/security/pool"
	publish
}

@test "what a mirror has dropped: fetch says so, and the catalogue is tried with what it has now, in a copy" {
	local name=moved$RANDOM
	run_x 0 "$PACKAGES" lock
	run_x 0 "$PACKAGES" fetch
	mkdir "$BATS_TEST_TMPDIR/$name"
	cp packages packages.lock "$BATS_TEST_TMPDIR/$name/"
	printf 'all test install:\n\t@echo $@ by $$(grep -c "^web 1.0.1 " packages.lock) in $(CURDIR) $(wildcard ../../etc/Makefile-docker)\n' >"$BATS_TEST_TMPDIR/$name/Makefile"
	run_x 0 "$TOP/tests/catalogue" "$BATS_TEST_TMPDIR/$name"
	expect "install by 0 in $BATS_TEST_TMPDIR/$name"
	# With those of another release, on request.
	sed -i "s/^debian .*/debian none/" "$BATS_TEST_TMPDIR/$name/packages"
	run_x 0 "$TOP/tests/catalogue" -r "debian trixie" "$BATS_TEST_TMPDIR/$name"
	expect "test by 0 in $TOP/.catalogue/$name ../../etc/Makefile-docker"
	refute install
	cp packages "$BATS_TEST_TMPDIR/$name/"
	rm "$BATS_FILE_TMPDIR/mirror/pool/web_1_$ARCH.deb"
	package web 1.0.1 'Depends: lib (>= 1)'
	publish
	rm -rf "$WHITTLE_CACHE"
	run_x 1 "$PACKAGES" fetch
	expect "can't get web 1:" "$stderr"
	expect "make bump moves the lock" "$stderr"
	run_x 0 "$TOP/tests/catalogue" "$BATS_TEST_TMPDIR/$name"
	expect "catalogue: $name: its lock names what the mirror has no more" "$stderr"
	expect "install by 1 in $TOP/.catalogue/$name ../../etc/Makefile-docker"
	cmp packages.lock "$BATS_TEST_TMPDIR/$name/packages.lock"
	rm -rf "$TOP/.catalogue/$name" "$BATS_FILE_TMPDIR/mirror/pool/web_1.0.1_"*
	package web 1 'Depends: lib (>= 1)'
	publish
}

@test "a package is fetched by its digest: from the mirror, else from the snapshot archive, else said" {
	local deb=$BATS_FILE_TMPDIR/mirror/pool/lib_2+b1_$ARCH.deb sum
	sum=$(sha256sum <"$deb" | cut -d' ' -f1)
	fetch() {
		"$PACKAGES" fetch-one "file://$1" file:///none lib 1:2+b1 "$ARCH" "$sum" "debian:pool/lib_2+b1_$ARCH.deb" "$BATS_TEST_TMPDIR/got.deb"
	}
	run_x 0 fetch "$BATS_FILE_TMPDIR/mirror"
	cmp "$deb" "$BATS_TEST_TMPDIR/got.deb"
	rm "$BATS_TEST_TMPDIR/got.deb"

	# Dropped, or another file under its name.
	mkdir -p "$BATS_TEST_TMPDIR/poor/pool" "$BATS_TEST_TMPDIR/snapshot/mr/binary/lib/1:2%2Bb1" "$BATS_TEST_TMPDIR/snapshot/file"
	echo other >"$BATS_TEST_TMPDIR/poor/pool/lib_2+b1_$ARCH.deb"
	export DEBIAN_SNAPSHOT=http://127.0.0.1:1
	run_x 255 fetch "$BATS_TEST_TMPDIR/poor"
	expect "can't get lib 1:2+b1: neither from file://$BATS_TEST_TMPDIR/poor/pool/lib_2+b1_$ARCH.deb nor from the snapshot archive" "$stderr"
	[ ! -e "$BATS_TEST_TMPDIR/got.deb" ]

	mkdir -p "$BATS_TEST_TMPDIR/snapshot/mr/binary/lib/1:2+b1"
	printf '{"result":[{"architecture":"%s","hash":"abc123"}]}' "$ARCH" >"$BATS_TEST_TMPDIR/snapshot/mr/binary/lib/1:2+b1/binfiles"
	cp "$deb" "$BATS_TEST_TMPDIR/snapshot/file/abc123"
	local port
	port=$(free_port)
	start python3 -m http.server -d "$BATS_TEST_TMPDIR/snapshot" -b 127.0.0.1 "$port"
	wait_until 10 curl -fs "http://127.0.0.1:$port/"
	DEBIAN_SNAPSHOT=http://127.0.0.1:$port run_x 0 fetch "$BATS_TEST_TMPDIR/poor"
	cmp "$deb" "$BATS_TEST_TMPDIR/got.deb"

	# What it has under that name is checked as well.
	rm "$BATS_TEST_TMPDIR/got.deb"
	echo evil >"$BATS_TEST_TMPDIR/snapshot/file/abc123"
	DEBIAN_SNAPSHOT=http://127.0.0.1:$port run_x 255 fetch "$BATS_TEST_TMPDIR/poor"
	expect "what came has another sha256" "$stderr"
	[ ! -e "$BATS_TEST_TMPDIR/got.deb" ]
}

teardown() {
	stop_all
}

# without_debian COMMAND…: where no program of Debian's is to be found, and no mirror is known.
without_debian() {
	mkdir -p "$BATS_TEST_TMPDIR/programs"
	# shellcheck disable=SC2016 # the shell's in there
	unshare --mount bash -euc '
		mount --bind /usr/bin "$0"
		mount -t tmpfs none /usr/bin
		"$0/ln" -s "$0"/* /usr/bin/
		rm /usr/bin/{apt,dpkg,mm}*
		mount --bind /dev/null /usr/lib/os-release
		mount -t tmpfs none /usr/lib/apt
		mount -t tmpfs none /usr/share/keyrings
		exec "$@"' "$BATS_TEST_TMPDIR/programs" "$@"
}

# A package with what a root file system needs to have packages installed in it, all this host's.
package_base() {
	local dir=$BATS_FILE_TMPDIR/build/tools program file lib
	rm -rf "$dir"
	mkdir -p "$dir"/{DEBIAN,etc,usr/bin,tmp}
	chmod 1777 "$dir/tmp"
	printf 'root:x:0:0:root:/root:/bin/sh\n' >"$dir/etc/passwd"
	for program in sh env rm cat tar diff ldconfig dpkg dpkg-deb dpkg-split dpkg-query start-stop-daemon; do
		file=$(readlink -f "$(command -v "$program")")
		cp "$file" "$dir/usr/bin/$program"
		while read -r lib; do
			[ -e "$dir/usr/${lib#/usr/}" ] || install -D "$lib" "$dir/usr/${lib#/usr/}"
		done < <(ldd "$file" | grep -o '/[^ ]*')
	done
	printf 'Package: tools\nVersion: 1\nArchitecture: %s\nEssential: yes\nMaintainer: x <x@example.org>\nDescription: tools\n' "$ARCH" >"$dir/DEBIAN/control"
	dpkg-deb -Zxz -z1 -b "$dir" "$BATS_FILE_TMPDIR/mirror/pool/tools_1_$ARCH.deb" >/dev/null
}

@test "on a host without apt, dpkg and mmdebstrap: by Debian 12's own, pinned, the same to the byte" {
	local debs
	requires root
	# Archives of later ones differ in their headers, which no image keeps.
	[[ $(mmdebstrap --version) == "mmdebstrap 1.3"* ]] || skip "this machine cannot: its mmdebstrap isn't the version that is pinned, whose archive is compared"
	[ "$ARCH" = amd64 ] || skip "this machine cannot: the pinned tools are amd64's"
	# The tools, from the host's own mirror: only fetched here, and once.
	mapfile -t debs < <(awk '/^[a-z]/ { print $1 }' "$TOP/etc/debian-tools.lock")
	env -u DEBIAN_MIRROR WHITTLE_CACHE="$TOP/.cache" "$TOP/infra/fetch" -l "$TOP/etc/debian-tools.lock" "${debs[@]}" >"$BATS_TEST_TMPDIR/debs" 2>"$BATS_TEST_TMPDIR/why" ||
		skip "this machine cannot: no mirror with the pinned packages: $(tail -n 1 "$BATS_TEST_TMPDIR/why")"
	mkdir "$BATS_TEST_TMPDIR/debs.d"
	xargs -I{} ln -s {} "$BATS_TEST_TMPDIR/debs.d/" <"$BATS_TEST_TMPDIR/debs"
	package_base
	package web 1 'Depends: lib (>= 1)'
	publish
	run_x 0 "$PACKAGES" lock
	cp packages.lock lock
	run_x 0 "$PACKAGES" assemble "$PWD/one.tar"
	rm -rf packages.lock "$WHITTLE_CACHE"
	export SOURCE_CACHE=$BATS_TEST_TMPDIR/debs.d
	run_x 0 without_debian "$PACKAGES" lock
	expect "fetching Debian's own tools" "$stderr"
	cmp packages.lock lock
	run_x 0 without_debian "$PACKAGES" assemble two.tar
	cmp one.tar two.tar
	tar -xOf two.tar ./var/lib/dpkg/status | grep -qx 'Package: web'

	# What is newer, and the list of what was fixed where.
	package web 1.0.1 'Depends: lib (>= 1)'
	publish
	touch -d @1 "$WHITTLE_CACHE/packages/debian-trixie-amd64/ready"
	printf '{"web": {"CVE-2026-1": {"releases": {"trixie": {"status": "resolved", "fixed_version": "1.0.1"}}}}}' >tracker
	DEBIAN_TRACKER=file://$PWD/tracker run_x 1 without_debian "$PACKAGES" outdated
	[ "$output" = "c: web 1 -> 1.0.1 (security: CVE-2026-1)" ]
	run_x 0 without_debian "$PACKAGES" bump
	grep -q '^web 1.0.1 ' packages.lock

	# A pinned package by its place in a mirror; and with no mirror, that one is missing is said.
	printf 'lib 1:2+b1 %s deb:trixie/lib/lib_2+b1_amd64.deb\n' "$(sha256sum <"$BATS_FILE_TMPDIR/mirror/pool/lib_2+b1_amd64.deb" | cut -d' ' -f1)" >pins
	mkdir -p "$BATS_TEST_TMPDIR/m/pool/main/l/lib" unpacked
	cp "$BATS_FILE_TMPDIR/mirror/pool/lib_2+b1_amd64.deb" "$BATS_TEST_TMPDIR/m/pool/main/l/lib/"
	DEBIAN_MIRROR='' run_x 2 without_debian "$TOP/infra/fetch" -l pins lib
	expect "no mirror of Debian is known here: name one in DEBIAN_MIRROR" "$stderr"
	DEBIAN_MIRROR=file://$BATS_TEST_TMPDIR/m run_x 0 without_debian "$TOP/infra/fetch" -l pins -x unpacked lib
	[ "$(cat unpacked/usr/share/lib/version)" = 1:2+b1 ]
	rm "$BATS_FILE_TMPDIR/mirror/pool/"{web_1.0.1,tools_1}_*
	publish
}

@test "what is only unpacked when the others are through is set up all the same" {
	[ "$(id -u)" -eq 0 ] || skip "this machine cannot: dpkg sets packages up as root alone"
	# a wants b set up before it is unpacked, b wants c, and d wants a: as in cron, its
	# directories, systemd, logrotate.
	package a 1 'Pre-Depends: b'
	package b 1 'Depends: c'
	package c 1 'Pre-Depends: e'
	package d 1 'Depends: a'
	package e 1
	mkdir -p all root/var/lib/dpkg/{info,updates}
	: >root/var/lib/dpkg/status
	for name in a b c d e; do mv "$BATS_FILE_TMPDIR/mirror/pool/${name}_1_$ARCH.deb" all/; done
	run_x 0 "$PACKAGES" install-all all --root="$PWD/root" --force-not-root --force-bad-path
	run_x 0 dpkg-query --admindir=root/var/lib/dpkg -W -f '${Package} ${db:Status-Status}\n'
	[ "$(sort <<<"$output")" = "$(printf '%s installed\n' a b c d e)" ]
	# And what can't be is no success.
	package f 1 'Depends: nowhere'
	mkdir one && mv "$BATS_FILE_TMPDIR/mirror/pool/f_1_$ARCH.deb" one/
	run_x 1 "$PACKAGES" install-all one --root="$PWD/root" --force-not-root --force-bad-path
}

@test "what is removed from a root file system isn't this host's, whatever links there are in it" {
	mkdir -p host/man host/ssh r/var/cache r/etc r/var/lib/apt r/tmp r/usr/share/cat
	: >host/man/index
	: >host/ssh/ssh_host_x_key
	: >r/usr/share/cat/index
	: >r/tmp/.x
	ln -s "$PWD/host/man" r/var/cache/man
	ln -s "$PWD/host/ssh" r/etc/ssh
	ln -s "$PWD/host" r/var/log
	ln -s ../../usr/share/cat r/var/cache/apt
	run_x 0 "$PACKAGES" tidy r
	[ -e host/man/index ]
	[ -e host/ssh/ssh_host_x_key ]
	[ ! -e r/usr/share/cat/index ]
	[ ! -e r/tmp/.x ]
	[ ! -e r/var/lib/apt ]
}

@test "links to manual pages have a place while packages are set up, and are gone afterwards" {
	mkdir r
	run_x 0 "$PACKAGES" setup-root r amd64
	[ "$(readlink r/lib64)" = usr/lib64 ]
	ln -s /etc/alternatives/java.1.gz r/usr/share/man/man1/
	ln -s /etc/alternatives/x.7.gz r/usr/share/man/man7/
	run_x 0 "$PACKAGES" tidy r
	[ -d r/usr/share/man ]
	[ -z "$(ls r/usr/share/man)" ]
}

@test "secrets that set-up made are removed, with their certificates; what a package brought stays" {
	mkdir -p host/lib r/etc/svc r/etc/bind r/var/lib/dpkg/info r/var/log r/usr/share
	printf -- '-----BEGIN EC PRIVATE KEY-----\n' | tee r/etc/svc/a.key r/etc/svc/own.key r/usr/share/example.key host/lib/x.key >/dev/null
	printf -- '-----BEGIN CERTIFICATE-----\n' | tee r/etc/svc/a.pem r/etc/svc/b.pem >/dev/null
	printf 'key "rndc-key" {\n\talgorithm hmac-sha256;\n\tsecret "F3j1gqm47+8nq5i008og3otW0bXw/T4b/4GZBPopSN4=";\n};\n' >r/etc/bind/rndc.key
	printf 'secret "yours"\n' >r/etc/bind/example
	printf '/etc/svc/own.key\n' >r/var/lib/dpkg/info/svc.list
	ln -s "$PWD/host/lib" r/var/lib/linked
	run_x 0 "$PACKAGES" tidy r
	[ "$(cd r && find etc usr var/lib/dpkg/whittle-secrets host -type f 2>/dev/null | sort | xargs)" = \
		"etc/bind/example etc/svc/b.pem etc/svc/own.key usr/share/example.key var/lib/dpkg/whittle-secrets" ]
	[ "$(sort r/var/lib/dpkg/whittle-secrets | xargs)" = "/etc/bind/rndc.key /etc/svc/a.key" ]
	[ -e host/lib/x.key ]
}

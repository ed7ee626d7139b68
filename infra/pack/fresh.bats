#!/usr/bin/env bats
# pack outdated and pack bump, against a web server on loopback with lists as upstreams
# publish them.

load ../../tests/helpers

setup() {
	requires command:python3 command:curl
	cd "$BATS_TEST_TMPDIR"
	export WHITTLE_STATE=$PWD/state
	mkdir -p www/alpine/v3.99/releases www/dist www/secdb/v3.20
	port=$(free_port)
	base=http://127.0.0.1:$port
	write_lists
	serve
}

teardown() {
	stop_all
	[ -z "${loaded:-}" ] || ENGINE=podman engine rmi -f "$loaded" >/dev/null 2>&1 || :
}

serve() {
	echo ready >www/ready
	start python3 -m http.server --bind 127.0.0.1 --directory www "$port"
	wait_until 5 curl -fs "$base/ready"
}

write_lists() {
	cp "$BATS_TEST_DIRNAME"/tests/lists/* www/
	mkdir -p www/secdb/v3.20
	mv www/secdb.json www/secdb/v3.20/main.json
	printf 'alpine 3.99.1\n' >www/alpine/v3.99/releases/alpine-minirootfs-3.99.1-x86_64.tar.gz
	sed -i "s/@SHA256@/$(sha256sum <www/alpine/v3.99/releases/alpine-minirootfs-3.99.1-x86_64.tar.gz | cut -d' ' -f1)/" www/latest-releases.yaml
	printf 'tool 2.10\n' >www/dist/tool-2.10.tar.gz
	printf 'lib 1.4.2\n' >www/dist/lib-1.4.2.tar.gz
	zeros=$(printf '0%.0s' {1..64})
	cat >lock <<-EOT
		# pins

		alpine   3.20.3  $zeros  $base/alpine/v3.20/releases/alpine-minirootfs-3.20.3-x86_64.tar.gz

		tool     2.9     $zeros  apt:tool/tool_2.9.orig.tar.gz
		tool     2.9     $zeros  $base/dist/tool-2.9.tar.gz
		tool     2.8     $zeros  apt:older/tool/tool_2.8.orig.tar.gz

		lib      1.4.2   $zeros  $base/dist/lib-1.4.2.tar.gz
	EOT
	cat >upstreams <<-EOT
		alpine  $base/latest-releases.yaml  yaml:alpine-minirootfs  $base/alpine/v{SERIES}/releases/alpine-minirootfs-{VERSION}-x86_64.tar.gz  -
		tool    $base/directory.html  tool-{VERSION}.tar.gz  $base/dist/tool-{VERSION}.tar.gz  .sig
		lib     $base/tags.atom  /releases/tag/v{VERSION}"  $base/dist/lib-{VERSION}.tar.gz  -
		@security  $base/secdb/v{SERIES}/main.json
	EOT
}

outdated() {
	"$PACK" outdated --lock lock --upstreams upstreams --cache lists "$@"
}

bump() {
	"$PACK" bump --lock lock --upstreams upstreams --cache cache --lists lists --keys keys "$@"
}

# alpine_image [NAME [WHERE]]: an image with two packages of Alpine's, packed; $id. WHERE: lib, or
# usr/lib, where apk-tools 3 has its database.
alpine_image() {
	local name=${1:-test}
	PYTHONPATH=$BATS_TEST_DIRNAME/tests python3 -B - "${2:-lib}" <<-'EOT'
		import sys
		import archive as a
		where = sys.argv[1]
		db = (b"C:Q2AAAA=\nP:busybox\nV:1.36.1-r28\nA:x86_64\no:busybox\nF:bin\nR:busybox\n\n"
		      b"P:libssl3\nV:3.3.2-r0\nA:x86_64\no:openssl\nF:lib\nR:libssl.so.3\n\n")
		open("in.tar", "wb").write(a.image([
		    a.layer(a.entry("bin"), a.entry("bin/busybox", b"b\n", mode=0o755), a.entry("lib"),
		            a.entry("lib/libssl.so.3", b"s\n"), a.entry(where + "/apk/db/installed", db), a.entry("etc"),
		            a.entry("etc/os-release", b'ID=alpine\nVERSION_ID=3.20.3\n')),
		    a.layer(a.entry("lib"), a.entry(where + "/.wh.apk", b""))]))
	EOT
	run_x 0 "$PACK" build -n "$name" -i in.tar -o out.tar -t "localhost/whittle/$name:live"
	id=${output#sha256:}
}

@test "outdated: pins against a page, a feed and Alpine's list" {
	run_x 1 outdated
	[ "$output" = "alpine         3.20.3     3.99.1     is available: make bump NAME=alpine
tool           2.9        2.10       is available: make bump NAME=tool
lib            1.4.2      is the newest" ]
	run_x 1 outdated --json
	[ "$(jq -c '[.pinned[] | [.name, .newest, .outdated]]' <<<"$output")" = '[["alpine","3.99.1",true],["tool","2.10",true],["lib","1.4.2",false]]' ]
	sed -i '/^alpine/d; /^tool/d' lock
	run_x 0 outdated
}

@test "outdated works from the saved copies: without a network, and when told" {
	run_x 1 outdated
	first=$output
	stop_all
	run_x 1 outdated
	[ "$output" = "$first" ]
	expect "note: '$base/directory.html' as it was on" "$stderr"
	run_x 1 outdated --offline
	[ "$output" = "$first" ]
	rm -r lists
	run_x 2 outdated --offline
	expect "no saved copy of" "$stderr"
}

@test "outdated: an image's packages against the security database" {
	alpine_image
	run_x 1 outdated "$id"
	expect "test: busybox 1.36.1-r28 has CVE-2023-42364 open, fixed in 1.36.1-r29"
	refute CVE-2022-48174   # fixed before
	refute CVE-0000-00000   # never was in the package
	expect "test: libssl3 3.3.2-r0 has CVE-2024-9143 open, fixed in 3.3.2-r3" # by its origin, openssl
	refute CVE-2024-6119
	run_x 1 outdated --json "$id"
	[ "$(jq '.open | length' <<<"$output")" -eq 2 ]
	alpine_image three usr/lib
	run_x 1 outdated "$id"
	expect "three: libssl3 3.3.2-r0 has CVE-2024-9143 open"
	echo '{"nonsense": 1}' >www/secdb/v3.20/main.json
	run_x 2 outdated "$id"
	expect "is no security database" "$stderr"
}

@test "outdated --live: of what is kept, the images that are live" {
	requires root podman
	export ENGINE=podman
	name=whittle-test-fresh-$$
	alpine_image "$name-not-live"
	alpine_image "$name"
	sed -i '/^alpine/d; /^tool/d' lock
	run_x 0 outdated --live
	loaded=localhost/whittle/$name:live
	engine load -q -i out.tar
	run_x 1 outdated --live
	expect "$name: busybox 1.36.1-r28 has CVE-2023-42364 open"
	refute not-live
}

@test "a list that names no release, or is none: trouble, the others are still asked" {
	echo nothing >www/directory.html
	run_x 2 outdated
	expect "names no release of tool" "$stderr"
	expect "lib            1.4.2      is the newest"
	printf '{{{\n' >www/latest-releases.yaml
	run_x 2 outdated
}

@test "bump: fetched, verified by gpgv, written into the lock; all else stays" {
	requires command:gpg command:gpgv
	export GNUPGHOME=$PWD/gnupg
	mkdir -m 700 gnupg
	mkdir keys
	gpg --batch --quiet --passphrase '' --quick-gen-key 'up <up@example>' ed25519 sign never 2>/dev/null
	gpg --batch --quiet --export up@example >keys/tool.gpg
	gpg --batch --quiet --detach-sign -o www/dist/tool-2.10.tar.gz.sig www/dist/tool-2.10.tar.gz
	cp lock before
	run_x 0 bump tool
	sum=$(sha256sum <www/dist/tool-2.10.tar.gz | cut -d' ' -f1)
	[ "$output" = "tool 2.9 => 2.10, sha256 $sum" ]
	cmp cache/tool-2.10.tar.gz www/dist/tool-2.10.tar.gz
	run diff before lock
	[ "$output" = "5,6c5
< tool     2.9     $zeros  apt:tool/tool_2.9.orig.tar.gz
< tool     2.9     $zeros  $base/dist/tool-2.9.tar.gz
---
> tool     2.10    $sum  $base/dist/tool-2.10.tar.gz" ]
	[ -z "$(find . -name '*.new*')" ]
	# infra/fetch takes it from there
	run_x 0 env -u SOURCE_CACHE WHITTLE_CACHE="$PWD/other" "$TOP/infra/fetch" -l lock tool
	run_x 0 bump tool
	[ "$output" = "tool 2.10 is the newest" ]
	# by somebody else's key
	cp before lock
	gpg --batch --quiet --passphrase '' --quick-gen-key 'other <other@example>' ed25519 sign never 2>/dev/null
	gpg --batch --quiet --export other@example >keys/tool.gpg
	run_x 2 bump tool
	expect "the signature isn't by a key of 'keys/tool.gpg'" "$stderr"
	cmp before lock
	[ ! -e cache/tool-2.10.tar.gz ]
	gpgconf --kill all
}

@test "bump: signed by minisign; no key; no signature; not signed at all" {
	requires command:minisign
	mkdir keys
	cp lock before
	run_x 2 bump tool
	expect "no key of tool to verify its signature" "$stderr"
	cmp before lock
	minisign -G -W -p keys/tool.pub -s sec >/dev/null
	run_x 2 bump tool
	expect "fetch '$base/dist/tool-2.10.tar.gz.sig'" "$stderr"
	cmp before lock
	minisign -S -q -s sec -x www/dist/tool-2.10.tar.gz.sig -m www/dist/tool-2.10.tar.gz
	run_x 0 bump tool
	cp before lock
	rm -r keys
	run_x 0 bump --no-signature tool
	expect "was not verified" "$stderr"
	cp before lock
	run_x 0 bump alpine
	expect "publishes no signatures" "$stderr"
	expect "alpine 3.20.3 => 3.99.1"
	grep -q "^alpine   3.99.1  [0-9a-f]*  $base/alpine/v3.99/releases/alpine-minirootfs-3.99.1-x86_64.tar.gz$" lock
}

@test "bump: the list's digest decides too; unknown names; a file that isn't there" {
	cp lock before
	echo tampered >>www/alpine/v3.99/releases/alpine-minirootfs-3.99.1-x86_64.tar.gz
	run_x 2 bump alpine
	expect "its digest differs from the one in" "$stderr"
	cmp before lock
	[ ! -e cache/alpine-minirootfs-3.99.1-x86_64.tar.gz ]
	run_x 2 bump nosuch
	expect "'nosuch' isn't in 'lock'" "$stderr"
	run_x 2 bump --version 9.9 lib
	expect "fetch '$base/dist/lib-9.9.tar.gz'" "$stderr"
	cmp before lock
	run_x 2 bump
	echo 'half a line' >>upstreams
	run_x 2 outdated
	expect "upstreams:5: want" "$stderr"
}

@test "every pin of the project has its upstream" {
	# Debian's packages are looked after by Debian.
	awk '!/^#/ && NF && $4 !~ /^deb:/ { print $1 }' "$TOP/etc/sources.lock" | sort -u >pins
	awk '!/^[#@]/ && NF { print $1 }' "$TOP/etc/upstreams" | sort -u >known
	diff pins known
	run_x 2 "$PACK" outdated --offline --lock "$TOP/etc/sources.lock" --upstreams "$TOP/etc/upstreams" --cache none
	refute want "$stderr"
}

# What upstreams had published in November 2026, as their lists say it.
newest_of_2026() {
	cat <<-'EOT'
		alpine 3.24.2
		busybox 1.38.0
		dnsmasq 2.93
		jansson 2.15.1
		libarchive 3.8.10
		libmicrohttpd 1.0.10
		libpcap 1.11.0
		libyaml 0.2.5
		musl 1.2.6
		nettle 4.0
		rclone 1.75.2
		strace 7.2
		tcpdump 4.99.6
		zlib 1.3.2
	EOT
}

@test "outdated: a release that is held is told, and doesn't count; nor is it bumped to" {
	echo "@hold tool 2.10 it has other flags" >>upstreams
	run_x 1 outdated
	expect "tool           2.9        2.10       is available, held: it has other flags"
	expect "alpine         3.20.3     3.99.1     is available: make bump NAME=alpine"
	[ "$("$PACK" outdated --lock lock --upstreams upstreams --cache lists --json | jq -c '.pinned[1] | [.outdated, .held.newest, .held.reason]')" = \
		'[false,"2.10","it has other flags"]' ]
	cp lock before
	run_x 0 bump --no-signature tool
	expect "tool 2.9 is the newest that isn't held: it has other flags"
	# Alpine's list has its newest release alone.
	echo "@hold alpine 3.99 not yet" >>upstreams
	run_x 0 outdated
	expect "3.99.1     is available, held: not yet"
	run_x 0 bump alpine
	expect "alpine 3.20.3 is the newest that isn't held: not yet"
	cmp before lock
	for line in "@hold tool 3 again" "@hold lib 3" "@hold lib" "@hold lib x why"; do
		cp upstreams bad
		echo "$line" >>bad
		run_x 2 "$PACK" outdated --lock lock --upstreams bad --cache lists
		expect "bad:7: want" "$stderr"
	done
}

@test "the project's pins in November 2026: the newest, but those that are held" {
	while read -r name list pattern _; do
		[[ $name == @* || -z $name || $name == '#'* ]] && continue
		version=$(newest_of_2026 | awk -v n="$name" '$1 == n { print $2 }')
		pinned=$("$TOP/infra/fetch" -n "$name")
		# As the lists were saved: a name by the address's digest. Some have two sources.
		mkdir -p lists
		saved=lists/$(printf %s "$list" | sha256sum | cut -c1-12)-${list##*/}
		[ "${list##*/}" ] || saved=${saved%-}-index
		if [[ $pattern == yaml:* ]]; then
			printf -- '- flavor: %s\n  version: %s\n  sha256: %s\n' "${pattern#yaml:}" "$version" "$zeros" >"$saved"
		else
			printf '<a href="%s">\n' "${pattern//\{VERSION\}/$pinned}" "${pattern//\{VERSION\}/$version}" >>"$saved"
		fi
	done <"$TOP/etc/upstreams"
	run_x 0 "$PACK" outdated --offline --lock "$TOP/etc/sources.lock" --upstreams "$TOP/etc/upstreams" --cache lists
	[ "$(awk '/is available, held: / { print $1 }' <<<"$output" | sort | xargs)" = "alpine libarchive libpcap nettle strace" ]
	[ "$(grep -c 'is available: ' <<<"$output")" -eq 0 ]
	[ "$(grep -c 'is the newest' <<<"$output")" -eq 9 ]
}

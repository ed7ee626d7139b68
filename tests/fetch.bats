#!/usr/bin/env bats
# infra/fetch: verified or refused, and nothing half-written left.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	export WHITTLE_CACHE=$PWD/cache
	unset SOURCE_CACHE
	printf 'a source\n' >source
	sum=$(sha256sum <source | cut -d' ' -f1)
	wrong=$(echo other | sha256sum | cut -d' ' -f1)
	lock=$PWD/lock
}

teardown() {
	stop_all
}

# A web server on loopback with one directory; $base is its address.
serve() {
	mkdir -p www
	port=$(free_port)
	start busybox_httpd
	base=http://127.0.0.1:$port
	wait_until 5 curl -fs "$base/ready"
}

busybox_httpd() {
	echo ready >www/ready
	exec python3 -m http.server --bind 127.0.0.1 --directory www "$port"
}

fetch() {
	"$TOP/infra/fetch" -l "$lock" "$@"
}

no_rests() {
	[ -z "$(find "$WHITTLE_CACHE" -name '.fetch.*' 2>/dev/null)" ]
}

@test "a source from an address is verified, kept, and found again without the network" {
	requires command:python3
	serve
	cp source www/source-1.tar
	echo "source 1 $sum $base/source-1.tar" >lock
	run_x 0 fetch source
	[ "$output" = "$WHITTLE_CACHE/sources/source-1.tar" ]
	cmp source "$output"
	no_rests
	stop_all
	run_x 0 fetch source
	cmp source "$output"
}

@test "a wrong digest is refused, and named" {
	requires command:python3
	serve
	cp source www/source-1.tar
	echo "source 1 $wrong $base/source-1.tar" >lock
	run_x 2 fetch source
	expect "wrong digest: $sum, pinned is $wrong" "$stderr"
	[ ! -e "$WHITTLE_CACHE/sources/source-1.tar" ]
	no_rests
}

@test "the next origin is tried when one has other bytes" {
	requires command:python3
	serve
	echo other >www/bad
	cp source www/good
	printf 'source 1 %s %s\n' "$sum" "$base/bad" "$sum" "$base/good" >lock
	run_x 0 fetch source
	cmp source "$output"
}

@test "no network: a clear error that lists what was tried" {
	echo "source 1 $sum http://127.0.0.1:9/source-1.tar" >lock
	run_x 2 fetch source
	expect "can't get 'source'" "$stderr"
	expect "http://127.0.0.1:9/source-1.tar" "$stderr"
	expect SOURCE_CACHE "$stderr"
	no_rests
}

@test "SOURCE_CACHE is read first, by digest, and never written" {
	mkdir directory
	cp source directory/another-source-name
	cp source directory/source-1.tar
	echo tampered >>directory/source-1.tar
	echo "source 1 $sum http://127.0.0.1:9/source-1.tar" >lock
	SOURCE_CACHE=$PWD/directory run_x 0 fetch source
	[ "$output" = "$PWD/directory/another-source-name" ]
	[ "$(ls directory | wc -l)" -eq 2 ]
}

@test "a file in the cache that was damaged is not used" {
	mkdir -p cache/sources
	echo damaged >cache/sources/source-1.tar
	echo "source 1 $sum http://127.0.0.1:9/source-1.tar" >lock
	run_x 2 fetch source
}

@test "killed in the middle and run again, it recovers" {
	requires command:python3
	cat >slow.py <<-'EOT'
		import http.server, sys, time, os
		class H(http.server.BaseHTTPRequestHandler):
		    def do_GET(self):
		        data = open("source", "rb").read()
		        self.send_response(200)
		        self.send_header("Content-Length", str(len(data)))
		        self.end_headers()
		        self.wfile.write(data[:3]); self.wfile.flush()
		        open("asked", "w").close()
		        while os.path.exists("stall"): time.sleep(0.05)
		        self.wfile.write(data[3:])
		    def log_message(self, *a): pass
		http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), H).serve_forever()
	EOT
	port=$(free_port)
	touch stall
	start python3 slow.py "$port"
	echo "source 1 $sum http://127.0.0.1:$port/source-1.tar" >lock
	wait_until 5 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
	setsid "$TOP/infra/fetch" -l "$lock" source >out 2>&1 3>&- &
	pid=$!
	wait_until 5 test -e asked
	kill -KILL -- "-$pid"
	wait "$pid" || :
	[ ! -e cache/sources/source-1.tar ]
	rm stall
	run_x 0 fetch source
	cmp source "$output"
}

@test "package lists from a moment without a network aren't used again" {
	mkdir bin
	cat >bin/apt-get <<-EOT
		#!/bin/sh
		[ -e $PWD/online ] || exit 100
		case " \$* " in
		*" update "*) touch $PWD/lists ;;
		*" source "*"source=1-1 "*) cp $PWD/source source_1.tar ;;
		esac
	EOT
	cat >bin/apt-cache <<-EOT
		#!/bin/sh
		[ ! -e $PWD/lists ] || printf 'Package: source\nVersion: 1-1\nChecksums-Sha256:\n $sum 9 source_1.tar\n'
	EOT
	chmod +x bin/*
	echo "source 1 $sum apt:source/source_1.tar" >lock
	PATH=$PWD/bin:$PATH run_x 2 fetch source
	expect "no such source package in its lists" "$stderr"
	touch online
	PATH=$PWD/bin:$PATH run_x 0 fetch source
	cmp source "$output"
}

@test "a full disk: an error, nothing half-written, and the next run works" {
	requires root command:python3
	serve
	head -c 400000 /dev/urandom >www/big
	bigsum=$(sha256sum <www/big | cut -d' ' -f1)
	echo "big 1 $bigsum $base/big" >lock
	mkdir small
	mount -t tmpfs -o size=200k none small
	WHITTLE_CACHE=$PWD/small run_x 2 fetch big
	rest=$(find small -type f -size +0 ! -name log)
	umount small
	[ -z "$rest" ]
	run_x 0 fetch big
}

@test "the lock file is strict: file and line are named" {
	printf '# fine\n\nsource 1 %s http://127.0.0.1:9/x\nsource 1 abc http://127.0.0.1:9/x\n' "$sum" >lock
	run_x 2 fetch source
	expect "lock:4:" "$stderr"
}

@test "an unknown name, no name, an unknown option: exit status 2" {
	echo "source 1 $sum http://127.0.0.1:9/x" >lock
	run_x 2 fetch nosuch
	expect "no source 'nosuch'" "$stderr"
	run_x 2 fetch
	run_x 2 fetch -z
}

@test "the project's own pins have the right shape, and each name a version" {
	for n in $(awk '!/^#/ && NF { print $1 }' "$TOP/etc/sources.lock" | sort -u); do
		run_x 0 "$TOP/infra/fetch" -n "$n"
		[ -n "$output" ]
	done
}

@test "the fallback: taken only where nothing has the pinned version, said, kept until asked again" {
	requires command:python3
	serve
	printf 'older\n' >www/source-0.tar
	older=$(sha256sum <www/source-0.tar | cut -d' ' -f1)
	printf 'other 3 %s http://127.0.0.1:9/other\nsource 1 %s %s\nsource 0 %s %s\n' "$sum" "$sum" \
		"$base/source-1.tar" "$older" "$base/source-0.tar" >lock
	run_x 0 fetch source
	[ "$output" = "$WHITTLE_CACHE/sources/source-0.tar" ]
	expect "source 1 is not to be had" "$stderr"
	expect "taking the fallback instead: source 0" "$stderr"
	run_x 0 fetch -n source
	[ "$output" = 0 ]
	run_x 0 fetch -t
	[ "$output" = "other 3 $sum http://127.0.0.1:9/other
source 0 $older $base/source-0.tar 1" ]
	# One build doesn't take some of its parts from the one and some from the other.
	cp source www/source-1.tar
	run_x 0 fetch source
	[ "$output" = "$WHITTLE_CACHE/sources/source-0.tar" ]
	run_x 0 fetch -r source
	[ "$output" = "$WHITTLE_CACHE/sources/source-1.tar" ]
	run_x 0 fetch -n source
	[ "$output" = 1 ]
	run_x 0 fetch -t
	refute "source 0" "$output"
}

@test "another pin: the fallback that was taken for the old one says nothing any more" {
	mkdir -p cache/sources
	cp source cache/sources/source-0.tar
	printf 'source 1 %s http://127.0.0.1:9/source-1.tar\nsource 0 %s http://127.0.0.1:9/source-0.tar\n' "$wrong" "$sum" >lock
	run_x 0 fetch source
	run_x 0 fetch -n source
	[ "$output" = 0 ]
	sed -i 's/source 1 /source 2 /' lock
	run_x 0 fetch -n source
	[ "$output" = 2 ]
}

@test "a third version of a name, or versions that stand mixed: file and line" {
	printf 'source %s '"$sum"' http://127.0.0.1:9/x\n' 3 2 1 >lock
	run_x 2 fetch source
	expect "lock:3: a third version of 'source'" "$stderr"
	printf 'source %s '"$sum"' http://127.0.0.1:9/x\n' 2 1 2 >lock
	run_x 2 fetch source
	expect "lock:3:" "$stderr"
}

@test "who waited for another fetch of the same source looks again before it fetches" {
	mkdir -p cache/sources
	echo "source 1 $sum http://127.0.0.1:9/source-1.tar" >lock
	exec 7>cache/sources/.lock-source
	flock 7
	setsid "$TOP/infra/fetch" -l "$lock" source >out 2>err 3>&- 7>&- &
	pid=$!
	wait_until 5 pgrep -s "$pid" -x flock
	cp source cache/sources/source-1.tar
	exec 7>&-
	wait "$pid"
	[ "$(cat out)" = "$WHITTLE_CACHE/sources/source-1.tar" ]
	[ ! -s err ]
}

# stub_apt: a package client with Debian 13's lists alone, which says what it was asked.
stub_apt() {
	mkdir -p bin
	cat >bin/apt-get <<-EOT
		#!/bin/sh
		case " \$* " in
		*" update --print-uris "*) echo "'${mirror:-http://mirror.example/debian}/dists/$codename/InRelease' x 0" ;;
		*" update "*) cat "\$(echo "\$*" | sed 's/.*sourceparts=\([^ ]*\).*/\1/')"/* >>$PWD/lists ;;
		*" source "*"source=1-1 "*) cp $PWD/source source_1.orig.tar.gz ;;
		*" download "*"tool=1:2-1 "*) cp $PWD/source tool_1%3a2-1_amd64.deb ;;
		*) exit 100 ;;
		esac
	EOT
	cat >bin/apt-cache <<-EOT
		#!/bin/sh
		printf 'Package: source\nVersion: 1-1\nChecksums-Sha256:\n $sum 9 source_1.orig.tar.gz\n'
	EOT
	chmod +x bin/*
}

@test "a release of Debian by the host's own mirror: sources and packages, by the archive's key" {
	grep -qx ID=debian /etc/os-release || skip "this machine cannot: it is not Debian"
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	stub_apt
	printf 'source 1 %s apt:trixie/source/source_1.orig.tar.gz\ntool 1:2-1 %s deb:sid/tool/tool_2-1_amd64.deb\n' "$sum" "$sum" >lock
	PATH=$PWD/bin:$PATH run_x 0 fetch source
	cmp source "$output"
	PATH=$PWD/bin:$PATH run_x 0 fetch -r tool
	cmp source "$output"
	[ "$(cat lists)" = "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian trixie main
deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian sid main" ]
	# A version that the release doesn't have any more: which it has.
	echo "source 0 $wrong apt:trixie/source/source_0.orig.tar.gz" >lock
	PATH=$PWD/bin:$PATH run_x 2 fetch source
	expect "has other versions: source_1.orig.tar.gz" "$stderr"
}

@test "what a release doesn't list any more is asked for in its mirror's pool" {
	grep -qx ID=debian /etc/os-release || skip "this machine cannot: it is not Debian"
	codename=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
	serve
	mirror=$base/debian
	stub_apt
	mkdir -p www/debian/pool/main/s/source www/debian/pool/main/libs/libsource
	echo other >www/debian/pool/main/s/source/source_0.orig.tar.gz
	echo "source 0 $sum apt:trixie/source/source_0.orig.tar.gz" >lock
	PATH=$PWD/bin:$PATH run_x 2 fetch source
	expect "wrong digest: $wrong" "$stderr"
	cp source www/debian/pool/main/s/source/source_0.orig.tar.gz
	PATH=$PWD/bin:$PATH run_x 0 fetch source
	cmp source "$output"
	cp source www/debian/pool/main/libs/libsource/libsource_0.orig.tar.gz
	echo "libsource 0 $sum apt:trixie/libsource/libsource_0.orig.tar.gz" >lock
	sed -i 's/Package: source/Package: libsource/' bin/apt-cache
	PATH=$PWD/bin:$PATH run_x 0 fetch libsource
	cmp source "$output"
	no_rests
}

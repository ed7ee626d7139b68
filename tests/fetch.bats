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

# A web server on loopback with one folder; $base is its address.
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
	mkdir folder
	cp source folder/another-source-name
	cp source folder/source-1.tar
	echo tampered >>folder/source-1.tar
	echo "source 1 $sum http://127.0.0.1:9/source-1.tar" >lock
	SOURCE_CACHE=$PWD/folder run_x 0 fetch source
	[ "$output" = "$PWD/folder/another-source-name" ]
	[ "$(ls folder | wc -l)" -eq 2 ]
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

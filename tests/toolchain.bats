#!/usr/bin/env bats
# third-party/toolchain: the pinned packages, or what the host has, and which it was.

load helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	export WHITTLE_CACHE=$PWD/cache
	unset SOURCE_CACHE
	mkdir bin
	printf '#!/bin/sh\nexit 100\n' >bin/apt-get
	chmod 755 bin/apt-get
	PATH=$PWD/bin:$PATH
}

toolchain() {
	"$TOP/third-party/toolchain" out
}

@test "without the pinned packages: the host's compiler and headers, which is said and written down" {
	# No package has the pinned version.
	printf '#!/bin/sh\necho "installed 0"\n' >bin/dpkg-query
	chmod 755 bin/dpkg-query
	run_x 0 toolchain
	expect "the pinned compiler is not to be had" "$stderr"
	expect "the pinned kernel headers are not to be had" "$stderr"
	expect "the host's $(gcc --version | head -n 1)" "$(cat out/id)"
	printf '#include <linux/version.h>\n#include <asm/unistd.h>\nint i = __NR_read;\n' >a.c
	out/bin/gcc -nostdinc -Iout/include -c a.c
	out/bin/strip a.o
	# As everything is built: with these first.
	for tool in gcc gcc-ar ar ranlib strip; do
		PATH=$PWD/out/bin:$PATH run_x 0 timeout 20 "$tool" --version
	done
	# Nothing to do: nothing is done.
	touch -d @1 out/id
	run_x 0 toolchain
	[ "$(stat -c %Y out/id)" = 1 ]
	[ -z "$stderr" ]
	# Another compiler on the host: made anew.
	printf '#!/bin/sh\n[ "$1" != --version ] || { echo "gcc another"; exit; }\nexec /usr/bin/gcc "$@"\n' >bin/gcc
	chmod 755 bin/gcc
	run_x 0 toolchain
	expect "the host's gcc another" "$(cat out/id)"
}

@test "what the project was built with says which it is; images carry it" {
	run_x 0 cat "$TOP/third-party/obj/toolchain/id"
	expect gcc
	expect "kernel headers"
}

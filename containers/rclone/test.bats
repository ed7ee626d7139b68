# rclone copies between two directories and serves one over HTTP; its makers' zip is taken
# only with the right digest.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

# The rights that the real one has, and no others.
locked() {
	engine run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
		--memory 256m --pids-limit 64 "$@"
}

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/rclone:latest}
	export NAME=whittle-test-rclone-$$
	export OWN=whittle-test-rclone-own-$$
	export VOLUMES=$BATS_FILE_TMPDIR/volumes
	PORT=$(free_port)
	export PORT
	mkdir -p "$VOLUMES/here/sub" "$VOLUMES/there"
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	echo one >"$VOLUMES/here/one"
	echo two >"$VOLUMES/here/sub/two & <b>"
	chmod -R a+rwX "$VOLUMES"
	locked -d --name "$NAME" -p "127.0.0.1:$PORT:8080" -v "$VOLUMES/here:/data/here" \
		-v "$VOLUMES/there:/data/there" "$IMAGE" >/dev/null
	wait_until 30 exec_in "$NAME" /bin/probe http://127.0.0.1:8080/
}

teardown_file() {
	# Without root, what it wrote is another user's: it has to go by its own hand.
	rclone purge there:sub >/dev/null 2>&1 || :
	engine rm -f "$NAME" >/dev/null 2>&1 || :
	remove_images_of "$OWN" || :
}

# rclone ARGUMENTS…: once, with the same volumes.
rclone() {
	locked --rm --network none -v "$VOLUMES/here:/data/here" -v "$VOLUMES/there:/data/there" "$IMAGE" "$@"
}

@test "it is the version that is pinned" {
	run_x 0 rclone version
	version=$("$TOP/infra/fetch" -n rclone)
	expect "rclone v${version%%+*}"
}

@test "it copies from one remote to the other, and checks" {
	run_x 1 rclone check here: there:
	run_x 0 rclone copy here: there:
	diff -r "$VOLUMES/here" "$VOLUMES/there"
	run_x 0 rclone check here: there:
	echo more >"$VOLUMES/here/one"
	run_x 1 rclone check here: there:
	expect "1 differences found" "$stderr"
	echo one >"$VOLUMES/here/one"
	run_x 0 rclone check here: there:
}

@test "it serves what was copied, and its own names only" {
	# It keeps what it knows of a directory for a few seconds.
	wait_until 30 curl -fs "http://127.0.0.1:$PORT/one"
	run_x 0 curl -fs "http://127.0.0.1:$PORT/one"
	[ "$output" = one ]
	run_x 0 curl -fs "http://127.0.0.1:$PORT/sub/two%20%26%20%3Cb%3E"
	[ "$output" = two ]
	run_x 0 curl -fs "http://127.0.0.1:$PORT/sub/"
	expect "&lt;b&gt;"
	for path in none ../../etc/rclone/rclone.conf ..%2f..%2fetc/rclone/rclone.conf; do
		run_x 22 curl -fs --path-as-is "http://127.0.0.1:$PORT/$path"
	done
}

@test "it reads from a remote on the network" {
	run_x 0 exec_in "$NAME" /bin/rclone lsf --http-url http://127.0.0.1:8080 :http:
	expect one
	run_x 0 exec_in "$NAME" /bin/rclone cat --http-url http://127.0.0.1:8080 :http:one
	[ "$output" = one ]
}

@test "it moves, renames, links and deletes; times go along" {
	mkdir -m 777 "$VOLUMES/here/d" "$VOLUMES/there/d"
	echo three >"$VOLUMES/here/d/three"
	touch -d 2001-02-03 "$VOLUMES/here/d/three"
	ln -s three "$VOLUMES/here/d/link"
	run_x 0 rclone sync --links here:d there:d
	[ "$(date -r "$VOLUMES/there/d/three" +%F)" = 2001-02-03 ]
	[ "$(readlink "$VOLUMES/there/d/link")" = three ]
	run_x 0 rclone moveto there:d/three there:d/four
	run_x 0 rclone move there:d/four here:d
	run_x 0 rclone touch here:d/five
	run_x 0 rclone sync here:d there:d --track-renames
	run_x 0 rclone deletefile there:d/five
	run_x 0 rclone purge there:d
	run_x 0 rclone delete here:d
	[ ! -e "$VOLUMES/there/d" ]
	[ ! -e "$VOLUMES/here/d/four" ]
	rm -r "$VOLUMES/here/d"
}

@test "it serves to read, not to write" {
	run curl -s -o /dev/null -w '%{http_code}' -X PUT --data new "http://127.0.0.1:$PORT/one"
	[ "$output" = 405 ]
	run curl -s -o /dev/null -w '%{http_code}' -X DELETE "http://127.0.0.1:$PORT/one"
	[ "$output" = 405 ]
	[ "$(cat "$VOLUMES/there/one")" = one ]
}

@test "the health check: yes while it serves, no where nothing does" {
	run_x 0 exec_in "$NAME" /bin/probe http://127.0.0.1:8080/
	run_x 1 engine run --rm --network none --entrypoint /bin/probe "$IMAGE" http://127.0.0.1:8080/
}

@test "it runs as rclone, without capabilities; there is no shell and no other account" {
	pid=$(engine inspect -f '{{.State.Pid}}' "$NAME")
	[ "$(awk '/^CapBnd:/ { print $2 }' "/proc/$pid/status")" = 0000000000000000 ]
	[ "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" -ne 0 ]
	[ "$(engine image inspect -f '{{.Config.User}}' "$IMAGE")" = rclone ]
	for program in /bin/sh /bin/busybox /bin/ls; do
		run_x 127 engine run --rm --network none --entrypoint "$program" "$IMAGE"
	done
	# beside the C library, where it is Debian's build
	image_root "$IMAGE" "$BATS_TEST_TMPDIR/root"
	[ "$(programs_in "$BATS_TEST_TMPDIR/root" | grep -v '^/lib[^/]*/.*\.so' | xargs)" = "/bin/probe /bin/rclone" ]
	[ "$(cut -d: -f1,3 "$BATS_TEST_TMPDIR/root/etc/passwd")" = rclone:8081 ]
}

@test "it knows whom to trust on the net" {
	image_root "$IMAGE" "$BATS_TEST_TMPDIR/root"
	[ "$(grep -c 'BEGIN CERTIFICATE' "$BATS_TEST_TMPDIR/root/etc/ssl/certs/ca-certificates.crt")" -gt 50 ]
}

@test "a remote that isn't there is an error" {
	run_x 1 rclone ls nowhere:
	expect "didn't find section in config file" "$stderr"
}

build_own() {
	(cd "$BATS_FILE_TMPDIR/$OWN" && WHITTLE_STATE=$BATS_FILE_TMPDIR/state "$TOP/infra/image" build)
}

@test "remotes of one's own take the template's place; the template's are gone" {
	mkdir -p "$BATS_FILE_TMPDIR/$OWN"
	cp -a "$BATS_TEST_DIRNAME/Dockerfile" "$BATS_TEST_DIRNAME/files" "$BATS_FILE_TMPDIR/$OWN/"
	rm -rf "$BATS_FILE_TMPDIR/$OWN/files/etc/rclone/private.d"
	mkdir "$BATS_FILE_TMPDIR/$OWN/files/etc/rclone/private.d"
	printf '[mine]\ntype = alias\nremote = /data/here\n' >"$BATS_FILE_TMPDIR/secrets"
	chmod 600 "$BATS_FILE_TMPDIR/secrets"
	ln -s "$BATS_FILE_TMPDIR/secrets" "$BATS_FILE_TMPDIR/$OWN/files/etc/rclone/private.d/rclone.conf"
	build_own
	IMAGE=localhost/whittle/$OWN:latest
	run_x 0 rclone listremotes
	[ "$output" = mine: ]
	run_x 0 rclone cat mine:one
	[ "$output" = one ]

	echo garbage >"$BATS_FILE_TMPDIR/secrets"
	run_x 2 build_own
	expect "could not parse line: garbage" "$output$stderr"
	run_x 0 rclone listremotes
	[ "$output" = mine: ]
}

# offer WORD: a zip as the makers' with a program that says WORD; prints its digest.
offer() {
	mkdir -p "$BATS_TEST_TMPDIR/cache"
	python3 - "$BATS_TEST_TMPDIR/cache/rclone-v9-linux-amd64.zip" "$1" <<-'EOT'
		import sys, zipfile
		with zipfile.ZipFile(sys.argv[1], "w") as z:
		    z.writestr("rclone-v9-linux-amd64/README.txt", "read me")
		    z.writestr("rclone-v9-linux-amd64/rclone", "#!/bin/sh\necho " + sys.argv[2] + "\n")
	EOT
	sha256sum "$BATS_TEST_TMPDIR/cache/rclone-v9-linux-amd64.zip" | cut -d' ' -f1
}

stage() {
	(
		export SOURCE_CACHE=$BATS_TEST_TMPDIR/cache WHITTLE_CACHE=$BATS_TEST_TMPDIR/own PATH=$BATS_TEST_TMPDIR/bin:$PATH
		"$BATS_TEST_DIRNAME/program/stage" -l "$BATS_TEST_TMPDIR/lock" -o "$BATS_TEST_TMPDIR/out.tar"
	)
}

@test "staging: the makers' zip by its digest, else a package, else an error" {
	[ "$(uname -m)" = x86_64 ] || skip "this machine cannot: the pinned zip is for x86_64"
	# No Debian here, for now.
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho "no Debian here" >&2\nexit 100\n' >"$BATS_TEST_TMPDIR/bin/apt-get"
	chmod 755 "$BATS_TEST_TMPDIR/bin/apt-get"
	digest=$(offer "from upstream")

	echo "rclone 9 $digest http://127.0.0.1:9/rclone-v9-linux-amd64.zip" >"$BATS_TEST_TMPDIR/lock"
	run_x 0 stage
	tar -C "$BATS_TEST_TMPDIR" -xf "$BATS_TEST_TMPDIR/out.tar" ./bin/rclone
	[ "$("$BATS_TEST_TMPDIR/bin/rclone")" = "from upstream" ]
	[ "$(tar -tf "$BATS_TEST_TMPDIR/out.tar" | grep -c lib)" -eq 0 ]

	rm "$BATS_TEST_TMPDIR/out.tar"
	offer "from somebody else" >/dev/null
	run_x 2 stage
	expect "can't get 'rclone'" "$stderr"
	[ ! -e "$BATS_TEST_TMPDIR/out.tar" ]

	# A package's program, and what it is linked to.
	mkdir -p "$BATS_TEST_TMPDIR"/package/{DEBIAN,usr/bin}
	printf 'Package: rclone\nVersion: 8-1\nArchitecture: amd64\nMaintainer: a <a@b>\nDescription: a\n' \
		>"$BATS_TEST_TMPDIR/package/DEBIAN/control"
	printf '#!/bin/sh\necho "from a package"\n' >"$BATS_TEST_TMPDIR/package/usr/bin/rclone"
	chmod 755 "$BATS_TEST_TMPDIR/package/usr/bin/rclone"
	dpkg-deb -b "$BATS_TEST_TMPDIR/package" "$BATS_TEST_TMPDIR/cache/rclone_8-1_amd64.deb" >/dev/null
	digest=$(sha256sum "$BATS_TEST_TMPDIR/cache/rclone_8-1_amd64.deb" | cut -d' ' -f1)
	echo "rclone 8-1 $digest deb:nosuch/rclone/rclone_8-1_amd64.deb" >>"$BATS_TEST_TMPDIR/lock"
	run_x 0 stage
	expect "taking the fallback instead: rclone 8-1" "$stderr"
	tar -C "$BATS_TEST_TMPDIR" -xf "$BATS_TEST_TMPDIR/out.tar" ./bin/rclone
	[ "$("$BATS_TEST_TMPDIR/bin/rclone")" = "from a package" ]
}

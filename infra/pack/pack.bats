#!/usr/bin/env bats
# pack: one deterministic layer, what is in it and why. Archives are made by tests/archive.py;
# what engines do differently is tried with engines in engines.bats.

load ../../tests/helpers

setup() {
	cd "$BATS_TEST_TMPDIR"
	export WHITTLE_STATE=$PWD/state TMPDIR=$PWD SOURCE_DATE_EPOCH=1700000000
}

archive() {
	python3 "$BATS_TEST_DIRNAME/tests/archive.py" "$@"
}

# pack_case CASE [OPTION…]: makes CASE.tar and packs it to CASE.out; $id is the image ID.
pack_case() {
	local case=$1
	shift
	archive "$case.tar" "$case"
	run_x 0 "$PACK" build -n test -i "$case.tar" -o "$case.out" "$@"
	id=${output#sha256:}
	kept=$WHITTLE_STATE/images/test/$id
}

sha256() {
	sha256sum | cut -d' ' -f1
}

config_of() { # ARCHIVE
	tar -xOf "$1" "$(tar -xOf "$1" manifest.json | jq -r '.[0].Config')"
}

layer_of() {
	tar -xOf "$1" "$(tar -xOf "$1" manifest.json | jq -r '.[0].Layers[0]')"
}

no_rests() {
	[ -z "$(find . -name '*.new*' -o -name '.new*' -o -name 'pack.??????')" ]
}

@test "Debian's packages: names, versions, licences and purls, of a database that is gone" {
	pack_case debian
	jq -r '.components[] | select(.purl != null) | [.purl, .version, (.licenses[0]? | .expression // .license.name // "-"), ([.components[]?.name] | join(","))] | join(" ")' \
		"$kept/sbom.cdx.json" >list
	grep -qx "pkg:deb/debian/web@1:1.0-2%2Bb1?arch=amd64&distro=debian-13 1:1.0-2+b1 GPL-2-or-later AND MIT /usr/bin/web,/usr/share/doc/web/copyright" list
	grep -qx "pkg:deb/debian/libweb1@1.0-2?arch=amd64&distro=debian-13 1.0-2 - /usr/lib/libweb.so.1" list
	run ! grep -q "/old@" list
	run_x 0 jq -r '.dependencies[] | select(.ref == "deb/web@1:1.0-2+b1") | .dependsOn[]' "$kept/sbom.cdx.json"
	[ "$output" = "deb/libweb1@1.0-2" ]
	run_x 0 jq -r '.packages[] | select(.name == "web") | .externalRefs[].referenceLocator' "$kept/sbom.spdx.json"
	expect "pkg:deb/debian/web@1:1.0-2%2Bb1"
}

@test "layers become one: whiteouts, opaque directories, changed types, modes, owners" {
	pack_case flatten
	layer_of flatten.out >layer.tar
	bsdtar -tf layer.tar >list
	for gone in bin/secret-tool opaque/old opaque/sub swap/was-a-directory/; do
		run ! grep -q "^$gone" list
	done
	[ "$(bsdtar -xOf layer.tar opaque/new)" = new ]
	[ "$(bsdtar -xOf layer.tar swap/was-a-directory)" = "now a file" ]
	[ "$(bsdtar -xOf layer.tar swap/was-a-file/inside)" = inside ]
	[ "$(bsdtar -xOf layer.tar data/two)" = "two, changed" ]
	[ "$(bsdtar -xOf layer.tar data/one)" = 1 ] # a whiteout of by/one, by being a link, is of nothing
	run_x 0 tar --numeric-owner -tvf layer.tar
	expect "drwx------ 7/8 "
	expect "-rwsr-xr-x 7/0 "
	expect "3000000/4000000000"
	expect "odd/second link to odd/first"
	expect "odd/far -> /etc/passwd"
}

@test "the layer is sorted, its times are the source date, it has no user names" {
	pack_case flatten
	layer_of flatten.out >layer.tar
	tar -tf layer.tar --quoting-style=literal | head -8 | LC_ALL=C sort -c
	python3 - layer.tar <<-'EOT'
		import sys, tarfile
		t = tarfile.open(sys.argv[1], errors="surrogateescape")
		names = [(m.name + ("/" if m.isdir() else "")).encode("utf-8", "surrogateescape") for m in t]
		assert names == sorted(names), names
		assert all(m.mtime == 1700000000 and not m.uname and not m.gname for m in t)
		assert "odd/e\u0301" in t.getnames(), "decomposed names stay as they are"
		assert b"odd/bytes\xff" in names and b"odd/new\nline and blank" in names
	EOT
}

@test "capabilities are kept; of user attributes only those that were asked for" {
	pack_case flatten
	layer_of flatten.out | python3 -c '
import sys, tarfile
m = tarfile.open(fileobj=sys.stdin.buffer, mode="r|", errors="surrogateescape")
h = [x for x in m if x.name == "odd/capable"][0].pax_headers
assert list(h) == ["SCHILY.xattr.security.capability"], h
assert h["SCHILY.xattr.security.capability"].encode()[3] == 2, h'
	grep -q '^# xattr ./odd/capable security.capability=01000002000400' "$kept/manifest.mtree"
	pack_case flatten --user-xattrs
	layer_of flatten.out | grep -aq SCHILY.xattr.user.note=mine
}

@test "the image ID depends on content alone: not on order, times, names, builders, directories" {
	pack_case flatten
	first=$id
	pack_case reordered
	[ "$id" = "$first" ]
	pack_case squashed
	[ "$id" = "$first" ]
	mkdir -p else/where
	# faketime and the sanitizers both want to be first
	[ "${SAN:-}" = 1 ] || later=(faketime 2031-05-05)
	(cd else/where && umask 077 && TZ=Asia/Tokyo LC_ALL=C "${later[@]}" "$PACK" build -n test -i ../../reordered.tar -o out --no-store) >other
	[ "$(cat other)" = "sha256:$first" ]
	cmp flatten.out else/where/out
	[ "$(config_of flatten.out | sha256)" = "$first" ]
	pack_case flatten --no-store -l a=b
	[ "$id" != "$first" ]
	SOURCE_DATE_EPOCH=1600000000 pack_case flatten --no-store
	[ "$id" != "$first" ]
}

@test "compressed by zstd, as an OCI layout, of several architectures: the same image" {
	requires command:zstd
	pack_case flatten
	wanted=$id
	for case in zstandard oci several; do
		pack_case "$case"
		[ "$id" = "$wanted" ]
	done
	mkdir layout
	tar -xf several.tar -C layout
	run_x 0 "$PACK" build --no-store -n test -i layout -o directory.out
	[ "$output" = "sha256:$wanted" ]
	ln -sf /etc/passwd layout/index.json
	run_x 2 "$PACK" build --no-store -n test -i layout -o no.out
	run_x 2 "$PACK" build --no-store -n test -i "$WHITTLE_STATE" -o no.out
	expect "no OCI image layout" "$stderr"
	# the program that unpacks it isn't there
	mkdir bin
	run_x 2 env "PATH=$PWD/bin" "$PACK" build --no-store -n test -i zstandard.tar -o no.out
	expect "needs the program zstd" "$stderr"
	[ ! -e no.out ]
}

@test "device nodes in /dev are left out, and that is said" {
	pack_case devices
	expect "2 device nodes in /dev left out" "$stderr"
	layer_of devices.out >layer.tar
	[ "$(bsdtar -tf layer.tar | tr '\n' ' ')" = "dev/ x " ]
}

@test "hard links over layers share what they hold; opaque directories hide what comes before them" {
	pack_case linked
	layer_of linked.out >layer.tar
	[ "$(bsdtar -tf layer.tar | tr '\n' ' ')" = "a b o/ o/new " ]
	run_x 0 tar --numeric-owner --xattrs -tvf layer.tar
	[[ $output == *-rwxr-xr-x*5/0*" a"* ]]
	expect "b link to a"
}

@test "what WORKDIR made is root's, whoever the builder gave it to, unless a step changed it" {
	pack_case workdir
	layer_of workdir.out >layer.tar
	run_x 0 tar --numeric-owner -tvf layer.tar
	[ "$(awk '{ print $2, $6 }' <<<"$output" | tr '\n' ' ')" = "0/0 file 7/7 given/ 0/0 made/ 0/0 made/by/ 7/0 made/file " ]
}

@test "packed again, an image stays what it is" {
	pack_case flatten
	run_x 0 "$PACK" build -n test -i flatten.out -o again --no-store
	layer_of flatten.out | cmp - <(layer_of again)
}

@test "the config says how it is run, and nothing of who built it" {
	pack_case config
	config_of config.out | jq -S 'del(.config.Labels["whittle.image"], .config.Labels["whittle.sbom.cyclonedx"],
		.config.Labels["whittle.sbom.spdx"], .config.Labels["whittle.ledger"], .config.Labels["whittle.manifest"]) | .rootfs.diff_ids |= length' >got
	jq -S . >want <<-'EOT'
		{"architecture": "amd64", "os": "linux", "author": "me", "created": "2023-11-14T22:13:20Z",
		 "history": [{"created": "2023-11-14T22:13:20Z", "created_by": "whittle pack"}],
		 "rootfs": {"type": "layers", "diff_ids": 1},
		 "config": {"Env": ["A=b"], "Entrypoint": ["/file"], "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
		  "Volumes": {"/data": {}}, "WorkingDir": "/srv/work", "User": "1000", "Labels": {"who": "me"},
		  "Healthcheck": {"Test": ["CMD", "/file"], "Interval": 5}, "StopSignal": "SIGINT"}}
	EOT
	diff want got
	# working directory and volumes are there, as docker makes them
	layer_of config.out | tar -t >list
	grep -qx srv/work/ list
	grep -qx data/ list
	pack_case directories
	layer_of directories.out | tar -t >list
	[ "$(cat list)" = "data/
file
link
more/
srv/
srv/work/
srv/work/deep/" ]
}

@test "no byte of what was removed is in any layer" {
	pack_case flatten
	layer_of flatten.out >layer.tar
	grep -aq REMOVED-BY-UPPER flatten.tar
	run ! grep -aq REMOVED-BY-UPPER flatten.out
	# by digest too: whatever the ledger calls removed is no file of the layer
	mkdir x
	bsdtar -xf layer.tar -C x --no-same-owner --exclude odd/pipe
	find x -type f -exec sha256sum {} + | cut -d' ' -f1 | sort -u >there
	jq -r 'select(.action == "remove" and .sha256) | .sha256' "$kept/ledger.jsonl" | sort -u >removed
	[ -s removed ]
	[ -z "$(comm -12 there removed)" ]
}

@test "the ledger leaves the image and tells the whole story" {
	pack_case ledger
	layer_of ledger.out | tar -t >list
	run ! grep -q whittle list
	run_x 0 jq -r '[.action, .path, .rule, .image] | join(" ")' "$kept/ledger.jsonl"
	[ "$output" = "remove /bin/gone sysdirs test
remove /bin/odd $(printf '\033')[2J test
mode /etc/passwd accounts test
remove /bin/untold build test" ]
	run_x 0 jq -r 'select(.rule == "build") | [.sha256, .size, .mode, .type] | join(" ")' "$kept/ledger.jsonl"
	[ "$output" = "$(printf 'untold\n' | sha256) 7 0644 file" ]
	[ "$(config_of ledger.out | jq -r '.config.Labels["whittle.ledger"]')" = "sha256:$(sha256 <"$kept/ledger.jsonl")" ]
}

@test "the manifest is mtree(5): libarchive reads it, and every line is true" {
	pack_case flatten
	layer_of flatten.out >layer.tar
	run_x 0 bsdtar -tf "$kept/manifest.mtree"
	[ -z "$stderr" ]
	python3 - layer.tar "$kept/manifest.mtree" <<-'EOT'
		import hashlib, re, stat, sys, tarfile
		tar = tarfile.open(sys.argv[1], errors="surrogateescape")
		files = {}
		for m in tar:
		    kind = {tarfile.DIRTYPE: "dir", tarfile.SYMTYPE: "link", tarfile.FIFOTYPE: "fifo"}.get(m.type, "file")
		    words = dict(type=kind, mode="%04o" % m.mode, uid=str(m.uid), gid=str(m.gid))
		    if kind == "file":
		        data = tar.extractfile(m).read()
		        words.update(size=str(len(data)), sha256digest=hashlib.sha256(data).hexdigest())
		    if kind == "link":
		        words.update(link=m.linkname)
		    files[m.name] = words
		seen = {}
		for line in open(sys.argv[2]).read().splitlines():
		    if line.startswith("#"):
		        continue
		    name, *words = line.split(" ")
		    name = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8)]), name.encode()).decode("utf-8", "surrogateescape")
		    words = dict(w.split("=", 1) for w in words)
		    if name.endswith(("/first", "/second")):
		        assert words.pop("nlink") == "2"
		    if name != ".":
		        seen[name[2:]] = words
		assert seen == files, (seen, files)
	EOT
	[ "$(config_of flatten.out | jq -r '.config.Labels["whittle.manifest"]')" = "sha256:$(sha256 <"$kept/manifest.mtree")" ]
}

@test "hostile archives are refused, each with its reason, and nothing is left" {
	mkdir hostile
	archive --hostile hostile >cases
	[ "$(wc -l <cases)" -gt 40 ]
	while IFS=$'\t' read -r case words; do
		echo "case $case"
		run_x 2 "$PACK" build -n test -i "hostile/$case.tar" -o out
		[ -z "$output" ]
		expect "$words" "$stderr"
		[ "$(wc -l <<<"$stderr")" -eq 1 ]
		[ ! -e out ]
		[ ! -e "$WHITTLE_STATE" ]
		no_rests
	done <cases
}

@test "an archive that is cut short while it is read ends pack with a message" {
	archive big.tar flatten
	cp big.tar cut.tar
	head -c 200000000 /dev/zero >>cut.tar
	"$PACK" build -n test -i cut.tar -o out --no-store >out.log 2>&1 &
	pid=$!
	truncate -s 100 cut.tar
	status=0
	wait $pid || status=$?
	# too late to be noticed is fine too
	[ "$status" -eq 0 ] || { [ "$status" -eq 2 ] && grep -q '^pack: ' out.log; }
	no_rests
}

@test "what can't be read or written is trouble, and nothing half-written is left" {
	archive flatten.tar flatten
	run_x 2 "$PACK" build -n test -i nowhere.tar -o out
	expect "open 'nowhere.tar': No such file" "$stderr"
	run_x 2 "$PACK" build -n test -i . -o out
	run_x 2 "$PACK" build -n test -i flatten.tar -o no/such/directory/out
	run_x 2 "$PACK" build -n ../evil -i flatten.tar -o out
	expect "name '../evil'" "$stderr"
	run_x 2 "$PACK" build -n test -i flatten.tar
	expect "usage: pack build" "$stderr"
	run_x 2 "$PACK" build -n test -i flatten.tar -o out -l whittle.x=y
	SOURCE_DATE_EPOCH=yesterday run_x 2 "$PACK" build -n test -i flatten.tar -o out
	mkdir occupied
	run_x 2 "$PACK" build -f oci -n test -i flatten.tar -o occupied
	expect "isn't an OCI image layout" "$stderr"
	run_x 2 "$PACK" nosuchverb
	expect "no verb 'nosuchverb'" "$stderr"
	[ ! -e out ]
	no_rests
}

@test "a full disk: trouble, no image, and the next run works" {
	requires root
	archive flatten.tar flatten
	mkdir small
	mount -t tmpfs -o size=24k none small
	run "$PACK" build -n test -i flatten.tar -o small/out --store "$PWD/state"
	left=$(find small -type f)
	umount small
	[ "$status" -eq 2 ]
	[ -z "$left" ]
	run_x 0 "$PACK" build -n test -i flatten.tar -o out
}

# traced CALLS COMMAND…: what COMMAND asks of the kernel goes to ./calls.
traced() {
	requires command:strace
	strace -o /dev/null true 2>/dev/null || skip "this machine cannot: no ptrace"
	ASAN_OPTIONS=detect_leaks=0 strace -qq -s 300 -o calls -e "trace=$1" "${@:2}"
}

@test "what is written is on the disk before it has its name, and the name is too" {
	local form
	archive flatten.tar flatten
	for form in docker oci oci-archive; do
		traced fsync,rename,renameat,renameat2 "$PACK" build -n test -i flatten.tar -f "$form" -o out
		run_x 0 awk '/^fsync/ { before = synced; synced = NR }
			/rename.*"out"/ { named = NR; if (synced != NR - 1) exit 1 }
			END { exit !(named && synced > named) }' calls
		rm -rf out
	done
}

@test "signals that whoever started it had ignored stay ignored" {
	archive flatten.tar flatten
	(trap '' HUP; traced rt_sigaction "$PACK" build -n test -i flatten.tar -o out)
	run_x 0 grep -c '^rt_sigaction(SIGTERM, {' calls
	run ! grep '^rt_sigaction(SIGHUP, {' calls
}

@test "ended by a signal, nothing half-written is left" {
	archive big.tar flatten
	for form in docker oci; do
		for i in 1 2 3 4 5 6 7 8; do
			"$PACK" build -f $form -n test -i big.tar -o out --no-store >/dev/null 2>&1 &
			sleep 0.00$i
			kill -TERM $! 2>/dev/null || :
			wait $! || :
			[ -z "$(find . -name 'out.new*')" ]
		done
		rm -rf out
	done
}

@test "killed at any moment, the store has whole records only" {
	archive flatten.tar flatten
	"$PACK" build -n test -i flatten.tar -o out >first
	cp -r state whole
	for i in $(seq "${KILLS:-40}"); do
		rm -rf state
		"$PACK" build -n test -i flatten.tar -o out >/dev/null 2>&1 &
		sleep "0.00$((i % 10))$((i * 7 % 10))"
		kill -KILL $! 2>/dev/null || :
		wait $! || :
		[ ! -d "state/images/test/$(sed s/sha256:// first)" ] || diff -r state/images/test/*/ whole/images/test/*/
	done
	run_x 0 "$PACK" build -n test -i flatten.tar -o out
	diff -r whole/images/test/*/ state/images/test/*/
}

@test "two runs at once for one image don't meet" {
	archive flatten.tar flatten
	pids=()
	for i in 1 2 3 4; do
		"$PACK" build -n test -i flatten.tar -o "out$i" >"id$i" &
		pids+=($!)
	done
	wait "${pids[@]}"
	cmp id1 id4
	cmp out1 out4
	[ "$(ls state/images/test | wc -l)" -eq 1 ]
	no_rests
}

@test "as an OCI image layout and archive: skopeo and umoci take it, with the same image ID" {
	requires command:skopeo command:umoci
	pack_case flatten
	run_x 0 "$PACK" build -f oci -n test -i flatten.tar -o layout --no-store -t localhost/whittle/test:v1
	[ "$output" = "sha256:$id" ]
	run_x 0 "$PACK" build -f oci-archive -n test -i flatten.tar -o layout.tar --no-store
	[ "$output" = "sha256:$id" ]
	run_x 0 skopeo inspect --raw oci:layout:v1
	[ "$(jq -r .config.digest <<<"$output")" = "sha256:$id" ]
	run_x 0 skopeo inspect --raw oci-archive:layout.tar
	[ "$(jq -r .config.digest <<<"$output")" = "sha256:$id" ]
	run_x 0 skopeo inspect --config docker-archive:flatten.out
	run_x 0 umoci stat --image layout:v1 --json
	[ "$(jq '.history | length' <<<"$output")" -ge 1 ]
	if [ "$(id -u)" -eq 0 ]; then
		run_x 0 umoci unpack --image layout:v1 bundle
		[ "$(cat bundle/rootfs/bin/tool)" = tool ]
		[ "$(stat -c '%a %u %g' bundle/rootfs/odd/big-owner)" = "644 3000000 4000000000" ]
		[ "$(stat -c %h bundle/rootfs/odd/first)" -eq 2 ]
	fi
	# once more over the old one
	run_x 0 "$PACK" build -f oci -n test -i flatten.tar -o layout --no-store -t localhost/whittle/test:v2
	run_x 0 skopeo inspect --raw oci:layout:v2
	no_rests
}

@test "explain: what is there, what is gone and why, what never was" {
	pack_case ledger
	run_x 0 "$PACK" explain "$id" etc/passwd
	expect "/etc/passwd: file, mode 0644, owner 0:0, 4 bytes, sha256 $(printf 'r:x\n' | sha256)"
	expect "from the image's own files"
	expect "in layer 2, by: RUN x"
	expect "given another mode by prep's rule accounts in test; it was: file, mode 0600"
	run_x 0 "$PACK" explain "sha256:$id" /bin/gone
	expect "not in the image"
	expect "removed by prep's rule sysdirs in test; it was: file, mode 0755, owner 0:0, 5 bytes, sha256 0000"
	run_x 0 "$PACK" explain ./ledger.out bin/untold
	expect "removed by a step of test's Dockerfile; it was: file, mode 0644"
	run_x 1 "$PACK" explain "$id" /never
	expect "never was"
	run_x 0 "$PACK" explain --json "$id" bin/gone
	[ "$(jq -r '.present, .changes[0].rule' <<<"$output")" = "false
sysdirs" ]
	run_x 0 "$PACK" explain "$id" /
	run_x 2 "$PACK" explain "${id//[0-9]/0}" /x
	expect "wasn't packed here" "$stderr"
	run_x 2 "$PACK" explain "$id"
	run_x 0 "$PACK" explain --all "$id"
	expect "/etc/passwd: file, mode 0644"
	expect "/bin/gone: not in the image"
	run_x 0 "$PACK" explain --all --json "$id"
	[ "$(jq -r '.[] | select(.path == "/etc/passwd" or .path == "/bin/gone") | .path, .present, .is.from, .why[0]' <<<"$output" |
		cut -c1-47)" = "/etc/passwd
true
the image's own files
given another mode by prep's rule accounts in t
/bin/gone
false
null
removed by prep's rule sysdirs in test; it was:" ]
	[ "$(jq 'map(.path) | length - (unique | length)' <<<"$output")" -eq 0 ]
	run_x 2 "$PACK" explain --all "$id" /x
}

@test "odd names can't forge a line or drive a terminal" {
	pack_case flatten
	run_x 0 "$PACK" explain "$id" $'odd/new\nline and blank'
	[ "$(wc -l <<<"$output")" -eq 3 ]
	expect 'odd/new\012line and blank: file'
	run_x 0 "$PACK" explain "$id" $'odd/bytes\xff'
	expect 'odd/bytes\377: file'
	pack_case ledger
	run_x 0 "$PACK" explain "$id" /bin/odd
	expect "  removed by prep's rule \\033[2J in test; it was: file\\012, mode \\033, owner 0:0"
}

@test "diff and its gate: rights, accounts, ports, programs" {
	pack_case flatten
	old=$id
	run_x 0 "$PACK" diff "$old" "$old"
	[ -z "$output" ]
	pack_case grown
	run_x 1 "$PACK" diff "$old" "$id"
	expect "~ file /bin/tool: file 0755 0:0 5 bytes"
	expect "+ file /usr/bin/new: file 0755"
	expect "+ account svc: svc:x:9:9::/:/bin/sh"
	expect '+ config ExposedPorts: {"8080/tcp":{}}'
	run_x 1 "$PACK" diff --gate "$old" "$id"
	[ "$output" = "finding: setuid /bin/setuid: runs with more rights than who starts it
finding: setuid /bin/tool: runs with more rights than who starts it
finding: executable /usr/bin/applet: a new program in a system directory
finding: executable /usr/bin/new: a new program in a system directory
finding: account app: has another user ID
finding: account svc: a new account
finding: port 8080/tcp: a port more to listen on" ]
	printf '# meant\nsetuid /bin/*\nexecutable /usr/bin/*\naccount svc\naccount app\n' >allow
	run_x 1 "$PACK" diff --gate --allow allow "$old" "$id"
	[ "$output" = "finding: port 8080/tcp: a port more to listen on" ]
	echo 'port 8080/tcp' >>allow
	run_x 0 "$PACK" diff --gate --allow allow "$old" "$id"
	# the other way round nothing is brought but other rights
	run_x 1 "$PACK" diff --gate "$id" "$old"
	[ "$output" = "finding: setuid /bin/setuid: runs with more rights than who starts it
finding: account app: has another user ID" ]
	run_x 1 "$PACK" diff --json "$old" "$id"
	[ "$(jq '.findings | length' <<<"$output")" -eq 7 ]
	echo 'setuid' >allow
	run_x 2 "$PACK" diff --gate --allow allow "$old" "$id"
	expect "allow:1: want" "$stderr"
	run_x 2 "$PACK" diff --gate --allow nowhere "$old" "$id"
}

@test "size: by directory, by part, what was removed, hard links once" {
	pack_case flatten
	run_x 0 "$PACK" size "$id"
	expect "by directory"
	expect "removed, by rule"
	run_x 0 "$PACK" size --json "$id"
	layer_of flatten.out | python3 -c '
import sys, tarfile
print(sum(m.size for m in tarfile.open(fileobj=sys.stdin.buffer, mode="r|", errors="surrogateescape") if m.isreg()))' >sum
	[ "$(jq .bytes <<<"$output")" -eq "$(cat sum)" ]
	[ "$(jq '[.directories[].bytes] | add' <<<"$output")" -eq "$(cat sum)" ]
	[ "$(jq '.removed.build.bytes' <<<"$output")" -eq "$(jq -s 'map(select(.sha256) | .size) | add' "$kept/ledger.jsonl")" ]
}

@test "size: what there was before prep and is after it; vulnerabilities, by a tracker's copy" {
	pack_case carved
	run_x 0 "$PACK" size --json "$id"
	# Three hard links are one file's bytes, a library or a module is no program, a package without files is gone.
	jq -c '.before, .after' <<<"$output" >figures
	cat figures
	grep -qx '{"bytes":.*,"files":.*}' figures
	[ "$(jq -sc '[.[0], .[1] | .programs, .packages, .setuid, .shells, .vulnerabilities]' figures)" = '[5,3,2,2,null,1,2,0,0,null]' ]
	[ "$(jq -s '.[0].bytes - .[1].bytes' figures)" -ge 40 ]
	cat >tracker.json <<-'EOT'
		{"serve-src": {
		  "CVE-1-1": {"releases": {"trixie": {"status": "resolved", "fixed_version": "1:2.0-1+deb13u1"}}},
		  "CVE-1-2": {"releases": {"trixie": {"status": "resolved", "fixed_version": "1:2.0-1"}}},
		  "CVE-1-3": {"releases": {"bookworm": {"status": "open"}}},
		  "CVE-1-4": {"releases": {"trixie": {"status": "resolved", "fixed_version": "0"}}}},
		 "shells": {"CVE-2-1": {"releases": {"trixie": {"status": "open"}}}, "CVE-1-1": {"releases": {"trixie": {"status": "open"}}}}}
	EOT
	run_x 0 "$PACK" size -s --tracker tracker.json "$id"
	expect "5 -> 1 programs, 3 -> 2 packages, 2 -> 0 setuid, 2 -> 0 shells, 2 -> 1 vulnerabilities"
	run_x 0 "$PACK" size "$id"
	expect "before prep and after, carved by a list"
	refute vulnerabilities
	echo '{"x": 1}' >not-a-tracker
	run_x 2 "$PACK" size --tracker not-a-tracker "$id"
	expect "neither Debian's security tracker nor Alpine's" "$stderr"
	# "package" lines are no story of the root directory's.
	run_x 0 "$PACK" explain "$id" /
	refute removed
}

@test "a base tells who builds on it what it is made of; its own notes don't go along" {
	archive lower.tar ledger
	run_x 0 "$PACK" build --base -n under -i lower.tar -o lower.out
	under=${output#sha256:}
	layer_of lower.out >base.tar
	tar -tf base.tar | grep -qx var/lib/whittle/base/sbom.cdx.json
	PYTHONPATH=$BATS_TEST_DIRNAME/tests python3 -B - <<-'EOT'
		import json, tarfile
		import archive as a
		t = tarfile.open("lower.out")
		base = t.extractfile([m for m in t.getnames() if m.endswith(".tar")][0]).read()
		config = json.load(t.extractfile([m for m in t.getnames() if m.endswith(".json") and m != "manifest.json"][0]))
		top = a.layer(a.entry("srv"), a.entry("srv/mine", b"mine\n"), a.entry("etc"), a.entry("etc/.wh.group", b""))
		open("upper.tar", "wb").write(a.image([base, top], config=config["config"]))
	EOT
	run_x 0 "$PACK" build -n over -i upper.tar -o upper.out
	id=${output#sha256:}
	kept=$WHITTLE_STATE/images/over/$id
	run ! grep -q whittle <(layer_of upper.out | tar -t)
	run_x 0 jq -r '.components[] | .name + ": " + ([.components[]?.name] | join(" "))' "$kept/sbom.cdx.json"
	[ "$output" = "over: /srv/mine
under: /etc/passwd" ]
	run_x 0 jq -r '[.image, .path, .rule, .part // ""] | join(" ")' "$kept/ledger.jsonl"
	expect "under /bin/gone sysdirs"
	expect "over /etc/group build image/under"
	layer=$(config_of lower.out | jq -r '.rootfs.diff_ids[0]')
	[ "$(config_of upper.out | jq -r '.config.Labels["whittle.base"]')" = "under@$layer" ]
	run_x 0 "$PACK" explain "$id" /etc/passwd
	expect "from under's own files"
	expect "in the base under"
	run_x 0 "$PACK" size "$id"
	expect "its base, under:"
	# without a word from the base, that is said
	run_x 0 "$PACK" build -n under -i lower.tar -o plain.out --no-store
	run_x 0 "$PACK" build -n over -i plain.out -o x.out --no-store
	expect "its components aren't known" "$stderr"
	[ "$under" != "$id" ]
}

@test "provenance: inputs, test result and subjects; stamps of another image are refused" {
	pack_case flatten
	printf 'image sha256:%s\ninputs %s\nengine podman\n' "$id" "$(echo in | sha256)" >build-stamp
	printf 'image sha256:%s\ntests %s\npassed 7\nfailed 0\nskipped 1\n' "$id" "$(echo t | sha256)" >test-stamp
	run_x 0 "$PACK" provenance --build build-stamp --test test-stamp "$id"
	[ "$output" = "$kept/provenance.json" ]
	jq -e --arg id "$id" '._type == "https://in-toto.io/Statement/v1" and .predicateType == "https://slsa.dev/provenance/v1"
		and .subject[0].digest.sha256 == $id and (.subject | length) == 5
		and .predicate.runDetails.byproducts[0].annotations == {"passed": 7, "failed": 0, "skipped": 1}
		and (.predicate.buildDefinition.resolvedDependencies[0].digest.sha256 | length) == 64' "$kept/provenance.json"
	for f in sbom.cdx.json sbom.spdx.json manifest.mtree ledger.jsonl; do
		[ "$(jq -r --arg f $f '.subject[] | select(.name == $f) | .digest.sha256' "$kept/provenance.json")" = "$(sha256 <"$kept/$f")" ]
	done
	sed -i 's/sha256:./sha256:x/' test-stamp
	run_x 2 "$PACK" provenance --test test-stamp "$id"
	expect "is about another image" "$stderr"
}

@test "signatures by minisign and by signify: good, wrong key, none, none wanted" {
	requires command:minisign command:signify-openbsd
	pack_case flatten
	minisign -G -W -p m.pub -s m.sec >/dev/null
	minisign -G -W -p other.pub -s other.sec >/dev/null
	signify-openbsd -G -n -p s.pub -s s.sec
	run_x 2 "$PACK" sign -k m.sec "$id"
	expect "run pack provenance first" "$stderr"
	run_x 0 "$PACK" provenance "$id"
	run_x 0 "$PACK" verify "$id"
	run_x 1 "$PACK" verify --require-signature "$id"
	expect "no: it isn't signed"
	for k in m s; do
		run_x 0 "$PACK" sign -k $k.sec "$id"
		run_x 0 "$PACK" verify -p $k.pub --require-signature "$id"
		expect "is what was packed and signed"
		run_x 1 "$PACK" verify -p other.pub "$id"
		expect "no: the signature isn't that key's"
	done
	WHITTLE_SIGN_KEY=m.sec run_x 0 "$PACK" sign "$id"
	WHITTLE_VERIFY_KEY=m.pub run_x 0 "$PACK" verify --require-signature "$id"
	run_x 2 "$PACK" verify --require-signature "$id"
	expect "no public key" "$stderr"
	run_x 2 "$PACK" sign "$id"
	run_x 2 "$PACK" sign -k "$PACK" "$id"
	expect "is not a key of minisign or signify" "$stderr"
	mkdir bin
	run_x 2 env PATH="$PWD/bin" "$PACK" verify -p m.pub "$id"
	expect "is required to verify the signature, and can't be run" "$stderr"
}

@test "verify sees a change in anything that is kept" {
	requires command:minisign
	pack_case flatten
	minisign -G -W -p m.pub -s m.sec >/dev/null
	"$PACK" provenance "$id" >/dev/null
	"$PACK" sign -k m.sec "$id"
	run_x 0 "$PACK" verify -p m.pub "$id"
	for f in config.json ledger.jsonl manifest.mtree sbom.cdx.json sbom.spdx.json provenance.json provenance.json.sig; do
		cp -r state before
		sed -i '$s/[0-9]\([^0-9]*\)$/x\1/' "$kept/$f"
		run_x 1 "$PACK" verify -p m.pub "$id" || { echo "not seen: $f"; return 1; }
		rm -r state
		mv before state
	done
	cp -r state before
	rm "$kept/sbom.spdx.json"
	run_x 1 "$PACK" verify -p m.pub "$id"
	rm -r state && mv before state
	run_x 0 "$PACK" verify -p m.pub --require-signature "$id"
}

build_probe() { # DIRECTORY UMASK [COMMAND…]
	local at=$1 mask=$2
	shift 2
	mkdir -p "$at/services"
	cp -r "$TOP/etc" "$TOP/lib" "$at/"
	cp -r "$TOP/services/probe" "$at/services/"
	rm -rf "$at"/lib/obj* "$at"/services/probe/{obj*,probe}
	ln -s "$TOP/third-party" "$at/third-party"
	(umask "$mask" && env -u MAKEFLAGS -u MAKELEVEL -u WHITTLE_LIB_READY NO_FAKE_STAT=1 "$@" make -C "$at/services/probe" all SAN=) >log 2>&1 || {
		cat log
		return 1
	}
}

# One program stands for all, which "make reproduce" builds.
@test "a program of ours is the same bytes from two directories, by two umasks, on two days" {
	requires command:faketime
	[ -x "$TOP/third-party/obj/prefix/bin/musl-gcc" ] || skip "needs the toolchain: make -C third-party"
	build_probe one 022
	build_probe another/with/a/longer/path 077 faketime -f +400d
	cmp one/services/probe/probe another/with/a/longer/path/services/probe/probe
}

@test "--help for each verb" {
	run_x 0 "$PACK" --help
	expect "usage: pack VERB"
	for verb in $(sed -n 's/^  \([a-z]*\)  .*/\1/p' <<<"$output"); do
		run_x 0 "$PACK" "$verb" --help
		expect "usage: pack $verb"
		run_x 2 "$PACK" "$verb" --no-such-option
	done
}

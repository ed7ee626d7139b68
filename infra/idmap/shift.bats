#!/usr/bin/env bats
# shift, unshift and undo, on real file systems.

load ../../tests/helpers

setup_file() {
	export WORK=$BATS_FILE_TMPDIR
	TREE=${BATS_TEST_FILENAME%/*}/tests/tree.py
	KILLER=${BATS_TEST_FILENAME%/*}/tests/kills.py
	POINTS=${BATS_TEST_FILENAME%/*}/tests/points.py
	export TREE KILLER POINTS
	export MAP=0:100000:65536
	# ext4 with small inodes: an attribute needs a block of its own there.
	truncate -s 32M "$WORK/image"
	mkdir "$WORK/ext4" "$WORK/tmpfs"
	mkfs.ext4 -q -I 128 -N 8192 "$WORK/image" 2>/dev/null || :
	mount -o loop "$WORK/image" "$WORK/ext4" 2>/dev/null || :
	mount -t tmpfs none "$WORK/tmpfs" 2>/dev/null || :
}

teardown_file() {
	local m
	for m in ext4 tmpfs; do
		! mountpoint -q "$WORK/$m" || umount "$WORK/$m"
	done
}

setup() {
	export WHITTLE_STATE=$BATS_TEST_TMPDIR/state
	T=$BATS_TEST_TMPDIR/tree
	MOUNTED=()
}

teardown() {
	local m
	stop_all
	chattr -R -i "$T" 2>/dev/null || :
	[ -z "${OPEN:-}" ] || rm -rf "$OPEN"
	for m in "${MOUNTED[@]}"; do
		! mountpoint -q "$m" || umount "$m"
	done
}

# The directory for a test's tree on a file system that is ext4 or tmpfs.
on() {
	mountpoint -q "$WORK/$1" || skip "this machine cannot: no $1 mounts"
	T=$WORK/$1/$BATS_TEST_NUMBER
	mkdir "$T"
}

tree() {
	python3 "$TREE" "$@"
}

same_tree() {
	diff "$1" <(tree list "$T") | cut -c1-300 | head -n 6 >&2
	diff -q "$1" <(tree list "$T") >/dev/null
}

need_acls() {
	requires root command:python3
	touch "$T.probe"
	setfacl -m u:1:r "$T.probe" 2>/dev/null || skip "this machine cannot: no ACLs at $T"
	rm "$T.probe"
}

# The same as others see it.
portrait() (
	cd "$T"
	getfacl -nR . 2>/dev/null
	getcap -rn . 2>/dev/null
	find . -printf '%p %y %m %U %G %n %s %T@ %l\n' | sort
	bsdtar -cf - --format=mtree --options='!all,type,uid,gid,mode,nlink,link,time,size' .
)

round_trip() {
	requires root command:python3 command:bsdtar command:getfacl command:getcap
	tree make "$T"
	portrait >"$BATS_TEST_TMPDIR/portrait"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	tree list "$T" "$MAP" >"$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	same_tree "$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" check "$T" --map "$MAP"
	getfacl -nR "$T" 2>/dev/null | grep -q user:100033:r
	getcap -rn "$T" 2>/dev/null | grep -q 'v2.* \[rootid=100000\]'
	getcap -rn "$T" 2>/dev/null | grep -q 'v3 .*\[rootid=100005\]'
	portrait >"$BATS_TEST_TMPDIR/shifted"
	run ! cmp -s "$BATS_TEST_TMPDIR/portrait" "$BATS_TEST_TMPDIR/shifted"
	run_x 0 "$IDMAP" unshift "$T" --map "$MAP"
	same_tree "$BATS_TEST_TMPDIR/before"
	diff "$BATS_TEST_TMPDIR/portrait" <(portrait) >&2
}

@test "there and back again, every kind of inode: ext4" {
	on ext4
	round_trip
}

@test "there and back again, every kind of inode: tmpfs" {
	on tmpfs
	round_trip
}

@test "there and back again, one thread, and maps of several ranges for users and groups" {
	MAP=u:0:100000:10,u:10:500000:70000,g:0:1000000:40,g:40:300000:70000
	need_acls
	tree make "$T"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	tree list "$T" $MAP >"$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" shift -j 1 "$T" --map $MAP
	same_tree "$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" unshift -j 4 "$T" --map $MAP
	same_tree "$BATS_TEST_TMPDIR/before"
}

@test "there and back again with --sync" {
	need_acls
	tree make "$T"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	tree list "$T" "$MAP" >"$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" shift --sync "$T" --map "$MAP"
	same_tree "$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" unshift --sync "$T" --map "$MAP"
	same_tree "$BATS_TEST_TMPDIR/before"
}

@test "-n shows what would change, and changes nothing" {
	need_acls
	tree make "$T"
	find "$T" -printf '%p %u %m %C@\n' >"$BATS_TEST_TMPDIR/before"
	run_x 0 "$IDMAP" shift -n "$T" --map "$MAP"
	expect "33:34 -> 100033:100034, ACL, capability, mode kept  bin/all"
	expect "0:0 -> 100000:100000  ."
	expect 'new\012line'
	expect "would change 394 of 394"
	find "$T" -printf '%p %u %m %C@\n' | cmp - "$BATS_TEST_TMPDIR/before"
	[ ! -e "$WHITTLE_STATE" ]
}

@test "a second run does nothing, and leaves the journal for --undo alone" {
	need_acls
	tree make "$T"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	find "$T" -printf '%p %C@\n' >"$BATS_TEST_TMPDIR/times"
	sha256sum "$WHITTLE_STATE"/idmap/*.journal >"$BATS_TEST_TMPDIR/journal"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	expect "changed 0 of"
	find "$T" -printf '%p %C@\n' | cmp - "$BATS_TEST_TMPDIR/times"
	sha256sum --check --quiet "$BATS_TEST_TMPDIR/journal"
	run_x 0 "$IDMAP" shift --undo "$T"
	same_tree "$BATS_TEST_TMPDIR/before"
	run_x 1 "$IDMAP" shift --undo "$T"
	expect "nothing to undo" "$stderr"
}

@test "what was added since is shifted by another run, and one undo takes all back" {
	requires root
	mkdir "$T"
	touch "$T/first"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	touch "$T/second"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	expect "changed 1 of 3"
	run_x 0 "$IDMAP" shift --undo "$T"
	[ "$(stat -c %u "$T" "$T/first" "$T/second" | sort -u)" = 0 ]
}

@test "a tree that is mixed comes back mixed from --undo" {
	need_acls
	tree make "$T"
	chown -hR 100007:9 "$T/many"
	chown 7:100009 "$T/bin"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	tree list "$T" "$MAP" >"$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	same_tree "$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" shift --undo "$T"
	same_tree "$BATS_TEST_TMPDIR/before"
}

@test "undo leaves alone what others changed, and says so" {
	requires root
	mkdir "$T"
	touch "$T"/{gone,renamed,other,same}
	chmod 4755 "$T/same"
	echo x >"$T/written"
	chmod 6755 "$T/written"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	rm "$T/gone"
	mv "$T/renamed" "$T/elsewhere"
	chown 12345 "$T/other"
	echo y >>"$T/written"
	chmod 6755 "$T/written"
	touch "$T/new"
	chown 100033 "$T/new"
	run_x 1 "$IDMAP" shift --undo "$T"
	expect "2 inodes are no longer where they were" "$stderr"
	expect "1 inodes were changed by others since" "$stderr"
	expect "written since, left without its setuid bits and capabilities 'written'" "$stderr"
	[ "$(cd "$T" && stat -c '%n %u %a' elsewhere new other same written | xargs)" = \
		"elsewhere 100000 644 new 100033 644 other 12345 644 same 0 4755 written 0 755" ]
}

@test "a volume that is a file: it alone is shifted, and what a link to it points to" {
	need_acls
	mkdir "$T"
	chmod 1777 "$T"
	echo text >"$T/file"
	touch "$T/other"
	ln -s file "$T/link"
	setfacl -m u:33:r "$T/file"
	chmod 4755 "$T/file"
	run_x 1 "$IDMAP" check "$T/file" --map "$MAP"
	run_x 0 "$IDMAP" shift -n "$T/file" --map "$MAP"
	expect "0:0 -> 100000:100000, ACL, mode kept  file"
	run_x 0 "$IDMAP" shift "$T/link" --map "$MAP"
	expect "changed 1 of 1"
	[ "$(stat -c '%u %a' "$T/file" "$T/other" "$T" "$T/link" | xargs)" = "100000 4755 0 644 0 1777 0 777" ]
	getfacl -n "$T/file" 2>/dev/null | grep -q user:100033:r
	run_x 0 "$IDMAP" check "$T/file" --map "$MAP"
	start sh -c "exec sleep 60 <'$T/file'"
	wait_until 5 sh -c "readlink /proc/$started/fd/0 | grep -q '$T/file'"
	run_x 1 "$IDMAP" unshift "$T/file" --map "$MAP"
	expect "has open '$T/file'" "$stderr"
	stop_all
	run_x 0 "$IDMAP" shift "$T/file" --map "$MAP"
	expect "changed 0 of 1"
	# one that is mounted there itself
	touch "$T/place"
	mount --bind "$T/file" "$T/place" || skip "this machine cannot: no bind mounts"
	MOUNTED+=("$T/place")
	run_x 0 "$IDMAP" unshift "$T/place" --map "$MAP" --busy
	[ "$(stat -c '%u %a' "$T/file")" = "0 4755" ]
	umount "$T/place"
	run_x 0 "$IDMAP" shift --undo "$T/file"
	[ "$(stat -c '%u %a' "$T/file")" = "100000 4755" ]
	run_x 2 "$IDMAP" shift "$T/none" --map "$MAP"
}

# --- what is refused ---

@test "ids that the map doesn't hold: nothing is changed, or they are kept, or become one" {
	need_acls
	tree make "$T"
	chown -h 70000:70000 "$T/many/007" "$T/odd" "$T/home/dangling"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	run_x 1 "$IDMAP" shift "$T" --map "$MAP"
	expect "inodes have an id that the map doesn't hold; nothing is changed" "$stderr"
	expect "70000" "$stderr"
	same_tree "$BATS_TEST_TMPDIR/before"
	run_x 1 "$IDMAP" shift -n "$T" --map "$MAP"
	expect "3 inodes have an id that the map doesn't hold" "$stderr"
	expect "  70000  many/007" "$stderr"

	run_x 0 "$IDMAP" shift "$T" --map "$MAP" --unmapped keep
	[ "$(stat -c %u:%g "$T/odd" "$T/odd/*" "$T/many/007" | xargs)" = "70000:70000 100009:100009 70000:70000" ]
	run_x 0 "$IDMAP" shift --undo "$T"
	same_tree "$BATS_TEST_TMPDIR/before"

	run_x 0 "$IDMAP" shift "$T" --map "$MAP" --unmapped 65534
	[ "$(stat -c %u:%g "$T/odd" "$T/home/dangling" | xargs)" = "165534:165534 165534:165534" ]
	run_x 0 "$IDMAP" check "$T" --map "$MAP"
	run_x 0 "$IDMAP" shift --undo "$T"
	same_tree "$BATS_TEST_TMPDIR/before"

	run_x 2 "$IDMAP" shift "$T" --map "$MAP" --unmapped 65536
	expect "the map doesn't hold that id" "$stderr"
	run_x 2 "$IDMAP" shift "$T" --map "$MAP" --unmapped sometimes
}

@test "an unmapped id found by a second run takes back that run, not the first" {
	need_acls
	tree make "$T"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	touch "$T/bin/new" "$T/odd/new"
	chown 70000 "$T/odd/new"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	run_x 1 "$IDMAP" shift "$T" --map "$MAP"
	same_tree "$BATS_TEST_TMPDIR/before"
	rm "$T/bin/new" "$T/odd/new"
	run_x 0 "$IDMAP" shift --undo "$T"
	[ "$(stat -c %u "$T/bin/plain")" = 0 ]
}

@test "an id in an ACL or a capability that the map doesn't hold" {
	need_acls
	mkdir "$T"
	touch "$T/acl"
	setfacl -m g:70000:r "$T/acl"
	run_x 1 "$IDMAP" shift "$T" --map "$MAP"
	expect "  70000  acl" "$stderr"
	[ "$(stat -c %u "$T/acl" "$T" | xargs)" = "0 0" ]
	run_x 0 "$IDMAP" shift "$T" --map "$MAP" --unmapped keep
	getfacl -n "$T/acl" 2>/dev/null | grep -q group:70000:r
	run_x 0 "$IDMAP" shift --undo "$T"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP" --unmapped 5
	getfacl -n "$T/acl" 2>/dev/null | grep -q group:100005:r
}

@test "a double shift is refused" {
	requires root
	mkdir "$T"
	touch "$T/file"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	run_x 1 "$IDMAP" shift "$T" --map 0:200000:65536
	expect "was shifted already, by b:0:100000:65536" "$stderr"
	run_x 1 "$IDMAP" shift "$T" --map 0:200000:65536 --unmapped 0
	[ "$(stat -c %u "$T/file")" = 100000 ]
	# without the journal, by the ids themselves
	rm -r "$WHITTLE_STATE"
	run_x 1 "$IDMAP" shift "$T" --map 0:200000:65536
	expect "the map doesn't hold" "$stderr"
	[ "$(stat -c %u "$T/file")" = 100000 ]
	# from one range to another is a map of its own
	run_x 0 "$IDMAP" shift "$T" --map 100000:200000:65536
	[ "$(stat -c %u "$T/file")" = 200000 ]
}

@test "what something shifted twice is brought home by a map from there" {
	need_acls
	tree make "$T"
	run_x 0 "$IDMAP" shift -q "$T" --map "$MAP"
	tree list "$T" >"$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" shift -q --again "$T" --map 100000:200000:65536
	run_x 1 "$IDMAP" check "$T" --map "$MAP" --json
	[ "$(jq -c '[.counts.twice, .counts.inside, .counts.unshifted]' <<<"$output")" = '[394,0,0]' ]
	run_x 0 "$IDMAP" shift -q --again "$T" --map 200000:100000:65536
	same_tree "$BATS_TEST_TMPDIR/want"
}

@test "a map with an id on both sides is refused, or its ids looked for first" {
	local map=0:1000:1,1:100000:65536
	requires root
	mkdir "$T"
	touch "$T"/{root,www}
	chown 33:33 "$T/www"
	run_x 1 "$IDMAP" shift "$T" --map $map
	expect "id 1000 is on both sides of the map" "$stderr"
	[ "$(stat -c %u "$T/www")" = 33 ]
	run_x 0 "$IDMAP" shift "$T" --map $map --overlap
	[ "$(stat -c %u:%g "$T/root" "$T/www" | xargs)" = "1000:1000 100032:100032" ]
	# now 1000 is there, and known to be done
	run_x 0 "$IDMAP" shift "$T" --map $map --overlap
	expect "changed 0 of 3"
	run_x 0 "$IDMAP" shift --undo "$T"
	touch "$T/user"
	chown 1000 "$T/user"
	run_x 1 "$IDMAP" shift "$T" --map $map --overlap
	expect "  1000  user" "$stderr"
	[ "$(stat -c %u "$T/www")" = 33 ]
}

@test "an id on both sides of the map that an ACL or a capability holds" {
	local map=0:1000:1,1:100000:65536
	need_acls
	mkdir "$T" "$T/d"
	touch "$T/acl"
	cp /bin/true "$T/cap"
	setfacl -m u:1000:r "$T/acl"
	setfacl -d -m g:1000:r "$T/d"
	setcap -n 1000 cap_kill+ep "$T/cap"
	run_x 1 "$IDMAP" shift "$T" --map $map --overlap
	expect "3 inodes have an id that is on both sides" "$stderr"
	expect "  1000  acl" "$stderr"
	expect "  1000  cap" "$stderr"
	expect "  1000  d" "$stderr"
	[ "$(stat -c %u "$T/acl")" = 0 ]
	setfacl -b "$T/acl"
	setfacl -k "$T/d"
	setcap cap_kill+ep "$T/cap"
	run_x 0 "$IDMAP" shift "$T" --map $map --overlap
	getcap -n "$T/cap" | grep -q 'rootid=1000'
	run_x 0 "$IDMAP" shift "$T" --map $map --overlap
	expect "changed 0 of 4"
}

@test "an id that is the same on both sides needs no look, and stays" {
	requires root
	mkdir "$T"
	touch "$T"/{root,user}
	chown 1000 "$T/user"
	run_x 0 "$IDMAP" shift "$T" --map 0:0:4294967295
	expect "changed 0 of 3"
	run_x 0 "$IDMAP" shift "$T" --map 0:100000:1000,1000:1000:1,1001:101000:64536
	[ "$(stat -c %u "$T"/{root,user} | xargs)" = "100000 1000" ]
	run_x 0 "$IDMAP" unshift "$T" --map 0:100000:1000,1000:1000:1,1001:101000:64536
	[ "$(stat -c %u "$T"/{root,user} | xargs)" = "0 1000" ]
}

@test "a tree in use is refused unless told" {
	requires root
	mkdir "$T" "$T/d"
	start sh -c "exec sleep 60 >'$T/d/log'"
	wait_until 5 test -e "$T/d/log"
	run_x 1 "$IDMAP" shift "$T" --map "$MAP"
	expect "'$T' is in use: stop what uses it, or use --busy" "$stderr"
	expect "process $started (sleep) has open '$T/d/log'" "$stderr"
	[ "$(stat -c %u "$T/d")" = 0 ]
	run_x 0 "$IDMAP" shift "$T" --map "$MAP" --busy
	run_x 1 "$IDMAP" shift --undo "$T"
	stop_all
	# the shell that it is called from may stand in it
	(cd "$T/d" && run_x 0 "$IDMAP" shift --undo ..)

	# a container's mount namespace, as a container engine makes it
	start unshare --mount --propagation private sh -c "mount --bind '$T/d' /mnt && exec sleep 60"
	wait_until 5 grep -q "$T/d" "/proc/$started/mountinfo"
	run_x 1 "$IDMAP" shift "$T" --map "$MAP"
	expect "process $started (sleep) has it mounted at '/mnt'" "$stderr"
	stop_all
	# a mere copy of this namespace is none
	start unshare --mount --propagation private sleep 60
	wait_until 5 sh -c "[ \"\$(readlink /proc/$started/ns/mnt)\" != \"\$(readlink /proc/$$/ns/mnt)\" ]"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
}

@test "a tree that an overlay stands on is in use" {
	requires root
	on tmpfs
	mkdir "$T"/{lower,upper,work,merged}
	mount -t overlay none -o "lowerdir=$T/lower,upperdir=$T/upper,workdir=$T/work" "$T/merged" ||
		skip "this machine cannot: no overlay mounts"
	MOUNTED+=("$T/merged")
	run_x 1 "$IDMAP" shift "$T/upper" --map "$MAP"
	expect "mounts an overlay over '$T/upper'" "$stderr"
	umount "$T/merged"
	run_x 0 "$IDMAP" shift "$T/upper" --map "$MAP"
}

@test "one run at a time, and none across an unfinished one" {
	requires root
	mkdir "$T" "$T/part"
	touch "$T/part/file"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	start flock --no-fork "$(echo "$WHITTLE_STATE"/idmap/*.lock)" sleep 60
	wait_until 5 sh -c "! flock --nonblock '$WHITTLE_STATE'/idmap/*.lock true"
	run_x 2 "$IDMAP" unshift "$T" --map "$MAP"
	expect "another idmap is working on" "$stderr"
	stop_all
	# as if killed: the state that stands behind the journal's name
	printf '\001' | dd of="$(echo "$WHITTLE_STATE"/idmap/*.journal)" bs=1 seek=16 conv=notrunc status=none
	run_x 1 "$IDMAP" unshift "$T" --map "$MAP"
	expect "an unfinished shift of '$T'" "$stderr"
	run_x 1 "$IDMAP" shift "$T/part" --map "$MAP"
	expect "an unfinished run on '$T': finish or undo it first" "$stderr"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	run_x 0 "$IDMAP" unshift "$T/part" --map "$MAP"
}

@test "a new tree in the place of an old one has nothing of its journal" {
	requires root
	on ext4
	touch "$T/file"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	rm -r "$T"
	mkdir "$T"
	touch "$T/file"
	run_x 1 "$IDMAP" shift --undo "$T"
	run_x 0 "$IDMAP" shift "$T" --map 0:200000:65536
	[ "$(stat -c %u "$T/file")" = 200000 ]
}

@test "the journal may not stand in the tree" {
	requires root
	mkdir "$T"
	WHITTLE_STATE=$T/state run_x 2 "$IDMAP" shift "$T" --map "$MAP"
	expect "is part of the tree" "$stderr"
	[ "$(stat -c %u "$T")" = 0 ]
}

@test "only root changes owners" {
	requires root open command:setpriv
	OPEN=$(mktemp -d "/tmp/whittle-idmap.XXXXXX")
	chmod 755 "$OPEN"
	T=$OPEN
	run_x 2 setpriv --reuid 4711 --regid 4711 --clear-groups env "WHITTLE_STATE=$T" \
		"$IDMAP" shift "$T" --map "$MAP"
	expect "needs root" "$stderr"
}

# --- hostile trees ---

@test "links are changed, what they point to is not" {
	requires root
	mkdir "$T" "$T.outside"
	touch "$T.outside/file"
	ln -s "$T.outside" "$T/directory"
	ln -s "$T.outside/file" "$T/file"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	expect "changed 3 of 3"
	[ "$(stat -c %u "$T/directory" "$T/file" "$T.outside" "$T.outside/file" | xargs)" = "100000 100000 0 0" ]
}

@test "mounts are left alone unless told" {
	requires root
	mkdir "$T" "$T/directory" "$T.outside"
	touch "$T/file" "$T.outside/file"
	mount --bind "$T.outside" "$T/directory" || skip "this machine cannot: no bind mounts"
	MOUNTED+=("$T/directory")
	mount --bind "$T.outside/file" "$T/file"
	MOUNTED+=("$T/file")
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	expect "2 mounts skipped"
	[ "$(stat -c %u "$T.outside" "$T.outside/file" | xargs)" = "0 0" ]
	run_x 0 "$IDMAP" shift "$T" --map "$MAP" --cross-mounts
	[ "$(stat -c %u "$T.outside" "$T.outside/file" | xargs)" = "100000 100000" ]
	run_x 0 "$IDMAP" shift --undo "$T"
	[ "$(stat -c %u "$T.outside" "$T.outside/file" "$T" | xargs)" = "0 0 0" ]
}

# Somebody who may write in a directory swaps names as fast as they can: a file for a link to
# a file outside, a directory for a link to a directory outside, a setuid file for one with an ACL.
@test "paths swapped during the walk lead nowhere" {
	local i
	need_acls
	mkdir "$T" "$T.outside"
	for i in {1..40}; do
		mkdir "$T/d$i" "$T.outside/d$i"
		touch "$T/d$i/"{a,b,c} "$T.outside/d$i/"{a,b,c}
		mkdir "$T/d$i/sub" && touch "$T/d$i/sub/"{a,b,c}
		ln -s "$T.outside/d$i/a" "$T/d$i/link"
		ln -s "$T.outside/d$i" "$T/d$i/link2"
		ln -s "$T.outside/d$i/b" "$T/d$i/link3"
		cp /bin/true "$T/d$i/cap"
		touch "$T/d$i/"{setuid,acl}
	done
	chown -hR 33:33 "$T"
	chmod 6755 "$T"/d*/setuid
	setfacl -m u:33:rw "$T"/d*/acl
	for i in "$T"/d*/cap; do setcap cap_kill+ep "$i"; done
	cat >"$BATS_TEST_TMPDIR/swap" <<-'EOT'
		import ctypes, os, random, sys
		libc = ctypes.CDLL(None)
		top = sys.argv[1].encode()
		while True:
		    d = top + b"/d%d" % random.randint(1, 40)
		    for x, y in ((b"a", b"link"), (b"sub", b"link2"), (b"b", b"link2"), (b"setuid", b"link3"),
		                 (b"acl", b"link"), (b"cap", b"link3"), (b"setuid", b"acl")):
		        libc.renameat2(-100, d + b"/" + x, -100, d + b"/" + y, 2)
	EOT
	start python3 "$BATS_TEST_TMPDIR/swap" "$T"
	for i in {1..15}; do
		"$IDMAP" shift -q "$T" --map "$MAP" --busy 2>/dev/null || :
		"$IDMAP" unshift -q "$T" --map "$MAP" --busy 2>/dev/null || :
	done
	kill -0 "$started"
	stop_all
	[ "$(find "$T.outside" \( ! -uid 0 -o -perm /6000 \) | wc -l)" -eq 0 ]
	[ -z "$(getcap -r "$T.outside")" ]
	[ -z "$(getfacl -nRs "$T.outside" 2>/dev/null)" ]
	# and once it is quiet, all is in order again
	run_x 0 "$IDMAP" unshift -q "$T" --map "$MAP"
	[ "$(find "$T" ! -uid 33 | wc -l)" -eq 0 ]
	[ "$(find "$T" -perm 6755 | wc -l)" -eq 40 ]
	[ "$(getfacl -nR "$T" 2>/dev/null | grep -c ^user:33:rw)" -eq 40 ]
}

@test "a tree deeper than a path may be long" {
	requires root command:python3
	mkdir "$T"
	python3 - "$T" <<-'EOT'
		import os, sys
		os.chdir(sys.argv[1])
		for i in range(300):
		    os.mkdir("x" * 30)
		    os.chdir("x" * 30)
		open("setuid", "w").close()
		os.chmod("setuid", 0o4755)
	EOT
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	expect "changed 302 of 302"
	run_x 0 "$IDMAP" check "$T" --map "$MAP"
	run_x 0 "$IDMAP" shift --undo "$T"
	run_x 1 "$IDMAP" check "$T" --map "$MAP" --json
	[ "$(jq .counts.unshifted <<<"$output")" -eq 302 ]
	find "$T" -name setuid -perm 4755 | grep -q .
}

@test "memory is bounded, whatever the number of files" {
	requires root command:python3
	[ "${SAN:-}" != 1 ] || skip "this machine cannot: sanitizers take all the address space"
	on tmpfs
	python3 - "$T" <<-'EOT'
		import os, sys
		os.mkdir(sys.argv[1] + "/few"), os.mkdir(sys.argv[1] + "/many")
		for i in range(30000):
		    open("%s/many/%d" % (sys.argv[1], i), "w").close()
	EOT
	# What is enough for few files is enough for many: 200 bytes for each would be 6 MB. Each
	# of the two threads has 8 MiB of address space for its stack.
	run_x 0 bash -c "ulimit -v 20000; exec '$IDMAP' shift -q -j 2 '$T/few' --map $MAP"
	run_x 0 bash -c "ulimit -v 20000; exec '$IDMAP' shift -q -j 2 '$T/many' --map $MAP"
	run_x 0 "$IDMAP" check "$T/many" --map "$MAP"
}

# --- trouble ---

@test "threads that can't have a current directory of their own leave the work to one" {
	local i
	requires root command:python3 command:strace
	strace -o /dev/null true 2>/dev/null || skip "this machine cannot: no ptrace"
	tree make "$T"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	tree list "$T" "$MAP" >"$BATS_TEST_TMPDIR/want"
	# as in a container with docker's seccomp profile
	for i in {1..10}; do
		ASAN_OPTIONS=detect_leaks=0 run_x 0 timeout -s KILL 60 strace -f -qq -o /dev/null \
			-e inject=unshare:error=EPERM "$IDMAP" shift -q -j $((i + 2)) --busy "$T" --map "$MAP"
		[ "$i" -gt 1 ] || same_tree "$BATS_TEST_TMPDIR/want"
		run_x 0 "$IDMAP" shift --undo --busy "$T"
	done
	same_tree "$BATS_TEST_TMPDIR/before"
}

@test "an immutable file is reported, and the rest done" {
	requires root command:chattr
	on ext4
	touch "$T"/{a,b,c}
	chattr +i "$T/b"
	run_x 2 "$IDMAP" shift "$T" --map "$MAP"
	expect "idmap: change 'b': Operation not permitted" "$stderr"
	[ "$(stat -c %u "$T"/{a,b,c} "$T" | xargs)" = "100000 0 100000 100000" ]
	chattr -i "$T/b"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	run_x 0 "$IDMAP" check "$T" --map "$MAP"
	run_x 0 "$IDMAP" shift --undo "$T"
	[ "$(stat -c %u "$T"/{a,b,c} "$T" | sort -u)" = 0 ]
}

@test "no room for the journal: stopped in good order, and finished later" {
	requires root command:python3
	tree make "$T"
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	tree list "$T" "$MAP" >"$BATS_TEST_TMPDIR/want"
	mkdir "$WHITTLE_STATE"
	mount -t tmpfs -o size=100k none "$WHITTLE_STATE" || skip "this machine cannot: no tmpfs mounts"
	MOUNTED+=("$WHITTLE_STATE")
	run_x 2 "$IDMAP" shift "$T" --map "$MAP"
	expect "No space left on device" "$stderr"
	same_tree "$BATS_TEST_TMPDIR/before"
	# room for one thread's first records, not for the other's
	mount -o remount,size=700k "$WHITTLE_STATE"
	run_x 2 "$IDMAP" shift "$T" --map "$MAP" -j 2
	expect "No space left on device" "$stderr"
	expect "run the same command again to continue" "$stderr"
	mount -o remount,size=20m "$WHITTLE_STATE"
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	same_tree "$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" shift --undo "$T"
	same_tree "$BATS_TEST_TMPDIR/before"
}

@test "no room for an attribute on the tree's file system: finished later, nothing lost" {
	local i caps=(cap_kill cap_chown)
	requires root command:python3
	on ext4
	# version 2 capabilities share a block with their like; version 3 ones need another
	for i in {1..40}; do
		cp /bin/true "$T/$i"
		setcap "${caps[i % 2]}+ep" "$T/$i"
	done
	tree list "$T" >"$BATS_TEST_TMPDIR/before"
	tree list "$T" "$MAP" >"$BATS_TEST_TMPDIR/want"
	dd if=/dev/zero of="$WORK/ext4/fill" bs=64k 2>/dev/null || :
	dd if=/dev/zero of="$WORK/ext4/fill2" bs=1k 2>/dev/null || :
	run_x 2 "$IDMAP" shift "$T" --map "$MAP"
	expect "No space left on device" "$stderr"
	rm "$WORK/ext4/fill"*
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	same_tree "$BATS_TEST_TMPDIR/want"
	run_x 0 "$IDMAP" shift --undo "$T"
	same_tree "$BATS_TEST_TMPDIR/before"
}

@test "SIGTERM ends it in good order" {
	requires root command:python3
	on tmpfs
	python3 -c 'import os, sys
for i in range(20000): open("%s/%d" % (sys.argv[1], i), "w").close()' "$T"
	timeout 0.02 "$IDMAP" shift "$T" --map "$MAP" || :
	run_x 0 "$IDMAP" shift "$T" --map "$MAP"
	run_x 0 "$IDMAP" check "$T" --map "$MAP"
	run_x 0 "$IDMAP" shift --undo "$T"
}

@test "cut off at every call that changes anything, and run again" {
	requires root command:python3 command:strace
	[ "${SAN:-}" != 1 ] || skip "this machine cannot: sanitizers map memory all the time"
	on ext4
	tree make "$T" small
	strace -o /dev/null true 2>/dev/null || skip "this machine cannot: no ptrace"
	run_x 0 python3 "$POINTS" "$IDMAP" "$T"
	echo "# $output" >&3
	run_x 0 python3 "$POINTS" "$IDMAP" "$T" error=ENOSPC
}

# KILLS=1000 for the full figure.
@test "signals that whoever started it had ignored stay ignored" {
	requires root command:strace
	strace -o /dev/null true 2>/dev/null || skip "this machine cannot: no ptrace"
	mkdir -p "$T/one"
	(trap '' HUP; ASAN_OPTIONS=detect_leaks=0 strace -qq -o "$T/calls" -e trace=rt_sigaction \
		"$IDMAP" shift -q -m b:0:100000:65536 "$T/one")
	run_x 0 grep -c '^rt_sigaction(SIGTERM, {' "$T/calls"
	# set and set back at once
	run_x 0 awk '/^rt_sigaction\(SIGHUP, \{/ { last = $0 } END { exit last !~ /SIG_IGN/ }' "$T/calls"
}

@test "killed at random moments and resumed, it always ends right: ext4" {
	requires root command:python3
	on ext4
	tree make "$T"
	run_x 0 python3 "$KILLER" "$IDMAP" "$T" "${KILLS:-50}"
	echo "# $output" >&3
}

@test "killed at random moments and resumed, it always ends right: tmpfs" {
	requires root command:python3
	on tmpfs
	tree make "$T"
	run_x 0 python3 "$KILLER" "$IDMAP" "$T" "${KILLS:-50}"
	echo "# $output" >&3
}

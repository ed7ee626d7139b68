# Data that goes back with the image: snapshots before an upgrade, and the ways back.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine || return 0
	fixture
	export N=${P}db DB=$ROOM/volumes/${P}db/data
	container "$N"
	with_snapshot "{vols: [data], restore: on-failure}"
	prebuilt_moods
	next_is "$N" 1
	d u "$N"
	make_rows
}

teardown_file() {
	[ -n "${ROOM:-}" ] || return 0
	[ ! -e "$ROOM/zfs.img" ] || zpool destroy -f "$P" || :
	for m in "$ROOM"/{btrfs,xfs,mounted,few} "/tmp/$P-btrfs"; do umount "$m" 2>/dev/null || :; done
	rm -rf --one-file-system "/tmp/$P-btrfs"
	fixture_remove
}

teardown() {
	no_fake
	stop_all
}

# Versions: 1 and 2 work, 3 spoils its data and ends, 4 spoils its data and works.
prebuilt_moods() {
	mood "$N" 2 && make -s -C "$WHITTLE_CONTAINERS/$N" all && cp "$WHITTLE_CONTAINERS/$N"/{build-stamp,stamp-2}
	mood "$N" 3 0 1 1 && make -s -C "$WHITTLE_CONTAINERS/$N" all && cp "$WHITTLE_CONTAINERS/$N"/{build-stamp,stamp-3}
	mood "$N" 4 0 0 1 && make -s -C "$WHITTLE_CONTAINERS/$N" all && cp "$WHITTLE_CONTAINERS/$N"/{build-stamp,stamp-4}
	prebuilt "$N" 1
}

# with_snapshot VALUE [SOURCE]
with_snapshot() {
	printf 'mount_rw: ["%s:/data"]\nsnapshot: %s\n' "${2:-data}" "$1" | settings "$N"
}

# A database of the real kind, owned by the service's user, and odd files beside it.
make_rows() {
	local db=${1:-$DB}
	rm -rf "${db:?}"/* "$db"/.[a-z]*
	sqlite3 "$db/rows.db" 'create table t (n integer); with recursive c(n) as (select 1 union all select n+1 from c where n<2000) insert into t select n from c'
	ln "$db/rows.db" "$db/hard"
	ln -s /etc/passwd "$db/link"
	mkdir "$db/sub"
	setfattr -n user.mark -v kept "$db/sub"
	truncate -s 3M "$db/sub/holes"
	mkfifo "$db/sub/fifo"
	chmod 2750 "$db/sub"
	chown -R --reference="$db" "$db"/*
	chown -h --reference="$db" "$db/link"
}

rows() {
	sqlite3 "${1:-$DB}/rows.db" 'pragma integrity_check; select count(*) from t' 2>&1 | paste -sd' '
}

whole() {
	local db=${1:-$DB}
	[ "$(rows "$db")" = "ok 2000" ] || { rows "$db" >&2; ls -la "$db" >&2; return 1; }
	[ ! -e "$db/migrated" ]
}

# What belongs to files beside their bytes.
all_of_it() {
	(cd "$1" && find . -printf '%p %y %m %U:%G %n %s %T@ %l\n' | sed 's|^\. \(.*\) [0-9]* [0-9.]* $|. \1|' | sort
		getfattr -Rdh -m - . 2>/dev/null | sort
		find . -type f -exec sha256sum {} + | sort)
}

snapshots() {
	jq -r '.[] | select(.whole) | .id' "$WHITTLE_STATE/d/$N/snapshots.json"
}

nothing_half() {
	[ "$(jq '[.[] | select(.whole | not)] | length' "$WHITTLE_STATE/d/$N/snapshots.json")" -eq 0 ]
	[ -z "$(find "$(dirname "$DB")/.whittle-snapshots/data" -maxdepth 1 -name '.*')" ]
}

@test "a new version that spoils its data on start: old image, old data, every row" {
	before=$(all_of_it "$DB")
	next_is "$N" 3
	run_x 1 d u "$N"
	expect "SNAPSHOT" "$stderr"
	expect "RESTORE" "$stderr"
	serves "$N" 1
	whole
	diff <(echo "$before") <(all_of_it "$DB")
	nothing_half
	# What the failed one left isn't lost.
	last=$(snapshots | tail -1)
	[ -e "$(dirname "$DB")/.whittle-snapshots/data/$last/migrated" ]
	run_x 0 d why "$N"
	expect "data-restored"
	expect "left by a failed upgrade"
	[ "$(stat -c %a "$(dirname "$DB")/.whittle-snapshots")" = 700 ]
}

@test "files that didn't change take no space in the next snapshot" {
	d snapshot "$N"
	d snapshot "$N"
	last=$(snapshots | tail -2)
	files=$(for id in $last; do stat -c %i "$(dirname "$DB")/.whittle-snapshots/data/$id/rows.db"; done | sort -u | wc -l)
	[ "$files" -eq 1 ]
	[ "$(stat -c %i "$DB/rows.db")" != "$(stat -c %i "$(dirname "$DB")/.whittle-snapshots/data/$(snapshots | tail -1)/rows.db")" ]
	run_x 0 d clean -n
	expect "keeping data of $N, generation 1"
	whole
}

@test "d back --data: image, settings and data; and forward again" {
	next_is "$N" 2
	run_x 0 d u "$N"
	sqlite3 "$DB/rows.db" 'insert into t values (5)'
	run_x 0 d back --data "$N"
	expect "and its data" "$stderr"
	serves "$N" 1
	whole
	run_x 0 d back --data "$N" 2
	serves "$N" 2
	[ "$(rows)" = "ok 2001" ]
	run_x 0 d back -l "$N"
	expect "left when its data went back"
	run_x 0 d back --data "$N" 1
	whole
	nothing_half
}

@test "without restore the data stays as it is, and can be had back by hand" {
	with_snapshot '[data]'
	next_is "$N" 3
	run_x 1 d u --force "$N"
	serves "$N" 1
	run ! whole
	run_x 0 d back --data "$N" "$(jq .current "$WHITTLE_STATE/d/$N/generations.json")"
	serves "$N" 1
	whole
	with_snapshot "{vols: [data], restore: on-failure}"
}

@test "a generation without a snapshot: said before anything stops" {
	before=$(d pid "$N")
	run_x 1 d back --data "$N" 99
	run_x 1 d back --data "$N" 7
	[ "$(d pid "$N")" = "$before" ]
}

@test "killed at every step of an upgrade that spoils data: old image, old data, or no harm" {
	local n steps=0 skip=${KILLS:+1}
	with_fake_engine
	for ((n = ${skip:-7}; ; n += ${skip:-5})); do
		next_is "$N" 3
		fake kill "$n" "$([ $((n % 2)) = 0 ] && echo run || echo skip)"
		run --separate-stderr d u --force "$N"
		[ -e "$ROOM/killed-at" ] || break
		no_fake
		run_x 0 d recover
		serves "$N" 1 && whole && nothing_half || {
			echo "killed at call $n ($(cat "$ROOM/killed-at")): $stderr" >&2
			return 1
		}
		steps=$((steps + 1))
	done
	no_fake
	# Where the engine itself couldn't be asked in between, the next d goes on.
	[ "$status" -ne 2 ] || run_x 0 d recover
	whole || { echo "not killed at $n: status $status: $stderr; $(d why "$N" | tail -12)" >&2; return 1; }
	[ "$steps" -gt 2 ]
}

@test "killed while files are copied and moved: the old data or the earlier one, whole" {
	requires command:strace
	next_is "$N" 2
	run_x 0 d u --force "$N"
	sqlite3 "$DB/rows.db" 'delete from t where n > 1500'
	local call n now was
	now=$(jq .current "$WHITTLE_STATE/d/$N/generations.json")
	was=$(jq '.list[-2].n' "$WHITTLE_STATE/d/$N/generations.json")
	# The third rename puts the copy in place; the second removal is that of a snapshot that
	# is no longer needed, when all is done.
	while read -r call n; do
		run --separate-stderr timeout 60 strace -qq -o /dev/null \
			-P "$(dirname "$DB")/.whittle-snapshots/data" -e trace="$call" \
			-e inject="$call:signal=KILL:when=$n" "$D" back --data "$N" "$was"
		[ "$status" -eq 137 ]
		run_x 0 d recover
		nothing_half
		if [ "$call $n" = "unlinkat 2" ]; then
			[ "$(rows)" != "ok 1500" ] && [[ $(rows) = "ok "* ]]
		else
			serves "$N" 2
			[ "$(rows)" = "ok 1500" ]
		fi || {
			echo "killed at $call $n: $(rows) $stderr" >&2
			return 1
		}
	done <<-'EOT'
		renameat 1
		renameat 2
		renameat 3
		mkdirat 1
		fsync 2
		unlinkat 2
	EOT
	run_x 0 d back --data "$N" "$now"
	[ "$(rows)" = "ok 1500" ]
}

@test "btrfs: a subvolume's snapshot" {
	requires root command:mkfs.btrfs
	on_loop btrfs mkfs.btrfs -q
	btrfs subvolume create "$ROOM/btrfs/data" >/dev/null
	goes_back "$ROOM/btrfs/data" "a snapshot of its subvolume"
}

@test "btrfs without root: snapshots that nothing needs any more go as well" {
	requires root podman userns open command:newuidmap command:mkfs.btrfs
	# Where the user gets to.
	local at=/tmp/$P-btrfs
	mkdir "$at"
	truncate -s 200M "$ROOM/btrfs-user.img"
	mkfs.btrfs -q "$ROOM/btrfs-user.img"
	mount -o loop "$ROOM/btrfs-user.img" "$at"
	chmod 1777 "$at"
	mkdir -p "$at/c/one"
	printf 'image: localhost/none/one\nmount_rw: ["%s/data:/data"]\nsnapshot: yes\nkeep: 1\n' "$at" \
		>"$at/c/one/settings.yaml"
	# shellcheck disable=SC2016 # the inner shell's
	run env -u WHITTLE_STATE -u WHITTLE_SETTINGS -u WHITTLE_VOLUMES WHITTLE_CONTAINERS="$at/c" ENGINE=podman \
		"$TOP/tests/as-user" sh -euc '
		btrfs subvolume create "$2/data"
		echo row >"$2/data/row"
		for i in 1 2 3; do "$1" snapshot one; done' - "$D" "$at"
	left=$(find "$at/.whittle-snapshots/data" -mindepth 1 -maxdepth 1 | wc -l)
	row=$(cat "$at"/.whittle-snapshots/data/*/row)
	[ "$status" -eq 0 ]
	expect "a snapshot of its subvolume"
	refute "Read-only"
	[ "$left $row" = "1 row" ]
}

@test "xfs: reflinks" {
	requires root command:mkfs.xfs
	on_loop xfs mkfs.xfs -q
	mkdir "$ROOM/xfs/data"
	goes_back "$ROOM/xfs/data" reflinks
}

@test "zfs: a dataset's snapshot; backups, the way back and what is removed" {
	requires root
	# Of the kernel, or of zfs-fuse where that runs.
	zpool list >/dev/null 2>&1 || skip "this machine cannot: it has no ZFS"
	truncate -s 320M "$ROOM/zfs.img"
	zpool create -m "$ROOM/zfs" "$P" "$ROOM/zfs.img"
	zfs create "$P/data"
	goes_back "$ROOM/zfs/data" "a snapshot of its dataset"
	# Both are ZFS's, and no clone is left.
	[ "$(zfs list -H -o name -t snapshot | grep -c "^$P/data@whittle-")" -eq 2 ]
	[ "$(zfs list -H -o name -t filesystem | grep -c "^$P/")" -eq 1 ]
	run_x 0 d clean -n
	expect "keeping data of $N"
	run_x 0 d backup "$N" "$ROOM/zfs.tar"
	sqlite3 "$ROOM/zfs/data/rows.db" 'delete from t'
	run_x 0 d restore "$N" "$ROOM/zfs.tar"
	whole "$ROOM/zfs/data"
	# Killed while its clone is there: the next one does it again.
	d snapshot "$N"
	now=$(jq .current "$WHITTLE_STATE/d/$N/generations.json")
	sqlite3 "$ROOM/zfs/data/rows.db" 'delete from t'
	printf '#!/bin/sh\n[ "$1" != destroy ] || kill -KILL $PPID\nexec %s "$@"\n' "$(command -v zfs)" >"$ROOM/bin/zfs"
	chmod +x "$ROOM/bin/zfs"
	PATH=$ROOM/bin:$PATH run_x 137 "$D" back --data "$N" "$now"
	rm "$ROOM/bin/zfs"
	[ "$(zfs list -H -o name -t filesystem | grep -c "^$P/")" -eq 2 ]
	run_x 0 d recover
	[ "$(zfs list -H -o name -t filesystem | grep -c "^$P/")" -eq 1 ]
	# The way back was gone, or not gone at all; as whole as before it, either way.
	run_x 0 d back --data "$N" "$now"
	whole "$ROOM/zfs/data"
	d 0 "$N"
	for id in $(snapshots); do
		[ ! -L "$ROOM/zfs/.whittle-snapshots/data/$id" ] || zfs list "$(readlink "$ROOM/zfs/.whittle-snapshots/data/$id")"
	done
	[ "$(zfs list -H -o name -t filesystem | grep -c "^$P/")" -eq 1 ]
	wait_until 20 zpool destroy -f "$P"
	rm "$ROOM/zfs.img"
}

@test "a mount of its own: copied to where it stands, put back in place" {
	requires root
	mkdir -p "$ROOM/mounted"
	mount -t tmpfs tmpfs "$ROOM/mounted"
	goes_back "$ROOM/mounted" copied
	mountpoint "$ROOM/mounted"
}

# on_loop NAME MKFS…: a file system at $ROOM/NAME.
on_loop() {
	grep -qw "$1" /proc/filesystems || skip "this machine cannot: its kernel has no $1"
	truncate -s 320M "$ROOM/$1.img"
	"${@:2}" "$ROOM/$1.img"
	mkdir -p "$ROOM/$1"
	mount -o loop "$ROOM/$1.img" "$ROOM/$1" || skip "this machine cannot: no loop devices"
}

# goes_back SOURCE HOW: an upgrade that spoils what is there.
goes_back() {
	chown --reference="$DB" "$1"
	make_rows "$1"
	with_snapshot "{restore: on-failure}" "$1"
	next_is "$N" 1
	run_x 0 d u "$N"
	serves "$N" 1
	before=$(all_of_it "$1")
	next_is "$N" 3
	run_x 1 d u --force "$N"
	expect "SNAPSHOT  $1 ($2)" "$stderr"
	serves "$N" 1
	whole "$1"
	diff <(echo "$before") <(all_of_it "$1")
	d 0 "$N"
}

@test "an old container that is stopped, a full disk: nothing changes" {
	requires root
	mkdir -p "$ROOM/small"
	mount -t tmpfs -o size=1m tmpfs "$ROOM/small"
	mkdir "$ROOM/small/data"
	chown --reference="$DB" "$ROOM/small/data"
	dd if=/dev/zero of="$ROOM/small/data/big" bs=1k count=700 2>/dev/null
	with_snapshot "{restore: on-failure}" "$ROOM/small/data"
	next_is "$N" 1
	run_x 0 d u --force "$N"
	next_is "$N" 2
	run_x 1 d u --force "$N"
	expect "No space left on device" "$stderr"
	serves "$N" 1
	[ "$(ls -A "$ROOM/small/data")" = big ]
	[ "$(find "$ROOM/small/.whittle-snapshots/data" -mindepth 1 2>/dev/null | wc -l)" -eq 0 ]
	d 0 "$N"
	umount "$ROOM/small"
}

@test "what is told elsewhere of a failure has its reason" {
	mkdir "$ROOM/few"
	mount -t tmpfs -o size=1m tmpfs "$ROOM/few" || skip "this machine cannot: it mounts nothing"
	mkdir -m 777 "$ROOM/few/data"
	head -c 700k /dev/urandom >"$ROOM/few/data/big"
	with_snapshot "[$ROOM/few/data]" "$ROOM/few/data"
	next_is "$N" 1
	d R "$N"
	next_is "$N" 2
	run_x 1 d u "$N"
	with_snapshot "{vols: [data], restore: on-failure}"
	d R "$N"
	umount "$ROOM/few"
	run_x 0 d why "$N"
	expect "upgrade: its data couldn't be copied or put back: copy 'big': No space left on device"
	# A container's ID, another one at each try, is none.
	d 0 "$N"
	start python3 -m http.server "$(cat "$ROOM/port.$N")" --bind 127.0.0.1
	wait_until 10 bash -c "exec 3<>/dev/tcp/127.0.0.1/$(cat "$ROOM/port.$N")"
	run_x 1 d 1 "$N"
	stop_all
	# Where no systemd runs, podman says something of a path in /run, which is its own affair.
	refute "it can't write" "$stderr"
	text=$(d why --json "$N" | jq -r 'select(.event == "failed") | .text' | tail -n 1)
	[[ $text = "up: it couldn't be started: "*"$(cat "$ROOM/port.$N")"* ]]
	[[ ! $text =~ [0-9a-f]{64} ]]
	d 1 "$N"
}

@test "a command of the user's own" {
	printf '#!/bin/sh\necho "$@" >>%s/calls.own\n[ "$1" != take ] || cp -a "$3" %s/own.$2\n[ "$1" != restore ] || { rm -rf "$3"; cp -a %s/own.$2 "$3"; }\n[ "$1" != remove ] || rm -rf %s/own.$2\n' \
		"$ROOM" "$ROOM" "$ROOM" "$ROOM" >"$ROOM/bin/own"
	chmod +x "$ROOM/bin/own"
	make_rows
	with_snapshot "{restore: on-failure, command: [$ROOM/bin/own]}"
	next_is "$N" 1
	run_x 0 d u --force "$N"
	next_is "$N" 3
	run_x 1 d u --force "$N"
	serves "$N" 1
	whole
	run_x 0 cat "$ROOM/calls.own"
	expect "take "
	expect "restore "
}

@test "a container that plants a link where snapshots go gains nothing" {
	requires root
	mkdir -p "$ROOM/volumes/$N/trap"
	ln -s /etc "$ROOM/volumes/$N/trap/.whittle-snapshots"
	mkdir "$ROOM/volumes/$N/trap/in"
	chown --reference="$DB" "$ROOM/volumes/$N/trap/in"
	with_snapshot true trap/in
	next_is "$N" 1
	run_x 0 d R "$N"
	run_x 1 d snapshot "$N"
	expect "open the directory of the snapshots" "$stderr"
	serves "$N" 1
}

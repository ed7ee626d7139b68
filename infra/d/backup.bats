# Copies of a container's data that are kept elsewhere, and the way back from them.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine || return 0
	fixture
	export N=${P}db DB=$ROOM/volumes/${P}db/data
	container "$N"
	printf 'mount_rw: ["data:/data"]\nsnapshot: [data]\n' | settings "$N"
	d u "$N"
	sqlite3 "$DB/rows.db" 'create table t (n integer); with recursive c(n) as (select 1 union all select n+1 from c where n<2000) insert into t select n from c'
	ln "$DB/rows.db" "$DB/hard"
	ln -s /etc/passwd "$DB/link"
	mkdir "$DB/sub"
	truncate -s 3M "$DB/sub/holes"
	mkfifo "$DB/sub/fifo"
	printf x >"$DB/sub/"$'odd \xff\nname'
	chmod 2750 "$DB/sub"
	chown -R -h --reference="$DB" "$DB"/*
	setfattr -n user.mark -v kept "$DB/rows.db"
	setfattr -n user.odd=name -v 0sAAEC "$DB/sub"
	setfacl -m u:1234:rw,g:77:r "$DB/rows.db"
	setfacl -m d:u:1234:rwx "$DB/sub"
	[ "$(id -u)" != 0 ] || setcap cap_net_raw+ep "$DB/sub/holes"
	mkdir "$ROOM/stick"
	d backup "$N" "$ROOM/stick"
	[ -z "$(find "$ROOM/stick" -name "*:*")" ]
	mv "$ROOM/stick/$N-"*.tar "$ROOM/db.tar"
	all_of_it >"$ROOM/was"
}

teardown_file() {
	[ -n "${ROOM:-}" ] || return 0
	umount "$ROOM/small" 2>/dev/null || :
	fixture_remove
}

# What belongs to files beside their bytes.
all_of_it() {
	(cd "$DB" && find . ! -type d -printf '%p %y %m %U:%G %n %s %T@ %l\n' -o -printf '%p %y %m %U:%G %T@\n' | sort
		getfattr -Rdh -m - . | sort
		find . -type f -exec sha256sum {} + | sort)
}

rows() {
	sqlite3 "$DB/rows.db" 'select count(*) from t' 2>&1
}

nothing_half() {
	[ "$(jq '[.[] | select(.whole | not)] | length' "$WHITTLE_STATE/d/$N/snapshots.json")" -eq 0 ]
	[ -z "$(find "$(dirname "$DB")/.whittle-snapshots/data" -maxdepth 1 -name '.*')" ]
}

@test "what was there comes back, to the last byte, owner, mode and time; what is there becomes a snapshot" {
	rm -r "$DB/sub"
	sqlite3 "$DB/rows.db" 'delete from t'
	run_x 0 d restore "$N" "$ROOM/db.tar"
	expect WHOLE "$stderr"
	expect RESTORE "$stderr"
	diff "$ROOM/was" <(all_of_it)
	[ "$(rows)" = 2000 ]
	version_of "$N"
	nothing_half
	for copy in "$(dirname "$DB")"/.whittle-snapshots/data/*/rows.db; do
		[ "$(sqlite3 "$copy" 'select count(*) from t')" != 0 ] || return 0
	done
	false
}

@test "it says of what it is; -n changes nothing" {
	run_x 0 tar -xOf "$ROOM/db.tar" backup.json
	jq -e --arg n "$N" '.name == $n and (.image | startswith("sha256:")) and (.settings | contains("snapshot"))' <<<"$output"
	run_x 0 tar -xOf "$ROOM/db.tar" manifest.json
	jq -e '.["data/0/rows.db"].sha256 // .["data/0/hard"].sha256' <<<"$output"
	[ "$(stat -c %a "$ROOM/db.tar")" = 600 ]
	pid=$(d pid "$N")
	run_x 0 d restore -n "$N" "$ROOM/db.tar"
	expect WHOLE "$stderr"
	[ "$(d pid "$N")" = "$pid" ]
	nothing_half
}

@test "one that isn't whole, was changed, or is another's is refused, and all is as it was" {
	pid=$(d pid "$N")
	head -c 200000 "$ROOM/db.tar" >"$BATS_TEST_TMPDIR/cut.tar"
	run_x 2 d restore "$N" "$BATS_TEST_TMPDIR/cut.tar"
	python3 - "$ROOM/db.tar" "$BATS_TEST_TMPDIR/changed.tar" <<-'EOT'
		import sys
		b = bytearray(open(sys.argv[1], "rb").read())
		b[b.index(b"SQLite format 3") + 3000] ^= 1
		open(sys.argv[2], "wb").write(b)
	EOT
	run_x 2 d restore "$N" "$BATS_TEST_TMPDIR/changed.tar"
	expect "isn't what the manifest says" "$stderr"
	mkdir "$BATS_TEST_TMPDIR/x"
	tar -xf "$ROOM/db.tar" -C "$BATS_TEST_TMPDIR/x" backup.json
	sed -i "s/\"name\": \"$N\"/\"name\": \"other\"/" "$BATS_TEST_TMPDIR/x/backup.json"
	tar -cf "$BATS_TEST_TMPDIR/other.tar" -C "$BATS_TEST_TMPDIR/x" backup.json
	run_x 2 d restore "$N" "$BATS_TEST_TMPDIR/other.tar"
	expect "it is of 'other'" "$stderr"
	# a path that leads out of it
	tar -xf "$ROOM/db.tar" -C "$BATS_TEST_TMPDIR/x" backup.json
	tar -cPf "$BATS_TEST_TMPDIR/out.tar" -C "$BATS_TEST_TMPDIR/x" --transform 's|^/etc/hostname|data/0/../../../../../out|' backup.json /etc/hostname
	run_x 2 d restore "$N" "$BATS_TEST_TMPDIR/out.tar"
	run_x 2 d restore "$N" /etc/passwd
	# A link where the data's directory should be, which would name a snapshot of ZFS's.
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\necho "$@" >>%s/zfs\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/bin/zfs"
	chmod +x "$BATS_TEST_TMPDIR/bin/zfs"
	ln -s pool/other@mine "$BATS_TEST_TMPDIR/x/link"
	for name in data/0 data/0/.; do
		tar -cPf "$BATS_TEST_TMPDIR/link.tar" -C "$BATS_TEST_TMPDIR/x" --transform "flags=r;s|^link|$name|" backup.json link
		PATH=$BATS_TEST_TMPDIR/bin:$PATH run_x 2 d restore "$N" "$BATS_TEST_TMPDIR/link.tar"
		expect "is neither a file nor a directory" "$stderr"
	done
	# And one that somebody put there.
	store=$(dirname "$DB")/.whittle-snapshots/data
	id=$(jq -r '.[0].id' "$WHITTLE_STATE/d/$N/snapshots.json")
	mv "$store/$id" "$BATS_TEST_TMPDIR/aside"
	ln -s pool/other@mine "$store/$id"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run_x 2 d clean -n
	expect "read the snapshot of '$DB'" "$stderr"
	rm "$store/$id"
	mv "$BATS_TEST_TMPDIR/aside" "$store/$id"
	[ ! -e "$BATS_TEST_TMPDIR/zfs" ]
	[ "$(d pid "$N")" = "$pid" ]
	diff "$ROOM/was" <(all_of_it)
	nothing_half
}

@test "a full disk, or a kill: the backup that was there stays, and nothing half beside it" {
	requires root
	mkdir "$ROOM/small"
	mount -t tmpfs -o size=200k none "$ROOM/small"
	echo before >"$ROOM/small/db.tar"
	run_x 2 d backup "$N" "$ROOM/small/db.tar"
	[ "$(ls "$ROOM/small")" = db.tar ]
	[ "$(cat "$ROOM/small/db.tar")" = before ]
	version_of "$N"
}

@test "on a new machine: from nothing to what it was" {
	d down "$N"
	engine rm "$N" >/dev/null
	rm -rf "$ROOM/volumes" "$WHITTLE_STATE/d/$N"
	run_x 0 d restore "$N" "$ROOM/db.tar"
	diff "$ROOM/was" <(all_of_it)
	version_of "$N"
}

@test "killed at every step of a restore: the data is the one or the other, whole" {
	with_fake_engine
	local n
	for ((n = 2; ; n += 3)); do
		sqlite3 "$DB/rows.db" 'insert into t values (1)'
		fake kill "$n" skip
		run --separate-stderr "$D" restore "$N" "$ROOM/db.tar"
		[ -e "$ROOM/killed-at" ] || break
		no_fake
		run --separate-stderr d recover
		version_of "$N"
		[ "$(rows)" = 2000 ] || [ "$(rows)" = 2001 ] || { rows >&2; return 1; }
		d restore "$N" "$ROOM/db.tar"
		[ "$(rows)" = 2000 ]
	done
	no_fake
	[ "$status" -eq 0 ]
	nothing_half
}

@test "what has no snapshot in its settings has no backup" {
	container "${P}none"
	run_x 2 d backup "${P}none" "$ROOM"
	expect "name no data to copy: see snapshot" "$stderr"
}

@test "restic and borg keep it, of several containers the latest of each" {
	requires command:restic command:borg
	export RESTIC_PASSWORD=x RESTIC_CACHE_DIR=$BATS_TEST_TMPDIR/cache BORG_BASE_DIR=$BATS_TEST_TMPDIR/borg
	run_x 0 restic init -q --repo "$ROOM/restic"
	run_x 0 borg init -e none "$ROOM/borg"
	container "$N-2"
	printf 'mount_rw: ["data:/data"]\nsnapshot: [data]\n' | settings "$N-2"
	for repository in "restic:$ROOM/restic" "borg:$ROOM/borg"; do
		sqlite3 "$DB/rows.db" 'delete from t'
		run_x 0 d backup "$N" "$repository"
		d restore "$N" "$ROOM/db.tar"
		all_of_it >"$ROOM/was"
		run_x 0 d backup "$N" "$repository"
		mkdir -p "$ROOM/volumes/$N-2/data"
		run_x 0 d backup "$N-2" "$repository"
		rm -r "$DB/sub"
		run_x 0 d restore "$N" "$repository"
		expect WHOLE "$stderr"
		diff "$ROOM/was" <(all_of_it)
		# The program fails: so does the backup, and says whose fault it was.
		run_x 2 d backup "$N" "$repository.none"
		expect "${repository%%:*} failed with status" "$stderr"
		run_x 2 d restore "$N" "$repository.none"
		diff "$ROOM/was" <(all_of_it)
		nothing_half
	done
	run_x 0 d restore -n "$N-2" "borg:$ROOM/borg::$(borg list --short --last 1 "$ROOM/borg")"
	rm -r "$WHITTLE_CONTAINERS/$N-2"
}

@test "--verify: its own tests on a test instance with the data, and production isn't touched" {
	# Behind something else, or it would be a test of this file.
	sed 's/^: //' >"$WHITTLE_CONTAINERS/$N/restore.bats" <<-'EOT'
		: @test "rows" {
			[ "$INSTANCE_RESTORED" ] && [ "$(cat "$ROOM/wanted")" = "$(curl -fs "$INSTANCE_ADDRESS_8080/version")" ]
			data=$("$ENGINE_CMD" inspect -f '{{range .Mounts}}{{if eq .Destination "/data"}}{{.Source}}{{end}}{{end}}' "$INSTANCE_NAME")
			[ "$data" != "$DB" ]
			[ "$(sqlite3 "$data/rows.db" 'select count(*) from t')" = 2000 ]
			[ "$(stat -c %u:%g "$data/rows.db")" = "$(stat -c %u:%g "$DB/rows.db")" ]
		}
	EOT
	before=$(d pid "$N")
	version_of "$N" >"$ROOM/wanted"
	sqlite3 "$DB/rows.db" 'insert into t values (1)'
	all_of_it >"$ROOM/now"
	run_x 0 d restore --verify "$N" "$ROOM/db.tar"
	expect VERIFIED "$stderr"
	run_x 0 d why "$N"
	expect "backup-verified"
	# Its tests fail; it isn't whole; a command of one's own.
	echo other >"$ROOM/wanted"
	run_x 1 d restore --verify "$N" "$ROOM/db.tar"
	expect FAILED "$stderr"
	run_x 1 d restore --verify "$N" "$BATS_FILE_TMPDIR/svc"
	echo '# @test' >"$WHITTLE_CONTAINERS/$N/restore.bats"
	run_x 1 d restore --verify "$N" "$ROOM/db.tar"
	expect "no test in it" "$stderr"
	# shellcheck disable=SC2016 # the inner shell's
	run_x 0 d restore --verify "$N" "$ROOM/db.tar" -- sh -c 'echo "$INSTANCE_NAME"'
	expect "$N-restored-"
	run_x 2 d restore "$N" "$ROOM/db.tar" -- true
	[ "$(d pid "$N")" = "$before" ]
	diff "$ROOM/now" <(all_of_it)
	[ "$(all_of "$N")" = "$N" ]
	[ ! -e "$WHITTLE_STATE/d/$N/test/volumes" ]
	rm "$WHITTLE_CONTAINERS/$N/restore.bats"
	d restore "$N" "$ROOM/db.tar"
}

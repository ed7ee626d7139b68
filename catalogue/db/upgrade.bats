# Upgrades and backups of a database with rows in it, by d: run by tests/catalogue, since they
# take the image that was promoted. KILLS=all kills d at every step.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
# shellcheck source=infra/d/tests/fixture.bash
load "$TOP/infra/d/tests/fixture"

setup_file() {
	file_requires command:psql engine || return 0
	fixture
	export N=${P}pg PGHOST=127.0.0.1 PGUSER=postgres PGPASSWORD=secret PGCONNECT_TIMEOUT=5
	PGPORT=$(free_port)
	export PGPORT DIRECTORY=$WHITTLE_CONTAINERS/$N
	mkdir -p "$DIRECTORY/files/usr/bin"
	printf 'FROM localhost/whittle/db:live\nCOPY files/ /\n' >"$DIRECTORY/Dockerfile"
	cp "$TOP/infra/d/tests/quick.mk" "$DIRECTORY/Makefile"
	echo '@test "x" { true; }' >"$DIRECTORY/test.bats"
	version 1 "$(cat files/usr/bin/serve-database)"
	# A migration that fails half way.
	version 2 '#!/bin/sh
		for file in /var/lib/postgresql/17/main/base/*/* /var/lib/postgresql/17/main/global/*; do echo ruined >"$file"; done
		rm -r /var/lib/postgresql/17/main/pg_wal
		exit 1'
	{
		sed '/^all:/,/^$/d' "$TOP/infra/d/tests/quick.mk"
		printf 'all:\n\t@cp stamp-$$(cat next) build-stamp\n'
	} >"$DIRECTORY/Makefile"
	next_is "$N" 1
	settings_with 512m
	d u "$N"
	sql "CREATE TABLE t (n int PRIMARY KEY, s text); INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 20000) n"
	ROWS=$(all_rows)
	export ROWS
}

teardown_file() {
	fixture_remove
}

# version N PROGRAM: an image that runs it.
version() {
	echo "$1" >"$DIRECTORY/files/version"
	printf '%s\n' "$2" >"$DIRECTORY/files/usr/bin/serve-database"
	chmod +x "$DIRECTORY/files/usr/bin/serve-database"
	make -s -C "$DIRECTORY" all
	cp "$DIRECTORY/build-stamp" "$DIRECTORY/stamp-$1"
	engine tag "localhost/whittle/$N:latest" "localhost/$N-built:$1"
}

# settings_with MEMORY: the catalogue's, and data that goes back.
settings_with() {
	sed -e "s/^  - 5432:5432/  - $PGPORT:5432/" -e 's/^  password: .*/  password: {command: [echo, secret]}/' \
		-e 's/^snapshot: .*/snapshot: {restore: on-failure}/' -e "s/^memory: .*/memory: $1/" \
		-e "s|^seccomp: |&$PWD/|" settings.yaml >"$DIRECTORY/settings.yaml"
}

sql() {
	psql -X -q -A -t -v ON_ERROR_STOP=1 -d postgres -c "$1"
}

all_rows() {
	sql "SELECT count(*), md5(string_agg(n || s, chr(10) ORDER BY n)) FROM t"
}

# ruin FILE OFFSET: one byte of a table or an index, while the server is stopped.
ruin() {
	local file
	file=$ROOM/volumes/$N/data/17/main/$1
	d down "$N"
	printf '\377' | dd of="$file" bs=1 seek="$2" conv=notrunc status=none
}

@test "a backup is verified row by row; one of ruined data isn't let through" {
	requires join
	sed "s|^load .*|load $TOP/tests/helpers|" restore.bats >"$DIRECTORY/restore.bats"
	d backup "$N" "$ROOM/pg.tar"
	sql 'DELETE FROM t'
	run_x 0 d restore --verify "$N" "$ROOM/pg.tar" -- sh -c '"$ENGINE_CMD" exec "$INSTANCE_NAME" \
		/usr/lib/postgresql/17/bin/psql -X -A -t -d postgres -c "SELECT count(*) FROM t"'
	expect 20000
	run_x 0 d restore --verify "$N" "$ROOM/pg.tar"
	[ "$(sql 'SELECT count(*) FROM t')" = 0 ]
	d restore "$N" "$ROOM/pg.tar"
	[ "$(all_rows)" = "$ROWS" ]
	# Of what nobody reads at the start.
	for name in t t_pkey; do
		ruin "$(sql "SELECT pg_relation_filepath('$name')")" 100000
		d up "$N"
		d backup "$N" "$ROOM/ruined.tar"
		run_x 1 d restore --verify "$N" "$ROOM/ruined.tar"
		expect FAILED "$stderr"
		d restore "$N" "$ROOM/pg.tar"
		[ "$(all_rows)" = "$ROWS" ]
	done
	rm "$DIRECTORY/restore.bats" "$ROOM"/*.tar
}

# Old image, old settings, old data.
as_it_was() {
	wait_until 30 sql 'SELECT 1'
	[ "$(all_rows)" = "$ROWS" ] && [[ $ROWS = "20000|"* ]]
	[ "$(image_id "$("$ENGINE_CMD" inspect -f '{{.Image}}' "$N")")" = "$(image_id "$(built "$N" 1)")" ]
	[ "$(engine inspect -f '{{.HostConfig.Memory}}' "$N")" = $((512 << 20)) ]
	[ "$(all_of "$N")" = "$N" ]
}

@test "a new version that ruins its data on start: image, settings and every row are back" {
	next_is "$N" 2
	settings_with 600m
	run_x 1 d u "$N"
	expect RESTORE "$stderr"
	as_it_was
}

@test "the same with d killed on the way" {
	local n steps=0 by=12
	[ "${KILLS:-}" != all ] || by=1
	with_fake_engine
	next_is "$N" 2
	settings_with 600m
	for ((n = 8; ; n += by)); do
		fake kill "$n" "$([ $((n % 2)) = 0 ] && echo run || echo skip)"
		run --separate-stderr d u --force "$N"
		[ -e "$ROOM/killed-at" ] || break
		no_fake
		run_x 0 d recover
		as_it_was || { echo "killed at call $n ($(cat "$ROOM/killed-at"))" >&2; return 1; }
		steps=$((steps + 1))
	done
	no_fake
	as_it_was
	[ "$steps" -gt 1 ]
}

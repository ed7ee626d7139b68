# A database that wants its password, keeps its data, and comes back from a backup, by psql.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	file_requires command:psql || return 0
	# The instance that make test has around it, by settings.yaml.
	export ID=${INSTANCE_NAME:?run by make test}
	export PGHOST=127.0.0.1 PGPORT=$INSTANCE_PORT_5432 PGUSER=postgres PGPASSWORD='only for tests' PGCONNECT_TIMEOUT=5
}

sql() { # DATABASE STATEMENT
	psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

@test "with the secret's password, and without it not" {
	run_x 0 sql postgres 'SELECT 40 + 2'
	[ "$output" = 42 ]
	PGPASSWORD=wrong run_x 2 sql postgres 'SELECT 1'
	expect "password authentication failed" "$stderr"
	PGPASSWORD='' run_x 2 psql -X -w -d postgres -c 'SELECT 1'
	[ "$(sql postgres "SELECT rolpassword LIKE 'SCRAM-SHA-256%' FROM pg_authid WHERE rolname = 'postgres'")" = t ]
}

@test "what applications do: roles, transactions, indexes, text in any language, dates, JSON" {
	sql postgres "CREATE ROLE shop LOGIN PASSWORD 'p'; "
	sql postgres 'CREATE DATABASE shop OWNER shop'
	export PGUSER=shop PGPASSWORD=p
	sql shop "CREATE TABLE item (id serial PRIMARY KEY, name text UNIQUE, made timestamptz, about jsonb)"
	sql shop "INSERT INTO item (name, made, about) SELECT 'Tür ' || n, '2024-03-31 02:30 Europe/Berlin', jsonb_build_object('n', n) FROM generate_series(1, 5000) n"
	[ "$(sql shop "SELECT count(*) FROM item WHERE upper(name) ~ '^TÜR [0-9]+\$'")" = 5000 ]
	[ "$(sql shop "SELECT name FROM item WHERE about @> '{\"n\": 77}'")" = "Tür 77" ]
	[ "$(sql shop "SELECT made AT TIME ZONE 'UTC' FROM item LIMIT 1")" = "2024-03-31 01:30:00" ]
	[ "$(sql shop "SELECT to_tsvector('english', 'running databases') @@ to_tsquery('english', 'run & database')")" = t ]
	run ! sql shop "INSERT INTO item (name) VALUES ('Tür 1')"
	run ! sql shop 'SELECT * FROM pg_authid'
}

@test "extensions that come along can be made" {
	sql postgres 'CREATE EXTENSION pgcrypto; CREATE EXTENSION pg_trgm; CREATE EXTENSION "uuid-ossp"' || return 1
	[ "$(sql postgres "SELECT encode(digest('x', 'sha256'), 'hex')")" = "$(printf x | sha256sum | cut -d' ' -f1)" ]
}

@test "what is deleted and dropped gives its space back" {
	sql postgres "CREATE TABLE large AS SELECT n, repeat(md5(n::text), 20) s FROM generate_series(1, 5000) n"
	sql postgres 'DELETE FROM large WHERE n > 10'
	run_x 0 sql postgres 'VACUUM large'
	[ -z "$stderr" ]
	[ "$(sql postgres "SELECT pg_relation_size('large') < 100000")" = t ]
	run_x 0 sql postgres 'DROP TABLE large'
	[ -z "$stderr" ]
	run_x 0 sql postgres 'CHECKPOINT'
}

@test "a backup, the loss, and the way back" {
	local url="postgresql://postgres:only%20for%20tests@127.0.0.1"
	sql postgres 'CREATE DATABASE kept'
	sql kept "CREATE TABLE t (n int PRIMARY KEY, s text); INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 2000) n"
	before=$(sql kept 'SELECT md5(string_agg(n || s, chr(10) ORDER BY n)) FROM t')
	exec_in "$ID" /usr/lib/postgresql/17/bin/pg_dump "$url/kept" >"$BATS_TEST_TMPDIR/backup.sql"
	exec_in "$ID" /usr/lib/postgresql/17/bin/pg_dump -Fc "$url/kept" >"$BATS_TEST_TMPDIR/backup.custom"
	sql postgres 'DROP DATABASE kept'
	run ! sql kept 'SELECT 1'

	sql postgres 'CREATE DATABASE kept'
	# A client of another version may not know each setting in it.
	grep -vE '^SET transaction_timeout|^\\(un)?restrict ' "$BATS_TEST_TMPDIR/backup.sql" | psql -X -q -v ON_ERROR_STOP=1 -d kept >/dev/null
	[ "$(sql kept 'SELECT md5(string_agg(n || s, chr(10) ORDER BY n)) FROM t')" = "$before" ]
	sql postgres 'CREATE DATABASE again'
	engine exec -i "$ID" /usr/lib/postgresql/17/bin/pg_restore --exit-on-error -d "$url/again" <"$BATS_TEST_TMPDIR/backup.custom"
	[ "$(sql again 'SELECT md5(string_agg(n || s, chr(10) ORDER BY n)) FROM t')" = "$before" ]
}

@test "what was committed is there after a restart, and after a kill" {
	sql postgres 'CREATE TABLE mark (s text)'
	sql postgres "INSERT INTO mark VALUES ('stopped')"
	run_x 0 engine restart -t 30 "$ID" 3>&- 4>&-
	wait_until 30 sql postgres 'SELECT 1'
	sql postgres "INSERT INTO mark VALUES ('killed')"
	run_x 0 engine kill -s KILL "$ID"
	wait_until 10 bash -c "[ \"\$('$ENGINE_CMD' inspect -f '{{.State.Running}}' '$ID')\" = false ]"
	run_x 0 engine start "$ID" 3>&- 4>&-
	wait_until 30 sql postgres 'SELECT 1'
	[ "$(sql postgres "SELECT string_agg(s, ',' ORDER BY s) FROM mark")" = killed,stopped ]
}

@test "it runs as postgres, without root's rights anywhere" {
	image_root "$TEST_IMAGE" "$BATS_TEST_TMPDIR/root"
	[ "$(user_of "$ID")" = "$(awk -F: '$1 == "postgres" { print $3 }' "$BATS_TEST_TMPDIR/root/etc/passwd")" ]
	run_x 0 find "$BATS_TEST_TMPDIR/root" -type f -perm /6000 -print
	[ -z "$output" ]
	run_x 0 exec_in "$ID" /usr/bin/probe tcp:127.0.0.1:5432
	run_x 0 engine stop -t 30 "$ID"
	[ "$(engine inspect -f '{{.State.ExitCode}}' "$ID")" = 0 ]
}

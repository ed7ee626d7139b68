# What d restore --verify asks of a backup: every row of every database is read, and the indexes
# know each. The instance has the backup's passwords, so that psql is the one inside, as postgres.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	export ID=${INSTANCE_NAME:?run by d restore --verify}
}

sql() { # DATABASE STATEMENT
	engine exec "$ID" /usr/lib/postgresql/17/bin/psql -X -q -A -t -v ON_ERROR_STOP=1 -d "$1" -c "$2"
}

databases() {
	sql postgres 'SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1'
}

@test "every row of every database can be read" {
	# shellcheck disable=SC2016 # bash's, for each run
	run_x 0 bash -c 'set -o pipefail; "$ENGINE_CMD" exec "$ID" /usr/lib/postgresql/17/bin/pg_dumpall | tail -n 5'
	[ -z "$stderr" ]
	expect "PostgreSQL database cluster dump complete"
}

@test "tables and their indexes agree" {
	local database
	for database in $(databases); do
		# In the copy that the instance has; the backup stays as it is.
		sql "$database" 'CREATE EXTENSION IF NOT EXISTS amcheck'
		run_x 0 sql "$database" "SELECT c.oid::regclass, v.msg FROM pg_class c, verify_heapam(c.oid) v WHERE c.relkind = 'r' AND c.relpersistence <> 't'"
		[ -z "$output" ]
		run_x 0 sql "$database" "SELECT bt_index_check(i.indexrelid, true) FROM pg_index i
			JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am m ON m.oid = c.relam
			WHERE m.amname = 'btree' AND c.relkind = 'i' AND c.relpersistence <> 't' AND i.indisvalid"
	done
}

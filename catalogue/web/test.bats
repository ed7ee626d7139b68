# A site, by http and https, with the rights of nobody in particular.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	file_requires command:openssl || return 0
	# The instance that make test has around it, by settings.yaml.
	export ID=${INSTANCE_NAME:?run by make test} TLS=$INSTANCE_VOLUMES/tls
	export HTTP=http://$INSTANCE_ADDRESS_8080 PORT=$INSTANCE_PORT_8443
	image_root "$TEST_IMAGE" "$BATS_FILE_TMPDIR/root"
}

# certificate NAME: a new key and a certificate of its own, put where the service reads them.
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" -addext "subjectAltName=DNS:$1" \
		-keyout "$BATS_TEST_TMPDIR/$1.key" -out "$BATS_TEST_TMPDIR/$1.crt" 2>/dev/null
	chmod 644 "$BATS_TEST_TMPDIR/$1.key"
	mv "$BATS_TEST_TMPDIR/$1.key" "$TLS/tls.key"
	cp "$BATS_TEST_TMPDIR/$1.crt" "$TLS/tls.crt"
}

# secure NAME CURL-ARGUMENT…: a page by https, whose certificate has to be that one.
secure() {
	curl -sS --cacert "$BATS_TEST_TMPDIR/$1.crt" --connect-to "$1:443:127.0.0.1:$PORT" "${@:2}" "https://$1/"
}

@test "every file of the site is served, with its type; other names aren't there" {
	run_x 0 curl -fsS -D "$BATS_TEST_TMPDIR/headers" -o "$BATS_TEST_TMPDIR/page" "$HTTP/"
	cmp "$BATS_TEST_TMPDIR/page" files/srv/www/index.html
	run_x 0 cat "$BATS_TEST_TMPDIR/headers"
	expect "Content-Type: text/html; charset=utf-8"
	expect "X-Content-Type-Options: nosniff"
	refute "nginx/"
	for path in /none /../etc/passwd /%2e%2e/etc/passwd /..%2fetc/passwd; do
		run_x 0 curl -s --path-as-is -o /dev/null -w '%{http_code}' "$HTTP$path"
		[[ $output == 40[04] ]]
	done
	run_x 0 curl -s -o /dev/null -w '%{http_code}' -X PUT -d x "$HTTP/index.html"
	[ "$output" = 403 ]
}

@test "a page is sent compressed to who takes that" {
	run_x 0 curl -fsS -H 'Accept-Encoding: gzip' -o /dev/null -w '%header{content-encoding}' "$HTTP/"
	[ "$output" = gzip ]
}

@test "https: with the certificate that is in the volume, and a renewed one without a restart" {
	run ! curl -sk "https://127.0.0.1:$PORT/"
	certificate one.example
	run_x 0 secure one.example -w '%{http_version}' -o "$BATS_TEST_TMPDIR/page"
	[ "$output" = 2 ]
	cmp "$BATS_TEST_TMPDIR/page" files/srv/www/index.html
	certificate two.example
	run_x 0 secure two.example -o /dev/null
	run_x 60 secure one.example -o /dev/null
	run_x 0 curl -fsS "$HTTP/"
}

@test "old versions of TLS are refused" {
	certificate one.example
	run ! secure one.example -o /dev/null --tls-max 1.1
	run_x 0 secure one.example -o /dev/null --tlsv1.2 --tls-max 1.2
}

@test "it runs as www-data, without root's rights anywhere" {
	[ "$(user_of "$ID")" = 33 ]
	run_x 0 find "$BATS_FILE_TMPDIR/root" -type f -perm /6000 -print
	[ -z "$output" ]
}

@test "its health check, and its end" {
	run_x 0 exec_in "$ID" /usr/bin/probe http://127.0.0.1:8080/
	run_x 0 engine stop -t 20 "$ID"
	[ "$(engine inspect -f '{{.State.ExitCode}}' "$ID")" = 0 ]
}

@test "nothing else is in it that could be started" {
	is_carved || skip "nothing is carved away yet"
	[ "$(programs_in "$BATS_FILE_TMPDIR/root" | grep -v '/lib/' | xargs)" = "/usr/bin/probe /usr/sbin/nginx" ]
}

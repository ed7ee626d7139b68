# When a service counts as ready: what is asked, and from where.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	! in_chroot || return 0
	file_requires engine || return 0
	fixture
	container "${P}r"
	d b -ts "${P}r"
}

teardown_file() {
	fixture_remove
}

setup() {
	requires join
	N=${P}r
}

teardown() {
	[ -z "${server:-}" ] || kill "$server" || :
}

# ready YAML [MORE]: settings with that readiness, and a limit that isn't long.
ready() {
	local within=', within: 20s'
	case $1 in *within*) within= ;; esac
	printf 'health: none\n%s\nready: {stable: 0, %s}\nstop_timeout: 3s\n' "${2:-}" "$1$within" >"$WHITTLE_CONTAINERS/$N/settings.yaml"
}

@test "a service that answers to its name only" {
	ready 'http: ":8080/healthz", expect: all ok, host: shop.example' 'env: [WANT_HOST=shop.example]'
	run_x 0 d R "$N"
	ready 'http: ":8080/healthz", expect: all ok, within: 2s' 'env: [WANT_HOST=shop.example]'
	run_x 1 d R "$N"
	expect "status 503, want 200 to 399" "$stderr"
}

@test "a health check, without waiting for the engine's first; the settings' own" {
	local directory=$WHITTLE_CONTAINERS/${P}late
	container "${P}late"
	sed -i 's/--interval=1s/--interval=1h/' "$directory/Dockerfile"
	printf 'ready: {stable: 0, within: 20s}\nstop_timeout: 3s\n' >"$directory/settings.yaml"
	run_x 0 d u "${P}late"
	[ "$("$ENGINE_CMD" --which)" = podman ] || return 0 # docker has a shell run those of settings
	for command in '[/svc, check]' '[/svc, exit, "0"]' /svc; do
		printf 'health: {command: %s}\nready: {stable: 0, within: 2s}\nstop_timeout: 3s\n' "$command" >"$directory/settings.yaml"
		if [ "$command" = /svc ]; then
			run_x 1 d R "${P}late" # which starts a second one and doesn't end
			expect "the health check fails" "$stderr"
		else
			run_x 0 d R "${P}late"
		fi
	done
}

@test "an answer without end" {
	ready 'http: ":8080/stream"'
	run_x 0 d R "$N"
	ready 'http: ":8080/stream", expect: all ok'
	run_x 0 d R "$N"
}

@test "a service that listens on IPv6 only" {
	# docker leaves loopback without an IPv6 address otherwise
	six=$(printf 'env: [ONLY_V6=1]\nsysctls: {net.ipv6.conf.all.disable_ipv6: 0}')
	ready 'http: "http://localhost:8080/healthz", expect: all ok' "$six"
	run_x 0 d R "$N"
	ready 'tcp: 8080' "$six"
	run_x 0 d R "$N"
	ready 'tcp: "127.0.0.1:8080", within: 2s' "$six"
	run_x 1 d R "$N"
	expect "connect to 127.0.0.1 port 8080: Connection refused" "$stderr"
}

# tls_server: one with a certificate of its own for shop.example, on $port.
tls_server() {
	cd "$ROOM"
	[ -e key.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
		-subj /CN=shop.example -addext subjectAltName=DNS:shop.example -keyout key.pem -out cert.pem 2>/dev/null
	echo 'all ok' >healthz
	port=$(free_port)
	openssl s_server -accept "127.0.0.1:$port" -key key.pem -cert cert.pem -WWW -quiet >/dev/null 2>&1 3>&- &
	server=$!
	for _ in $(seq 100); do
		! curl -ks "https://127.0.0.1:$port/healthz" -o /dev/null || return 0
		sleep 0.1
	done
	return 1
}

@test "https: by an authority's certificate, or by the key itself" {
	tls_server
	url="https://:$port/healthz"
	pin=sha256//$(openssl x509 -in "$ROOM/cert.pem" -pubkey -noout | openssl pkey -pubin -outform der |
		openssl dgst -sha256 -binary | base64)
	free=$(free_port)
	where=$(printf 'network: host\nenv: [PORT=%s]' "$free")
	ready "http: \"$url\", expect: all ok, host: shop.example, ca: $ROOM/cert.pem" "$where"
	run_x 0 d R "$N"
	ready "http: \"$url\", expect: all ok, pin: \"$pin\"" "$where"
	run_x 0 d R "$N"
	# another key, another name, nobody's certificate
	ready "http: \"$url\", within: 2s, pin: \"sha256//AAAA${pin#sha256//????}\"" "$where"
	run_x 1 d R "$N"
	expect "public key" "$stderr"
	ready "http: \"$url\", within: 2s, host: other.example, ca: $ROOM/cert.pem" "$where"
	run_x 1 d R "$N"
	expect "other.example" "$stderr"
	ready "http: \"$url\", within: 2s" "$where"
	run_x 1 d R "$N"
	expect "certificate" "$stderr"
	ready "http: \"$url\", expect: something else, within: 2s, pin: \"$pin\"" "$where"
	run_x 1 d R "$N"
	expect "the text is not in the answer" "$stderr"
}

@test "without root: all that keys.bats tries, such as a socket that is its service's alone" {
	requires root podman userns open command:newuidmap
	run_x 0 env -u CI -u TEST_TALLY -u WHITTLE_CONTAINERS -u WHITTLE_STATE -u WHITTLE_SETTINGS -u WHITTLE_VOLUMES ENGINE=podman \
		"$TOP/tests/as-user" "$TOP/tests/run" "$TOP/infra/d/keys.bats"
	expect "ok 1 ready: tcp, unix"
}

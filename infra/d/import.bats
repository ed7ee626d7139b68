# Containers' directories from compose files, units and command lines; and back from our own.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup() {
	own_settings
}

teardown() {
	[ -z "${UP:-}" ] || d down "$UP" || :
	remove_all_of "${UP:-}" || :
}

# las NAME: its settings with their defaults, on one line.
las() {
	d las "$@" | jq -cS '.[0]'
}

# compose NAME: a file on standard input, in a directory of that name.
compose() {
	mkdir -p "$ROOM/$1"
	cat >"$ROOM/$1/compose.yaml"
}

@test "import: what d exports comes back as the same containers" {
	local kind name
	for kind in compose quadlet; do
		WHITTLE_CONTAINERS=$TOP/containers run_x 0 d export --to $kind -o "$ROOM/$kind"
		run_x 0 d import -o "$ROOM/from-$kind" "$ROOM/$kind$([ $kind = quadlet ] || echo /compose.yaml)"
		for name in dns filewatch fim hello rclone toolkit zero; do
			[ ! -e "$TOP/containers/$name/seccomp.json" ] ||
				cp "$TOP/containers/$name/seccomp.json" "$ROOM/from-$kind/$name/"
			for test in '' -T; do
				# shellcheck disable=SC2086 # one word or none
				diff <(WHITTLE_CONTAINERS=$TOP/containers d las $test $name | sed "s|$TOP/containers|C|g; s|/tmp/[^\"]*||g") \
					<(WHITTLE_CONTAINERS=$ROOM/from-$kind d las $test $name | sed "s|$ROOM/from-$kind|C|g; s|/tmp/[^\"]*||g")
			done
		done
	done
}

@test "import: a dollar and a brace are what they were, there and back" {
	local kind
	mkdir -p "$ROOM/dollars/web"
	cat >"$ROOM/dollars/web/settings.yaml" <<-'EOT'
		image: localhost/whittle/hello:live
		network: none
		entrypoint: [/x, "$${A} $B %h", "$$$${C}"]
		cmd: ["$${A}", $B]
		env: {A: "$${A} $B"}
		labels: {a: "$${A}"}
		health: {command: [/x, "$${A}"]}
	EOT
	for kind in compose quadlet; do
		WHITTLE_CONTAINERS=$ROOM/dollars run_x 0 d export --lossy --to $kind -o "$ROOM/dollars-$kind" web
		run_x 0 d import -o "$ROOM/dollars-from-$kind" "$ROOM/dollars-$kind$([ $kind = quadlet ] || echo /compose.yaml)"
		diff <(WHITTLE_CONTAINERS=$ROOM/dollars d las web | jq 'del(.[].directory)') \
			<(WHITTLE_CONTAINERS=$ROOM/dollars-from-$kind d las web | jq 'del(.[].directory)')
	done
	# systemd would put variables in.
	grep -qxF 'Entrypoint=["/x","$${A} $$B %%h","$$$$$${C}"]' "$ROOM/dollars-quadlet/web.container"
}

@test "import: twenty projects' compose files come out as settings that d takes" {
	local file count=0
	for file in "$BATS_TEST_DIRNAME"/tests/compositions/*.yaml; do
		run_x 0 d import --registry registry.example -o "$ROOM/o/$(basename "$file" .yaml)" "$file"
		count=$((count + 1))
	done
	[ "$count" -eq 20 ]
	WHITTLE_CONTAINERS=$ROOM/o/immich run_x 0 las immich-server
	expect '"name":"immich_server"'
	expect '"image":"registry.example/immich-app/immich-server:release"'
	expect '"network":"immich"'
	WHITTLE_CONTAINERS=$ROOM/o/immich run_x 0 las database
	expect 'search_path=\"$user\", public, vectors'
	WHITTLE_CONTAINERS=$ROOM/o/torrent-behind-vpn run_x 0 las qbittorrent
	expect '"needs":[{"name":"gluetun","network":true,"pid":false}]'
	WHITTLE_CONTAINERS=$ROOM/o/monitoring run_x 0 las prometheus
	expect '"contents":"scrape_configs:\n  - job_name: self\n"'
}

@test "import: what isn't taken over is in the report" {
	import() {
		run_x 0 d import -n --registry registry.example "$BATS_TEST_DIRNAME/tests/compositions/$1.yaml"
	}
	import home-assistant
	expect "homeassistant privileged         isn't taken over: caps, devices and seccomp say what it needs"
	[ ! -e "$WHITTLE_CONTAINERS/homeassistant" ]
	import traefik
	expect "'/var/run/docker.sock' gives it the engine, and with that the host"
	import pihole
	expect "'WEBPASSWORD' is to come from the environment, where it isn't set"
	expect "published on 127.0.0.1 here"
	import immich
	expect "'DB_PASSWORD' is set nowhere"
	import authelia
	expect "'SESSION' isn't a file below /run/secrets"
	import torrent-behind-vpn
	expect "qbittorrent  profiles           isn't taken over"
	import nextcloud
	expect "what is in the volume 'html' has to be copied to '$ROOM/vol/compositions/html'"
}

@test "import: variables come from .env and the environment" {
	compose shop <<-'EOT'
		services:
		  web:
		    image: registry.example/shop:${TAG:?say which}
		    environment: {A: "${A-no}", B: "${B:-${C:-deep}}", D: "$$D", E: "${TAG:+set}"}
	EOT
	printf '# tags\nTAG="1.2"\nA=\n' >"$ROOM/shop/.env"
	C="env" run_x 0 d import "$ROOM/shop/compose.yaml"
	run_x 0 las web
	expect '"image":"registry.example/shop:1.2"'
	expect '"env":{"A":"","B":"env","D":"$D","E":"set"}'
}

@test "import: files of variables are read as compose reads them" {
	compose shop <<-'EOT'
		services:
		  web:
		    image: registry.example/shop:$TAG
		    environment: {OWN: env, P: $P}
		    env_file: [.env, {path: more.env}]
		  plain:
		    image: registry.example/shop:1
		    env_file: plain.env
	EOT
	cat >"$ROOM/shop/.env" <<-'EOT'
		# all of it
		export TAG="1.2"
		PLAIN = a b   # a comment
		P='pa$TAG"s' # another
		Q="a\"b\\n\$TAG ${TAG}"
		HASH=a#b$$
		EMPTY=
		TWICE=1
		TWICE=$TAG
		OWN=file
		FROM_OUTSIDE
		NOT_SET
	EOT
	printf 'PLAIN=more\n' >"$ROOM/shop/more.env"
	printf '# x\nA=b c\n' >"$ROOM/shop/plain.env"
	FROM_OUTSIDE=here run_x 0 d import "$ROOM/shop/compose.yaml"
	expect "'.env' has quotes, comments or variables: what it says is in env"
	refute "more.env"
	WHITTLE_CONTAINERS=$WHITTLE_CONTAINERS run_x 0 las web
	run jq -cS .env <<<"$output"
	[ "$output" = '{"EMPTY":"","FROM_OUTSIDE":"here","HASH":"a#b$","OWN":"env","P":"pa$TAG\"s","PLAIN":"more","Q":"a\"b\\n$TAG 1.2","TAG":"1.2","TWICE":"1.2"}' ]
	grep -q registry.example/shop:1.2 "$WHITTLE_CONTAINERS/web/settings.yaml"
	grep -qF "$ROOM/shop/plain.env" "$WHITTLE_CONTAINERS/plain/settings.yaml"
}

@test "import: services find each other by their names, and compositions don't meet" {
	compose one <<-'EOT'
		services:
		  app: {image: registry.example/app:1, volumes: ["../up/x:/x:ro,rslave", data:/data]}
		  db: {image: "registry.example:5000/db", container_name: one_db}
	EOT
	compose two <<-'EOT'
		services:
		  app2: {image: registry.example/app:1, networks: [back, edge]}
		  db2: {image: registry.example/db:1, container_name: two_db, networks: {edge: {}, back: {aliases: [sql]}}}
		networks: {back: {ipam: {config: [{subnet: 172.28.53.0/24}]}}, edge: {external: true}}
	EOT
	compose three <<-'EOT'
		services: {proxied: {image: registry.example/app:1}}
		networks: {default: {name: proxy, external: true}}
	EOT
	run_x 0 d import "$ROOM/one/compose.yaml" "$ROOM/two/compose.yaml" "$ROOM/three/compose.yaml"
	expect "'$ROOM/up/x' isn't there: make it"
	[ "$(grep -c "isn't there" <<<"$output")" -eq 1 ]
	expect "'rslave' of '/x' isn't taken over"
	run_x 0 las db
	expect '"aliases":["db"]'
	expect '"image":"registry.example:5000/db:latest"'
	expect '"network":"one"'
	run_x 0 las app
	expect "\"source\":\"$ROOM/up/x\""
	run_x 0 las proxied
	expect '"network":"proxy"'
	run_x 0 las app2
	expect '"network":"two-back"'
	expect '"subnet":"172.28.53.0/24"'
	run_x 0 las db2
	expect '"network":"edge"'
	expect '"networks":[{"aliases":["sql","db2"],"ip":null,"name":"two-back"}]'
}

@test "import: a command line, as pages have it" {
	run_x 0 d import -- sudo docker run -dit --name=web -p 8080:80 -v "$ROOM/x:/x:ro" -eA=1 -e B \
		--restart unless-stopped --cap-add=NET_ADMIN registry.example/web:1 serve --all
	expect "'B' is to come from the environment"
	run_x 0 las web
	expect '"cmd":["serve","--all"]'
	expect '"caps":["NET_ADMIN"]'
	expect "{\"read_only\":true,\"source\":\"$ROOM/x\",\"target\":\"/x\"}"
	expect '"autostart":1'
	run_x 2 d import -- podman run --no-such-thing x
	expect "'--no-such-thing' isn't an option of run that is known here" "$stderr"
	run_x 2 d import -- podman run -p
	expect "option '-p' requires a value" "$stderr"
	run_x 2 d import -- ls
	expect "expected 'podman run ...'" "$stderr"
}

@test "import: a unit that somebody wrote" {
	mkdir "$ROOM/units"
	cat >"$ROOM/units/app.container" <<-'EOT'
		[Unit]
		Requires=db.service
		[Container]
		Image=app.image
		Environment="GREETING=hello world" B=2
		Volume=data.volume:/data
		Network=shop.network
		PublishPort=127.0.0.1:8080:80
		Exec=serve --name "a b" \
			--more
		PodmanArgs=--memory 64m
		GlobalArgs=--log-level=debug
		[Service]
		Restart=always
		[Install]
		WantedBy=default.target
	EOT
	printf '[Image]\nImage=registry.example/app@sha256:%064d\n' 0 >"$ROOM/units/app.image"
	run_x 0 d import "$ROOM/units/app.container"
	expect "app          GlobalArgs         isn't taken over"
	run_x 0 las app
	expect '"cmd":["serve","--name","a b","--more"]'
	expect '"env":{"B":"2","GREETING":"hello world"}'
	expect '"memory":67108864'
	expect '"network":"shop"'
	expect '"needs":[{"name":"db"'
	expect '"autostart":1'
	expect "registry.example/app@sha256:000"
}

@test "import: nothing is written where something is wrong" {
	compose bad <<-'EOT'
		services:
		  one: {image: registry.example/x:1}
		  two: {image: registry.example/x:1, mem_limit: lots}
	EOT
	run_x 2 d import "$ROOM/bad/compose.yaml"
	expect "lots" "$stderr"
	[ ! -e "$WHITTLE_CONTAINERS/one" ]
	compose bad <<<'services: {a: &x [*x]}'
	run_x 2 d import "$ROOM/bad/compose.yaml"
	expect "more than 64 levels" "$stderr"
	compose bad <<<$'services:\n  a: {b: [}'
	run_x 2 d import "$ROOM/bad/compose.yaml"
	expect "bad/compose.yaml:2:" "$stderr"
	compose bad <<<'services: {../x: {image: y/z}}'
	run_x 2 d import "$ROOM/bad/compose.yaml"
	expect "is not a valid name for a container's directory" "$stderr"
	# Nor is it told to whoever makes files of it.
	compose bad <<<'services: {"web\nall: ; touch x": {image: registry.example/x:1}}'
	run_x 2 d import --json "$ROOM/bad/compose.yaml"
	expect "is not a valid name for a container's directory" "$stderr"
	for key in 'user: "u\"\nmount_rw: [/:/host]"' 'image: "--authfile=/etc/x"' 'ports: ["1:1\n"]' 'cap_add: ["X\n"]'; do
		compose bad <<<"services: {web: {$key}}"
		run_x 2 d import --json "$ROOM/bad/compose.yaml"
		[ -z "$output" ]
	done
	# Whoever asks so starts it at once.
	compose bad <<<"services: {web: {image: registry.example/x:1, x-whittle: {secrets: {a: {command: [touch, $ROOM/ran]}}}}}"
	run_x 0 d import --json "$ROOM/bad/compose.yaml"
	[ "$(jq -c '[.containers[0].settings.secrets, .report[0].key]' <<<"$output")" = '[null,"x-whittle"]' ]
	compose good <<<'services: {one: {image: registry.example/x:1}}'
	run_x 0 d import "$ROOM/good/compose.yaml"
	run_x 2 d import "$ROOM/good/compose.yaml"
	expect "is there already" "$stderr"
}

@test "import: what is taken over runs" {
	engine image inspect "$(live hello)" >/dev/null 2>&1 || skip "this machine cannot: hello isn't built"
	requires join
	UP=wu$((RANDOM % 9000 + 1000))
	port=$(free_port)
	compose run <<-EOT
		services:
		  $UP:
		    image: $(live hello)
		    ports: ["127.0.0.1:$port:8000"]
		    user: "8000:8000"
		    mem_limit: 32m
	EOT
	run_x 0 d import "$ROOM/run/compose.yaml"
	run_x 0 d up "$UP"
	wait_until 10 curl -fs "http://127.0.0.1:$port/"
}

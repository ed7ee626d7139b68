# d new: a directory of a container that works, from an image, a Dockerfile, a compose file. Each
# in three commands to a container that is live, with no line written by hand.

# shellcheck disable=SC2154,SC2119,SC2120 # run_x sets stderr
load helpers

setup_file() {
	file_requires engine || return 0
	engine image inspect localhost/whittle/baseline:live >/dev/null 2>&1 ||
		skip_file "this machine cannot: no baseline is built" || return 0
	P=wnew$((RANDOM % 9000 + 1000))
	export P WHITTLE_BASELINE_READY=1 WHITTLE_PROGRAMS_READY=1 WHITTLE_SETTINGS=$BATS_FILE_TMPDIR/host.yaml
	export WHITTLE_CONTAINERS=$BATS_FILE_TMPDIR/containers WHITTLE_STATE=$BATS_FILE_TMPDIR/state WHITTLE_VOLUMES=$BATS_FILE_TMPDIR/volumes
	mkdir -p "$WHITTLE_CONTAINERS" "$BATS_FILE_TMPDIR/theirs/bin"
	: >"$WHITTLE_SETTINGS"
	cd "$BATS_FILE_TMPDIR/theirs"
	# HTTP on port 8080; it writes to /data.
	"$TOP/third-party/obj/prefix/bin/musl-gcc" -static -Os -s -std=c11 -D_GNU_SOURCE -o bin/svc "$TOP/infra/d/tests/svc.c"
	echo '7 0 0 0' >mood
	printf 'root:x:0:0::/:/bin/sh\nsvc:x:1000:1000::/:/bin/sh\n' >passwd
	printf 'root:x:0:\nsvc:x:1000:\n' >group
	printf 'mood\n*.md\n!mood\n' >.dockerignore
	cat >Dockerfile <<-'EOT'
		ARG WHERE=/etc/
		FROM scratch AS files
		COPY passwd group /etc/
		FROM scratch
		COPY --from=files /etc/ /etc/
		COPY ["bin/svc", "/svc"]
		COPY mood /
		ENV PORT=8080
		USER svc
		EXPOSE 8080
		VOLUME /data
		STOPSIGNAL SIGINT
		ENTRYPOINT ["/svc"]
	EOT
}

teardown_file() {
	remove_all_of "${P:-}" || :
}

teardown() {
	stop_all
}

# goes_live NAME TEST: the other two commands, one of its tests, and that it answers.
goes_live() {
	run_x 0 make -C "$WHITTLE_CONTAINERS/$1" all test install
	expect "PROMOTE   $1"
	expect "port 8080 $2"
	# A port that nobody has, beside what else runs on this machine.
	run_x 0 "$D" run --port_offset free "$1"
	address=$(engine port "$1" 8080 | head -n 1)
	run_x 0 curl -fsS "http://127.0.0.1:${address##*:}/version"
	[ "$output" = 7 ]
	run_x 0 "$D" down "$1"
}

# says NAME LINE…: the settings have them.
says() {
	local line file=$WHITTLE_CONTAINERS/$1/settings.yaml
	for line in "${@:2}"; do
		grep -qxF -- "$line" "$file" || {
			printf 'no line: %s\nin:\n%s\n' "$line" "$(cat "$file")" >&2
			return 1
		}
	done
	"$D" list-all-settings "$1" >/dev/null
}

@test "from a registry's image: pinned by digest; ports, user, volume, signal as it says" {
	requires command:docker-registry
	local n=${P}img
	start_registry "$BATS_TEST_TMPDIR/registry"
	printf '[[registry]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$port" >"$BATS_TEST_TMPDIR/registries.conf"
	export CONTAINERS_REGISTRIES_CONF=$BATS_TEST_TMPDIR/registries.conf
	engine build -q -t "127.0.0.1:$port/$P/theirs:7" "$BATS_FILE_TMPDIR/theirs" >/dev/null
	engine push -q "127.0.0.1:$port/$P/theirs:7" >/dev/null
	engine rmi -f "127.0.0.1:$port/$P/theirs:7" >/dev/null
	run_x 0 "$D" new "$n" --from "127.0.0.1:$port/$P/theirs:7"
	expect "make -C $WHITTLE_CONTAINERS/$n all test install"
	run_x 0 grep -E "^FROM 127.0.0.1:$port/$P/theirs@sha256:[0-9a-f]{64}$" "$WHITTLE_CONTAINERS/$n/Dockerfile"
	says "$n" 'user: "svc"' '  - 8080:8080' '  http: :8080/' '  - data:/data'
	grep -qx 'STOPSIGNAL SIGINT' "$WHITTLE_CONTAINERS/$n/Dockerfile"
	goes_live "$n" "answers HTTP"
}

@test "from a Dockerfile, not tried: with what it copies, unchanged but for its end" {
	local n=${P}file lines
	run_x 0 "$D" new "$n" --no-try --dockerfile "$BATS_FILE_TMPDIR/theirs/Dockerfile"
	lines=$(wc -l <"$BATS_FILE_TMPDIR/theirs/Dockerfile")
	head -n "$lines" "$WHITTLE_CONTAINERS/$n/Dockerfile" | cmp - "$BATS_FILE_TMPDIR/theirs/Dockerfile"
	[ "$(tail -n 2 "$WHITTLE_CONTAINERS/$n/Dockerfile" | xargs)" = "RUN [/prep] USER svc" ]
	says "$n" 'user: "svc"' '  - 8080:8080' '  - data:/data'
	goes_live "$n" "takes connections"
	# What it copies is part of what decides whether it is built again.
	echo '8 0 0 0' >"$WHITTLE_CONTAINERS/$n/context/mood"
	run_x 0 make -C "$WHITTLE_CONTAINERS/$n" all
	expect "BUILD     $n"
	# A user who is a number without an account, with a group.
	sed 's/^USER .*/USER 4321:777/' "$BATS_FILE_TMPDIR/theirs/Dockerfile" >"$BATS_FILE_TMPDIR/theirs/Dockerfile.number"
	run_x 0 "$D" new "${P}num" --no-try --dockerfile "$BATS_FILE_TMPDIR/theirs/Dockerfile.number"
	says "${P}num" 'user: "4321:777"' '  - {path: data, type: dir, owner: user/4321, perm: "0750"}'
	# A volume that isn't empty in the image stays the engine's.
	sed 's/^USER .*/COPY passwd \/data\/\n&/' "$BATS_FILE_TMPDIR/theirs/Dockerfile" >"$BATS_FILE_TMPDIR/theirs/Dockerfile.number"
	printf '# /prep isn'"'"'t run' >>"$BATS_FILE_TMPDIR/theirs/Dockerfile.number"
	run_x 0 "$D" new "${P}full" --no-try --dockerfile "$BATS_FILE_TMPDIR/theirs/Dockerfile.number"
	run ! grep -q /data "$WHITTLE_CONTAINERS/${P}full/settings.yaml"
	grep -qx 'VOLUME \["/data"\]' "$WHITTLE_CONTAINERS/${P}full/Dockerfile"
	rm "$BATS_FILE_TMPDIR/theirs/Dockerfile.number"
	run_x 2 "$D" new "${P}none" --dockerfile "$BATS_TEST_TMPDIR/none"
	expect "no file '$BATS_TEST_TMPDIR/none'" "$stderr"
	[ ! -e "$WHITTLE_CONTAINERS/${P}none" ]
}

@test "from a compose file: the service as d import reads it, with what its image says besides" {
	local n=${P}comp
	mkdir -p "$BATS_FILE_TMPDIR/theirs/conf"
	cat >"$BATS_FILE_TMPDIR/theirs/compose.yaml" <<-'EOT'
		x-all: &all {restart: unless-stopped, mem_limit: 64m}
		services:
		  db: {image: registry.example/db:1}
		  app:
		    <<: *all
		    build: {context: ., args: {WHERE: /srv, LEVEL: 2, SAID: 'one  two $$$$(shell touch run-by-make) `touch run-by-sh`'}, target: none}
		    environment: {GREETING: "good ${WHEN:-day}", LATER: null}
		    ports: ["18081:8080", {target: 9000, published: 19000, protocol: udp}]
		    volumes: ["things:/things", "./conf:/conf:ro"]
		    tmpfs: /run
		    depends_on: [db]
		volumes: {things: {}}
	EOT
	run_x 0 "$D" new "$n" --compose "$BATS_FILE_TMPDIR/theirs/compose.yaml:app"
	expect "NOTE      build: 'target' isn't taken over"
	expect "NOTE      needs: 'db' isn't among the containers yet"
	expect "NOTE      environment: 'LATER' is to come from the environment"
	grep -qx 'WHERE=/srv' "$WHITTLE_CONTAINERS/$n/build-args"
	grep -qx 'LEVEL=2' "$WHITTLE_CONTAINERS/$n/build-args"
	grep -qxF 'SAID=one  two $$(shell touch run-by-make) `touch run-by-sh`' "$WHITTLE_CONTAINERS/$n/build-args"
	run_x 0 find "$WHITTLE_CONTAINERS/$n" -name 'run-by-*'
	[ -z "$output" ]
	says "$n" '  "GREETING": "good day"' 'memory: "64m"' 'restart: "unless-stopped"' 'autostart: "1"' '  - "18081:8080"' \
		'  - "19000:9000/udp"' '  - "things:/things"' "  - \"$BATS_FILE_TMPDIR/theirs/conf:/conf\"" '  - data:/data' '  - {"path":"/run"}'
	goes_live "$n" "answers HTTP"
	# What would give it this host's files is for whoever asked to look at first.
	ln -s /etc "$BATS_TEST_TMPDIR/link"
	echo A=b >"$BATS_FILE_TMPDIR/env"
	printf 'services: {app: {image: "localhost/whittle/baseline:live", volumes: ["/etc/cron.d:/a", "./link:/b:ro", "./c:/c", "./d.sock:/d"], env_file: %s, secrets: [s], network_mode: host, cap_add: [CHOWN, SYS_ADMIN], x-extra: [--privileged]}}\nsecrets: {s: {file: /etc/shadow}}\n' \
		"$BATS_FILE_TMPDIR/env" >"$BATS_TEST_TMPDIR/reach.yaml"
	run_x 0 "$D" new "${n}2" --compose "$BATS_TEST_TMPDIR/reach.yaml"
	expect "it isn't started, since it would get what is this host's: /etc/cron.d $BATS_TEST_TMPDIR/d.sock $BATS_TEST_TMPDIR/link $BATS_FILE_TMPDIR/env /etc/shadow network: host capability SYS_ADMIN; look into settings.yaml"
	expect "x-extra: isn't taken over"
	run_x 1 grep -r privileged "$WHITTLE_CONTAINERS/${n}2"
	[ ! -e "$WHITTLE_CONTAINERS/${n}2/build-stamp" ]
	printf 'services:\n  app: {image: [x}\n' >"$BATS_TEST_TMPDIR/wrong.yaml"
	run_x 2 "$D" new "${P}none" --compose "$BATS_TEST_TMPDIR/wrong.yaml"
	expect "wrong.yaml:2:" "$stderr"
	run_x 2 "$D" new "${P}none" --compose "$BATS_FILE_TMPDIR/theirs/compose.yaml:web"
	expect "no service 'web': it has db, app" "$stderr"
	printf 'services: {app: {build: {context: ., args: {A: "x\\n--volume\\n/:/host"}}}}\n' >"$BATS_TEST_TMPDIR/wrong.yaml"
	run_x 2 "$D" new "${P}none" --compose "$BATS_TEST_TMPDIR/wrong.yaml"
	expect 'wrong.yaml: build: args: "A": expected a name of letters' "$stderr"
	[ ! -e "$WHITTLE_CONTAINERS/${P}none" ]
}

@test "what a compose file doesn't publish isn't published: tests alone reach it" {
	local compose ports composed test_ports have published found want
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/look"
	# shellcheck disable=SC2034 # read there
	while IFS='|' read -r compose published found want; do
		read -ra composed <<<"$published"
		read -ra ports <<<"$found"
		settle_ports
		have="${ports[*]};${test_ports[*]}"
		[ "$have" = "$want" ] || {
			echo "of '$found' beside '$published': '$have', not '$want'" >&2
			return 1
		}
	done <<-'EOT'
		||8080:8080|8080:8080;
		a.yaml|"18081:8080"|8080:8080|"18081:8080";
		a.yaml|"18081:8080"|8080:8080 9090:9090|"18081:8080";8080:8080 9090:9090
		a.yaml|"127.0.0.1:53:53/udp"|8053:53/udp|"127.0.0.1:53:53/udp";
		a.yaml||11211:11211|;11211:11211
	EOT
}

@test "one that was killed: the next one says what it left, and nothing of it goes on" {
	local n=${P}dead left
	start "$D" new "$n" --dockerfile "$BATS_FILE_TMPDIR/theirs/Dockerfile"
	wait_until 60 test -e "$WHITTLE_CONTAINERS/$n/obj/fix.log"
	run_x 2 "$D" new "$n"
	expect "is being made by another d new, process $started" "$stderr"
	left=$(pgrep -f "infra/fix --yes --quiet $n ")
	kill -KILL "$started"
	run_x 2 "$D" new "$n"
	expect "is there already, unfinished: the d new that made it was killed" "$stderr"
	wait_until 60 bash -c '! kill -0 "$1"' - "$left"
	mkdir "/tmp/whittle-fix.$started.of-the-killed"
	run_x 0 "$D" fix "$n" -- true
	expect "is unfinished" "$stderr"
	[ ! -e "/tmp/whittle-fix.$started.of-the-killed" ]
}

@test "an image of a program and nothing else, deaf to signals; that it listens nowhere is said, since its tests prove little then" {
	local n=${P}mute
	mkdir "$BATS_TEST_TMPDIR/mute"
	cp "$BATS_FILE_TMPDIR/theirs/bin/svc" "$BATS_TEST_TMPDIR/mute/"
	printf 'FROM scratch\nCOPY svc /svc\nUSER 1000\nENTRYPOINT ["/svc", "sleep"]\n' >"$BATS_TEST_TMPDIR/mute/Dockerfile"
	run_x 0 "$D" new "$n" --dockerfile "$BATS_TEST_TMPDIR/mute/Dockerfile"
	expect "NOTE      it runs, and listens on no port"
	grep -q '^# It listened on no port' "$WHITTLE_CONTAINERS/$n/test.bats"
	# Nor does it handle signals, which process 1 doesn't get then.
	says "$n" 'init: true'
}

@test "what takes its time to end gets it, and its test; what never does has no test of that" {
	cd "$BATS_TEST_TMPDIR"
	mkdir obj
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/write"
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/look"
	say() { printf '%s %s\n' "$1" "$2"; }
	# shellcheck disable=SC2034 # read there
	local name=svc user='' silent='' top=$TOP found_ports=() local_only=() deaf='' stop_after=10
	: >settings.yaml
	look_at() {
		[ "$stop_after" = 90 ]
		echo "stops 34" >"$1"
	}
	find_stop_timeout >said
	[ "$(cat settings.yaml)" = 'stop_timeout: 68s' ]
	write_tests
	grep -qF 'engine stop -t 68 "$ID"' test.bats
	: >settings.yaml
	look_at() { echo deaf >"$1"; }
	find_stop_timeout >said
	grep -qF "NOTE it doesn't end when it is told to" said
	[ ! -s settings.yaml ]
	write_tests
	run ! grep -q 'engine stop' test.bats
}

# A tree with one package "svc", whose unit has these lines of [Service] beside WantedBy.
tree_with() { # ROOT UNIT LINE…
	mkdir -p "$1"/usr/lib/systemd/system "$1"/var/lib/dpkg/info "$1"/etc/default
	printf 'root:x:0:0::/root:/bin/sh\nsvc:x:101:102::/:/bin/sh\n' >"$1/etc/passwd"
	printf 'root:x:0:\nsvc:x:102:\n' >"$1/etc/group"
	printf 'Package: svc\n\n' >"$1/var/lib/dpkg/status"
	printf '[Service]\n%s\n[Install]\nWantedBy=multi-user.target\n' "$(printf '%s\n' "${@:3}")" >"$1/usr/lib/systemd/system/$2"
	(cd "$1" && find . -type f | sed 's/^\.//') >"$1/var/lib/dpkg/info/svc.list"
}

# tells ROOT LINE…: what is found in it, without an engine.
tells() {
	local line
	run_x 0 "$TOP/infra/new" tell-tree "$1" svc
	for line in "${@:2}"; do
		grep -qxF -- "$line" <<<"$output" || {
			printf 'no line: %s\nin:\n%s\n' "$line" "$output" >&2
			return 1
		}
	done
}

@test "a unit's command line: variables of the unit and of files, words, specifiers; what isn't set is gone" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p r/etc/default
	printf '# a file of settings\nexport OPTS="-u  svc --x"\nPORT='"'"'81'"'"'\nNONE=""\nLONG=a\\\n b\n' >r/etc/default/svc
	tree_with r svc.service 'Environment="CONF=/etc/a b.conf" PORT=80 NUMBER=/var/run/numbers/svc.pid' 'EnvironmentFile=-/etc/default/svc' 'EnvironmentFile=-/etc/default/none' 'User=svc' \
		$'ExecStart=-/usr/sbin/svc -d $OPTS $NONE $UNSET \\\n  -P "" -c ${CONF} --port=${PORT} %p %% $$x' 'RuntimeDirectory=svc/%p more' \
		'ExecStartPre=+/bin/mkdir -p -m 750 /run/made' 'ExecStartPre=-/bin/mkdir -p /var/run/plain' 'ExecStartPre=/usr/bin/install -o svc -d /run/installed' 'ExecStartPre=/bin/true /run/not' \
		'ExecStartPre=/bin/mkdir -p /run/given/below /run/more' 'ExecStartPre=/bin/chown -R svc:svc /var/run/given/' 'WorkingDirectory=-/var//lib/svc/'
	printf 'CapabilityBoundingSet=CAP_SETUID\nCapabilityBoundingSet=~CAP_CHOWN\nCapabilityBoundingSet=cap_sys_chroot CAP_SYS_ADMIN\n' |
		sed -i '/^\[Service\]/r /dev/stdin' r/usr/lib/systemd/system/svc.service
	tells r 'user svc' 'as root SETUID' 'as root SYS_CHROOT' 'as root KILL' 'tmpfs /run/svc/svc' 'tmpfs /run/more' 'tmpfs /run/made' 'tmpfs /run/installed' 'tmpfs /run/plain' 'mode 0755 /run/plain' 'tmpfs /run/numbers' 'variable CONF=/etc/a b.conf' 'tmpfs /run/given/below' 'directory /var/lib/svc'
	[ "$(grep '^word' <<<"$output")" = "$(printf 'word %s\n' /usr/sbin/svc -d -u svc --x -P '' -c '/etc/a b.conf' --port=81 svc % '$x')" ]
	run ! grep -qE 'run/not|CHOWN|ADMIN|^mode .*/run/(given|more)' <<<"$output"
	# The directories of the machine's init aren't the service's.
	mkdir -p r/usr/lib/tmpfiles.d
	printf 'Package: svc\nDepends: svc-common, systemd\n\nPackage: svc-common\n\nPackage: systemd\n\n' >r/var/lib/dpkg/status
	for package in svc-common systemd; do
		echo "d /run/$package 0755 root root" >"r/usr/lib/tmpfiles.d/$package.conf"
		echo "/usr/lib/tmpfiles.d/$package.conf" >"r/var/lib/dpkg/info/$package.list"
	done
	tells r 'tmpfs /run/svc-common'
	run ! grep -q '/run/systemd' <<<"$output"
}

@test "a unit's variables: a value isn't expanded once more, and a link out of the tree isn't read" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p r/etc/default
	printf 'OPTS="${OPTS} -x"\nA=${B}\nB=${A}\n' >r/etc/default/svc
	echo 'STOLEN=of the host' >host
	ln -s "$PWD/host" r/etc/default/link
	ln -s svc r/etc/default/inside
	tree_with r svc.service 'EnvironmentFile=/etc/default/inside' 'EnvironmentFile=-/etc/default/link' 'ExecStart=/usr/sbin/svc ${OPTS} ${A} a$${B}'
	tells r 'word ${OPTS} -x' 'word ${B}' 'word a${B}'
	run ! grep STOLEN <<<"$output"
}

@test "what packages recommend and isn't there: the first of alternatives" {
	local n=${P}rec
	cd "$BATS_TEST_TMPDIR"
	tree_with r svc.service ExecStart=/usr/sbin/svc
	printf 'Package: svc\nRecommends: data (>= 1) | other, there, svc-tools:any, -x\n\nPackage: there\nRecommends: more\n' >r/var/lib/dpkg/status
	echo 'there 1' >packages.lock
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/packages"
	# shellcheck disable=SC2034 # read there
	local root=r names=(svc=1)
	[ "$(recommended_packages | xargs)" = "data svc-tools" ]
	# What was made without them is there again where the second run doesn't come that far.
	mkdir -p "$WHITTLE_CONTAINERS/$n/obj/root"
	touch "$WHITTLE_CONTAINERS/$n/first"
	say() { :; }
	# shellcheck disable=SC2034 # read there
	local containers=$WHITTLE_CONTAINERS name=$n self=$TOP/infra/new release='debian of none' top=$TOP
	run_x 2 try_recommended
	expect "what was made without the recommended packages stays"
	[ "$(find "$WHITTLE_CONTAINERS" -path "*$n*" ! -name obj)" = "$(printf '%s\n' "$WHITTLE_CONTAINERS/$n" "$WHITTLE_CONTAINERS/$n/first")" ]
}

@test "a tree that means harm: nothing of this host is read, nor does anything wait or pass for what it isn't" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p host r/etc/default r/usr/lib/tmpfiles.d
	printf 'STOLEN=of the host\nuser thief\n' >host/env
	echo 'd /run/stolen' >host/t.conf
	echo 'INSIDE=yes' >r/etc/default/svc
	ln -s /etc/default/svc r/etc/default/absolute
	ln -s /etc/../../host r/etc/host
	ln -s ../../../host/env r/etc/default/relative
	tree_with r svc.service 'EnvironmentFile=-/../host/env' 'EnvironmentFile=-/etc/host/env' 'EnvironmentFile=-/etc/default/pipe' 'EnvironmentFile=-/etc/default/relative' 'EnvironmentFile=/etc/default/absolute' \
		'ExecStart=/usr/sbin/svc' 'User=a" #' 'AmbientCapabilities=CAP_SYS_ADMIN CAP_NET_BIND_SERVICE' "ReadWritePaths=$PWD/* /opt/a:b /opt/../x /opt/fine"
	echo 'thief:x:2000:2000::/:/bin/sh' >>r/etc/passwd
	printf '%s\n' /etc/../../host/env /usr/lib/tmpfiles.d/../../../../host/t.conf $'/etc/two\n/etc/lines' >>r/var/lib/dpkg/info/svc.list
	mkfifo r/etc/default/pipe r/var/lib/dpkg/info/svc:any.list
	rm r/etc/group
	mkfifo r/etc/group
	run_x 0 timeout 60 "$TOP/infra/new" tell-tree r svc
	expect 'word /usr/sbin/svc'
	expect 'user svc'
	expect 'variable INSIDE=yes'
	expect 'capability NET_BIND_SERVICE'
	expect 'tmpfs /opt/fine'
	expect "user 'a\" #' of svc.service is left out"
	expect 'asks for capability CAP_SYS_ADMIN, which it doesn'"'"'t get'
	expect "'/opt/a:b' is left out"
	run ! grep -E '^(user thief|variable STOLEN|capability SYS_ADMIN|tmpfs (/run/stolen|/opt/a:b|/x|/opt/\.\.|.*/(host|r)$))' <<<"$output"
}

@test "an image's configuration that means harm: no line of another file comes of it" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p files
	run_x 2 "$TOP/infra/new" tell-config '{"User": "4711:a\\\nb\" #\nextra_docker: [--privileged]"}'
	expect "neither a name nor a number" "$stderr"
	run_x 0 "$TOP/infra/new" tell-config '{"User": "4711:", "StopSignal": "SIGINT\nFROM evil", "ExposedPorts": {"08/TCP": {}, "53/udp": {}, "80/x y": {}, "70000/tcp": {}},
		"Volumes": {"/*": {}, "/data:ro,exec": {}, "/var/lib/..": {}, "/a\n/b": {}, "/data/": {}}}'
	diff <(grep -v NOTE <<<"$output") - <<-'EOT'
		port 8/tcp/
		port 53/udp
		volume /data
		signal 
		user 4711
	EOT
	[ "$(grep -c 'NOTE .* is left out' <<<"$output")" -eq 7 ]
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/write"
	[ "$(scalars 8080:8080 /run:16m 'a: b' $'a\n- b' '*x')" = "$(printf '%s\n' 8080:8080 /run:16m '"a: b"' '"a\n- b"' '"*x"')" ]
	die() { exit 2; }
	run ! instruction USER $'a\nFROM evil'
	{ echo 'FROM scratch' && instruction ENV "A=$(env_value 'pa$HOME \x "q" ${B} '"'")"; } >Dockerfile
	engine build -q -t "localhost/${P}env" . >/dev/null
	run_x 0 engine image inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "localhost/${P}env"
	grep -qxF 'A=pa$HOME \x "q" ${B} '"'" <<<"$output"
}

@test "an image whose files mean harm: none is opened; a look that fails is said" {
	local n=${P}harm image=localhost/${P}harm:1 real
	cd "$BATS_TEST_TMPDIR"
	mkdir -p r/etc/default r/var/lib/dpkg bin
	# Whoever writes there gets an error; not everybody can make it.
	mknod r/etc/passwd c 1 7 2>/dev/null || :
	mkfifo r/etc/default/pipe r/var/lib/dpkg/status
	: >r/etc/default/setuid
	echo 'PERMS_KEEP=/' >r/prep.conf
	chmod 4755 r/etc/default/setuid
	tar -C r -cf r.tar .
	engine import -c 'USER 1000' -c 'EXPOSE 8080' r.tar "$image" >/dev/null 2>&1
	run_x 0 timeout 120 "$D" new "$n" --no-try --from "$image"
	[ -z "$stderr" ]
	says "$n" 'user: "1000"' '  - 8080:8080'
	grep -q '^root:' "$WHITTLE_CONTAINERS/$n/files/etc/passwd"
	real=$("$ENGINE_CMD" --how | head -n 1)
	printf '#!/bin/sh\ncase " $* " in *" create "*) exit 125 ;; esac\nexec %s "$@"\n' "$real" >"bin/${real##*/}"
	chmod 755 "bin/${real##*/}"
	run_x 2 env ENGINE="$PWD/bin/${real##*/}" "$D" new "${n}2" --no-try --from "$image"
	expect "can't make a container of '$image' to look at" "$stderr"
	[ ! -e "$WHITTLE_CONTAINERS/${n}2" ]
	# Nor are its settings prep's.
	[ -f "$WHITTLE_CONTAINERS/$n/files/prep.conf" ]
	run ! grep -v '^#' "$WHITTLE_CONTAINERS/$n/files/prep.conf"
	# One that can't be built is made all the same.
	mkdir made
	printf '#!/bin/sh\nexit 1\n' >made/make
	chmod 755 made/make
	run_x 2 env PATH="$PWD/made:$PATH" "$TOP/infra/new" "${n}3" --from "$image"
	[ -f "$WHITTLE_CONTAINERS/${n}3/settings.yaml" ]
	run_x 0 find "$WHITTLE_CONTAINERS/${n}3/obj" -name unfinished -o -name 'root*'
	[ -z "$output" ]
}

@test "units that are templates: an instance that has a file, the package's own before a template" {
	cd "$BATS_TEST_TMPDIR"
	mkdir -p r/etc/svc
	: >r/etc/svc/first.conf
	tree_with r svc@.service 'ExecStart=/usr/bin/svc /etc/svc/%i.conf'
	tells r 'word /etc/svc/first.conf'
	# As PostgreSQL's: the directory of a cluster stands for it.
	tree_with r svc@.service 'ExecStart=/usr/bin/svc %i'
	sed -i '1i [Unit]\nAssertPathExists=/etc/svc/%I/conf' r/usr/lib/systemd/system/svc@.service
	mkdir -p r/etc/svc/17/main
	: >r/etc/svc/17/main/conf
	tells r 'word 17-main'
	# Another service of the package's, which is started by itself.
	printf '[Service]\nExecStart=/usr/bin/other %%i\n[Install]\nWantedBy=multi-user.target\n' >r/usr/lib/systemd/system/other@.service
	sed -i '/WantedBy/d' r/usr/lib/systemd/system/svc@.service
	echo /usr/lib/systemd/system/other@.service >>r/var/lib/dpkg/info/svc.list
	tells r 'word /usr/bin/svc'
	tree_with r svc@default.service 'ExecStart=/usr/bin/svc /etc/other/%i.conf'
	tells r 'word /etc/other/default.conf'
	tree_with r svc.service 'ExecStart=/usr/bin/svc plain'
	tells r 'word plain'
}

@test "a configuration that only root may read is its user's in the image" {
	[ "$(id -u)" -eq 0 ] || skip "this machine cannot: only root gives files away"
	cd "$BATS_TEST_TMPDIR"
	mkdir -p r/etc/svc
	for file in theirs group root; do echo user svc >"r/etc/svc/$file"; done
	tree_with r svc.service 'ExecStart=/usr/bin/svc'
	# Made by the package's set-up: in its own directory, and in one that another has files in too.
	mkdir -p r/etc/shared
	for file in svc shared; do echo "/etc/$file" >>r/var/lib/dpkg/info/svc.list; done
	echo /etc/shared >r/var/lib/dpkg/info/other.list
	for file in svc shared; do (umask 077 && echo key >"r/etc/$file/made"); done
	chown 101:0 r/etc/svc/theirs
	chown 0:102 r/etc/svc/group
	chmod 600 r/etc/svc/theirs r/etc/svc/root
	chmod 640 r/etc/svc/group
	tells r 'user svc' 'unreadable /etc/svc/root' 'unreadable /etc/svc/made'
	[ "$(grep -c '^unreadable' <<<"$output")" -eq 2 ]
}

@test "what a script of init's would start: its program and options, in the foreground" {
	cd "$BATS_TEST_TMPDIR"
	run_x 0 "$TOP/infra/new" tell-script --start --quiet --chuid svc:grp --pidfile /run/svc/pid --exec /usr/bin/svc -- -c '/etc/a b'
	[ "$(grep -v '^tmpfs' <<<"$output")" = "$(printf '%s\n' 'word /usr/bin/svc' 'word -c' 'word /etc/a b' 'user svc')" ]
	expect 'tmpfs /run/svc'
	run_x 1 "$TOP/infra/new" tell-script --start --exec svc
}

@test "what a script around the program runs in the end, and the variables that it sets" {
	local repo=localhost/${P}wrapped
	cd "$BATS_TEST_TMPDIR"
	mkdir -p r/usr/sbin obj
	ln -s svc-wrapper r/usr/sbin/svc-start
	cat >r/usr/sbin/svc-wrapper <<-'EOT'
		#!/bin/sh
		. /etc/default/svc
		/usr/sbin/svc-check || exit
		(exec $DAEMON -p /run/svc.pid $OPTS "a b") 9>/run/lock/svc
	EOT
	# What it says is data: bash runs what stands in a number.
	cat >r/usr/sbin/svc-forged <<-EOT
		#!/bin/sh
		printf '%s\\0' 'a[\$(touch "$PWD/ran")]' /x y >/tmp/asked
	EOT
	# What it runs in the end is in another package of the same source.
	for file in svc svc-check; do printf '#!/bin/sh\nexit 1\n' >"r/usr/sbin/$file"; done
	chmod 755 r/usr/sbin/*
	tree_with r svc.service Type=forking ExecStart=/usr/sbin/svc-start
	printf '%s\n' /usr/sbin/svc-start /usr/sbin/svc-forged >>r/var/lib/dpkg/info/svc.list
	sed -i '/sbin\/svc$/d' r/var/lib/dpkg/info/svc.list
	echo /usr/sbin/svc >r/var/lib/dpkg/info/svc-bin.list
	printf 'Package: svc-bin\nSource: svc (1)\n\n' >>r/var/lib/dpkg/status
	printf 'DAEMON=/usr/sbin/svc\nOPTS="$OPTS -c /etc/svc.conf"\nexport SVC_HOME="/srv/it is"\n' >r/etc/default/svc
	printf 'FROM localhost/whittle/baseline:live\nCOPY r/ /\n' >Dockerfile
	engine build -q -t "$repo:packages" . >/dev/null
	tar -C r -cf - . | tar -tvf - --numeric-owner | sed -E 's/ +/ /g' >listing
	run_x 0 bash -euc '. "$1/infra/new.d/unit" && . "$1/infra/new.d/packages"
		top=$1 repo=$2 root=$PWD/r listing=$PWD/listing command=(/usr/sbin/svc-start)
		say() { :; }
		declare -A variable=([OPTS]=-g)
		ask_wrapper
		printf "%s\n" "${command[@]}" "${variable[SVC_HOME]}"
		if ask_wrapper; then echo again; fi
		command=(/usr/sbin/svc-forged)
		if ask_wrapper; then echo taken; fi
		# Nor need it ever end.
		if in_image 1 --entrypoint /bin/sh "$repo:packages" -c "trap : TERM; while :; do sleep 1; done"; then echo ended; fi
		"$top/infra/engine" ps -a --format "{{.Names}}" | grep "^whittle-ask-.*-$$-" || :' - "$TOP" "$repo"
	[ "$output" = "$(printf '%s\n' /usr/sbin/svc -p /run/svc.pid -g -c /etc/svc.conf 'a b' '/srv/it is')" ]
	[ ! -e ran ]
	# Nor does it go on when whoever asks is told to end, as by the terminal.
	env --default-signal=INT setsid bash -uc '. "$1/infra/new.d/unit"
		top=$1 in_image 600 --entrypoint /bin/sh "$2:packages" -c "trap : INT; while :; do sleep 1; done"' - "$TOP" "$repo" >/dev/null 2>&1 3>&- &
	wait_until 60 bash -c '"$0" ps --format "{{.Names}}" | grep "^whittle-ask-.*-$1-"' "$ENGINE_CMD" $!
	kill -INT -- -$!
	wait_until 60 bash -c '! kill -0 "$1"' - $!
	run_x 0 engine ps -a --format "{{.Names}}"
	run ! grep -E "^whittle-ask-.*-$!-" <<<"$output"
}

@test "the option that keeps a daemon in the foreground, by its help" {
	local help want
	cd "$BATS_TEST_TMPDIR"
	mkdir obj
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/unit"
	while IFS='|' read -r want help; do
		echo "$help" >obj/help
		run foreground_option svc
		[ "$output" = "$want" ] || {
			echo "of '$help': '$output', not '$want'" >&2
			return 1
		}
	done <<-'EOT'
		--no-daemon|Usage: svc [--config-test] [--chroot] [--no-daemon] [--pidfile FILE] [CONFIG]
		-foreground|  -foreground  Run in foreground (don't detach)
		-d|  -d           stay in the foreground
		--nodaemon|  -n, --nodaemon  do not detach
		-n|  -n		Don't run as daemon
		-N|  -N           do not fork into the background
		|  -b           run in the background
	EOT
	# A manual page's, in both of its languages; a word that is a command of its own.
	printf '%s\n' '.SH COMMANDS' '.IP \fBcheck\fR' 'Check it.' '.IP "\fBstart\-fg\fR [\fIname\fR]" 4' 'Like \fBstart\fR, but' 'in the foreground.' \
		'.TP' '.B \-b' 'Go away.' '.TP' '\fB\-\-stay\fR' 'Do not' 'fork. As with -d.' '.SH FILES' 'In the foreground.' | tagged_paragraphs >page
	printf '%s\n' '.Bl -tag' '.It Fl n' 'Stay in the' '.Em foreground .' '.El' | tagged_paragraphs >>page
	diff page - <<-'EOT'
		check Check it.
		start-fg [name] Like start, but in the foreground.
		-b Go away.
		--stay Do not fork. As with -d.
		-n Stay in the foreground .
	EOT
	# In the package; a file's name there is no option of tar's.
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/packages"
	mkdir -p -- './--checkpoint-action=exec=touch ran;/man/man8' usr/share/man/man8
	echo evil >'./--checkpoint-action=exec=touch ran;/man/man8/svc.8'
	echo manual >usr/share/man/man8/svc.8
	tar -cf data.tar -- '--checkpoint-action=exec=touch ran;' ./usr
	ar rc svc.deb data.tar
	[ "$(member_of svc.deb '/man/man8/svc\.8$')" = ./usr/share/man/man8/svc.8 ]
	[ "$(text_of svc.deb ./usr/share/man/man8/svc.8)" = manual ]
	[ "$(text_of svc.deb '--checkpoint-action=exec=touch ran;/man/man8/svc.8')" = evil ]
	manual_of() { cat page; }
	[ "$(foreground_verb svc start)" = start-fg ]
	[ -z "$(foreground_verb svc -c start)" ]
	[ -z "$(foreground_debugging svc)" ]
	printf '%s\n' '.TP' '.BI \-d \ debug-level' 'Turn on debugging as defined by' '.I debug-level.' \
		'If this option is specified, even with a zero argument,' '.B svc' 'will not fork or disassociate.' | tagged_paragraphs >page
	[ "$(foreground_debugging svc | xargs)" = '-d 0' ]
}

@test "what listens on its own loopback: its protocol is tested, its configuration is written anew" {
	cd "$BATS_TEST_TMPDIR"
	mkdir files
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/write"
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/look"
	say() { printf '%s\n' "$2"; }
	# shellcheck disable=SC2034 # read there
	local name=svc user='' silent='' top=$TOP found_ports=(323/udp) local_only=(323) loopback=("$PWD/conf") by_default=()
	write_tests
	grep -q '"/proc/$pid/net/udp"' test.bats
	run ! grep -q net/tcp test.bats
	printf '%s\n' 'agentaddress  127.0.0.1,[::1]' 'bind-address = 127.0.0.1 ::1' 'listen ::1' 'name localhost' \
		'# -l 127.0.0.1' '-l 127.0.0.1' '-l ::1' '    "rpc-bind-address": "127.0.0.1",' '<bind-address>127.0.0.1</bind-address>' >conf
	# shellcheck disable=SC2034 # read there
	local root='' confs=("$PWD/conf") command=()
	find_loopback
	[ "${loopback[*]}" = "$PWD/conf" ]
	write_loopback
	sh files/prep-local
	diff conf - <<-'EOT'
		agentaddress  0.0.0.0
		bind-address = 0.0.0.0
		name localhost
		# -l 127.0.0.1
		-l 0.0.0.0
		    "rpc-bind-address": "0.0.0.0",
		<bind-address>0.0.0.0</bind-address>
	EOT
	# A default that stands in a comment, not what is said of it; where there is a line, that counts.
	printf '%s\n' '# Listen on localhost:5232 by default' '#hosts = localhost:5232' '#name = localhost' >conf
	cp conf other
	find_loopback
	[ "${loopback[*]}|${by_default[*]}" = "|$PWD/conf" ]
	write_loopback
	sh files/prep-local
	[ "$(diff other conf | grep '^>')" = '> hosts = 0.0.0.0:5232' ]
	printf 'host localhost\n' >other
	confs+=("$PWD/other")
	printf '#hosts = localhost:5232\n' >conf
	find_loopback
	[ "${loopback[*]}|${by_default[*]}" = "$PWD/other|" ]
	# What set-up made belongs to no package: its command names it.
	eval "$(sed -n '/^is_plain_path()/,/^}/p' "$TOP/infra/new")"
	mkdir -p root/etc
	printf -- '-l 127.0.0.1\n' | tee root/etc/made >root/made
	# shellcheck disable=SC2034 # read there
	root=$PWD/root confs=(/dev/null) command=(/bin/svc --config=/etc/made /made '/etc/../made' -v)
	find_loopback
	[ "${loopback[*]}" = /etc/made ]
	run_x 0 say_unreachable
	expect 'alone, port 323'
	found_ports+=(80/tcp/http)
	run_x 0 say_unreachable
	[ -z "$output" ]
}

# Greets whoever connects with this, and hangs up.
greeter() { # TEXT
	exec python3 -c 'import socket, sys
s = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
	c = s.accept()[0]
	c.sendall(sys.argv[2].encode())
	c.close()' "$port" "$1"
}

@test "what answers on a port: the first word of its greeting, of any kind, or nothing" {
	requires command:python3
	local greeting want
	while IFS='|' read -r greeting want; do
		port=$(free_port)
		start greeter "$greeting"$'\n'
		wait_until 10 bash -c ": <>/dev/tcp/127.0.0.1/$port"
		run_x 0 "$TOP/infra/new" ask "$port"
		[ "$output" = "$want" ]
		stop_all
	done <<-'EOT'
		220 host ready|220
		@RSYNCD: 32.0 sha512|@RSYNCD:
		500 OOPS: no|error 500 OOPS: no
		421 later|error 421 later
		-ERR no|error -ERR no
		* BYE no|error * BYE no
		* OK ready|*
		é|
	EOT
}

# Answers a line with this, and a question by UDP with its number and an answer's bit.
answerer() { # TEXT
	exec python3 -c 'import socket, sys, threading
port, text = int(sys.argv[1]), sys.argv[2].encode()
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
u.bind(("127.0.0.1", port))
def answer():
	while True:
		q, who = u.recvfrom(512)
		u.sendto(q[:2] + bytes([q[2] | 128]) + q[3:] if text else q, who)
threading.Thread(target=answer, daemon=True).start()
s = socket.create_server(("127.0.0.1", port))
while True:
	c = s.accept()[0]
	line = c.recv(64)
	if line.startswith(b"PING"):
		c.sendall(text + b"\r\n")
	c.close()' "$port" "$1"
}

@test "what answers a line, or a question of DNS's, has a test that asks it" {
	requires command:python3
	cd "$BATS_TEST_TMPDIR"
	local answer want udp
	# shellcheck source=/dev/null
	. "$TOP/infra/new.d/write"
	# shellcheck disable=SC2034 # read there
	local name=svc user='' silent='' top=$TOP found_ports=() local_only=()
	while IFS='|' read -r answer want udp; do
		port=$(free_port)
		start answerer "$answer"
		wait_until 10 bash -c ": <>/dev/tcp/127.0.0.1/$port"
		run_x 0 "$TOP/infra/new" ask "$port"
		[ "$output" = "$want" ]
		found_ports=("$port/tcp/$output")
		run_x 0 "$TOP/infra/new" ask-udp "$port"
		[ "$output" = "$udp" ]
		found_ports+=("$port/udp/$output")
		if [ -n "$udp" ]; then
			write_tests
			export INSTANCE_NAME=none "INSTANCE_ADDRESS_$port=127.0.0.1:$port" "INSTANCE_ADDRESS_${port}_UDP=127.0.0.1:$port"
			awk '/^load/ || /^@test "port/, /^}/' test.bats >two.bats
			run_x 0 "$TOP/tests/run" two.bats
			expect "ok 1 port $port takes connections and answers"
			expect "ok 2 port $port answers DNS"
		fi
		stop_all
	done <<-'EOT'
		ERROR|?ERROR|dns
		+PONG|?+PONG|dns
		:irc.example.net 451 not yet|?|dns
		||
	EOT
	# The same number, by both: two names.
	found_ports=(53/tcp/ 53/udp/dns)
	# shellcheck disable=SC2034 # read there
	local_only=(53)
	write_tests
	grep -qF '"port 53 is listened to"' test.bats
	grep -qF '"port 53 is listened to by UDP"' test.bats
}

# Settings: of the host, of containers, together; names; what they come to.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup() {
	own_settings
	KIND=$("$ENGINE_CMD" --which)
}

@test "check: every file, with place and the nearest key" {
	yaml good <<<'memory: 64m'
	run_x 0 d check
	expect "1 settings checked, nothing wrong"
	printf 'memory: 64m\nmemmory: 1g\n' | yaml bad
	printf 'test_prots: []\n' | yaml test
	run_x 1 d chk
	expect "bad/settings.yaml:2:1: " "$stderr"
	expect "'memory'" "$stderr"
	expect "test/settings.yaml:1:1: " "$stderr"
	expect "ports" "$stderr"
	refute "good/" "$stderr"
}

@test "check: together" {
	yaml a <<<'ports: ["8080:80", "9:9/udp"]'
	yaml b <<<'ports: ["8080:81", "9:9/tcp"]'
	yaml c <<<'ports: ["0.0.0.0:8080:82"]'
	yaml d <<<'name: c'
	yaml e <<<'needs: [f]'
	yaml f <<<'needs: [g]'
	yaml g <<<'needs: [e, nobody]'
	mkdir -p "$ROOM/more/a"
	echo 'memory: 1g' >"$ROOM/more/a/settings.yaml"
	WHITTLE_CONTAINERS=$WHITTLE_CONTAINERS:$ROOM/more run_x 1 d dup-check
	expect "a and b have the same port on the host: 8080" "$stderr"
	expect "a and c have the same port on the host: 8080" "$stderr"
	refute ": 9" "$stderr"
	expect "c and d have the same name: c" "$stderr"
	expect "dependency cycle: e -> f -> g -> e" "$stderr"
	expect "g needs 'nobody': no such container" "$stderr"
	expect "ignoring '$ROOM/more/a'" "$stderr"
	# Of one alone: what is wrong with others is not its fault, what it shares with them is.
	run_x 1 d check c
	expect "a and c have the same port on the host: 8080" "$stderr"
	expect "c and d have the same name: c" "$stderr"
	refute "a and b" "$stderr"
	refute "g needs" "$stderr"
	yaml fine <<<''
	yaml wrong <<<'memory: lots'
	run_x 0 d check fin
	expect "1 settings checked, nothing wrong"
	run_x 2 d check nothing
	expect "no container's name begins" "$stderr"
}

@test "the project's own containers get on with each other" {
	WHITTLE_CONTAINERS=$TOP/containers run_x 0 d check
}

@test "check -v shows what settings loosen" {
	yaml tight <<<''
	yaml loose <<<'{caps: [NET_ADMIN], read_only: false, user: root, network: host, memory: 0}'
	run_x 0 d check -v
	[[ $output =~ tight\ +locked\ down ]]
	[[ $output =~ loose\ +caps:NET_ADMIN\ read_only:false\ user:root\ network:host\ no\ limit ]]
}

@test "a wrong file stops only what is about it" {
	yaml bad <<<'memory: lots'
	yaml good <<<''
	run_x 0 d cmd good
	run_x 2 d cmd bad
	expect "bad/settings.yaml:1:9: " "$stderr"
	run_x 0 d
	[[ $output =~ bad\ +settings\? ]]
}

@test "settings that can't be read are no settings that aren't there" {
	mkdir -p "$ROOM/c/"{pipe,directory/settings.yaml,gone,tail}
	mkfifo "$ROOM/c/pipe/settings.yaml"
	ln -s nowhere "$ROOM/c/gone/settings.yaml"
	printf 'memory: 64m\n\0caps: [SYS_ADMIN]\n' >"$ROOM/c/tail/settings.yaml"
	run_x 1 d check
	expect "pipe/settings.yaml' isn't a regular file" "$stderr"
	expect "directory/settings.yaml' isn't a regular file" "$stderr"
	expect "open '$ROOM/c/gone/settings.yaml': No such file" "$stderr"
	expect "tail/settings.yaml:2:1: NUL byte" "$stderr"
	# Nor is a directory of containers, as one whose disk isn't there.
	export WHITTLE_CONTAINERS=$ROOM/c/tail/settings.yaml
	run_x 1 d check
	expect "read the directory" "$stderr"
	refute "nothing wrong"
	run_x 2 d up-all
	run_x 0 d lA
}

@test "called where nobody is any more: what takes files from there refuses, all else works" {
	yaml web <<<''
	mkdir "$ROOM/left"
	cd "$ROOM/left"
	rmdir "$ROOM/left"
	run_x 0 d lA
	[ "$output" = web ]
	for words in "export --to compose -o out" "image-export web" "import compose.yaml" "restore -n web copy"; do
		# shellcheck disable=SC2086 # words
		run_x 2 d $words
		expect "is gone, or closed to this user" "$stderr"
	done
	[ ! -e /out ]
}

@test "names that no engine takes are no containers, and check says so; an empty one is no beginning" {
	for name in $'new\nline' 'sp ace' -dash $'\xff'; do
		yaml "$name" <<<''
	done
	yaml web <<<''
	run_x 0 d lA
	[ "$output" = web ]
	run_x 1 d check
	expect "ignoring '$ROOM/c/sp ace': no engine takes that name" "$stderr"
	expect "new\\012line" "$stderr"
	run_x 2 d s ""
	expect "the name of a container is empty" "$stderr"
}

@test "host settings that can't be read are none that aren't there" {
	mkdir -p "$BATS_TEST_TMPDIR/config/whittle"
	ln -s "$BATS_TEST_TMPDIR/not-mounted/settings.yaml" "$BATS_TEST_TMPDIR/config/whittle/settings.yaml"
	run_x 2 env -u WHITTLE_SETTINGS XDG_CONFIG_HOME="$BATS_TEST_TMPDIR/config" "$D" lA
	expect "config/whittle/settings.yaml': No such file or directory" "$stderr"
	rm "$BATS_TEST_TMPDIR/config/whittle/settings.yaml"
	run_x 0 env -u WHITTLE_SETTINGS XDG_CONFIG_HOME="$BATS_TEST_TMPDIR/config" "$D" lA
}

@test "a damaged list of generations: said, with the way on, before anything is changed" {
	of_hello web <<<''
	mkdir -p "$WHITTLE_STATE/d/web"
	echo '{' >"$WHITTLE_STATE/d/web/generations.json"
	run_x 2 d 1 web
	expect "generations.json' is damaged:" "$stderr"
	refute START "$stderr"
	[ ! -e "$WHITTLE_STATE/d/web/journal.json" ]
	# What can't be read may be sound, and isn't taken for what isn't there.
	for file in generations journal; do
		ln -sf $file.json "$WHITTLE_STATE/d/web/$file.json"
		run_x 2 d 1 web
		expect "read '$WHITTLE_STATE/d/web/$file.json':" "$stderr"
		refute damaged "$stderr"
		refute START "$stderr"
		rm "$WHITTLE_STATE/d/web/$file.json"
	done
}

@test "what can't be printed is said; output isn't written to a file that happens to be the first" {
	yaml web <<<''
	run_x 2 sh -c "'$D' lA >/dev/full"
	expect "write to standard output: No space left" "$stderr"
	run_x 0 sh -c "'$D' check >&-"
	run_x 1 grep -rs "settings checked" "$ROOM"
}

@test "names: exact ones win; an ambiguous one is refused by what changes something" {
	yaml db <<<''
	yaml db2 <<<''
	yaml dns <<<''
	run_x 0 d s db
	[ "$output" = db ]
	run_x 0 d s d
	[ "$output" = db ]
	expect "'d' is ambiguous (db db2 dns): taking 'db'" "$stderr"
	for verb in stop start restart u hup e debug; do
		run_x 2 d $verb d
		expect "'d' is ambiguous: db db2 dns" "$stderr"
	done
	run_x 0 d s dn
	[ "$output" = dns ]
	run_x 2 d s x
	expect "no container's name begins with 'x'" "$stderr"
	run_x 2 d s dsn
	expect "is 'dns' meant?" "$stderr"
}

@test "the host's settings: strict, defaults for all, variables win" {
	yaml a <<<'pids: 7'
	cat >"$WHITTLE_SETTINGS" <<-'EOT'
		defaults:
		  memory: 77m
		  pids: 5
		  test_pids: 6
		keep: 9
	EOT
	run_x 0 d las a
	jq -e '.[0] | .memory == 80740352 and .pids == 7' <<<"$output"
	run_x 0 d las -T a
	jq -e '.[0].pids == 6' <<<"$output"
	echo 'mount_rw: [x:/x]' | yaml b
	run_x 0 env -u WHITTLE_VOLUMES "$D" las b
	jq -e --arg s "$ROOM/state/volumes/b/x" '.[0].mounts[0].source == $s' <<<"$output"
	WHITTLE_KEEP=none run_x 2 d las a
	expect WHITTLE_KEEP "$stderr"
	echo 'contaners: [x]' >"$WHITTLE_SETTINGS"
	run_x 2 d las a
	expect "host.yaml:1:1: " "$stderr"
	expect "containers" "$stderr"
	WHITTLE_SETTINGS=$ROOM/none run_x 2 d las a
	expect "open '$ROOM/none'" "$stderr"
}

@test "the user's settings name the project, and directories of one's own" {
	yaml a <<<''
	unset WHITTLE_SETTINGS WHITTLE_CONTAINERS
	export XDG_CONFIG_HOME=$ROOM/config
	mkdir -p "$ROOM/config/whittle"
	printf 'project: %s\ncontainers: [%s]\n' "$TOP" "$ROOM/c" >"$ROOM/config/whittle/settings.yaml"
	run_x 0 d lA
	[ "$output" = a ]
	printf 'project: %s\n' "$ROOM" >"$ROOM/config/whittle/settings.yaml"
	run_x 2 d lA
	expect "is not a whittle project" "$stderr"
	rm "$ROOM/config/whittle/settings.yaml"
	run_x 0 d lA
	expect filewatch
}

@test "cmd: what a container gets that says nothing" {
	yaml a <<<''
	run_x 0 d cmd a
	for word in "run -d" "--name a" "--cap-drop ALL" "--security-opt no-new-privileges" --read-only \
		"--memory 268435456" "--cpus 1.000" "--pids-limit 128" "--network whittle-a" \
		"--restart on-failure:5"; do
		expect " $word" " $output"
	done
	for word in --publish --cap-add --privileged --volume --mount --device seccomp; do
		refute "$word"
	done
}

@test "check: names that engines refuse, or read otherwise" {
	yaml MyApp <<<''
	yaml short <<<'image: grafana/grafana'
	yaml fine <<<'image: registry.example/grafana/grafana'
	yaml local <<<'image: localhost/me/x'
	yaml elsewhere <<<'repo1: registry.lan/me'
	: >"$WHITTLE_CONTAINERS/elsewhere/Dockerfile"
	: >"$WHITTLE_CONTAINERS/elsewhere/Makefile"
	run_x 1 d check
	expect "MyApp: the image's name 'MyApp' has upper-case letters" "$stderr"
	expect "short: the image's name 'grafana/grafana' names no registry" "$stderr"
	expect "write it in full" "$stderr"
	expect "elsewhere: images that are built here are promoted as" "$stderr"
	refute "fine: " "$stderr"
	refute "local: " "$stderr"
}

@test "a name longer than a host name may be" {
	long=a23456789-123456789-123456789-123456789-123456789-123456789-123456789-123456789
	yaml "$long" <<<''
	run_x 0 d cmd "$long"
	expect " --hostname ${long:0:63} "
	run_x 0 d cmd -T "$long"
	expect " --hostname ${long:0:63} "
}

@test "variables of the host's settings" {
	host=$(cat "$WHITTLE_SETTINGS")
	printf '%s\nvariables: {DOMAIN: lan.example, DATA: /srv/a b}\n' "$host" >"$WHITTLE_SETTINGS"
	cat >"$ROOM/c.yaml" <<-'EOT'
		env: {URL: "https://${DOMAIN}/x?${DOMAIN}", PLAIN: "$5 $${DOMAIN} $DOMAIN ${DOMAIN"}
		mount_ro: ["${DATA}/c:/c"]
	EOT
	yaml a <"$ROOM/c.yaml"
	run_x 2 d cmd a
	expect "settings.yaml:1:" "$stderr"
	expect "no variable 'DOMAIN'" "$stderr"
	sed -i 's/ ${DOMAIN"/"/' "$ROOM/c.yaml"
	yaml a <"$ROOM/c.yaml"
	run_x 0 d cmd a
	expect "URL=https://lan.example/x?lan.example"
	expect 'PLAIN=$5 ${DOMAIN} $DOMAIN'
	expect "src=/srv/a b/c,"
	yaml a <<<'tz: ${NOSUCH}'
	run_x 2 d cmd a
	expect "settings.yaml:1:5: the host's settings have no variable 'NOSUCH'" "$stderr"
	printf '%s\nvariables: {1A: x}\n' "$host" >"$WHITTLE_SETTINGS"
	run_x 2 d cmd a
	expect "host.yaml" "$stderr"
	echo "$host" >"$WHITTLE_SETTINGS"
}

@test "env_files: strict lines, and env wins" {
	mkdir -p "$ROOM/c/a"
	printf '# a comment\n\nA=from file\nB=two = three\n' >"$ROOM/c/a/vars"
	yaml a <<<$'env_files: vars\nenv: {A: said}'
	run_x 0 d cmd a
	expect "A=said"
	expect "B=two = three"
	refute "from file"
	yaml a <<<'env_files: /dev/zero'
	run_x 2 d cmd a
	expect "not a regular file" "$stderr"
	yaml a <<<'env_files: vars'
	for line in 'export A=1' '1A=x' 'A' 'A="x"'; do
		printf 'OK=1\n%s\n' "$line" >"$ROOM/c/a/vars"
		run_x 2 d cmd a
		expect "/a/vars:2: " "$stderr"
	done
}

@test "cmd: quoted so that a shell gives back what was meant" {
	cat >"$ROOM/c.yaml" <<-'EOT'
		env:
		  A: "it's \"quoted\" $HOME `id`"
		cmd: [sh, -c, "echo *; exit 1", ""]
	EOT
	yaml a <"$ROOM/c.yaml"
	run_x 0 d cmd a
	eval "set -- ${lines[-1]}"
	[ "${!#}" = "" ]
	local previous=$(($# - 1))
	[ "${!previous}" = "echo *; exit 1" ]
	while [ $# -gt 0 ]; do
		# shellcheck disable=SC2016
		[ "$1" != --env ] || [ "$2" = 'A=it'\''s "quoted" $HOME `id`' ]
		shift
	done
}

@test "cmd: everything that can be said" {
	cat >"$ROOM/c.yaml" <<-'EOT'
		name: www
		hostname: web.example
		image: thing
		repo1: localhost/other
		tag: v2
		entrypoint: [/init, -x]
		cmd: serve all
		extra_init: [--verbose]
		extra_docker: --annotation a=b
		env: [A=b]
		tz: Europe/Berlin
		dns: [9.9.9.9]
		network: lan
		ip: 10.9.9.9
		ports: ["80:8080", "53:53/udp"]
		ipv6_ports: yes
		mount_ro: [conf:/etc/x]
		mount_rw: [/srv/data:/data]
		tmpfs: ["/tmp:1m"]
		devices: ["/dev/null:/dev/zip:r"]
		mount_devices: ["/dev/nul*"]
		ulimits: {nofile: "10:20"}
		caps: [NET_BIND_SERVICE]
		seccomp: unconfined
		read_only: no
		no_new_privileges: no
		user: "7:8"
		init: yes
		stop_signal: INT
		stop_timeout: 90s
		restart: always
		labels: {team: net}
		health: none
		log: none
		aliases: [front]
		groups: [7, 8]
		gpus: all
		shm_size: 8m
		sysctls: {net.core.somaxconn: 100}
		extra_hosts: {db: 10.0.0.9}
		relabel: private
	EOT
	yaml a <"$ROOM/c.yaml"
	run_x 0 d cmd a
	case $KIND in
	docker) set -- "--gpus all" "--volume /srv/data:/data:rw,rprivate,Z" ;;
	*) set -- "--device nvidia.com/gpu=all" "bind-propagation=rprivate,relabel=private" ;;
	esac
	for word in "$@" "--network-alias front" "--group-add 7 --group-add 8" "--shm-size 8388608" \
		"--sysctl net.core.somaxconn=100" "--add-host db:10.0.0.9" "--name www" "--hostname web.example" "--label team=net" "--network lan" "--ip 10.9.9.9" \
		"--dns 9.9.9.9" "--publish 127.0.0.1:80:8080" "--publish '[::1]:80:8080'" \
		"--publish 127.0.0.1:53:53/udp" "--ulimit nofile=10:20" "--cap-add NET_BIND_SERVICE" \
		"--security-opt seccomp=unconfined" "--user 7:8" \
		/tmp size=1048576 \
		"--device /dev/null:/dev/zip:r" "--device /dev/null " "--env TZ=Europe/Berlin" "--env A=b" \
		"--log-driver none" --init "--restart always" "--stop-signal SIGINT" "--stop-timeout 90" \
		--no-healthcheck "--entrypoint /init" \
		"--annotation a=b localhost/other/thing:v2 -x serve all --verbose"; do
		expect "$word"
	done
	refute "--read-only"
	refute no-new-privileges
	run_x 0 d cmd -T a
	expect "--name www-test"
	expect "--publish 127.0.0.1:10080:8080"
	expect "--network whittle-www-test"
	refute "--ip"
	refute "--restart"
}

@test "what an engine can't do is said before anything happens" {
	yaml pass <<<'log: passthrough'
	yaml sys <<<'log: syslog:udp://127.0.0.1:514'
	yaml ns <<<'userns: auto'
	if [ "$KIND" = docker ]; then
		run_x 2 d cmd pass
		expect "passthrough is podman's" "$stderr"
		run_x 2 d up ns
		expect "userns-remap" "$stderr"
		run_x 0 d cmd sys
		expect "--log-driver syslog --log-opt syslog-address=udp://127.0.0.1:514"
	else
		run_x 2 d up sys
		expect "syslog is docker's" "$stderr"
		run_x 0 d cmd pass
		expect "--log-driver passthrough"
		run_x 0 d cmd ns
		expect "--userns auto"
	fi
	run_x 1 d check
}

@test "health checks: podman without systemd has them, but without a timer" {
	yaml a <<<'health: {command: [/bin/x, "a b"], interval: 7s, timeout: 2s, retries: 4}'
	run_x 0 d cmd a
	if [ "$KIND" = docker ]; then
		expect "/bin/x"
		expect "--health-interval 7000ms"
	else
		expect '["/bin/x","a b"]'
		[ -d /run/systemd/system ] || expect "--health-interval disable"
	fi
	expect "--health-retries 4"
}

@test "every key is an option of run, the first as well as the last" {
	yaml a <<<'mount_rw: [data:/data]'
	run_x 0 d run --print-cmd --aliases one --vol_base /elsewhere --vols "[{path: x}]" a
	expect "--network-alias one"
	expect "src=/elsewhere/a/data,"
	run_x 2 d run --print-cmd --vols "{" a
	expect "command line" "$stderr"
}

@test "shared namespaces name the other container, in a test the other's test instance" {
	yaml app <<<'name: the-app'
	yaml side <<<'needs: [{name: app, shares: [pid, network]}]'
	run_x 0 d cmd side
	expect "--network container:the-app"
	expect "--pid container:the-app"
	refute "--hostname"
	run_x 0 d cmd -T side
	expect "--pid container:the-app-test"
}

@test "the manual speaks of every key and every verb" {
	local key verb
	run_x 0 d las
	while read -r key; do
		grep -q "^\.It Cm $key\$" "$BATS_TEST_DIRNAME/settings.yaml.5" || {
			echo "settings.yaml.5 lacks $key" >&2
			return 1
		}
	done < <(sed -n 's/^    {"\([a-z0-9_]*\)",.*/\1/p' "$BATS_TEST_DIRNAME/schema.c")
	while read -r verb; do
		grep -q "^\.It Cm $verb\b" "$BATS_TEST_DIRNAME/d.1" || {
			echo "d.1 lacks $verb" >&2
			return 1
		}
	done < <("$D" help | sed -n '/^  d /d; s/^  \([a-z-]*\) .*/\1/p')
}

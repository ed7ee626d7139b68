# Containers that run as services of a swarm: on: swarm. A real one, of three docker daemons in
# network namespaces.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture
load tests/swarm

setup_file() {
	file_requires engine root command:dockerd command:docker command:docker-registry command:skopeo command:jq || return 0
	fixture
	swarm_bridge "$P" || skip_file "this machine cannot: no bridge between network namespaces" || return 0
	swarm_make "$P" n1 n2 n3
	export SWARM NODES SWARM_PREFIX PORT=18080
	hosts_settings >"$WHITTLE_SETTINGS"
	export W=${P}web
	container "$W"
	packed "$W" 1
	packed "$W" 2
	packed "$W" 3
	packed "$W" 4
	packed "$W" 9 0 1
	next_is "$W" 1
	echo one >"$ROOM/password"
	echo 'a = 1' >"$WHITTLE_CONTAINERS/$W/site.conf"
	service
}

# What Swarm says, where a test failed.
teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || [ -z "${SWARM:-}" ] || on n1 service ps --no-trunc "whittle_$W" 2>&1 || :
}

teardown_file() {
	swarm_remove
	fixture_remove
}

hosts_settings() {
	printf 'base: %s/base\nswarm: {docker: "unix://%s/n1/socket", registry: "%s:5000/lab", tls: no}\n' \
		"$ROOM" "$SWARM" "$SWARM_HUB"
}

# service [LOSSY [YAML [PARALLELISM]]]: web's settings.
service() {
	cat >"$WHITTLE_CONTAINERS/$W/settings.yaml" <<-EOT
		on: swarm
		ports: ["0.0.0.0:$PORT:8080"]
		ready: {http: ":8080/healthz", within: 60s, stable: 500ms}
		stop_timeout: 2s
		secrets: {password: $ROOM/password}
		mount_ro: ["$WHITTLE_CONTAINERS/$W/site.conf:/etc/site.conf"]
		rollout: {replicas: 2, publish: host, monitor: 1s, within: 3m, parallelism: ${3:-2}, lossy: [${1-no_new_privileges}]}
		${2:-}
	EOT
}

# The versions that nodes answer with.
versions() {
	local node
	for node in $NODES; do
		command curl -fs --max-time 2 "http://$(node_address "$node"):$PORT/version" || :
	done | sort | paste -sd' '
}

says() { # VERSIONS
	[ "$(versions)" = "$1" ]
}

inspect() { # JQ-FILTER
	on n1 service inspect "whittle_$W" | jq -r ".[0].Spec.$1"
}

# d on the machine that is the node n1.
on_n1() {
	# shellcheck disable=SC2016 # the inner shell's
	unshare --uts sh -c 'hostname n1; exec "$@"' - "$D" "$@"
}

@test "swarm: what can't be there is refused with its name, and nothing is begun" {
	printf 'swarm: {docker: "unix://%s/n1/socket"}\n' "$SWARM" >"$ROOM/no-registry.yaml"
	WHITTLE_SETTINGS=$ROOM/no-registry.yaml run_x 2 d u "$W"
	expect "$W: on: swarm needs a registry" "$stderr"
	service ''
	run_x 2 d u "$W"
	expect "$W: no_new_privileges: less secure there: " "$stderr"
	service no_new_privileges 'mount_rw: [data:/data]'
	run_x 2 d u "$W"
	expect "$W: its data is on one node" "$stderr"
	service
	[ -z "$(on n1 service ls -q)" ]
	[ -z "$(on n1 secret ls -q)" ]
	echo 'swarm: {manager: x}' >"$ROOM/wrong.yaml"
	WHITTLE_SETTINGS=$ROOM/wrong.yaml run_x 2 d plan
	expect "wrong.yaml:1:" "$stderr"
}

@test "swarm: built, tested, pushed by digest, run by the nodes, and written down" {
	local digest
	run_x 1 d plan "$W"
	expect "upgrade: there is no image"
	run_x 0 d u "$W"
	says "1 1"
	digest=$(tag_digest "$SWARM_HUB:5000/lab/$W:live")
	[ "$(on n1 service ps -q --no-trunc "whittle_$W" | xargs docker -H "unix://$SWARM/n1/socket" inspect --type task |
		jq -r '.[].Spec.ContainerSpec.Image' | sort -u)" = "$SWARM_HUB:5000/lab/$W@$digest" ]
	expect "RUNS" "$stderr"
	expect "${digest:0:19}" "$stderr"
	[ "$(inspect 'Labels["whittle.image"]')" = "$("$PACK" id "$(live "$W")")" ]
	[ "$(inspect TaskTemplate.ContainerSpec.ReadOnly)" = true ]
	[ "$(inspect 'TaskTemplate.ContainerSpec.CapabilityDrop[0]')" = ALL ]
	[ "$(inspect TaskTemplate.ContainerSpec.User)" = 1000:1000 ]
	[ "$(inspect TaskTemplate.Resources.Limits.MemoryBytes)" = 268435456 ]
	[ "$(inspect UpdateConfig.FailureAction)" = rollback ]
	[ "$(inspect 'TaskTemplate.ContainerSpec.Configs[0].File.Name')" = /etc/site.conf ]
	run_x 0 d
	[[ $output =~ $W\ +swarm\ 2/2\ .*\ yes ]]
	run_x 0 d plan "$W"
	run_x 0 d is-up "$W"
	run_x 0 d u "$W"
	expect "SAME" "$stderr"
	run_x 0 d why "$W"
	expect "started"
	expect "*   1 "
}

@test "swarm: verbs that mean something there do it, others say so" {
	run_x 0 d log -n 5 "$W"
	expect "whittle_$W."
	run_x 2 d pid "$W"
	expect "$W is run by a swarm: d pid is for a container on a host" "$stderr"
	expect "$W: runs on n" "$stderr"
	run_x 0 d 0 "$W"
	says ""
	run_x 1 d is-up "$W"
	run_x 0 d 1 "$W"
	says "1 1"
}

@test "swarm: what changed in a copy is found on its node, by ssh" {
	requires command:sshd
	local node upper
	export XDG_RUNTIME_DIR=$SWARM/r
	run_x 2 d scan "$W"
	expect "is none of the hosts of settings.yaml(5), by name or address" "$stderr"
	nodes_by_ssh >>"$WHITTLE_SETTINGS"
	run_x 2 d scan "$W"
	expect "d isn't there" "$stderr"
	run_x 0 d hosts add
	run_x 0 d scan "$W"
	node=$(on n1 service ps -f desired-state=running --format '{{.Node}}' "whittle_$W" | tail -n 1)
	upper=$(on "$node" inspect -f '{{.GraphDriver.Data.UpperDir}}' "$(on "$node" ps -q)")
	echo x >"$upper/dropped"
	run_x 1 d scan "$W"
	expect "$W on $node: added        /dropped  (file 0644)"
	run_x 0 d scan --ignore /dropped "$W"
	run_x 1 d scan --json "$W"
	jq -e --arg node "$node" --arg w "$W" '. == [{container: $w, change: "added", path: "/dropped", node: $node,
		type: "file", mode: "0644", executable: false, privileged: false}]' <<<"$output"
	run_x 2 d scan --rm "$W"
	expect "copies of a service are replaced" "$stderr"
	rm "$upper/dropped"

	# The node that is this very machine needs no ssh.
	sed -i '/^  n1: /d' "$WHITTLE_SETTINGS"
	on n1 service scale -d "whittle_$W=3"
	wait_until 60 says "1 1 1"
	upper=$(on n1 inspect -f '{{.GraphDriver.Data.UpperDir}}' "$(on n1 ps -q)")
	echo x >"$upper/dropped"
	run_x 1 on_n1 scan "$W"
	[ "$output" = "$W on n1: added        /dropped  (file 0644)" ]
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\n[ -z "${WHITTLE_ENGINE:-}" ] || { echo "no daemon" >&2; exit 1; }\nexec %s "$@"\n' "$(command -v docker)" >"$BATS_TEST_TMPDIR/bin/docker"
	chmod +x "$BATS_TEST_TMPDIR/bin/docker"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run_x 2 on_n1 scan "$W"
	expect "n1: d: " "$stderr"
	rm "$upper/dropped"
	run_x 0 on_n1 scan "$W"
	on n1 service scale -d "whittle_$W=2"
	wait_until 60 says "1 1"
}

@test "swarm: a new secret is a new name there, and the old one goes" {
	local old
	old=$(on n1 secret ls --format '{{.Name}}')
	[[ $old =~ ^$W-password-[0-9a-f]{12}$ ]]
	echo two >"$ROOM/password"
	run_x 1 d plan "$W"
	expect "restart: its settings or secrets changed"
	run_x 0 d 01 "$W"
	[ "$(on n1 secret ls --format '{{.Name}}' | wc -l)" -eq 1 ]
	[ "$(on n1 secret ls --format '{{.Name}}')" != "$old" ]
	[ "$(on n1 config ls --format '{{.Name}}' | wc -l)" -eq 1 ]
}

@test "swarm: what Swarm rolls back is quarantined, and isn't live" {
	local before
	before=$(image_id "$(live "$W")")
	next_is "$W" 9
	run_x 1 d u "$W"
	expect "Swarm rolled it back" "$stderr"
	# Swarm's rollback has ended when its last copy is being started.
	wait_until 30 says "1 1"
	[ "$(image_id "$(live "$W")")" = "$before" ]
	run_x 1 d u "$W"
	expect "failed before" "$stderr"
	run_x 0 d why "$W"
	expect "quarantined"
	expect "gone-back"
}

@test "swarm: an upgrade, whose answer is lost, and back to the generation before" {
	local real
	next_is "$W" 2
	real=$(command -v docker)
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\n%s "$@" || exit\ncase "$*" in *"stack deploy"*) echo "connection lost" >&2; exit 1 ;; esac\n' "$real" >"$BATS_TEST_TMPDIR/bin/docker"
	chmod +x "$BATS_TEST_TMPDIR/bin/docker"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run_x 0 d u "$W"
	expect "connection lost" "$stderr"
	says "2 2"
	run_x 0 d back "$W"
	says "1 1"
	expect "BACK" "$stderr"
	[ "$(image_id "$(live "$W")")" = "$(image_id "$(built "$W" 1)")" ]
}

@test "swarm: an interrupt ends the wait alone, and d recover writes down how it ended" {
	next_is "$W" 3
	env --default-signal=INT "$D" u "$W" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 4>&- &
	wait_until 90 grep -q DEPLOY "$BATS_TEST_TMPDIR/said"
	wait_until 90 grep -q '"step": "wait"' "$WHITTLE_STATE/d/$W/journal.json"
	kill -INT $!
	status=0
	wait $! || status=$?
	[ "$status" -eq 130 ]
	expect "it goes on by itself" "$(cat "$BATS_TEST_TMPDIR/said")"
	wait_until 120 says "3 3"
	wait_until 60 d recover
	[ "$(image_id "$(live "$W")")" = "$(image_id "$(built "$W" 3)")" ]
	run_x 0 d plan "$W"
}

@test "swarm: a node that dies during a rolling update doesn't end it" {
	local victim
	service no_new_privileges '' 1
	victim=$(on n1 service ps -f desired-state=running --format '{{.Node}}' "whittle_$W" | grep -v n1 | head -n 1)
	next_is "$W" 4
	"$D" u "$W" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- 4>&- &
	wait_until 90 grep -q DEPLOY "$BATS_TEST_TMPDIR/said"
	node_kill "$victim"
	wait $!
	[ "$(versions)" = "4 4" ]
	run_x 0 d
	[[ $output =~ $W\ +swarm\ 2/2\ .*\ yes ]]
	run_x 0 d plan "$W"
}

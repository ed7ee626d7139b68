# Other hosts: three of them, network namespaces with sshd, state and a podman root of their own.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

HOSTS="h1 h2 h3"

setup_file() {
	requires root podman pods command:sshd command:ip
	export ROOM=$BATS_FILE_TMPDIR XDG_RUNTIME_DIR=$BATS_FILE_TMPDIR/r
	export WHITTLE_SETTINGS=$ROOM/host.yaml WHITTLE_STATE=$ROOM/state WHITTLE_CONTAINERS=$ROOM/none
	N=wf$((RANDOM % 90 + 10))
	export N
	mkdir -p "$XDG_RUNTIME_DIR" "$ROOM/none" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$ROOM/key"
	ssh-keygen -q -t ed25519 -N '' -f "$ROOM/other-key"
	engine save -o "$ROOM/hello.tar" "$(live hello)" >/dev/null 2>&1
	ip link add "$N" type bridge
	ip addr add 10.97.7.1/24 dev "$N"
	ip link set "$N" up
	echo "hosts:" >"$WHITTLE_SETTINGS"
	local i=1 h
	for h in $HOSTS; do
		i=$((i + 1))
		host_made "$h" "10.97.7.$i"
		sshd_up "$h"
	done
}

# host_made NAME ADDRESS: a namespace, its d's directories, its podman root, its line in hosts.
host_made() {
	local at=$ROOM/$1
	mkdir -p "$at/c/web" "$at/graph" "$at/run"
	cat >"$at/c/web/settings.yaml" <<-EOT
		image: $(live hello)
		name: $N$1
		network: none
		ready: {http: ":8000/", stable: 0}
		stop_timeout: 1s
	EOT
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$at/graph" "$at/run" >"$at/storage.conf"
	: >"$at/settings.yaml"
	CONTAINERS_STORAGE_CONF=$at/storage.conf engine load -q -i "$ROOM/hello.tar" >/dev/null 2>&1
	ip netns add "$N$1"
	ip link add "$N$1" type veth peer name eth0 netns "$N$1"
	ip link set "$N$1" master "$N" up
	ip -n "$N$1" addr add "$2/24" dev eth0
	ip -n "$N$1" link set eth0 up
	ip -n "$N$1" link set lo up
	cat >"$at/sshd.conf" <<-EOT
		ListenAddress $2:22
		HostKey $ROOM/key
		AuthorizedKeysFile $ROOM/key.pub
		StrictModes no
		UsePAM no
		PermitRootLogin yes
		PidFile $at/sshd.pid
	EOT
	echo "$2 $(cut -d' ' -f1,2 "$ROOM/key.pub")" >>"$ROOM/known_hosts"
	cat >>"$WHITTLE_SETTINGS" <<-EOT
		  $1:
		    ssh: root@$2
		    options: [-i, $ROOM/key, -oUserKnownHostsFile=$ROOM/known_hosts, -oConnectTimeout=3]
		    labels: [lab, label-$1]
		    wave: ${1#h}
		    state: $at/state
		    engine: $ENGINE_CMD
		    env: {WHITTLE_CONTAINERS: $at/c, WHITTLE_SETTINGS: $at/settings.yaml, CONTAINERS_STORAGE_CONF: $at/storage.conf}
	EOT
}

sshd_up() {
	nsenter --net="/run/netns/$N$1" /usr/sbin/sshd -f "$ROOM/$1/sshd.conf" -E "$ROOM/$1/sshd.log"
	wait_until 10 ssh_to "$1" true
}

# The host is off, but for its containers: sshd and all that runs by it.
host_down() {
	local pid
	for pid in $(ip netns pids "$N$1"); do
		case $(cat "/proc/$pid/comm" 2>/dev/null) in sshd* | d | sh | sleep) kill -KILL "$pid" 2>/dev/null || : ;; esac
	done
	disconnect
}

# Connections that are kept for later.
disconnect() {
	local socket
	for socket in "$XDG_RUNTIME_DIR"/whittle-ssh/*; do
		[ ! -S "$socket" ] || ssh -oControlPath="$socket" -O exit x 2>/dev/null || :
	done
}

ssh_to() {
	ssh -i "$ROOM/key" -oBatchMode=yes -oUserKnownHostsFile="$ROOM/known_hosts" -oConnectTimeout=3 "root@10.97.7.$((${1#h} + 1))" "${@:2}"
}

teardown_file() {
	local h
	disconnect
	for h in $HOSTS; do
		CONTAINERS_STORAGE_CONF=$ROOM/$h/storage.conf engine rm -f "$N$h" >/dev/null 2>&1 || :
		host_down "$h" || :
		ip netns del "$N$h" 2>/dev/null || :
		ip link del "$N$h" 2>/dev/null || :
	done
	ip link del "$N" 2>/dev/null || :
}

@test "hosts: named, reached, and brought the very same d" {
	run_x 0 d hosts
	expect "h2              2 root@10.97.7.3           lab label-h2"
	run_x 1 d hosts check h1
	expect "h1: d isn't there, or another version of it: d hosts add h1" "$stderr"
	run_x 0 d hosts add
	expect "h1           ok, 1 containers"
	expect "h3           ok, 1 containers"
	cmp "$D" "$ROOM/h1/state/bin/d"
	printf x >>"$ROOM/h1/state/bin/d"
	run_x 2 d @h1 status
	expect "another version" "$stderr"
	run_x 0 d hosts add h1
	run_x 0 d hosts check
	run_x 2 d hosts check h9
	expect "no host is called 'h9'" "$stderr"
	run_x 2 d @h9
	expect "no host and no label is called 'h9'" "$stderr"
}

@test "a host by another key is refused, whatever ssh's configuration says" {
	disconnect
	sed -i.kept "s|^10.97.7.2 .*|10.97.7.2 $(cut -d' ' -f1,2 "$ROOM/other-key.pub")|" "$ROOM/known_hosts"
	sed -i.kept 's/\[-i,/[-oStrictHostKeyChecking=no, -i,/' "$WHITTLE_SETTINGS"
	run_x 2 d @h1 is-up web
	expect "h1: can't be reached: Host key verification failed." "$stderr"
	mv "$ROOM/known_hosts.kept" "$ROOM/known_hosts"
	mv "$WHITTLE_SETTINGS.kept" "$WHITTLE_SETTINGS"
}

@test "@HOST and -A: answers and exit statuses are those of there" {
	run_x 1 d @h1 is-up web
	[ "$output" = down ]
	run_x 0 d @h1 up web
	run_x 0 d @h1 is-up web
	run_x 2 d @h1 is-up nobody
	expect "no container's name begins with 'nobody'" "$stderr"
	run_x 2 d @h1 is-up "'; touch $ROOM/x; \$(touch $ROOM/x) \\'"
	[ ! -e "$ROOM/x" ]
	run_x 0 d -A
	[[ $output =~ h1\ +web\ +running ]]
	[[ $output =~ h3\ +web\ +- ]]
	run_x 0 d -A --json
	jq -e '.h1[0].state == "running" and (.h3[0].state != "running")' <<<"$output"
	run_x 0 d @label-h2 up web
	run_x 0 d @h2 is-up web
	run_x 1 d @lab is-up web
	expect $'== h1\nup\n== h2\nup\n== h3\ndown'
	run_x 0 d @h2 down web
}

@test "a host that lies: what it says doesn't drive the terminal" {
	host_down h1
	cp "$ROOM/h1/sshd.conf" "$ROOM/h1/sshd.kept"
	printf '%s\n' "ForceCommand printf '%s' '[{\"name\": \"\\u001b[31mred\\nh2 web\"}]'; printf '\\033[31mred' >&2" >>"$ROOM/h1/sshd.conf"
	sshd_up h1
	run_x 0 d -A
	expect 'h1           \033[31mred\012h2 web'
	refute $'\e'
	run_x 0 d -A list-all
	expect '\033[31mred' "$stderr"
	refute $'\e' "$output$stderr"
	run_x 1 d -A hup web
	expect '\033[31mred' "$stderr"
	refute $'\e' "$output$stderr"
	host_down h1
	mv "$ROOM/h1/sshd.kept" "$ROOM/h1/sshd.conf"
	sshd_up h1
}

@test "-A: who can't be reached is said, and caught up with later" {
	host_down h3
	run_x 1 d -A up web
	expect "h3: can't be reached" "$stderr"
	run_x 0 d @h2 is-up web
	run_x 2 d -A
	expect "h3           unknown"
	expect "h3           missed: d up web"
	run_x 0 d page --json --all
	jq -es 'map({(.host): .}) | add | .h2.containers[0].state == "running" and .h3.error != null' <<<"$output"
	sshd_up h3
	run_x 1 d plan -A
	expect "h3           missed: d up web"
	run_x 0 d hosts retry
	expect "== h3: d up web"
	run_x 0 d @h3 is-up web
	run_x 0 d plan -A
	refute "missed"
}

@test "-A: a canary that fails stops the rest, and so does a wave" {
	echo 'memory: lots' >>"$ROOM/h1/c/web/settings.yaml"
	run_x 0 d @h2 down web
	run_x 2 d -A up web
	expect "h1 failed: left as they are: h2 h3" "$stderr"
	run_x 1 d @h2 is-up web
	sed -i '$d' "$ROOM/h1/c/web/settings.yaml"
	run_x 0 d -A up web
	# The second of three waves.
	echo 'memory: lots' >>"$ROOM/h2/c/web/settings.yaml"
	run_x 0 d @h3 down web
	run_x 2 d -A up web
	expect "h2 failed: left as they are: h3" "$stderr"
	run_x 1 d @h3 is-up web
	sed -i '$d' "$ROOM/h2/c/web/settings.yaml"
	run_x 0 d @h3 up web
}

@test "a host that is killed in the midst is in one of its two good states afterwards" {
	printf 'hooks: {before_stop: [sleep, "1000"]}\n' >>"$ROOM/h2/c/web/settings.yaml"
	start d -A restart web
	wait_until 20 test -e "$ROOM/h2/state/d/web/journal.json"
	host_down h2
	wait_until 20 bash -c "! kill -0 $started"
	run wait "$started"
	expect "h2: the connection was lost while d ran there" "$(cat "$BATS_TEST_TMPDIR/started.0")"
	expect "h2 failed: left as they are: h3" "$(cat "$BATS_TEST_TMPDIR/started.0")"
	sed -i '$d' "$ROOM/h2/c/web/settings.yaml"
	sshd_up h2
	run_x 0 d @h2 recover
	run_x 0 d @h2 is-up web
	run_x 0 d @h2 restart web
}

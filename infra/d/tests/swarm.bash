# A swarm on one machine: docker daemons, each in a network namespace at a bridge and with data of its
# own below $SWARM, and a registry beside them. The first one manages.

# None of the networks of those that run beside it, see NET in fleet.bats and waves.bats.
SWARM_HUB=10.97.6.1

# Fails where this machine has no bridges; what goes wrong after that is a failed test.
swarm_bridge() { # PREFIX
	ip link add "$1" type bridge 2>/dev/null
}

# At the bridge of that name.
swarm_make() { # PREFIX NODE...
	local prefix=$1 node
	shift
	SWARM_PREFIX=$prefix NODES=$* SWARM=$(mktemp -d /tmp/swarm.XXXXXX)
	# What a teardown in a process of its own has to know.
	declare -p SWARM_PREFIX NODES SWARM >"$BATS_FILE_TMPDIR/swarm"
	ip addr add "$SWARM_HUB/24" dev "$prefix"
	ip link set "$prefix" up
	for node; do node_start "$node"; done
	for node; do wait_until 60 on "$node" version; done
	on "$1" swarm init --advertise-addr "$(node_address "$1")" >/dev/null
	for node in "${@:2}"; do
		on "$node" swarm join --token "$(on "$1" swarm join-token -q worker)" "$(node_address "$1"):2377" >/dev/null
	done
	swarm_registry
}

node_address() {
	echo "${SWARM_HUB%.*}.$((${1#n} + 1))"
}

# on NODE WORD...: docker of that node.
on() {
	docker -H "unix://$SWARM/$1/socket" "${@:2}"
}

node_start() {
	local at=$SWARM/$1 space=$SWARM_PREFIX$1
	mkdir -p "$at"
	ip netns add "$space"
	ip link add "$space" type veth peer name eth0 netns "$space"
	ip link set "$space" master "$SWARM_PREFIX" up
	ip -n "$space" addr add "$(node_address "$1")/24" dev eth0
	ip -n "$space" link set eth0 up
	ip -n "$space" link set lo up
	ip -n "$space" route add default via "$SWARM_HUB"
	# Not by "ip netns exec", which mounts another /sys, without control groups.
	# shellcheck disable=SC2016 # the inner shell's
	nsenter --net="/run/netns/$space" unshare --uts sh -c 'hostname "$1"; shift; exec dockerd "$@"' - "$1" \
		-H "unix://$at/socket" --data-root "$at/data" --exec-root "$at/exec" -p "$at/pid" \
		--insecure-registry "$SWARM_HUB:5000" --bip "172.31.$((${1#n} + 100)).1/24" >"$at/log" 2>&1 3>&- 4>&- &
}

swarm_registry() {
	cat >"$SWARM/registry.yml" <<-EOT
		version: 0.1
		storage: {filesystem: {rootdirectory: $SWARM/registry}, delete: {enabled: true}}
		http: {addr: "$SWARM_HUB:5000"}
	EOT
	docker-registry serve "$SWARM/registry.yml" >"$SWARM/registry.log" 2>&1 3>&- 4>&- &
	echo $! >"$SWARM/registry.pid"
	wait_until 20 curl -fs "http://$SWARM_HUB:5000/v2/"
}

# Each node is reached by ssh; prints hosts for d's settings. The first has the node's name there,
# the others are known by their addresses.
nodes_by_ssh() {
	local node at name
	mkdir -p "$XDG_RUNTIME_DIR" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$SWARM/key"
	echo hosts:
	for node in $NODES; do
		at=$SWARM/$node name=at-$node
		[ "$node" != "${NODES%% *}" ] || name=$node
		printf '%s\n' "ListenAddress $(node_address "$node")" "HostKey $SWARM/key" "AuthorizedKeysFile $SWARM/key.pub" \
			"StrictModes no" "UsePAM no" "PermitRootLogin yes" "PidFile $at/sshd.pid" "SetEnv SHLVL=2" >"$at/sshd.conf"
		nsenter --net="/run/netns/$SWARM_PREFIX$node" /usr/sbin/sshd -f "$at/sshd.conf" -E "$at/sshd.log"
		wait_until 10 bash -c ": <>/dev/tcp/$(node_address "$node")/22"
		echo "$(node_address "$node") $(cut -d' ' -f1,2 "$SWARM/key.pub")" >>"$SWARM/known_hosts"
		printf '  %s: {ssh: root@%s, options: [-i, %s/key, -oUserKnownHostsFile=%s/known_hosts], state: %s/state, env: {DOCKER_HOST: "unix://%s/socket"}}\n' \
			"$name" "$(node_address "$node")" "$SWARM" "$SWARM" "$at" "$at"
	done
}

# The power is off: the daemon, and all that it runs.
node_kill() {
	local pids
	# shellcheck disable=SC2046 # a list of ids
	pids=$(timeout 10 docker -H "unix://$SWARM/$1/socket" inspect -f '{{.State.Pid}}' $(on "$1" ps -q) 2>/dev/null || :)
	ip link del "$SWARM_PREFIX$1" 2>/dev/null || :
	# The daemon last, or it would start what goes.
	# shellcheck disable=SC2046,SC2086 # lists of numbers
	kill -KILL $(ip netns pids "$SWARM_PREFIX$1") $pids 2>/dev/null || :
}

swarm_remove() {
	local node
	# shellcheck disable=SC1091 # what swarm_make wrote
	[ ! -e "$BATS_FILE_TMPDIR/swarm" ] || . "$BATS_FILE_TMPDIR/swarm"
	[ -n "${SWARM:-}" ] || return 0
	for node in $NODES; do node_kill "$node"; done
	[ ! -e "$SWARM/registry.pid" ] || kill "$(cat "$SWARM/registry.pid")" 2>/dev/null || :
	for node in $NODES; do
		wait_until 10 test -z "$(ip netns pids "$SWARM_PREFIX$node" 2>/dev/null)" || :
		ip netns del "$SWARM_PREFIX$node" 2>/dev/null || :
	done
	ip link del "$SWARM_PREFIX" 2>/dev/null || :
	awk -v d="$SWARM/" 'index($2, d) == 1 { print $2 }' /proc/self/mounts | sort -r |
		while read -r node; do umount -l "$node" || :; done
	rm -rf --one-file-system "$SWARM"
}

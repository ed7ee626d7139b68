# Hosts for d on one machine: network namespaces at a bridge, each with sshd, a state and a podman root
# of its own below $ROOM, and their lines in $WHITTLE_SETTINGS. $N is a prefix for names.

HOST_IMAGE=localhost/whittle/hello:live
export HOST_IMAGE

# hosts_make NAME...: h1, h2 and so on. Fails where this machine has no bridges.
hosts_make() {
	local h
	HOSTS=$*
	ip link add "$N" type bridge 2>/dev/null || return 1
	ip addr add 10.97.7.1/24 dev "$N"
	ip link set "$N" up
	mkdir -p "$XDG_RUNTIME_DIR" "$WHITTLE_CONTAINERS" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$ROOM/key"
	"$ENGINE_CMD" save -o "$ROOM/hello.tar" "$HOST_IMAGE" >/dev/null 2>&1
	echo "hosts:" >"$WHITTLE_SETTINGS"
	for h; do
		host_make "$h"
		sshd_up "$h"
	done
}

host_address() {
	echo "10.97.7.$((${1#h} + 1))"
}

host_make() {
	local at=$ROOM/$1 address
	address=$(host_address "$1")
	mkdir -p "$at/c" "$at/graph" "$at/run"
	printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$at/graph" "$at/run" >"$at/storage.conf"
	: >"$at/settings.yaml"
	CONTAINERS_STORAGE_CONF=$at/storage.conf "$ENGINE_CMD" load -q -i "$ROOM/hello.tar" >/dev/null 2>&1
	ip netns add "$N$1"
	ip link add "$N$1" type veth peer name eth0 netns "$N$1"
	ip link set "$N$1" master "$N" up
	ip -n "$N$1" addr add "$address/24" dev eth0
	ip -n "$N$1" link set eth0 up
	ip -n "$N$1" link set lo up
	cat >"$at/sshd.conf" <<-EOT
		ListenAddress $address:22
		HostKey $ROOM/key
		AuthorizedKeysFile $ROOM/key.pub
		StrictModes no
		UsePAM no
		PermitRootLogin yes
		PidFile $at/sshd.pid
	EOT
	echo "$address $(cut -d' ' -f1,2 "$ROOM/key.pub")" >>"$ROOM/known_hosts"
	cat >>"$WHITTLE_SETTINGS" <<-EOT
		  $1:
		    ssh: root@$address
		    options: [-i, $ROOM/key, -oUserKnownHostsFile=$ROOM/known_hosts, -oConnectTimeout=3]
		    labels: [lab, label-$1]
		    wave: ${1#h}
		    state: $at/state
		    engine: $ENGINE_CMD
		    env: {WHITTLE_CONTAINERS: $at/c, WHITTLE_SETTINGS: $at/settings.yaml, CONTAINERS_STORAGE_CONF: $at/storage.conf}
	EOT
}

ssh_to() {
	ssh -i "$ROOM/key" -oBatchMode=yes -oUserKnownHostsFile="$ROOM/known_hosts" -oConnectTimeout=3 "root@$(host_address "$1")" "${@:2}"
}

sshd_up() {
	nsenter --net="/run/netns/$N$1" /usr/sbin/sshd -f "$ROOM/$1/sshd.conf" -E "$ROOM/$1/sshd.log"
	local tries
	for tries in {1..200}; do
		ssh_to "$1" true 2>/dev/null && return
		sleep 0.05
	done
	echo "no answer after $tries tries: $1" >&2
	return 1
}

# The host is off, but for its containers: sshd and all that runs by it.
host_down() {
	local pid
	for pid in $(ip netns pids "$N$1" 2>/dev/null); do
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

hosts_remove() {
	local h
	for h in $HOSTS; do
		host_down "$h" || :
		ip netns del "$N$h" 2>/dev/null || :
		ip link del "$N$h" 2>/dev/null || :
	done
	disconnect
	ip link del "$N" 2>/dev/null || :
}

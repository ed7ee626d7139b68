# Hosts for d on one machine: network namespaces at a bridge, each with sshd, a state and an engine of
# its own below $ROOM, and their lines in $WHITTLE_SETTINGS. $N is a prefix for names, $NET one for
# addresses.

HOST_IMAGE=localhost/whittle/hello:live
export HOST_IMAGE

# Fails where the machine has no bridges; what goes wrong after that is a failed test.
hosts_bridge() {
	ip link add "$N" type bridge 2>/dev/null
}

# hosts_make NAME[=KIND]...: at that bridge, h1, h2 and so on. KIND: podman, with a root of its own,
# where nothing else is said; docker, with a daemon of its own; user, who has rootless podman, and
# whose sshd is process 1: where it ends all ends. What this machine can't have is podman. Each has the
# images of $ROOM/images.tar; where there is no such file, $HOST_IMAGE.
hosts_make() {
	local h
	HOSTS=
	ip addr add "$NET.1/24" dev "$N"
	ip link set "$N" up
	mkdir -p "$XDG_RUNTIME_DIR" "$WHITTLE_CONTAINERS" /run/sshd
	ssh-keygen -q -t ed25519 -N '' -f "$ROOM/key"
	[ -e "$ROOM/images.tar" ] || "$ENGINE_CMD" save -o "$ROOM/images.tar" "$HOST_IMAGE" >/dev/null 2>&1
	echo "hosts:" >"$WHITTLE_SETTINGS"
	for h; do
		HOSTS+=" ${h%=*}"
		mkdir "$ROOM/${h%=*}"
		host_kind "${h%=*}" "${h#*=}" >"$ROOM/${h%=*}/kind"
		host_make "${h%=*}"
		sshd_up "${h%=*}"
		engine_on "${h%=*}" load -q <"$ROOM/images.tar" >/dev/null 2>&1
	done
}

# The kind that this machine can have.
host_kind() { # NAME KIND
	case $2 in
	docker) ! docker_up "$1" || { echo docker && return; } ;;
	user) ! (requires userns open command:newuidmap) >/dev/null 2>&1 || { echo user && return; } ;;
	esac
	echo podman
}

docker_up() {
	command -v dockerd >/dev/null || return
	# shellcheck disable=SC2016 # the inner shell's
	"$TOP/tests/with-dockerd" -o sh -c 'echo "$DOCKER_HOST" >"$1/socket"; echo $$ >"$1/docker.pid"; exec sleep 86400' \
		- "$ROOM/$1" >/dev/null 2>&1 3>&- 4>&- &
	wait_until 60 bash -c "[ -s '$ROOM/$1/docker.pid' ] || ! kill -0 $!" && [ -s "$ROOM/$1/docker.pid" ]
}

docker_down() {
	kill "$(cat "$ROOM/$1/docker.pid")"
	wait_until 30 test ! -e "$(sed 's|^unix://||; s|/[^/]*$||' "$ROOM/$1/socket")"
}

host_is() { # NAME KIND
	[ "$(cat "$ROOM/$1/kind")" = "$2" ]
}

# Its engine.
engine_on() { # NAME ARG...
	case $(cat "$ROOM/$1/kind") in
	docker) ENGINE=docker DOCKER_HOST=$(cat "$ROOM/$1/socket") "$ENGINE_CMD" "${@:2}" ;;
	user) ssh_to "$1" "ENGINE=podman $(printf '%q ' "$ENGINE_CMD" "${@:2}")" ;;
	# Never the machine's own.
	podman) [ -e "$ROOM/$1/storage.conf" ] && CONTAINERS_STORAGE_CONF=$ROOM/$1/storage.conf ENGINE=podman "$ENGINE_CMD" "${@:2}" ;;
	*) false ;;
	esac
}

# contract NAME: a Makefile of the pipeline's, where what the file "next" names is built.
contract() {
	printf 'all:\n\t@cp next build-stamp\ntest:\n\t@cp build-stamp test-stamp\ninstall:\n\t@%s tag $$(%s id -r $$(sed -n "s/^image //p" test-stamp)) localhost/whittle/%s:live\n' \
		"$ENGINE_CMD" "$PACK" "$1"
}

# sent_image VERSION: an image of its own with what is kept about it, and the next one of container $S.
sent_image() {
	local at=$ROOM/build.$1
	mkdir -p "$at"
	echo "$1" >"$at/version"
	printf 'FROM %s\nCOPY version /version\nLABEL version=%s\n' "$HOST_IMAGE" "$1" >"$at/Dockerfile"
	engine build -q --layers=false --format docker -t "localhost/$N-raw:$1" "$at" >/dev/null 2>&1
	engine save -o "$at/raw.tar" "localhost/$N-raw:$1" >/dev/null 2>&1
	"$PACK" build -n "$S" -i "$at/raw.tar" -o "$at/image.tar" 2>/dev/null | sed 's/^sha256://' >"$at/id"
	engine load -q -i "$at/image.tar" >/dev/null 2>&1
	"$PACK" provenance "$(cat "$at/id")" >/dev/null
	printf 'image sha256:%s\ninputs %s\n' "$(cat "$at/id")" "$1" >"$ROOM/here/$S/next"
}

host_address() {
	echo "$NET.$((${1#h} + 1))"
}

# SHLVL keeps bash from reading what this machine's root wants of a login: that isn't what is tested.
host_make() {
	local at=$ROOM/$1 address port=22 who=root env
	address=$(host_address "$1")
	env="WHITTLE_CONTAINERS: $at/c, WHITTLE_SETTINGS: $at/settings.yaml"
	mkdir -p "$at/c" "$at/state"
	: >"$at/settings.yaml"
	cp "$ROOM/key" "$at/key"
	case $(cat "$at/kind") in
	docker) env+=", ENGINE: docker, DOCKER_HOST: '$(cat "$at/socket")'" ;;
	user)
		port=2222 who=whittle-user
		chown -R 64123:64123 "$at"
		;;
	*)
		printf '[storage]\ndriver = "vfs"\ngraphroot = "%s"\nrunroot = "%s"\n' "$at/graph" "$at/run" >"$at/storage.conf"
		env+=", CONTAINERS_STORAGE_CONF: $at/storage.conf"
		;;
	esac
	ip netns add "$N$1"
	ip link add "$N$1" type veth peer name eth0 netns "$N$1"
	ip link set "$N$1" master "$N" up
	ip -n "$N$1" addr add "$address/24" dev eth0
	ip -n "$N$1" link set eth0 up
	ip -n "$N$1" link set lo up
	cat >"$at/sshd.conf" <<-EOT
		ListenAddress $address:$port
		HostKey $at/key
		AuthorizedKeysFile $ROOM/key.pub
		StrictModes no
		UsePAM no
		PermitRootLogin yes
		PidFile $at/sshd.pid
		SetEnv SHLVL=2
		Banner $ROOM/banner
	EOT
	echo "[$address]:$port $(cut -d' ' -f1,2 "$ROOM/key.pub")" | sed 's/^\[\(.*\)\]:22 /\1 /' >>"$ROOM/known_hosts"
	echo "-p $port $who@$address" >"$at/ssh"
	cat >>"$WHITTLE_SETTINGS" <<-EOT
		  $1:
		    ssh: $who@$address
		    options: [-i, $ROOM/key, -oUserKnownHostsFile=$ROOM/known_hosts, -oConnectTimeout=3, -p, $port]
		    labels: [lab, label-$1]
		    wave: ${1#h}
		    state: $at/state
		    env: {$env}
	EOT
}

ssh_to() {
	# shellcheck disable=SC2046 # words for ssh
	ssh -i "$ROOM/key" -oBatchMode=yes -oUserKnownHostsFile="$ROOM/known_hosts" -oConnectTimeout=3 $(cat "$ROOM/$1/ssh") "${@:2}"
}

sshd_up() {
	local at=$ROOM/$1
	if host_is "$1" user; then
		# shellcheck disable=SC2016 # the inner shell's
		nsenter --net="/run/netns/$N$1" "$TOP/tests/as-user" sh -c 'exec /usr/sbin/sshd -D -f "$1/sshd.conf" -E "$1/sshd.log" \
			-o "SetEnv XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR XDG_DATA_HOME=$1/data XDG_CONFIG_HOME=$1/config XDG_CACHE_HOME=$1/cache"' \
			- "$at" >"$at/user.log" 2>&1 3>&- 4>&- &
	else
		nsenter --net="/run/netns/$N$1" /usr/sbin/sshd -f "$at/sshd.conf" -E "$at/sshd.log"
	fi
	local tries
	for tries in {1..200}; do
		ssh_to "$1" true </dev/null 2>/dev/null && return
		sleep 0.05
	done
	echo "no answer after $tries tries: $1" >&2
	return 1
}

# The host is off, but for its containers: sshd and all that runs by it. Whoever loses a connection tries
# another one at once, maybe before who listens has ended: until nobody is left.
host_down() {
	local pid found=1
	while [ "$found" ]; do
		found=
		for pid in $(ip netns pids "$N$1" 2>/dev/null); do
			case $(cat "/proc/$pid/comm" 2>/dev/null) in sshd* | d | sh | sleep) ! kill -KILL "$pid" 2>/dev/null || found=1 ;; esac
		done
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
		# shellcheck disable=SC2046 # a list of IDs
		engine_on "$h" rm -f $(engine_on "$h" ps -aq 2>/dev/null) >/dev/null 2>&1 </dev/null || :
		host_down "$h" || :
		[ ! -e "$ROOM/$h/docker.pid" ] || docker_down "$h"
		ip netns del "$N$h" 2>/dev/null || :
		ip link del "$N$h" 2>/dev/null || :
	done
	disconnect
	ip link del "$N" 2>/dev/null || :
}

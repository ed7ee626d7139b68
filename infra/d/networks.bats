# The networks that a container joins: small subnets of their own, further ones, changed ones.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	! in_chroot || return 0
	file_requires engine || return 0
	fixture
	container "${P}net"
	d b -ts "${P}net"
	id=$(image_id "$(live "${P}net")")
	# shared by all tests: what is said differs, not what runs
	for name in "${P}one" "${P}two"; do
		mkdir -p "$WHITTLE_CONTAINERS/$name"
		settings "$name" <<<"image: $(live "${P}net")"
	done
	: "$id"
}

teardown_file() {
	fixture_remove
}

setup() {
	requires join
	N=${P}one
}

subnet_of() {
	case $("$ENGINE_CMD" --which) in
	docker) engine network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' "$1" ;;
	*) engine network inspect -f '{{range .Subnets}}{{.Subnet}}{{end}}' "$1" ;;
	esac
}

@test "networks of containers' own get small subnets of the host's range" {
	run_x 0 d up "$N" "${P}two"
	one=$(subnet_of "whittle-$N")
	two=$(subnet_of "whittle-${P}two")
	[[ $one == 10.213.*/28 ]]
	[[ $two == 10.213.*/28 ]]
	[ "$one" != "$two" ]
	serves_ok "$N"
	run_x 0 d down "$N" "${P}two"
	run_x 0 d check -v
	expect "subnets of /28 in 10.213.0.0/16 are clear of this host's routes"
}

serves_ok() {
	curl -fs --max-time 10 "http://127.0.0.1:$(cat "$ROOM/port.$1")/healthz"
}

@test "the range is the host's to choose, also that there is none" {
	engine rm -f "$N" >/dev/null 2>&1 || :
	engine network rm "whittle-$N" >/dev/null 2>&1 || :
	host=$(cat "$WHITTLE_SETTINGS")
	printf '%s\nsubnets: 10.214.7.0/29\nsubnet_bits: 30\n' "$host" >"$WHITTLE_SETTINGS"
	run_x 0 d up "$N"
	[[ $(subnet_of "whittle-$N") == 10.214.7.[04]/30 ]]
	run_x 0 d down "$N"
	engine rm -f "$N"
	engine network rm "whittle-$N"
	printf '%s\nsubnets:\n' "$host" >"$WHITTLE_SETTINGS"
	run_x 0 d up "$N"
	refute 10.213. "$(subnet_of "whittle-$N")"
	run_x 0 d down "$N"
	printf '%s\nsubnets: 10.214.7.0/29\n' "$host" >"$WHITTLE_SETTINGS"
	run_x 2 d check
	expect "host.yaml:2:10: '10.214.7.0/29'" "$stderr"
	echo "$host" >"$WHITTLE_SETTINGS"
}

@test "another subnet: made anew where nothing uses the network, told of where something does" {
	engine rm -f "$N" >/dev/null 2>&1 || :
	engine network rm "whittle-$N" >/dev/null 2>&1 || :
	printf 'image: %s\nsubnet: 10.215.7.0/28\n' "$(live "${P}net")" | settings "$N"
	run_x 0 d up "$N"
	[ "$(subnet_of "whittle-$N")" = 10.215.7.0/28 ]
	# written otherwise, but the same
	printf 'image: %s\nsubnet: 10.215.7.5/28\n' "$(live "${P}net")" | settings "$N"
	run_x 0 d R "$N"
	printf 'image: %s\nsubnet: 10.215.8.0/28\n' "$(live "${P}net")" | settings "$N"
	run_x 1 d check
	expect "'whittle-$N' has the subnet 10.215.7.0/28, the settings say 10.215.8.0/28" "$stderr"
	run_x 1 d R "$N"
	expect "the settings say 10.215.8.0/28" "$stderr"
	serves_ok "$N"
	engine rm -f "$N"
	run_x 0 d up "$N"
	[ "$(subnet_of "whittle-$N")" = 10.215.8.0/28 ]
	run_x 0 d down "$N"
}

@test "several networks, with aliases and a fixed address" {
	engine network create --subnet 10.216.7.0/28 "${P}other"
	cat >"$ROOM/c.yaml" <<-EOT
		image: $(live "${P}net")
		aliases: [front]
		networks:
		  - ${P}lan
		  - {name: ${P}other, ip: 10.216.7.9, aliases: [db, store]}
	EOT
	settings "$N" <"$ROOM/c.yaml"
	run_x 0 d up "$N"
	serves_ok "$N"
	networks=$(engine inspect -f '{{json .NetworkSettings.Networks}}' "$N")
	jq -e --arg own "whittle-$N" --arg lan "${P}lan" --arg other "${P}other" '
		(keys | sort) == ([$own, $lan, $other] | sort)
		and (.[$own].Aliases | index("front"))
		and .[$other].IPAddress == "10.216.7.9"
		and (.[$other].Aliases | index("db") and index("store"))' <<<"$networks"
	# a one-off is in the first only
	run_x 0 d run "$N" -- /svc echo hello
	[ "$output" = hello ]
	# a restart keeps them
	run_x 0 d R "$N"
	[ "$(engine inspect -f '{{json .NetworkSettings.Networks}}' "$N" | jq length)" -eq 3 ]
	run_x 0 d down "$N"
	engine rm -f "$N"
}

# What the host calls a group of the container of process $pid.
group_outside() {
	awk -v g="$1" 'g >= $1 && g < $1 + $3 { print g - $1 + $2 }' "/proc/$pid/gid_map"
}

@test "groups, an executable tmpfs, sysctls, extra hosts, shared memory, variables unset" {
	cat >"$ROOM/c.yaml" <<-EOT
		image: $(live "${P}net")
		groups: [4242, host/root]
		tmpfs: [{path: /tmp, size: 1m, exec: true}, "/run:1m"]
		sysctls: {net.core.somaxconn: 123}
		extra_hosts: {store: 10.9.8.7}
		shm_size: 2m
		env: {A: a, PATH_OF_IMAGE: x}
	EOT
	engine rm -f "$N" >/dev/null 2>&1 || :
	settings "$N" <"$ROOM/c.yaml"
	run_x 0 d up "$N"
	pid=$(engine inspect -f '{{.State.Pid}}' "$N")
	grep '^Groups:' "/proc/$pid/status" | grep -qw "$(group_outside 4242)"
	grep '^Groups:' "/proc/$pid/status" | grep -qw "$(group_outside 0)"
	[ "$(awk '$5 == "/tmp" && $6 !~ /noexec/' "/proc/$pid/mountinfo" | wc -l)" -eq 1 ]
	[ "$(awk '$5 == "/run" && $6 ~ /noexec/' "/proc/$pid/mountinfo" | wc -l)" -eq 1 ]
	run_x 0 d e "$N" /svc cat /proc/sys/net/core/somaxconn
	[ "$output" = 123 ]
	run_x 0 d e "$N" /svc cat /etc/hosts
	grep -q '10.9.8.7.*store' <<<"$output"
	grep ' /dev/shm ' "/proc/$pid/mountinfo" | grep -q size=2048k
	run_x 0 d down "$N"
	engine rm -f "$N"
}

@test "env: a null takes away what the image has" {
	directory=$WHITTLE_CONTAINERS/${P}env
	container "${P}env"
	sed -i 's/^CMD/ENV COLOUR=red\n&/' "$directory/Dockerfile"
	echo "$P" >"$directory/files/name"
	run_x 0 d b -ts "${P}env"
	run_x 0 d run "${P}env" -- /svc env COLOUR
	[ "$output" = red ]
	settings "${P}env" <<<'env: {COLOUR: null}'
	run_x 0 d run "${P}env" -- /svc env COLOUR
	[ "$output" = unset ]
}

@test "a device by its name in the Container Device Interface" {
	[ "$("$ENGINE_CMD" --which)" = podman ] || skip "this machine cannot: docker wants a daemon with CDI"
	requires root # whose directories say what devices there are
	mkdir -p /var/run/cdi
	cat >"/var/run/cdi/$P.json" <<-EOT
		{"cdiVersion": "0.5.0", "kind": "whittle.example/$P",
		 "devices": [{"name": "one", "containerEdits": {"env": ["BY_CDI=yes"]}}]}
	EOT
	printf 'image: %s\ndevices: [whittle.example/%s=one]\n' "$(live "${P}net")" "$P" | settings "${P}two"
	run_x 0 d run "${P}two" -- /svc env BY_CDI
	rm "/var/run/cdi/$P.json"
	[ "$output" = yes ]
}

# What settings say is what comes out: keys of settings.yaml on a real engine.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine || return 0
	fixture
	container "${P}box" shell
	d b -ts "${P}box"
}

teardown_file() {
	fixture_remove
}

setup() {
	N=${P}box
	settings "$N" <<<'tmpfs: [/tmp]'
}

# readiness STATUS YAML: what a test instance with that readiness comes to.
readiness() {
	run_x "$1" d t --ready "$2" "$N" -- true
}

@test "ready: tcp, unix, log, command, http" {
	requires join
	readiness 0 '{tcp: 8080}'
	readiness 0 '{unix: /tmp/svc.sock}'
	readiness 0 '{log: "^serving, version [0-9]+$"}'
	readiness 0 '{command: [/svc, check]}'
	readiness 0 '{command: /svc echo all fine, expect: fine}'
	readiness 0 '{http: ":8080/version", status: 200, expect: "1"}'
}

@test "ready: what isn't, and why" {
	requires join
	readiness 1 '{tcp: 8081, within: 300ms}'
	expect "not ready within 0 s: connect to 127.0.0.1 port 8081: Connection refused" "$stderr"
	readiness 1 '{unix: /tmp/none.sock, within: 300ms}'
	expect "socket /tmp/none.sock: No such file" "$stderr"
	readiness 1 '{log: ^nothing$, within: 300ms}'
	expect "no line of the log matches '^nothing\$'" "$stderr"
	readiness 1 '{command: /svc exit 3, within: 300ms}'
	expect "/svc: status 3" "$stderr"
	readiness 1 '{command: /svc echo good, expect: better, within: 300ms}'
	expect "/svc doesn't say 'better'" "$stderr"
	readiness 1 '{http: 8080, status: 204, within: 300ms}'
	expect "status 200, want 204" "$stderr"
}

@test "what the container is like" {
	requires root join
	local net=10.$((RANDOM % 90 + 100)).$((RANDOM % 250))
	echo '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}' \
		>"$WHITTLE_CONTAINERS/$N/profile.json"
	settings "$N" <<-EOT
		name: ${P}other
		hostname: somewhere.example
		image: $N
		repo1: localhost/nowhere
		repo2: localhost/whittle
		env: {A: "b c"}
		tz: Europe/Berlin
		dns: [9.9.9.9]
		network: whittle-${P}lan
		subnet: $net.0/28
		ip: $net.5
		tmpfs: [/tmp, {path: /scratch, size: 1m, mode: "1777"}, {path: /etc/deep, mode: "0700"}]
		mount_devices: ["/dev/zer*"]
		devices: ["/dev/null:/dev/zip:r"]
		ulimits: {nofile: "77:88"}
		seccomp: profile.json
		user: "7:8"
		init: yes
		labels: {team: net}
		memory: 32m
		cpus: 0.5
		pids: 9
		stop_signal: INT
		extra_docker: --shm-size 1m
	EOT
	mkdir -m 755 "$WHITTLE_CONTAINERS/$N/files/etc/deep"
	run_x 0 d b -ts "$N"
	run_x 0 d up "$N"
	[ "$(all_of "${P}other")" = "${P}other" ]
	# the mode that was asked for, or a word about it
	[ "$(stat -c %a "/proc/$(d pid "$N")/root/etc/deep")" = 700 ] ||
		expect "the tmpfs '/etc/deep' has mode 0755, not 0700" "$stderr"
	refute scratch "$stderr"
	run_x 0 d e "$N" /svc cat /etc/hostname
	[ "$output" = somewhere.example ]
	run_x 0 d e "$N" /svc env A
	[ "$output" = "b c" ]
	run_x 0 d e "$N" /svc env TZ
	[ "$output" = Europe/Berlin ]
	run_x 0 d ip "$N"
	[ "$output" = "$net.5" ]
	run_x 0 d e "$N" /svc uid
	[ "$output" = 7:8 ]
	run_x 0 d e "$N" /svc write /scratch/x y
	run_x 1 d e "$N" /svc mkdir /scratch/directory
	pid=$(d pid "$N")
	[ "$(cat "/proc/$pid/comm")" != svc ]
	run_x 0 cat "/proc/$pid/mounts"
	[[ $output =~ tmpfs\ /scratch\ tmpfs\ rw,nosuid,nodev,noexec,[a-z,]*size=1024k ]]
	[[ $output =~ \ /dev/shm\ tmpfs\ [a-z,]*size=1024k ]]
	run_x 0 grep '^Max open files' "/proc/$pid/limits"
	[[ $output =~ \ 77\ +88\  ]]
	[ "$(stat -L -c %t:%T "/proc/$pid/root/dev/zip")" = "$(stat -c %t:%T /dev/null)" ]
	[ -c "/proc/$pid/root/dev/zero" ]
	run_x 0 engine inspect "${P}other"
	jq -e '.[0] | .Config.Labels.team == "net" and .HostConfig.Memory == 33554432
		and .HostConfig.PidsLimit == 9 and .HostConfig.Dns == ["9.9.9.9"]
		and (.HostConfig.NanoCpus == 500000000 or .HostConfig.CpuQuota == 50000)
		and ([.Config.StopSignal] | inside([2, "SIGINT"]))' <<<"$output"
	run_x 0 d plan "$N"
	engine rm -f "${P}other" >/dev/null
	engine network rm "whittle-${P}lan" >/dev/null
}

@test "ports: on both loopback addresses, a range, one of the engine's choice" {
	[ -e /proc/sys/net/ipv6 ] && ip -6 address show dev lo | grep -q ::1 || skip "this machine cannot: no IPv6"
	settings "$N" </dev/null
	port=$(free_port)
	sed -i "s/^ports: .*/ports: ['$port-$((port + 1)):8080-8081', '8080']\nipv6_ports: yes/" "$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 0 d up "$N"
	run_x 0 d ps --json
	ports=$(jq -r --arg n "$N" '.[] | select(.name == $n) | .ports' <<<"$output")
	run_x 0 curl -fs "http://127.0.0.1:$port/version"
	for one in "$port->8080/tcp" "$((port + 1))->8081/tcp" "[::1]:$port->8080/tcp"; do
		expect "$one" "$ports"
	done
	run_x 0 d down "$N"
}

@test "fg, shell, rm" {
	printf 'fg: yes\nshell: yes\n' | settings "$N"
	run_x 0 d up "$N" <<<typed
	expect "a shell of uid 65534"
	expect "line typed"
	printf 'fg: yes\ncmd: [/svc, echo, hello]\n' | settings "$N"
	run_x 0 d up "$N" </dev/null
	expect hello
	echo 'rm: yes' | settings "$N"
	run_x 0 d up "$N"
	run_x 0 d down "$N"
	[ -z "$(all_of "$N")" ]
}

@test "needs: a shared network is one network" {
	container "${P}side"
	run_x 0 d b -ts "${P}side"
	cat >"$WHITTLE_CONTAINERS/${P}side/settings.yaml" <<-EOT
		needs: [{name: $N, shares: network}]
		env: {PORT: 8081}
		health: none
		ready: {tcp: 8081, stable: 0}
	EOT
	run_x 0 d up "${P}side"
	run_x 0 d is-up "$N"
	[ "$(readlink "/proc/$(d pid "${P}side")/ns/net")" = "$(readlink "/proc/$(d pid "$N")/ns/net")" ]
	[ "$(readlink "/proc/$(d pid "${P}side")/ns/pid")" != "$(readlink "/proc/$(d pid "$N")/ns/pid")" ]
	run_x 0 d down "$N"
	run_x 1 d is-up "${P}side"
	rm -r "$WHITTLE_CONTAINERS/${P}side"
}

@test "autostart: a wave of this host's, and of another's" {
	echo "autostart: 3;host=$(uname -n)" | settings "$N"
	run_x 0 d law
	[ "$output" = "3: $N" ]
	echo 'autostart: 3;host=elsewhere' | settings "$N"
	run_x 0 d la
	[ -z "$output" ]
	run_x 0 d check-all-up
}

# docker-bench-security's section 5, asked of a container whose settings say nothing.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	! in_chroot || return 0
	file_requires engine || return 0
	fixture
	container "${P}web"
	: >"$WHITTLE_CONTAINERS/${P}web/settings.yaml"
	container "${P}root"
	sed -i '/^USER/d' "$WHITTLE_CONTAINERS/${P}root/Dockerfile"
	printf 'ports: ["8%03d:8080"]\n' $((RANDOM % 1000)) >"$WHITTLE_CONTAINERS/${P}root/settings.yaml"
	d b -ts "${P}web" "${P}root"
	d up "${P}web" "${P}root"
}

teardown_file() {
	fixture_remove
}

setup() {
	requires join
	J=$(engine inspect "${P}web")
	H=$(engine inspect "${P}root")
	PID=$(jq '.[0].State.Pid' <<<"$J")
}

# is FILTER: jq's yes, about the container that says nothing and the other one.
is() {
	local which
	for which in "$J" "$H"; do
		jq -e ".[0] | $1" <<<"$which" >/dev/null || {
			printf 'not so: %s\n' "$1" >&2
			jq -c '.[0].HostConfig' <<<"$which" >&2
			return 1
		}
	done
}

status_of() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$PID/status"
}

@test "5.2, 5.3: AppArmor, SELinux where the host has them" {
	if [ -d /sys/kernel/security/apparmor ] && [ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ]; then
		is '.AppArmorProfile | . != "" and . != "unconfined"'
	fi
	if [ -e /sys/fs/selinux/enforce ]; then
		is '.ProcessLabel != ""'
	fi
}

@test "5.4: no capability" {
	is '(.HostConfig.CapAdd // []) == []'
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		[ "$(status_of $set)" = 0000000000000000 ]
	done
}

@test "5.5, 5.22, 5.26: not privileged, seccomp on, no new privileges" {
	is '.HostConfig.Privileged == false'
	is '[.HostConfig.SecurityOpt[]? | select(test("unconfined"))] == []'
	is '[.HostConfig.SecurityOpt[]? | select(test("no-new-privileges"))] | length == 1'
	[ "$(status_of Seccomp)" = 2 ]
	[ "$(status_of NoNewPrivs)" = 1 ]
}

@test "5.6, 5.18, 5.20, 5.32: no host directory, device, shared mount, engine's socket" {
	is '.Mounts == []'
	is '(.HostConfig.Devices // []) == []'
	run ! grep -q 'shared:' "/proc/$PID/mountinfo"
	run ! grep -q 'docker.sock\|podman.sock' "/proc/$PID/mountinfo"
}

@test "5.7: nobody listens for ssh" {
	run ! pgrep --ns "$PID" --nslist pid sshd
}

@test "5.8, 5.9, 5.14: no low port, only asked ones, on one address" {
	jq -e '.[0].HostConfig.PortBindings | . == null or . == {}' <<<"$J"
	jq -e '[.[0].HostConfig.PortBindings[][]] | length == 1 and
		all(.HostIp == "127.0.0.1" and (.HostPort | tonumber) >= 1024)' <<<"$H"
}

@test "5.10, 5.16, 5.17, 5.21, 5.30, 5.31: namespaces of its own, not the default bridge" {
	is '.HostConfig.NetworkMode | . != "host" and . != "default"'
	is '.NetworkSettings.Networks | has("podman") or has("bridge") | not'
	is '.HostConfig.PidMode != "host" and .HostConfig.IpcMode != "host"'
	is '(.HostConfig.UTSMode // "") != "host" and (.HostConfig.UsernsMode // "") != "host"'
	for ns in mnt net pid ipc uts; do
		[ "$(readlink "/proc/$PID/ns/$ns")" != "$(readlink "/proc/self/ns/$ns")" ]
	done
}

@test "5.11, 5.12, 5.29: limits of memory, CPU, processes" {
	is '.HostConfig.Memory > 0'
	is '.HostConfig.NanoCpus > 0 or .HostConfig.CpuQuota > 0'
	is '.HostConfig.PidsLimit > 0'
}

@test "5.13: read-only root" {
	is '.HostConfig.ReadonlyRootfs'
	run ! d e0 "${P}web" /svc write /x y
	run ! d e0 "${P}web" /svc write /tmp/x y
}

@test "5.15: restarted at most five times" {
	is '.HostConfig.RestartPolicy | .Name == "on-failure" and .MaximumRetryCount == 5'
}

@test "5.25: no control group of its own choice" {
	is '(.HostConfig.CgroupParent // "") == ""'
}

@test "5.27: a health check" {
	is '(.Config.Healthcheck.Test // []) | length > 0'
}

@test "not root, also where the image would be" {
	[[ $(status_of Uid) == 1000* ]]
	PID=$(jq '.[0].State.Pid' <<<"$H")
	[[ $(status_of Uid) == 65534* ]]
}

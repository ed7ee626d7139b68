#!/usr/bin/env bats
# The pipeline without root: podman in a user namespace, for a user made for the test.

load helpers

setup() {
	requires root podman command:newuidmap command:setpriv open
	name=whittle-test-rootless
	directory=$(mktemp -d /tmp/whittle-rootless.XXXXXX)
	mkdir -p "$directory/$name/files/bin"
	cd "$directory/$name"
	echo 'int puts(const char *); int main(void) { return puts("serving") < 0; }' >"$directory/serve.c"
	cc -static -s -o files/bin/serve "$directory/serve.c"
	printf 'FROM scratch\nCOPY files/ /\nRUN ["/bin/serve"]\nUSER 1000\nCMD ["/bin/serve"]\n' >Dockerfile
	printf 'include %s/etc/Makefile-docker\n' "$TOP" >Makefile
	# shellcheck disable=SC2016 # for the test that is written here
	printf 'load %s/tests/helpers\nteardown() { instance_remove_all; }\n@%s "it serves" {\n\tinstance_start\n\t%s\n}\n' "$TOP" test \
		'wait_until 10 eval '\''[[ $(engine logs "$instance") == *serving* ]]'\' >test.bats
	chmod -R a+rX "$directory"
	chown -R 64123:64123 "$directory"
}

teardown() {
	rm -rf --one-file-system "$directory"
}

@test "build, test, promote, and again nothing to do, all without root" {
	run_x 0 env -u ENGINE "$TOP/tests/as-user" env WHITTLE_BASELINE_READY=1 WHITTLE_PROGRAMS_READY=1 ENGINE=podman sh -c '
		make all test install &&
		echo again && make all test install &&
		podman image inspect -f "live {{.Id}}" localhost/whittle/whittle-test-rootless:live &&
		cat test-stamp'
	expect PROMOTE
	refute BUILD "${output#*again}"
	id=$(sed -n 's/^live //p' <<<"$output")
	expect "image sha256:$id"
	run ! podman image exists "localhost/whittle/$name:live"
}

@test "d without root: who runs, the owner of its files, an image's volume, secrets, jobs, snapshots, backups, no gap, boot" {
	web=$directory/c/web
	mkdir -p "$web/files/etc" "$web/files/data"
	"$TOP/third-party/obj/prefix/bin/musl-gcc" -static -Os -s -std=c11 -D_GNU_SOURCE \
		-o "$web/files/svc" "$TOP/infra/d/tests/svc.c"
	cp "$TOP/infra/d/tests/quick.mk" "$web/Makefile"
	printf 'root:x:0:0::/:\nwww:x:1000:44::/:\n' >"$web/files/etc/passwd"
	printf 'root:x:0:\ndisk:x:6:www\n' >"$web/files/etc/group"
	echo '1 0 0' >"$web/files/mood"
	printf 'FROM scratch\nCOPY --chown=1000:44 files/ /\nVOLUME /data\nUSER www\nCMD ["/svc"]\n' >"$web/Dockerfile"
	: >"$web/test.bats"
	cat >"$web/settings.yaml" <<-EOT
		mount_rw: ["state:/state"]
		vols: [{path: state/conf, contents: one}]
		snapshot: [state]
		secrets: {word: {command: [printf, hidden]}}
		jobs:
		  beside: {cmd: [/svc, write, /state/beside, b]}
		  fresh: {cmd: [/svc, write, /state/fresh, f], in: fresh}
		  slow: {cmd: [/svc, sleep], within: 1s}
		hooks: {before_stop: [touch, $directory/hooked]}
		ready: {tcp: 8080, stable: 0}
	EOT
	echo "base: $directory/base" >"$directory/host.yaml"
	cat >"$directory/run" <<-'EOT'
		set -e
		d=$TOP/infra/d/d
		"$d" u web
		"$d" e web /svc uid
		"$d" e web /svc write /state/mine x
		"$d" e web /svc write /data/mine kept
		sed -i 's/one/two/' "$WHITTLE_CONTAINERS/web/settings.yaml"
		"$d" R web
		"$d" e web /svc cat /state/conf
		"$d" e web /svc cat /data/mine
		"$d" snapshot web
		"$d" e web /svc write /state/mine spoiled
		"$d" back --data web 2
		"$d" e web /svc cat /state/mine
		"$d" e web /svc cat /run/secrets/word
		"$d" job web beside
		"$d" job web fresh
		if "$d" job web slow; then exit 7; fi
		if pgrep -fx "/svc sleep"; then exit 8; fi
		"$d" e web /svc cat /state/beside
		"$d" e web /svc cat /state/fresh
		"$d" backup web backup.tar
		"$d" e web /svc write /state/mine spoiled
		"$d" restore --verify web backup.tar -- sh -c '"$ENGINE" exec "$INSTANCE_NAME" /svc cat /state/mine'
		"$d" e web /svc cat /state/mine
		"$d" restore web backup.tar
		"$d" e web /svc cat /state/mine
		test -e ../hooked
		podman load -qi ../relay.tar >/dev/null
		sed -i '/^snapshot/d' "$WHITTLE_CONTAINERS/web/settings.yaml"
		printf 'ports: ["%s:8080"]\nswap: {how: beside, volumes: shared}\n' "$PORT" >>"$WHITTLE_CONTAINERS/web/settings.yaml"
		"$d" R web
		id=$(podman inspect -f '{{.Id}}' web)
		podman inspect -f relay web-relay
		"$d" R web
		[ "$id" != "$(podman inspect -f '{{.Id}}' web)" ]
		curl -fs "http://127.0.0.1:$PORT/version"
		"$d" down web
		sed -i '/^swap/d' "$WHITTLE_CONTAINERS/web/settings.yaml"
		echo 'FROM_FILE=yes' >"$WHITTLE_CONTAINERS/web/vars"
		cat >>"$WHITTLE_CONTAINERS/web/settings.yaml" <<-END
			env_files: vars
			groups: [4242]
			tmpfs: [{path: /tmp, size: 1m, exec: true}, "/run:1m"]
			sysctls: {net.ipv4.ip_default_ttl: 61}
			extra_hosts: {store: 10.9.8.7}
			shm_size: 2m
			autostart: 1
		END
		"$d" R web
		looked() {
			podman exec web /svc cat /proc/self/environ | grep -czx FROM_FILE=yes
			podman exec web /svc cat /proc/self/status | grep -c '^Groups:.*4242'
			podman exec web /svc cat /proc/self/mountinfo | awk '$5 == "/tmp" && $6 !~ /noexec/ || $5 == "/run" && $6 ~ /noexec/' | wc -l
			podman exec web /svc cat /proc/self/mountinfo | grep -c ' /dev/shm .*size=2048k'
			podman exec web /svc cat /proc/sys/net/ipv4/ip_default_ttl
			podman exec web /svc cat /etc/hosts | grep -c '10.9.8.7.*store'
		}
		looked
		# The user's own unit, and what it finds after a power failure: nothing that runs, nothing in
		# the runtime directory.
		units=$XDG_CONFIG_HOME/systemd/user
		export SYSTEMD_OFFLINE=1
		if "$d" enable --by systemd >told 2>&1; then exit 9; fi
		grep -q "user whittle-user doesn't linger" told || { cat told >&2; exit 10; }
		[ -L "$units/default.target.wants/whittle.service" ]
		systemd-analyze verify --user --man=no "$units/whittle.service" >&2
		kill -KILL $(podman inspect -f '{{.State.ConmonPid}} {{.State.Pid}}' web)
		pkill -KILL -u "$(id -u)" -f 'catatonit|podman pause|slirp4netns|rootlessport|pasta' || :
		find "$XDG_RUNTIME_DIR" -mindepth 1 -delete
		env -i PATH="$PATH" XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" sh -euc "$(sed -n \
			's/^Environment=/export /p; s/^ExecStart="\(.*\)" up-all/"\1" up-all/p' "$units/whittle.service")" >up-all 2>&1 ||
			{ cat up-all "$units/whittle.service" >&2; exit 11; }
		looked
		"$d" disable --by systemd
		[ ! -e "$units/whittle.service" ]
		"$d" down web
		podman unshare rm -rf "$WHITTLE_STATE"
	EOT
	chmod -R a+rX "$directory"
	chown -R 64123:64123 "$directory"
	engine save localhost/whittle/relay:live >"$directory/relay.tar" 2>/dev/null
	chmod a+r "$directory/relay.tar"
	run_x 0 env -u ENGINE TOP="$TOP" PORT="$(free_port)" WHITTLE_CONTAINERS="$directory/c" WHITTLE_STATE="$directory/state" \
		WHITTLE_SETTINGS="$directory/host.yaml" WHITTLE_BASELINE_READY=1 WHITTLE_PROGRAMS_READY=1 \
		"$TOP/tests/as-user" env ENGINE=podman sh "$directory/run"
	[ "$output" = '1000:44
twokeptxhiddenbfxspoiledxrelay
1
'"$(printf '1\n1\n2\n1\n61\n1\n%.0s' 1 2)" ]
}

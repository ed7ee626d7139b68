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

@test "d without root: who runs, the owner of its files, and an image's volume" {
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
		ready: {tcp: 8080, stable: 0}
	EOT
	echo "base: $directory/base" >"$directory/host.yaml"
	cat >"$directory/run" <<-'EOT'
		set -e
		d=$TOP/infra/d/d
		"$d" b -ts web
		"$d" up web
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
		"$d" down web
		podman unshare rm -rf "$WHITTLE_STATE"
	EOT
	chmod -R a+rX "$directory"
	chown -R 64123:64123 "$directory"
	run_x 0 env -u ENGINE TOP="$TOP" WHITTLE_CONTAINERS="$directory/c" WHITTLE_STATE="$directory/state" \
		WHITTLE_SETTINGS="$directory/host.yaml" WHITTLE_BASELINE_READY=1 WHITTLE_PROGRAMS_READY=1 \
		"$TOP/tests/as-user" env ENGINE=podman sh "$directory/run"
	[ "$output" = "1000:44
twokeptx" ]
}

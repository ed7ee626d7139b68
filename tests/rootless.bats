#!/usr/bin/env bats
# The pipeline without root: podman in a user namespace, for a user made for the test.

load helpers

setup() {
	requires root podman command:newuidmap command:setpriv open
	name=whittle-test-rootless
	folder=$(mktemp -d /tmp/whittle-rootless.XXXXXX)
	mkdir -p "$folder/$name/files/bin"
	cd "$folder/$name"
	echo 'int puts(const char *); int main(void) { return puts("serving") < 0; }' >"$folder/serve.c"
	cc -static -s -o files/bin/serve "$folder/serve.c"
	printf 'FROM scratch\nCOPY files/ /\nRUN ["/bin/serve"]\nUSER 1000\nCMD ["/bin/serve"]\n' >Dockerfile
	printf 'include %s/etc/Makefile-docker\n' "$TOP" >Makefile
	# shellcheck disable=SC2016 # for the test that is written here
	printf 'load %s/tests/helpers\nteardown() { instance_remove_all; }\n@%s "it serves" {\n\tinstance_start\n\t%s\n}\n' "$TOP" test \
		'wait_until 10 eval '\''[[ $(engine logs "$instance") == *serving* ]]'\' >test.bats
	chmod -R a+rX "$folder"
	chown -R 64123:64123 "$folder"
}

teardown() {
	rm -rf --one-file-system "$folder"
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

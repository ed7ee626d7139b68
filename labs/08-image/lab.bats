load ../../tests/helpers
load ../labs

setup() {
	requires podman
	cd "$BATS_TEST_DIRNAME"
}

@test "a tar is an image, and a container has more in it than the tar" {
	shows ./image.sh
	local run=${output#*That is an image already}
	expect $'/bin/ls /\nbin\ndev\netc\nproc\n' "$run"
	expect "/proc proc" "$run"
}

@test "an image made by hand runs, its upper layer deletes, its ID is its configuration's digest" {
	shows ./image.sh
	expect $'/hand\nhello from the second layer'
	expect "ls: /bin/sleep: No such file or directory" "$stderr"
	[[ $output =~ \$\ test\ ([0-9a-f]{64})\ =\ ([0-9a-f]{64}) ]]
	[ "${BASH_REMATCH[1]}" = "${BASH_REMATCH[2]}" ]
}

@test "a byte changed in a layer is refused" {
	shows ./image.sh
	[[ $stderr == *"igest did not match"* ]]
}

@test "the digest that was reckoned by hand is the registry's" {
	requires command:docker-registry command:skopeo
	shows ./registry.sh
	[[ $output =~ "The manifest's digest is the image's: "(sha256:[0-9a-f]{64}) ]]
	expect "Docker-Content-Digest: ${BASH_REMATCH[1]}" "$stderr"
	expect '{"name":"lab","tags":["1"]}'
}

@test "a tag is moved to another image, a digest is not" {
	requires command:docker-registry command:skopeo
	shows ./registry.sh
	local before=${output%%Somebody pushes*} after=${output##*Somebody pushes}
	[ "$(grep -c '^the first one$' <<<"$before")" -eq 3 ]
	[[ $after =~ lab:1$'\n'"not what you think it is"$'\n' ]]
	[[ $after =~ lab@sha256:[0-9a-f]{64}$'\n'"the first one"$'\n' ]]
}

@test "a manifest that somebody changed in the registry is refused" {
	requires command:docker-registry command:skopeo
	shows ./registry.sh
	expect "does not match provided manifest digest" "$stderr"
}

@test "a podman that keeps its things elsewhere is left alone" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/podman" <<-EOT
		#!/bin/sh
		echo "\$*" >>"$BATS_TEST_TMPDIR/calls"
		echo elsewhere
	EOT
	chmod 755 "$BATS_TEST_TMPDIR/bin/podman"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run_x 2 ./image.sh
	expect "podman doesn't take a storage of ours" "$stderr"
	run ! grep -vE '^(info |--version$)' "$BATS_TEST_TMPDIR/calls"
}

@test "the scripts leave nothing behind, interrupted or not" {
	run_x 0 "$LABS/leftovers" -p ./image.sh
	leaves_nothing_in_podman ./image.sh "INT:Now with everything" "TERM:A byte changed"
	requires command:docker-registry command:skopeo
	run_x 0 "$LABS/leftovers" -p ./registry.sh
	leaves_nothing_in_podman ./registry.sh "INT:The manifest's digest" "TERM:The tag leads"
}

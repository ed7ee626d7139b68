# Signatures as cosign leaves them beside an image in its registry: an image by others is taken
# where a key signed the digest of its manifest, and nowhere else.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup_file() {
	file_requires engine command:docker-registry command:skopeo command:openssl || return 0
	cd "$BATS_FILE_TMPDIR"
	for key in maker other; do
		openssl ecparam -name prime256v1 -genkey -noout -out $key 2>/dev/null
		openssl ec -in $key -pubout -out $key.pub 2>/dev/null
	done
	# In a registry of its own, whose address engine and skopeo take without TLS.
	BATS_TEST_TMPDIR=$BATS_FILE_TMPDIR start_registry "$BATS_FILE_TMPDIR/registry"
	export REPO=127.0.0.1:$port/theirs REGISTRY=$started WHITTLE_STATE=$BATS_FILE_TMPDIR/state
	printf '[[registry]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$port" >registries.conf
	export CONTAINERS_REGISTRIES_CONF=$BATS_FILE_TMPDIR/registries.conf
	image one
	image two
}

teardown_file() {
	local tag
	for tag in one two signed both; do
		engine rmi -f "$REPO:$tag" >/dev/null 2>&1 || :
	done
	[ -z "${REGISTRY:-}" ] || kill "$REGISTRY"
}

# image NAME: one with that in it, in the registry and in the engine, as pulled from there.
image() {
	mkdir "$1"
	echo "$1" >"$1/name"
	printf 'FROM scratch\nCOPY name /name\nCMD ["/none"]\n' >"$1/Dockerfile"
	engine build -q --no-cache -t "$REPO:$1" "$1" >/dev/null 2>&1
	push_quietly "$REPO:$1"
	engine rmi -f "$REPO:$1" >/dev/null
	engine pull -q "$REPO:$1" >/dev/null
}

push_quietly() {
	if [ "$("$ENGINE_CMD" --which)" = podman ]; then
		engine push -q --tls-verify=false "$1"
	else
		engine push -q "$1" >/dev/null
	fi
}

digest_of() {
	tag_digest "$REPO:$1"
}

# sign DIGEST KEY [SIGNED-DIGEST]
sign() {
	cosign_sign "$REPO" "$1" "$BATS_FILE_TMPDIR/$2" "${@:3}"
}

@test "an image is taken where that key signed it, then also without its registry; and not by another key" {
	mkdir "$BATS_TEST_TMPDIR/cut-off"
	printf '#!/bin/sh\nexit 1\n' >"$BATS_TEST_TMPDIR/cut-off/skopeo"
	chmod +x "$BATS_TEST_TMPDIR/cut-off/skopeo"
	run_x 1 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:one"
	expect "no: no signature of it by this key"
	sign "$(digest_of one)" maker
	run_x 1 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/other.pub" "$REPO:one"
	run_x 0 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:one"
	expect "is signed by that key"
	PATH=$BATS_TEST_TMPDIR/cut-off:$PATH run_x 0 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:one"
	# What is kept proves something of that image alone.
	one=$("$PACK" id "$REPO:one") two=$("$PACK" id "$REPO:two")
	cp -r "$WHITTLE_STATE/cosign/${one#sha256:}" "$WHITTLE_STATE/cosign/${two#sha256:}"
	run_x 1 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$two"
	rm -r "$WHITTLE_STATE/cosign/${two#sha256:}"
	for file in payload signature manifest; do
		# Its first byte: openssl reads no more of a signature than the longest one has.
		printf X | dd of="$WHITTLE_STATE/cosign/${one#sha256:}/$file" conv=notrunc status=none
		PATH=$BATS_TEST_TMPDIR/cut-off:$PATH run_x 1 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:one"
		# Fetched anew.
		run_x 0 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:one"
	done
}

@test "another image's signature, under this one's name" {
	sign "$(digest_of two)" maker "$(digest_of one)"
	run_x 1 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:two"
	sign "$(digest_of two)" other
	run_x 1 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:two"
}

@test "the signature of an index counts for the image in it" {
	local raw size
	raw=$(digest_of two)
	size=$(skopeo inspect --raw --tls-verify=false "docker://$REPO:two" | wc -c)
	mkdir "$BATS_TEST_TMPDIR/index"
	printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"%s","size":%s,"digest":"%s","platform":{"architecture":"%s","os":"linux"}}]}' \
		"$(skopeo inspect --raw --tls-verify=false "docker://$REPO:two" | jq -r '.mediaType // "application/vnd.oci.image.manifest.v1+json"')" "$size" "$raw" \
		"$(dpkg --print-architecture)" >"$BATS_TEST_TMPDIR/index.json"
	curl -fsS -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary @"$BATS_TEST_TMPDIR/index.json" "http://${REPO%/*}/v2/theirs/manifests/both"
	engine rmi -f "$REPO:two" >/dev/null
	engine pull -q "$REPO:both" >/dev/null
	run_x 1 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:both"
	sign "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/index.json" | cut -d' ' -f1)" maker
	run_x 0 "$PACK" verify --require-signature -p "$BATS_FILE_TMPDIR/maker.pub" "$REPO:both"
}

# Two tiny images and a place of their own for d: containers' directories, state, volumes. What
# a test file makes has one prefix, $P, so that nothing else is touched, and goes with it.

# shellcheck disable=SC2154 # run_x sets stderr

D_TESTS=${BASH_SOURCE[0]%/*}

fixture() {
	P=wt$((RANDOM % 9000 + 1000))$BATS_SUITE_TEST_NUMBER
	export P ROOM=$BATS_FILE_TMPDIR
	export WHITTLE_CONTAINERS=$ROOM/containers WHITTLE_STATE=$ROOM/state WHITTLE_VOLUMES=$ROOM/volumes
	export WHITTLE_SETTINGS=$ROOM/host.yaml WHITTLE_BASELINE_READY=1 WHITTLE_PROGRAMS_READY=1
	mkdir -p "$WHITTLE_CONTAINERS" "$ROOM/bin"
	echo "base: $ROOM/base" >"$WHITTLE_SETTINGS"
	"$TOP/third-party/obj/prefix/bin/musl-gcc" -static -Os -s -std=c11 -D_GNU_SOURCE \
		-o "$ROOM/svc" "$D_TESTS/svc.c"
}

fixture_remove() {
	remove_all_of "${P:-}" || :
}

# container NAME [KIND]: a directory. KIND service (the default) has no shell; shell has one,
# and an account "app".
container() {
	local directory=$WHITTLE_CONTAINERS/$1
	mkdir -p "$directory/files"
	cp "$ROOM/svc" "$directory/files/svc"
	cp "$D_TESTS/quick.mk" "$directory/Makefile"
	mood "$1" 1
	echo "$1" >"$directory/files/name" # no two containers have one image
	echo '@test "x" { true; }' >"$directory/test.bats"
	{
		echo "FROM scratch"
		echo "COPY files/ /"
		if [ "${2:-}" = shell ]; then
			mkdir -p "$directory/files/bin" "$directory/files/etc" "$directory/files/tmp"
			chmod 1777 "$directory/files/tmp"
			cp "$ROOM/svc" "$directory/files/bin/sh"
			printf 'root:x:0:0::/:/bin/sh\napp:x:33:44::/:/bin/sh\n' >"$directory/files/etc/passwd"
			printf 'root:x:0:\napp:x:44:\n' >"$directory/files/etc/group"
		else
			echo "USER 1000:1000"
		fi
		echo 'HEALTHCHECK --interval=1s --timeout=5s --retries=1 CMD ["/svc", "check"]'
		echo 'CMD ["/svc"]'
	} >"$directory/Dockerfile"
	settings "$1" </dev/null
}

# real_pipeline NAME: its Makefile is one of the project's.
real_pipeline() {
	printf 'include %s/etc/Makefile-docker\n' "$TOP" >"$WHITTLE_CONTAINERS/$1/Makefile"
}

# settings NAME, YAML on standard input: that, a port, and a readiness that doesn't take long.
settings() {
	[ -e "$ROOM/port.$1" ] || free_port >"$ROOM/port.$1"
	{
		cat
		printf 'ports: ["%s:8080"]\n' "$(cat "$ROOM/port.$1")"
		printf 'ready:\n  http: :8080/healthz\n  expect: all ok\n  within: 60s\n  stable: 300ms\n'
		printf 'stop_timeout: 3s\n'
	} >"$WHITTLE_CONTAINERS/$1/settings.yaml"
}

# mood NAME VERSION [SICK_AFTER [CRASH [RUIN]]]: what its next image is like.
mood() {
	echo "$2 ${3:-0} ${4:-0} ${5:-0}" >"$WHITTLE_CONTAINERS/$1/files/mood"
}

d() {
	"$D" "$@"
}

live() {
	echo "localhost/whittle/$1:live"
}

image_id() {
	"$PACK" id "$1"
}

# The version that answers.
version_of() {
	curl -fs --max-time 10 "http://127.0.0.1:$(cat "$ROOM/port.$1")/version"
}

# serves NAME VERSION
serves() {
	[ "$(version_of "$1")" = "$2" ]
}

# Names of all containers that have to do with one, sorted, on one line.
all_of() {
	engine ps -a --format '{{.Names}}' --filter "name=$1" | sort | paste -sd' '
}

# From here on d talks to the engine through tests/fake-engine, which $ROOM/fake rules.
with_fake_engine() {
	local kind
	kind=$("$ENGINE_CMD" --which)
	REAL_ENGINE=$(command -v "${ENGINE:-$kind}")
	export REAL_ENGINE
	cp "$D_TESTS/fake-engine" "$ROOM/bin/$kind"
	export ENGINE=$ROOM/bin/$kind
}

fake() {
	rm -f "$ROOM/calls" "$ROOM/killed-at" "$ROOM/met"
	echo "$*" >"$ROOM/fake"
}

no_fake() {
	[ -z "${ROOM:-}" ] || rm -f "$ROOM/fake"
}

# prebuilt NAME VERSION…: images of several versions, and a Makefile that builds nothing:
# "all" is whatever version the file "next" names.
prebuilt() {
	local name=$1 directory=$WHITTLE_CONTAINERS/$1 version
	shift
	for version; do
		mood "$name" "$version"
		make -s -C "$directory" all
		cp "$directory/build-stamp" "$directory/stamp-$version"
		# docker's containerd store forgets an image that has no name any more.
		[ "$("$ENGINE_CMD" --which)" = podman ] ||
			engine tag "localhost/whittle/$name:latest" "localhost/$name-built:$version"
	done
	sed -e '/^all:/,/^$/d' "$D_TESTS/quick.mk" >"$directory/Makefile"
	printf 'all:\n\t@cp stamp-$$(cat next) build-stamp\n' >>"$directory/Makefile"
}

# packed NAME VERSION [SICK_AFTER [CRASH]]: the same for one version, with a record as the pipeline's
# images have it, which a registry wants.
packed() {
	local name=$1 directory=$WHITTLE_CONTAINERS/$1 id
	mood "$@"
	make -s -C "$directory" -f "$D_TESTS/quick.mk" all
	engine save -o "$ROOM/raw.tar" "localhost/whittle/$name:latest" >/dev/null 2>&1
	id=$("$PACK" build -n "$name" -i "$ROOM/raw.tar" -o "$ROOM/image.tar" -t "localhost/whittle/$name:$2" 2>/dev/null)
	engine load -q -i "$ROOM/image.tar" >/dev/null 2>&1
	rm -f "$ROOM/raw.tar" "$ROOM/image.tar"
	echo "image $id" >"$directory/stamp-$2"
	sed -e '/^all:/,/^$/d' "$D_TESTS/quick.mk" >"$directory/Makefile"
	printf 'all:\n\t@cp stamp-$$(cat next) build-stamp\n' >>"$directory/Makefile"
}

# built NAME VERSION: what the engine calls the image of a version.
built() {
	"$PACK" id -r "$(sed -n 's/^image //p' "$WHITTLE_CONTAINERS/$1/stamp-$2")"
}

# next_is NAME VERSION
next_is() {
	echo "$2" >"$WHITTLE_CONTAINERS/$1/next"
}

# For setup, where a test has settings and containers of its own.
own_settings() {
	requires engine
	export ROOM=$BATS_TEST_TMPDIR
	export WHITTLE_CONTAINERS=$ROOM/c WHITTLE_STATE=$ROOM/state WHITTLE_VOLUMES=$ROOM/vol
	export WHITTLE_SETTINGS=$ROOM/host.yaml
	mkdir -p "$WHITTLE_CONTAINERS"
	: >"$WHITTLE_SETTINGS"
}

# yaml NAME: a container with the settings on standard input.
yaml() {
	mkdir -p "$WHITTLE_CONTAINERS/$1"
	cat >"$WHITTLE_CONTAINERS/$1/settings.yaml"
}

# The same, of an image that is there already.
of_hello() {
	export WHITTLE_CONTAINERS=$ROOM/c
	{
		echo "image: $(live hello)"
		cat
	} | yaml "$1"
}

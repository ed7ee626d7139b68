#!/usr/bin/env bats
# What idmap says about podman and docker, against podman and docker themselves. Accounts and
# ranges are those of an /etc of the test's own, in a mount namespace of its own.

load ../../tests/helpers

setup_file() {
	export ROOTFS
	ROOTFS=$(SOURCE_CACHE=${SOURCE_CACHE:-} "$TOP/infra/fetch" alpine 2>/dev/null) || ROOTFS=
	# Rootless users have to get at it.
	export AREA
	AREA=$(mktemp -d /tmp/whittle-idmap.XXXXXX)
	chmod 755 "$AREA"
	cp "$IDMAP" "$D" "${BATS_TEST_FILENAME%/*}/tests/tree.py" "$AREA"
	mkdir -p "$AREA/home" "$AREA/image/etc"
	[ -z "$ROOTFS" ] || tar -xzf "$ROOTFS" -C "$AREA/image"
	echo www:x:3333:3434::/:/bin/sh >>"$AREA/image/etc/passwd"
	echo www:x:3434: >>"$AREA/image/etc/group"
	tar -C "$AREA/image" -cf "$AREA/image.tar" .
	make_etc
}

# alice is rootless podman's; her ranges stand in disorder, one by number. docker's user too.
make_etc() {
	cp -a /etc "$AREA/etc"
	cat >>"$AREA/etc/passwd" <<-'EOT'
		alice:x:4321:4322::/tmp:/bin/sh
		dockremap:x:995:995::/:/bin/false
	EOT
	printf '%s\n' alice:x:4322: dockremap:x:995: >>"$AREA/etc/group"
	cat >"$AREA/etc/subuid" <<-'EOT'
		alice:900000:1000
		alice:500000:70000
		4321:2000000:3000
		containers:3100000:1500
		containers:3000000:10000
		dockremap:4100000:1000
		dockremap:4000000:70000
	EOT
	grep -v ^4321 "$AREA/etc/subuid" >"$AREA/etc/subgid"
	rm -f "$AREA/etc/docker/daemon.json"
	chown 4321:4322 "$AREA/home"
	mkdir -m 700 "$AREA/home/run"
	chown 4321:4322 "$AREA/home/run"
}

teardown_file() {
	rm -rf --one-file-system "$AREA"
}

setup() {
	requires root alpine
	export WHITTLE_STATE=$BATS_TEST_TMPDIR/state
	export IDMAP=$AREA/idmap
	export CONTAINER=whittle-idmap-$$-$BATS_TEST_NUMBER
	VOLUME=$AREA/volume.$BATS_TEST_NUMBER
	export VOLUME
}

# private COMMAND…: with the test's own /etc.
private() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private bash -euo pipefail -c '
		mount --bind "$AREA/etc" /etc
		"$@"' private "$@" 3>&- 4>&-
}

# A directory of root's containers and images, for this test alone.
own_storage() {
	mkdir -p "$AREA/storage"
	printf '[storage]\ndriver = "overlay"\nrunroot = "%s/run"\ngraphroot = "%s/graph"\n' \
		"$AREA/storage" "$AREA/storage" >"$AREA/storage.conf"
	export CONTAINERS_STORAGE_CONF=$AREA/storage.conf
	engine image exists localhost/alpine:idmap ||
		engine import "$AREA/image.tar" localhost/alpine:idmap >/dev/null 2>&1
}

as_alice() {
	env -u TMPDIR HOME="$AREA/home" XDG_RUNTIME_DIR="$AREA/home/run" USER=alice XDG_CACHE_HOME="$AREA/home/cache" \
		setpriv --reuid 4321 --regid 4322 --clear-groups "$@"
}

# /proc/self/uid_map and gid_map on standard input as idmap shows maps.
as_map() {
	awk '
		NR > 1 && $1 == 0 { gid = 1 }
		{ line[gid + 0] = line[gid + 0] sep[gid + 0] (gid ? "g" : "u") ":" $1 ":" $2 ":" $3; sep[gid + 0] = "," }
		END {
			g = line[1]; gsub("g:", "u:", g)
			if (g == line[0]) { gsub("u:", "b:", line[0]); print line[0] } else print line[0] "," line[1]
		}'
}

# And in a directory that "*" doesn't show a tree with every kind of inode.
make_volume() {
	mkdir "$VOLUME"
	python3 "$AREA/tree.py" make "$VOLUME/.tree"
	python3 "$AREA/tree.py" list "$VOLUME/.tree" >"$VOLUME.wanted"
	touch "$VOLUME/root" "$VOLUME/www"
	cp /bin/true "$VOLUME/setuid"
	chown 3333:3434 "$VOLUME/www"
	chmod 4755 "$VOLUME/setuid"
}

# What a container sees of the volume, and that www can write to its file: for its shell.
# shellcheck disable=SC2089,SC2090
inside='stat -c "%u:%g %a %n" /vol /vol/*; su -s /bin/sh www -c "echo text >/vol/www"; cat /vol/www'
inside_wanted='0:0 755 /vol
0:0 644 /vol/root
0:0 4755 /vol/setuid
3333:3434 644 /vol/www
text'

# same_tree_for PID: in that process's user namespace all inodes of the volume's tree are what
# they were outside before: owners, ACLs, capabilities.
same_tree_for() {
	nsenter --target "$1" --user --setuid 0 --setgid 0 python3 "$AREA/tree.py" list "$VOLUME/.tree" |
		diff "$VOLUME.wanted" - | cut -c1-200 | head -n 5 >"$VOLUME.differs"
	same "$(cat "$VOLUME.differs")" ""
}

# settings_for_d, YAML on standard input: a container for d, of which www has a directory.
settings_for_d() {
	export WHITTLE_CONTAINERS=$AREA/containers WHITTLE_VOLUMES=$VOLUME.d WHITTLE_STATE=$VOLUME.state
	export WHITTLE_SETTINGS=$AREA/host.yaml
	mkdir -p "$AREA/containers/$CONTAINER" "$WHITTLE_VOLUMES" "$WHITTLE_STATE"
	touch "$AREA/host.yaml"
	{
		cat
		printf 'image: localhost/alpine\ntag: idmap\nnetwork: none\nmount_rw: [data:/vol]\n'
		printf 'cmd: [sleep, "1000"]\nready: {command: [test, -w, /vol], stable: 0s}\nstop_timeout: 1s\n'
	} >"$AREA/containers/$CONTAINER/settings.yaml"
	DATA=$WHITTLE_VOLUMES/$CONTAINER/data
}

# Where the machine is busy, podman may find a container's mounts in use for a moment.
remove() {
	for _ in {1..50}; do
		! "$@" >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	"$@" >/dev/null
}

same() {
	[ "$1" = "$2" ] || {
		printf 'got:\n%s\nwanted:\n%s\n' "$1" "$2" >&2
		return 1
	}
}

export -f engine private own_storage as_alice as_map make_volume same_tree_for settings_for_d remove same
# shellcheck disable=SC2090
export inside inside_wanted

# --- podman, root's ---

root_podman_volume() {
	own_storage
	make_volume
	"$IDMAP" shift -q "$VOLUME" --map 0:500000:65536
	same "$(engine run --rm --network none --uidmap 0:500000:65536 -v "$VOLUME:/vol" \
		localhost/alpine:idmap sh -c "$inside" 2>/dev/null)" "$inside_wanted"
	"$IDMAP" check "$VOLUME" --map 0:500000:65536 >/dev/null

	engine run -d --name "$CONTAINER" --network none --uidmap 0:500000:65536 --user www \
		-v "$VOLUME:/vol" localhost/alpine:idmap sleep 100 >/dev/null
	trap 'remove engine rm -f -t 0 "$CONTAINER"' EXIT
	same "$("$IDMAP" show --map "container:$CONTAINER")" b:0:500000:65536
	same_tree_for "$(engine inspect -f '{{.State.Pid}}' "$CONTAINER")"
	same "$("$IDMAP" explain "$CONTAINER" | head -n 3)" \
		"root: user root (0) inside is 500000 outside, whom no account of the host has
the service: user www (3333) inside is 503333 outside, whom no account of the host has
the service: group www (3434) inside is 503434 outside, whom no group of the host has"
	# it is in use
	! "$IDMAP" unshift "$VOLUME" --map 0:500000:65536 2>"$VOLUME.err"
	grep -q "has it mounted at '/vol'" "$VOLUME.err"
}
export -f root_podman_volume

@test "podman, root's, with --uidmap: owners inside are right" {
	requires podman join
	ENGINE=podman run_x 0 private root_podman_volume
}

root_podman_auto() {
	own_storage
	local want
	trap 'remove engine rm -f -t 0 "$CONTAINER" "$CONTAINER"-{1,2,3}' EXIT
	want=$("$IDMAP" show --map podman:auto:size=4000)
	same "$want" b:0:3000000:4000
	engine run -d --name "$CONTAINER-1" --network none --userns=auto:size=4000 \
		localhost/alpine:idmap sleep 100 >/dev/null 2>&1
	same "$("$IDMAP" show --map "container:$CONTAINER-1")" "$want"
	# the next one's map is known before it runs
	want=$("$IDMAP" show --map podman:auto:size=4000)
	same "$want" b:0:3004000:4000
	engine create --name "$CONTAINER-2" --network none --userns=auto:size=4000 \
		localhost/alpine:idmap sleep 100 >/dev/null 2>&1
	same "$("$IDMAP" show --map "container:$CONTAINER-2")" "$want"
	engine start "$CONTAINER-2" >/dev/null
	same "$("$IDMAP" show --map "container:$CONTAINER-2")" "$want"
	# and what is left is given in two pieces
	want=$("$IDMAP" show --map podman:auto:size=3000)
	same "$want" b:0:3008000:2000,b:2000:3100000:1000
	engine create --name "$CONTAINER-3" --network none --userns=auto:size=3000 \
		localhost/alpine:idmap sleep 100 >/dev/null 2>&1
	same "$("$IDMAP" show --map "container:$CONTAINER-3")" "$want"
	# a volume for it
	remove engine rm -f -t 0 "$CONTAINER-2"
	make_volume
	rm -r "$VOLUME/.tree" # with ids beyond 4000
	engine create --name "$CONTAINER-2" --network none --userns=auto:size=4000 -v "$VOLUME:/vol" \
		localhost/alpine:idmap sh -c "$inside" >/dev/null 2>&1
	"$IDMAP" shift -q "$VOLUME" --map "container:$CONTAINER-2"
	same "$(engine start --attach "$CONTAINER-2" 2>/dev/null)" "$inside_wanted"
	remove engine rm -f -t 0 "$CONTAINER"-{1,2,3}
	# d, which learns the map from the container that it makes
	settings_for_d <<-'EOT'
		userns: auto
		user: "3333:1000"
		vols: [{path: data, owner: user/www, group: group/1000}]
	EOT
	"$D" up "$CONTAINER" >/dev/null
	same "$(stat -c %u "$DATA")" "$("$IDMAP" out --map "container:$CONTAINER" 3333)"
	same "$("$IDMAP" show --map "container:$CONTAINER" | cut -d: -f1-3)" b:0:3000000
	engine exec "$CONTAINER" sh -c 'echo text >/vol/file'
	same "$(stat -c %u "$DATA/file")" "$("$IDMAP" out --map "container:$CONTAINER" 3333)"
	"$D" prep "$CONTAINER"
	"$D" down "$CONTAINER" >/dev/null
	remove engine rm -f -t 0 "$CONTAINER"
	# a directory that the settings only mount
	rm -rf "$DATA"
	printf 'userns: auto\nuser: "3333:1000"\n' | settings_for_d
	"$D" up "$CONTAINER" >/dev/null
	same "$(stat -c %u "$DATA")" "$("$IDMAP" out --map "container:$CONTAINER" 3333)"
	"$D" down "$CONTAINER" >/dev/null
	remove engine rm -f -t 0 "$CONTAINER"
	engine create --name "$CONTAINER-1" --network none localhost/alpine:idmap sleep 1 >/dev/null
	same "$("$IDMAP" show --map "container:$CONTAINER-1")" b:0:0:4294967295
	"$IDMAP" explain "$CONTAINER-1" | grep -q "There is no user namespace"
	same "$("$IDMAP" lint --image localhost/alpine:idmap --json | jq -r \
		'[.[] | select(.message | test("localhost/alpine:idmap needs 65535"))] | length')" 2
}
export -f root_podman_auto

@test "podman, root's, with --userns=auto: the map foretold, and asked for" {
	requires podman join command:jq
	ENGINE=podman run_x 0 private root_podman_auto
}

# --- podman, rootless ---

rootless_podman() {
	local userns uidmap got
	same "$("$IDMAP" show --map rootless:alice)" \
		"$(as_alice "$ENGINE_CMD" unshare cat /proc/self/uid_map /proc/self/gid_map | as_map)"
	as_alice "$ENGINE_CMD" import "$AREA/image.tar" localhost/alpine:idmap >/dev/null 2>&1
	# what a container's processes see is relative to alice's own namespace
	for userns in "" host keep-id nomap keep-id:uid=33,gid=34 auto:size=2000 auto:size=66000; do
		as_alice "$ENGINE_CMD" run -d --name "$CONTAINER" --network none ${userns:+--userns=$userns} \
			localhost/alpine:idmap sleep 100 >/dev/null 2>&1
		got=$(cat "/proc/$(as_alice "$ENGINE_CMD" inspect -f '{{.State.Pid}}' "$CONTAINER")/"{uid_map,gid_map} | as_map)
		same "$("$IDMAP" show --map "podman:$userns" --user alice)" "$got"
		same "$(as_alice "$IDMAP" show --map "container:$CONTAINER")" "$got"
		remove as_alice "$ENGINE_CMD" rm -f -t 0 "$CONTAINER"
	done
	for uidmap in 0:1:100 "0:0:50 --uidmap 50:70000:900"; do
		# shellcheck disable=SC2086 # options
		as_alice "$ENGINE_CMD" create --name "$CONTAINER" --network none --uidmap $uidmap \
			localhost/alpine:idmap sleep 100 >/dev/null 2>&1
		# shellcheck disable=SC2086
		same "$("$IDMAP" show --map podman --user alice --uidmap $uidmap)" \
			"$(as_alice "$IDMAP" show --map "container:$CONTAINER")"
		remove as_alice "$ENGINE_CMD" rm -f -t 0 "$CONTAINER"
	done

	# a volume that root's containers used, for alice's
	make_volume
	"$IDMAP" shift -q --overlap "$VOLUME" --map rootless:alice
	same "$(as_alice "$ENGINE_CMD" run --rm --network none -v "$VOLUME:/vol" localhost/alpine:idmap \
		sh -c "$inside" 2>/dev/null)" "$inside_wanted"
	as_alice "$ENGINE_CMD" run -d --name "$CONTAINER" --network none -v "$VOLUME:/vol" localhost/alpine:idmap \
		sleep 100 >/dev/null 2>&1
	same_tree_for "$(as_alice "$ENGINE_CMD" inspect -f '{{.State.Pid}}' "$CONTAINER")"
	remove as_alice "$ENGINE_CMD" rm -f -t 0 "$CONTAINER"

	# d makes a directory for www, of her own containers
	for userns in "" keep-id nomap; do
		settings_for_d <<<"user: www${userns:+$'\n'userns: $userns}"
		chown -R 4321:4322 "$WHITTLE_VOLUMES" "$WHITTLE_STATE"
		as_alice "$AREA/d" prep "$CONTAINER"
		same "$(stat -c %u "$DATA")" "$("$IDMAP" out --map "podman:$userns" --user alice 3333)"
		same "$(as_alice "$ENGINE_CMD" run --rm --network none --user www ${userns:+--userns=$userns} -v "$DATA:/vol" \
			localhost/alpine:idmap sh -c 'echo text >/vol/file; stat -c %u:%g /vol/file')" 3333:3434
		rm -r "$WHITTLE_VOLUMES"
	done

	# alice alone: what is hers becomes www's, by her own namespace
	as_alice mkdir "$AREA/home/hers"
	as_alice touch "$AREA/home/hers/file"
	as_alice "$ENGINE_CMD" unshare "$IDMAP" shift -q "$AREA/home/hers" --map u:0:33:1,g:0:34:1
	same "$(stat -c %u:%g "$AREA/home/hers/file")" 500032:500033
	as_alice "$ENGINE_CMD" unshare "$IDMAP" shift -q --undo "$AREA/home/hers"
	same "$(stat -c %u:%g "$AREA/home/hers/file")" 4321:4322
}
export -f rootless_podman

@test "podman, rootless: every map that --userns and --uidmap give, and a volume" {
	requires podman open userns command:newuidmap
	[ -c /dev/net/tun ] && [ -c /dev/fuse ] || skip "this machine cannot: no /dev/fuse, /dev/net/tun"
	unset WHITTLE_STATE
	ENGINE=podman run_x 0 private rootless_podman
	as_alice "$ENGINE_CMD" unshare rm -rf "$AREA/home/.local" 2>/dev/null || :
}

# --- docker ---

remapped_docker() {
	local got
	docker import "$AREA/image.tar" alpine:idmap >/dev/null
	got=$(docker run --rm --network none alpine:idmap cat /proc/self/uid_map /proc/self/gid_map | as_map)
	same "$("$IDMAP" show --map "docker:$REMAP")" "$got"
	docker create --name "$CONTAINER" --network none alpine:idmap sleep 1 >/dev/null
	same "$("$IDMAP" show --map "container:$CONTAINER")" "$got"
	docker rm "$CONTAINER" >/dev/null
	docker create --name "$CONTAINER" --userns host --network none alpine:idmap sleep 1 >/dev/null
	same "$("$IDMAP" show --map "container:$CONTAINER")" b:0:0:4294967295
	docker rm "$CONTAINER" >/dev/null
	make_volume
	"$IDMAP" shift -q "$VOLUME" --map "docker:$REMAP"
	same "$(docker run --rm --network none -v "$VOLUME:/vol" alpine:idmap sh -c "$inside")" "$inside_wanted"
	docker run -d --name "$CONTAINER" --network none -v "$VOLUME:/vol" alpine:idmap sleep 100 >/dev/null
	same_tree_for "$(docker inspect -f '{{.State.Pid}}' "$CONTAINER")"
	docker rm -f "$CONTAINER" >/dev/null

	docker tag alpine:idmap localhost/alpine:idmap
	settings_for_d <<<'user: www'
	"$D" prep "$CONTAINER"
	same "$(docker run --rm --network none --user www -v "$DATA:/vol" alpine:idmap \
		sh -c 'echo text >/vol/file; stat -c %u:%g /vol /vol/file')" "3333:3434
3333:3434"
	same "$(stat -c %u "$DATA/file")" "$("$IDMAP" out --map "docker:$REMAP" 3333)"
	rm -r "$WHITTLE_VOLUMES"
}

with_docker() {
	mkdir -p "$AREA/docker"
	if [ -n "${DAEMON_JSON:-}" ]; then
		mkdir -p "$AREA/etc/docker"
		echo "$DAEMON_JSON" >"$AREA/etc/docker/daemon.json"
		WHITTLE_DOCKER_ROOT=$AREA/docker "$TOP/tests/with-dockerd" bash -euo pipefail -c remapped_docker
	else
		WHITTLE_DOCKER_ROOT=$AREA/docker "$TOP/tests/with-dockerd" -c "--userns-remap=$REMAP" \
			bash -euo pipefail -c remapped_docker
	fi
}
export -f remapped_docker with_docker

@test "docker with userns-remap: the map, and owners inside are right" {
	command -v dockerd >/dev/null || skip "needs dockerd"
	# names first, then the same user by number, whose lines hide those by name
	REMAP=default run_x 0 private with_docker
	rm -rf --one-file-system "$VOLUME"
	echo 995:4200000:80000 >>"$AREA/etc/subuid"
	REMAP='' DAEMON_JSON='{"userns-remap": "dockremap"}' run_x 0 private with_docker
	[ "$(stat -c %u "$VOLUME/root")" -eq 4200000 ]
}

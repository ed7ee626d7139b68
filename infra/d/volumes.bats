# What mounts and vols need on the host: made once, right, and never touched again.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires root engine || return 0
	fixture
	container "${P}box" shell
	d b -ts "${P}box"
}

teardown_file() {
	fixture_remove
}

setup() {
	N=${P}box
	V=$WHITTLE_VOLUMES/$N
	rm -rf "$WHITTLE_VOLUMES"
}

what() {
	stat -c '%F %a %u:%g' "$1"
}

usual() {
	settings "$N" <<-'EOT'
		mount_rw: [data:/data, log:/log]
		mount_ro: [conf:/conf]
		vol_defaults: {perm: "0750"}
		vols:
		  - {path: data, owner: user/app, group: group/app}
		  - {path: data/sub/deep, owner: user/app, group: "7"}
		  - {path: conf/app.conf, owner: user/0, group: group/44, perm: "0640", contents: "x: y\n"}
	EOT
}

@test "prep makes directories and files, with the image's accounts" {
	usual
	run_x 0 d prep "$N"
	[ "$(what "$V/data")" = "directory 750 33:44" ]
	[ "$(what "$V/data/sub/deep")" = "directory 750 33:7" ]
	[ "$(what "$V/log")" = "directory 750 65534:65534" ]
	[ "$(what "$V/conf/app.conf")" = "regular file 640 0:44" ]
	[ "$(cat "$V/conf/app.conf")" = "x: y" ]
	run_x 0 d prep "$N"
	[ -z "$output$stderr" ]
}

@test "whatever the umask, all that is above a volume lets its user through" {
	usual
	rm -rf "$ROOM/else"
	(umask 077 && WHITTLE_STATE=$ROOM/else/state WHITTLE_VOLUMES=$ROOM/else/volumes "$D" prep "$N")
	[ "$(what "$ROOM/else/volumes/$N/data/sub/deep")" = "directory 750 33:7" ]
	for each in else/state/d else/volumes "else/volumes/$N"; do
		[[ $(what "$ROOM/$each") == "directory 755"* ]]
	done
	[[ $(what "$ROOM/else/state/d/$N") == "directory 711"* ]]
}

@test "make prep in a container's directory does the same" {
	usual
	run_x 0 env -u WHITTLE_CONTAINERS make -s -f "$TOP/etc/Makefile-docker" -C "$WHITTLE_CONTAINERS/$N" prep
	[ "$(what "$V/data")" = "directory 750 33:44" ]
	chown 5:6 "$V/data"
	run_x 2 make -s -f "$TOP/etc/Makefile-docker" -C "$WHITTLE_CONTAINERS/$N" prep
	expect "is owned by 5:6" "$stderr"
	run_x 0 make -s -f "$TOP/etc/Makefile-docker" -C "$WHITTLE_CONTAINERS/$N" prep PREP_FLAGS=-r
	[ "$(what "$V/data")" = "directory 750 33:44" ]
}

@test "up makes them as well; the service may write where it should" {
	requires join
	settings "$N" <<-'EOT'
		mount_rw: [data:/data]
		mount_ro: [conf:/conf]
		user: "33:44"
	EOT
	run_x 0 d up "$N"
	run_x 0 d e "$N" /svc write /data/file x
	[ "$(what "$V/data/file")" = "regular file 644 33:44" ]
	run_x 1 d e "$N" /svc write /conf/file x
	run_x 0 d down "$N"
}

@test "what is there already is never touched, and told of" {
	usual
	d prep "$N"
	chown 5:6 "$V/data"
	chmod 700 "$V/log"
	echo mine >"$V/conf/app.conf"
	run_x 1 d prep "$N"
	expect "data' is owned by 5:6, wanted 33:44" "$stderr"
	[ "$(what "$V/data")" = "directory 750 5:6" ]
	[ "$(cat "$V/conf/app.conf")" = mine ]
	run_x 0 d prep --repair "$N"
	expect REPAIR "$stderr"
	[ "$(what "$V/data")" = "directory 750 33:44" ]
	rm "$V/conf/app.conf"
	mkdir "$V/conf/app.conf"
	run_x 1 d prep -r "$N"
	expect "is not a regular file" "$stderr"
}

@test "a directory that a file is in has its own owner, whatever comes first" {
	cat <<-'EOT' | settings "$N"
		mount_rw: [data:/data]
		vols:
		  - {path: data/deep/file, owner: root, group: root, contents: x}
		  - {path: data/deep, owner: user/app, group: group/app}
	EOT
	run_x 0 d prep "$N"
	[ "$(what "$V/data")" = "directory 755 65534:65534" ]
	[ "$(what "$V/data/deep")" = "directory 755 33:44" ]
	[ "$(what "$V/data/deep/file")" = "regular file 644 0:0" ]
}

# holds TEXT: app.conf's contents in settings.yaml.
holds() {
	printf 'mount_ro: [conf:/conf]\nvols: [{path: conf/app.conf, perm: "0640", contents: "%s"}]\n' "$1" | settings "$N"
}

@test "contents that change in settings.yaml are told of, and written" {
	holds one
	run_x 0 d prep "$N"
	holds two
	run_x 1 d prep -n "$N"
	expect "holds earlier contents" "$stderr"
	[ "$(cat "$V/conf/app.conf")" = one ]
	run_x 0 d prep "$N"
	[ "$(cat "$V/conf/app.conf")" = two ]
	[ "$(what "$V/conf/app.conf")" = "regular file 640 65534:65534" ]
	run_x 0 d prep -n "$N"
}

@test "contents that somebody changed by hand stay until they are to be repaired" {
	holds one
	d prep "$N"
	echo mine >"$V/conf/app.conf"
	holds two
	for how in "" -n; do
		run_x 1 d prep $how "$N"
		expect "was changed by hand" "$stderr"
		[ "$(cat "$V/conf/app.conf")" = mine ]
	done
	run_x 0 d prep -r "$N"
	[ "$(cat "$V/conf/app.conf")" = two ]
	[ "$(cat "$V"/conf/app.conf.before-*)" = mine ]
	# written by d again, so it follows again
	holds three
	run_x 0 d prep "$N"
	[ "$(cat "$V/conf/app.conf")" = three ]
}

@test "changed contents are other settings: a restart brings them" {
	requires join
	holds one
	run_x 0 d up "$N"
	holds two
	run_x 0 d up "$N"
	expect "other settings" "$output$stderr"
	run_x 0 d R "$N"
	run_x 0 d e "$N" /svc cat /conf/app.conf
	[ "$output" = two ]
	run_x 0 d up "$N"
	refute "other settings" "$output$stderr"
	run_x 0 d down "$N"
}

# user_image USER: an image with that USER and some accounts, by the name of ${P}user.
user_image() {
	local directory=$WHITTLE_CONTAINERS/${P}user
	rm -rf "$directory"
	container "${P}user" shell
	printf 'toor:x:0:0::/:\nwww:x:1000:44::/:\n' >>"$directory/files/etc/passwd"
	printf 'disk:x:6:app,www\n' >>"$directory/files/etc/group"
	sed -i "s/^CMD/USER $1\n&/" "$directory/Dockerfile"
	echo 'mount_rw: [data:/data]' | settings "${P}user"
	d b -ts "${P}user" >/dev/null 2>&1
}

# runs_as USER WHO [GROUP…]: what both the engine's arguments and the volume's owner say.
runs_as() {
	user_image "$1"
	rm -rf "$WHITTLE_VOLUMES/${P}user"
	run_x 0 d cmd "${P}user"
	expect " --user $2 "
	if [ $# -gt 2 ]; then expect " --group-add $3 "; else refute --group-add; fi
	run_x 0 d prep "${P}user"
	[ "$(what "$WHITTLE_VOLUMES/${P}user/data")" = "directory 755 ${4:-$2}" ]
}

@test "who runs is found by number: engine arguments and volumes agree" {
	for user in 0:0 0:100 root:root 00 toor "\"\""; do
		runs_as "$user" 65534:65534
	done
	runs_as 1000 1000:44 6
	runs_as www 1000:44 6
	runs_as www:app 1000:44
	runs_as app:7 33:7
	runs_as 4711 4711:0
	run_x 0 d check -v
	refute "${P}user.*user:root"
}

@test "a user who is root by another name is told of; what runs is who the volume is of" {
	requires join
	user_image www
	printf 'mount_rw: [data:/data]\nuser: toor\n' | settings "${P}user"
	run_x 0 d check -v
	grep "^${P}user .*user:root" <<<"$output"
	printf 'mount_rw: [data:/data]\n' | settings "${P}user"
	run_x 0 d up "${P}user"
	run_x 0 d e "${P}user" /svc uid
	[ "$output" = "1000:44" ]
	run_x 0 d e "${P}user" /svc write /data/file x
	printf 'user: nobodyatall\n' | settings "${P}user"
	run_x 1 d R "${P}user"
	expect "the image has no user 'nobodyatall'" "$stderr"
	run_x 0 d down "${P}user"
}

@test "user: root works in an image that has no accounts" {
	requires join
	container "${P}bare"
	printf 'user: root\nmount_rw: [data:/data]\n' | settings "${P}bare"
	run_x 0 d b -ts "${P}bare"
	run_x 0 d up "${P}bare"
	run_x 0 d e "${P}bare" /svc uid
	[ "$output" = "0:0" ]
	[ "$(what "$WHITTLE_VOLUMES/${P}bare/data")" = "directory 755 0:0" ]
	run_x 0 d down "${P}bare"
}

@test "accounts that the engine only says it has copied are asked for again" {
	local kind
	usual
	kind=$("$ENGINE_CMD" --which)
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/sh\n[ "$1" != cp ] || exit 0\nexec %s "$@"\n' "$(command -v "${ENGINE:-$kind}")" >"$BATS_TEST_TMPDIR/bin/$kind"
	chmod +x "$BATS_TEST_TMPDIR/bin/$kind"
	rm -rf "$WHITTLE_STATE/d/$N/accounts".*
	ENGINE=$BATS_TEST_TMPDIR/bin/$kind run_x 2 d prep "$N"
	expect "/etc/passwd of the image didn't arrive" "$stderr"
	run_x 0 d prep "$N"
	[ "$(what "$V/data")" = "directory 750 33:44" ]
}

@test "an image's passwd that is no file is never read" {
	local directory=$WHITTLE_CONTAINERS/${P}user
	user_image 1000
	ln -sf /dev/zero "$directory/files/etc/passwd"
	d b -ts "${P}user" >/dev/null 2>&1
	printf 'user: app\nmount_rw: [data:/data]\n' | settings "${P}user"
	run_x 2 timeout 60 "$D" prep "${P}user"
	run_x 2 timeout 60 "$D" cmd "${P}user"
	grep -q "no user 'app'\|not a regular file" <<<"$stderr"
	rm -r "$WHITTLE_CONTAINERS/${P}user"
}

@test "check tells of file capabilities that the settings drop" {
	command -v setcap >/dev/null || skip "this machine cannot: no setcap"
	mkdir -p "$ROOM/caps/bin" "$WHITTLE_CONTAINERS/${P}caps"
	cp "$ROOM/svc" "$ROOM/caps/bin/svc"
	setcap cap_net_bind_service,cap_net_raw=ep "$ROOM/caps/bin/svc"
	tar -C "$ROOM/caps" --xattrs --xattrs-include='security.*' -c . |
		engine import -c 'CMD ["svc"]' -c 'USER 1000:1000' - "localhost/whittle/${P}caps:live"
	echo 'memory: 64m' >"$WHITTLE_CONTAINERS/${P}caps/settings.yaml"
	run_x 1 d check
	expect "${P}caps: the image's program has file capabilities" "$stderr"
	expect "NET_BIND_SERVICE, NET_RAW" "$stderr"
	# and it is true: dropped, they keep it from being run
	if engine run --rm --cap-drop ALL --network none "localhost/whittle/${P}caps:live" svc echo hi; then
		echo "it runs without" >&2
		return 1
	fi
	# docker starts it, and starts it again, whatever comes of it
	echo 'ready: {tcp: 8080}' >>"$WHITTLE_CONTAINERS/${P}caps/settings.yaml"
	run_x 1 d up "${P}caps"
	expect "why: its program's file has capabilities (NET_BIND_SERVICE, NET_RAW), and the kernel doesn't start it without them" "$stderr"
	expect "settings.yaml:  caps: [NET_RAW]" "$stderr"
	echo 'caps: [NET_BIND_SERVICE, NET_RAW]' >"$WHITTLE_CONTAINERS/${P}caps/settings.yaml"
	run_x 0 d check
	run_x 0 d up "${P}caps"
	run_x 0 d down "${P}caps"
	rm -r "$WHITTLE_CONTAINERS/${P}caps"
}

# volume_image: an image with a VOLUME, by the name of ${P}vol.
volume_image() {
	container "${P}vol"
	sed -i 's/^CMD/VOLUME \/data\n&/' "$WHITTLE_CONTAINERS/${P}vol/Dockerfile"
	mkdir -p "$WHITTLE_CONTAINERS/${P}vol/files/data"
	echo first >"$WHITTLE_CONTAINERS/${P}vol/files/data/shipped"
	chown -R 1000:1000 "$WHITTLE_CONTAINERS/${P}vol/files/data"
	sed -i 's/^COPY .*/COPY --chown=1000:1000 files\/ \//' "$WHITTLE_CONTAINERS/${P}vol/Dockerfile"
	d b -ts "${P}vol" >/dev/null 2>&1
}

dangling() {
	engine volume ls -q -f dangling=true | wc -l
}

@test "a volume that only the image names keeps its data over restarts and upgrades" {
	requires join
	volume_image
	before=$(dangling)
	run_x 0 d up "${P}vol"
	expect "'/data', a volume of the image, is kept as the engine's volume '${P}vol-data'" "$output$stderr"
	run_x 0 d e "${P}vol" /svc cat /data/shipped
	[ "$output" = first ]
	run_x 0 d e "${P}vol" /svc write /data/file mine
	run_x 0 d R "${P}vol"
	refute "is kept as" "$output$stderr"
	mood "${P}vol" 2
	run_x 0 d u "${P}vol"
	run_x 0 d e "${P}vol" /svc cat /data/file
	[ "$output" = mine ]
	rm -rf "$WHITTLE_CONTAINERS/${P}user" # other tests' wrong settings
	run_x 0 d check
	expect "'/data' is a volume of the image: what is written there is in the engine's volume '${P}vol-data'" "$output"
	[ "$(dangling)" -eq "$before" ]
	run_x 0 d down "${P}vol"
	engine rm -f "${P}vol"
	engine volume rm "${P}vol-data"
}

@test "a volume without a name goes along when its container is replaced" {
	requires join
	volume_image
	rm -rf "$WHITTLE_STATE/d/${P}vol"
	engine run -d --name "${P}vol" --label "whittle.name=${P}vol" --label whittle.role=service \
		--label whittle.settings=old "$(live "${P}vol")"
	engine exec "${P}vol" /svc write /data/file old
	run_x 0 d R "${P}vol"
	run_x 0 d e "${P}vol" /svc cat /data/file
	[ "$output" = old ]
	# also where the container is gone
	engine rm -f "${P}vol"
	run_x 0 d up "${P}vol"
	run_x 0 d e "${P}vol" /svc cat /data/file
	[ "$output" = old ]
	engine rm -fv "${P}vol"
	# a mount of one's own is one's own
	echo 'tmpfs: [/data]' | settings "${P}vol"
	run_x 0 d cmd "${P}vol"
	refute type=volume
}

@test "needs_mount refuses, and waits as long as it is asked to" {
	requires join
	mkdir -p "$ROOM/disk"
	printf 'needs_mount: %s\n' "$ROOM/disk" | settings "$N"
	run_x 2 d up "$N"
	expect "'$ROOM/disk' isn't mounted (needs_mount" "$stderr"
	printf 'needs_mount: {path: %s, wait: 60s}\n' "$ROOM/disk" | settings "$N"
	(
		sleep 1
		mount -t tmpfs disk "$ROOM/disk"
	) 3>&- &
	local mounting=$!
	run_x 0 d up "$N"
	expect "to be mounted" "$output$stderr"
	run_x 0 d down "$N"
	wait "$mounting"
	# what it was on when it last started doesn't count where the settings say what does
	printf 'mount_rw: [%s:/data]\n' "$ROOM/disk" | settings "$N"
	run_x 0 d R "$N"
	run_x 0 d down "$N"
	engine rm -f "$N"
	umount "$ROOM/disk"
	run_x 2 d up "$N"
	expect "needs_mount: []" "$stderr"
	printf 'mount_rw: [%s:/data]\nneeds_mount: []\n' "$ROOM/disk" | settings "$N"
	run_x 0 d up "$N"
	run_x 0 d down "$N"
}

@test "a link in the root directory, as /home is on some systems, is followed" {
	[ -L /bin ] || skip "this machine cannot: / has no link"
	printf 'vols: [{path: /bin/%s-nothing, owner: root, group: root}]\n' "$P" | settings "$N"
	run_x 1 d prep -n "$N"
	expect "$(readlink -f /bin)/$P-nothing' is missing" "$stderr"
}

@test "prep -n says what is missing and makes nothing" {
	usual
	run_x 1 d prep -n "$N"
	expect "data' is missing" "$stderr"
	[ ! -e "$V" ]
}

@test "a link in a volume leads nowhere" {
	usual
	d prep "$N"
	rm -r "$V/data/sub"
	mkdir -m 700 "$ROOM/secret"
	ln -s "$ROOM/secret" "$V/data/sub"
	run_x 2 d prep -r "$N"
	expect "is a symbolic link" "$stderr"
	[ -z "$(ls "$ROOM/secret")" ]
	rm -r "$V/data"
	ln -s "$ROOM/secret" "$V/data"
	run ! d prep -r "$N"
	[ "$(what "$ROOM/secret")" = "directory 700 0:0" ]
}

@test "shift_uids and shift_gids" {
	printf 'mount_rw: [data:/data]\nshift_uids: 100000\nshift_gids: 200000\nvols: [{path: data, owner: user/app, group: group/app}]\n' |
		settings "$N"
	run_x 0 d prep "$N"
	[ "$(what "$V/data")" = "directory 755 100033:200044" ]
	rm -r "$V/data"
	# one alone leaves the other as the engine has it
	printf 'mount_rw: [data:/data]\nshift_uids: 100000\nvols: [{path: data, owner: user/app, group: group/app}]\n' |
		settings "$N"
	run_x 0 d prep "$N"
	[ "$(what "$V/data")" = "directory 755 100033:44" ]
}

@test "an owner of the host's, and one that doesn't exist" {
	printf 'vols: [{path: a, owner: root, group: "12"}]\n' | settings "$N"
	run_x 0 d prep "$N"
	[ "$(what "$V/a")" = "directory 755 0:12" ]
	printf 'vols: [{path: b, owner: user/nobodyatall}]\n' | settings "$N"
	run_x 2 d prep "$N"
	expect "the image has no user 'nobodyatall'" "$stderr"
	printf 'vols: [{path: b, owner: nobodyatall}]\n' | settings "$N"
	run_x 2 d prep "$N"
	expect "the host has no user 'nobodyatall'" "$stderr"
}

@test "a user namespace of podman's: owners are right inside" {
	requires join
	[ "$("$ENGINE_CMD" --which)" = podman ] || skip "this machine cannot: docker has one map for all"
	printf 'mount_rw: [data:/data]\nuser: "33:44"\nuserns: "b:0:300000:65536"\n' | settings "$N"
	run_x 0 d prep "$N"
	[ "$(what "$V/data")" = "directory 755 300033:300044" ]
	run_x 0 d up "$N"
	run_x 0 d e "$N" /svc write /data/file x
	[ "$(what "$V/data/file")" = "regular file 644 300033:300044" ]
	run_x 0 d down "$N"
}

@test "a source that should be there and isn't" {
	printf 'mount_ro: ["%s/nosuch:/x"]\n' "$ROOM" | settings "$N"
	run_x 2 d prep "$N"
	expect "the source of a mount" "$stderr"
	run ! d up "$N"
	[ ! -e "$ROOM/nosuch" ]
}

@test "a test instance has volumes of its own, which go with it" {
	usual
	d prep "$N"
	echo production >"$V/data/file"
	run_x 0 d run -T "$N"
	eval "$output"
	[ "$(what "$INSTANCE_VOLUMES/data")" = "directory 750 33:44" ]
	[ ! -e "$INSTANCE_VOLUMES/data/file" ]
	[ "$INSTANCE_VOLUMES" != "$V" ]
	run_x 0 d stop -T "$N"
	[ ! -e "$INSTANCE_VOLUMES" ]
	[ "$(cat "$V/data/file")" = production ]
}

@test "filewatch: its settings, its volumes, its page" {
	image_id "$(live filewatch)" || skip "this machine cannot: no filewatch image yet (make install)"
	mkdir -p "$WHITTLE_CONTAINERS/${P}fw"
	port=$(free_port)
	sed "s/ 8080:8080/ $port:8080/" "$TOP/containers/filewatch/settings.yaml" >"$WHITTLE_CONTAINERS/${P}fw/settings.yaml"
	cp "$TOP/containers/filewatch/seccomp.json" "$WHITTLE_CONTAINERS/${P}fw/"
	echo 'image: filewatch' >>"$WHITTLE_CONTAINERS/${P}fw/settings.yaml"
	run_x 0 d up "${P}fw"
	run_x 0 curl -s "http://127.0.0.1:$port/"
	expect "<html"
	run_x 0 d scan "${P}fw"
	run_x 0 d plan "${P}fw"
	run_x 0 d down "${P}fw"
	rm -r "$WHITTLE_CONTAINERS/${P}fw"
}

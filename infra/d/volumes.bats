# What mounts and vols need on the host: made once, right, and never touched again.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	requires root
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

@test "prep makes folders and files, with the image's accounts" {
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

@test "make prep in a container's folder does the same" {
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
	[ "$(cat "$V/conf/app.conf")" = mine ]
	rm "$V/conf/app.conf"
	mkdir "$V/conf/app.conf"
	run_x 1 d prep -r "$N"
	expect "is no file" "$stderr"
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
	expect "is a link" "$stderr"
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
	echo 'image: filewatch' >>"$WHITTLE_CONTAINERS/${P}fw/settings.yaml"
	run_x 0 d up "${P}fw"
	run_x 0 curl -s "http://127.0.0.1:$port/"
	expect "<html"
	run_x 0 d scan "${P}fw"
	run_x 0 d plan "${P}fw"
	run_x 0 d down "${P}fw"
	rm -r "$WHITTLE_CONTAINERS/${P}fw"
}

# What changed in a running container, found in its upper layer.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

# A container that can be changed, by root inside.
loose() {
	printf 'read_only: false\ncaps: [DAC_OVERRIDE]\ntmpfs: [/tmp]\n'
}

setup_file() {
	! in_chroot || return 0
	file_requires root engine || return 0
	fixture
	container "${P}box" shell
	mkdir -p "$WHITTLE_CONTAINERS/${P}box/files/opt"
	echo one >"$WHITTLE_CONTAINERS/${P}box/files/opt/a"
	echo two >"$WHITTLE_CONTAINERS/${P}box/files/opt/b"
	loose | settings "${P}box"
	container "${P}web"
	d b -ts "${P}box" "${P}web"
}

teardown_file() {
	fixture_remove
}

setup() {
	requires join
	N=${P}box
	loose | settings "$N"
	d R "$N" >/dev/null
}

# inside WORD…: as root inside, who may write there.
inside() {
	d e0 "$N" /svc "$@"
}

@test "nothing changed: nothing is told, engines' own files are known" {
	run_x 0 d scan "$N"
	[ -z "$output" ]
	run_x 0 d up "${P}web"
	run_x 0 d scan
	[ -z "$output" ]
}

@test "added, changed, removed, modes, programs" {
	inside write /new.txt hello
	inside write /bin/evil x
	inside chmod 4755 /bin/evil
	inside write /opt/a other
	inside chmod 600 /opt/b
	inside rm /etc/group
	inside mkdir /opt/deep
	run_x 1 d scan "$N"
	expect "$N: added        /bin/evil  (file 4755, executable, setuid or setgid)"
	expect "$N: added        /new.txt  (file 0644)"
	expect "$N: changed      /opt/a  (file 0644)"
	expect "$N: mode         /opt/b  (file 0600)"
	expect "$N: removed      /etc/group"
	expect "$N: added        /opt/deep  (directory 0755)"
	[ "${#lines[@]}" -eq 6 ]
	run_x 0 d why "$N"
	expect "6 changes"
}

@test "a file written with the bytes that it had isn't a change" {
	inside write /opt/a "one
"
	run_x 0 d scan "$N"
}

@test "marks that a container sets itself hide nothing" {
	inside write /opt/a "two
" # as long as before
	inside setxattr /opt/a user.overlay.metacopy x || skip "this machine cannot: no attributes of users on the store's file system"
	inside mkdir /opt/deep
	inside setxattr /opt user.overlay.opaque y
	run_x 1 d scan "$N"
	expect "changed      /opt/a"
	expect "added        /opt/deep"
	refute removed
}

@test "a directory removed and made anew" {
	inside rm /opt/a
	inside rm /opt/b
	inside rm /opt
	inside mkdir /opt
	inside write /opt/b two
	run_x 1 d scan "$N"
	expect "removed      /opt/a"
	expect "changed      /opt/b"
	refute "/opt  "
}

@test "allowed and ignored patterns; --learn proposes some that work" {
	for i in 1 2 3 4 5; do
		inside write "/opt/log.$i" x
	done
	inside write /etc/one x
	printf '%s\nscan: {allow: ["/opt/log.?"]}\n' "$(loose)" | settings "$N"
	run_x 1 d scan "$N"
	expect /etc/one
	refute /opt
	run_x 0 d cowscan --ignore "/etc/*" "$N"
	run_x 1 d scan --ignore "/et?" "$N"
	loose | settings "$N"
	run_x 1 d scan --learn "$N"
	expect '"/opt/**"'
	expect '"/etc/one"'
	{
		loose
		echo "$output"
	} | settings "$N"
	run_x 0 d scan "$N"
}

@test "as JSON; odd names can't forge a line" {
	inside write $'/a\n'"$N: added x" x
	run_x 1 d scan "$N"
	[ "${#lines[@]}" -eq 1 ]
	run_x 1 d scan --json "$N"
	jq -e 'length == 1 and .[0].change == "added" and (.[0].path | startswith("/a\n"))' <<<"$output"
	run_x 0 d scan --json "${P}web"
	jq -e 'length == 0' <<<"$output"
}

@test "--rm removes what was added" {
	inside mkdir /opt/deep
	inside write /opt/deep/file x
	run_x 1 d scan --rm "$N"
	run_x 0 d scan "$N"
}

@test "a read-only container is scanned as well, and no canary stays behind" {
	run_x 0 d up "${P}web"
	run_x 0 d scan "${P}web"
	upper=$(d cow "${P}web")
	[ -z "$(find "$upper" -name '.whittle*')" ]
	echo x >"$upper/svc2"
	run_x 1 d scan "${P}web"
	expect "/svc2"
	rm "$upper/svc2"
	touch "$upper/.whittle-canary-1-1"
	run_x 0 d scan "${P}web"
	[ ! -e "$upper/.whittle-canary-1-1" ]
}

@test "the image itself is verified against pack's manifest, whatever is allowed" {
	W=${P}whole
	container "$W"
	printf 'include %s/etc/Makefile-docker\n' "$TOP" >"$WHITTLE_CONTAINERS/$W/Makefile"
	run_x 0 d b -ts "$W"
	run_x 0 d up "$W"
	run_x 0 d scan "$W"
	layer=$(engine image inspect -f '{{.GraphDriver.Data.UpperDir}}' "$(live "$W")")
	# docker's containerd store doesn't say where it is; the mount of what runs does.
	[ -d "$layer" ] || layer=$(awk '$2 == "/" { print $4 }' "/proc/$(d pid "$W")/mounts" |
		tr ',' '\n' | sed -n 's/^lowerdir=//p' | tr ':' '\n' | tail -n 1)
	echo other >"$layer/name"
	touch "$layer/more"
	echo 'scan: {allow: ["/**"]}' | settings "$W"
	run_x 1 d scan "$W"
	[ "$output" = "$W: tampered     /more
$W: tampered     /name" ]
	run_x 1 d scan --json "$W"
	jq -e 'map(.change + .path) == ["tampered/more", "tampered/name"]' <<<"$output"
	run_x 0 d down "$W"
}

@test "a scan that doesn't see what is written says so" {
	mkdir -p "$ROOM/empty"
	upper=$(d cow "$N")
	# shellcheck disable=SC2016
	run_x 2 unshare -m sh -c 'mount --bind "$1" "$2" && exec "$3" scan "$4"' - "$ROOM/empty" "$upper" "$D" "$N"
	expect "its result is void" "$stderr"
}

@test "what doesn't run can't be scanned" {
	run_x 0 d down "${P}web"
	run_x 2 d scan "${P}web"
	expect "doesn't run" "$stderr"
	run_x 0 d scan
}

#!/usr/bin/env bats
# Maps and ids, lint, setup, check, mount.

load ../../tests/helpers

setup() {
	export WHITTLE_STATE=$BATS_TEST_TMPDIR/state
	MAP=0:100000:65536
	ROOT=$BATS_TEST_TMPDIR/root
	mkdir -p "$ROOT/etc/docker" "$ROOT/usr/bin"
	cat >"$ROOT/etc/passwd" <<-'EOT'
		root:x:0:0::/root:/bin/sh
		nobody:x:65534:65534::/:/bin/false
		alice:x:1000:1000::/home/alice:/bin/sh
		bob:x:1001:1001::/home/bob:/bin/sh
		dockremap:x:995:995::/:/bin/false
	EOT
	cat >"$ROOT/etc/group" <<-'EOT'
		root:x:0:
		alice:x:1000:
		bob:x:1001:
		dockremap:x:995:
	EOT
	echo alice:100000:65536 | tee "$ROOT/etc/subuid" >"$ROOT/etc/subgid"
	echo dockremap:200000:65536 | tee -a "$ROOT/etc/subuid" >>"$ROOT/etc/subgid"
	touch "$ROOT/usr/bin/newuidmap" "$ROOT/usr/bin/newgidmap"
	chmod u+s "$ROOT/usr/bin/newuidmap" "$ROOT/usr/bin/newgidmap"
}

teardown() {
	stop_all
	! mountpoint -q "$BATS_TEST_TMPDIR/mapped" || umount "$BATS_TEST_TMPDIR/mapped"
	! mountpoint -q "$BATS_TEST_TMPDIR/tmpfs" || umount "$BATS_TEST_TMPDIR/tmpfs"
	! mountpoint -q "$BATS_TEST_TMPDIR/ext4" || umount "$BATS_TEST_TMPDIR/ext4"
}

# --- the command line ---

@test "help, and calls that are wrong" {
	run_x 0 "$IDMAP" --help
	expect "unshift"
	run_x 0 "$IDMAP" shift --help
	expect "--unmapped"
	run_x 2 "$IDMAP"
	run_x 2 "$IDMAP" nonsense
	expect "idmap: no verb 'nonsense'" "$stderr"
	run_x 2 "$IDMAP" show
	expect "--map is required" "$stderr"
	run_x 2 "$IDMAP" show --map 0:1
	expect "want [u:|g:|b:]INSIDE:OUTSIDE:COUNT" "$stderr"
	run_x 2 "$IDMAP" show --map "$MAP" extra
	run_x 2 "$IDMAP" check --map "$MAP"
	run_x 2 "$IDMAP" shift --undo -n x
	run_x 2 "$IDMAP" shift "$BATS_TEST_TMPDIR"
	expect "--map is required" "$stderr"
	run_x 2 "$IDMAP" shift --map "$MAP" /
	expect "refusing to shift" "$stderr"
}

@test "show prints a map as it was given, and as JSON" {
	run_x 0 "$IDMAP" show --map b:0:100000:65536
	[ "$output" = b:0:100000:65536 ]
	run_x 0 "$IDMAP" show --map u:0:1000:1,u:1:100000:65536,g:0:5:1 --json
	[ "$(jq -c '[.uid[1].outside, .gid[0].inside, (.uid | length)]' <<<"$output")" = '[100000,0,2]' ]
}

@test "show follows the host's files, by the rules of each engine" {
	while IFS='|' read -r map want; do
		# shellcheck disable=SC2086 # options
		run_x 0 "$IDMAP" show -R "$ROOT" --map $map
		[ "$output" = "$want" ] || {
			echo "$map: got $output, wanted $want" >&2
			return 1
		}
	done <<-EOT
		subid:alice|b:0:100000:65536
		subid:1000|b:0:100000:65536
		rootless:alice|b:0:1000:1,b:1:100000:65536
		rootless:bob|b:0:1001:1
		docker|b:0:0:4294967295
		docker:default|b:0:200000:65536
		docker:alice:bob|b:0:100000:65536
		podman|b:0:0:4294967295
		podman:keep-id --user alice|b:0:100000:1000,b:1000:1000:1,b:1001:101000:64536
		podman:nomap --user alice|b:0:100000:65536
		podman --user alice|b:0:1000:1,b:1:100000:65536
		podman --user alice --uidmap 0:1:5|b:0:100000:5
	EOT
	echo '{ "userns-remap": "alice" }' >"$ROOT/etc/docker/daemon.json"
	run_x 0 "$IDMAP" show -R "$ROOT" --map docker
	[ "$output" = b:0:100000:65536 ]
	echo '{ "userns-remap": ' >"$ROOT/etc/docker/daemon.json"
	run_x 2 "$IDMAP" show -R "$ROOT" --map docker
	expect "daemon.json" "$stderr"
	run_x 2 "$IDMAP" show -R "$ROOT" --map docker:bob
	expect "'bob' has no range in /etc/subuid: idmap setup docker gives one" "$stderr"
	echo bob:1 >>"$ROOT/etc/subuid"
	run_x 2 "$IDMAP" show -R "$ROOT" --map subid:alice
	expect "/etc/subuid:3: want OWNER:FIRST:COUNT" "$stderr"
}

@test "without --map it is what a container gets that asks for nothing" {
	requires root command:setpriv
	echo '{ "userns-remap": "default" }' >"$ROOT/etc/docker/daemon.json"
	run_x 0 "$IDMAP" out -R "$ROOT" 33
	[ "$output" = 200033 ]
	chmod -R go+rX "$ROOT"
	exec 5<"$ROOT" # the user can't get there by its path
	run_x 0 setpriv --reuid 1000 --regid 1000 --clear-groups "$IDMAP" in -R /proc/self/fd/5 1000 100032
	[ "$output" = $'0\n33' ]
	exec 5<&-
	run_x 2 "$IDMAP" mount "$ROOT" "$ROOT"
	expect "--map is required" "$stderr"
}

@test "show reads a process's map" {
	run_x 0 "$IDMAP" show --map pid:$$
	[ "$output" = b:0:0:4294967295 ]
	run_x 2 "$IDMAP" show --map pid:nobody
}

@test "out and in translate, with names from a passwd file" {
	run_x 0 "$IDMAP" out 33 0 65535 --map "$MAP"
	[ "$output" = $'100033\n100000\n165535' ]
	run_x 0 "$IDMAP" in --map "$MAP" 100033 165535
	[ "$output" = $'33\n65535' ]
	run_x 1 "$IDMAP" in --map "$MAP" 33 100000
	[ "$output" = $'-\n0' ]
	run_x 1 "$IDMAP" out --map "$MAP" 65536
	[ "$output" = - ]
	run_x 0 "$IDMAP" out --map "$MAP" --passwd "$ROOT/etc/passwd" alice 5
	[ "$output" = $'101000\n100005' ]
	run_x 0 "$IDMAP" in --map "$MAP" --passwd "$ROOT/etc/passwd" 101001 100005
	[ "$output" = $'1001 bob\n5' ]
	run_x 0 "$IDMAP" out -g --map u:0:5:1,g:0:7:9 --group "$ROOT/etc/group" 3
	[ "$output" = 10 ]
	run_x 2 "$IDMAP" out --map "$MAP" nobody-knows
	expect "no id 'nobody-knows'" "$stderr"
	run_x 2 "$IDMAP" in --map "$MAP" 4294967295
}

@test "explain says in words who is who" {
	run_x 0 "$IDMAP" explain -R "$ROOT" --map rootless:alice --passwd "$ROOT/etc/passwd" \
		--group "$ROOT/etc/group" --service bob
	expect "root: user root (0) inside is alice (1000) outside"
	expect "the service: user bob (1001) inside is 101000 outside, whom no account of the host has"
	expect "the service: group bob (1001) inside is 101000 outside"
	expect "65537 user ids"
	run_x 0 "$IDMAP" explain -R "$ROOT" --map docker
	expect "There is no user namespace"
	run_x 0 "$IDMAP" explain -R "$ROOT" --map 5:100005:1 --service 7:5
	expect "root: user 0 inside has no id outside"
	expect "the service: user 7 inside has no id outside"
	expect "the service: group 5 inside is 100005"
	run_x 2 "$IDMAP" explain -R "$ROOT" --map "$MAP" --service carol
	expect "no user 'carol' inside" "$stderr"
}

# --- lint ---

@test "lint finds nothing wrong with a good host" {
	run_x 0 "$IDMAP" lint -R "$ROOT"
	[ -z "$output" ]
	run_x 0 "$IDMAP" lint -R "$ROOT" --json
	[ "$output" = '[]' ]
}

# One mistake a line: what is appended to which file, then what lint says.
@test "lint finds each mistake" {
	while IFS='|' read -r file text want; do
		cp -a "$ROOT" "$ROOT.bad"
		case $file in
		-*) rm "$ROOT.bad/${file#-}" ;;
		+*) chmod "$text" "$ROOT.bad/${file#+}" ;;
		*) echo "$text" >>"$ROOT.bad/$file" ;;
		esac
		run_x 1 "$IDMAP" lint -R "$ROOT.bad"
		expect "$want"
		rm -r "$ROOT.bad"
	done <<-'EOT'
		etc/subuid|bob:165535:10|/etc/subuid:3: the range of 'bob' overlaps that of 'alice' in line 1
		etc/subuid|alice:165535:10|/etc/subuid:3: the range of 'alice' overlaps that of 'alice' in line 1
		etc/subgid|bob:99999:2|/etc/subgid:1: the range of 'alice' overlaps that of 'bob' in line 3
		etc/passwd|carol:x:100500:1::/:/bin/sh|/etc/subuid:1: the range of 'alice' holds the id of the user 'carol', 100500
		etc/group|crew:x:165535:|/etc/subgid:1: the range of 'alice' holds the id of the group 'crew', 165535
		etc/subuid|bob:1001:1|/etc/subuid:3: the range of 'bob' holds the own id of 'bob', 1001
		etc/subuid|bob:65000:1000|/etc/subuid:3: the range of 'bob' holds 65534
		etc/subuid|bob:300000:65536|/etc/subuid:3: 'bob' has no range in /etc/subgid
		etc/subgid|bob:300000:65536|/etc/subgid:3: 'bob' has no range in /etc/subuid
		etc/subuid|bob:300000:1000|/etc/subuid:3: 'bob' has 1001 ids
		etc/subuid|carol:300000:65536|/etc/subuid:3: 'carol' is no user
		etc/subuid|4711:300000:65536|/etc/subuid:3: '4711' is no user
		etc/subuid|995:300000:65536|/etc/subuid:2: 'dockremap' has lines by number too: docker would not see this one
		etc/subuid|bob 300000 65536|/etc/subuid:3: want OWNER:FIRST:COUNT
		etc/subuid|bob:4294967290:6|/etc/subuid:3: an id beyond 4294967294
		etc/docker/daemon.json|{"userns-remap": "bob"}|/etc/docker/daemon.json: userns-remap 'bob': 'bob' has no range
		etc/docker/daemon.json|{"userns-remap": |/etc/docker/daemon.json:2:
		etc/nsswitch.conf|subid:  sss|/etc/nsswitch.conf:1: ids come from 'sss'
		-usr/bin/newuidmap||/usr/bin/newuidmap: isn't there
		-etc/subgid||/etc/subgid: can't be read
		+usr/bin/newgidmap|0755|/usr/bin/newgidmap: is neither setuid root
	EOT
}

@test "lint takes file capabilities of newuidmap for its privilege" {
	requires root command:setcap
	chmod 0755 "$ROOT/usr/bin/newuidmap"
	setcap cap_setuid+ep "$ROOT/usr/bin/newuidmap" 2>/dev/null ||
		skip "this machine cannot: no file capabilities in $ROOT"
	run_x 0 "$IDMAP" lint -R "$ROOT"
	setcap cap_setgid+ep "$ROOT/usr/bin/newuidmap"
	run_x 1 "$IDMAP" lint -R "$ROOT"
	expect "cap_setuid"
}

@test "lint --need, and names that would drive a terminal" {
	run_x 1 "$IDMAP" lint -R "$ROOT" --need 70000
	expect "'alice' has 65537 ids, a container needs 70000"
	printf '\033[2J:300000:65536\n' >>"$ROOT/etc/subuid"
	run_x 1 "$IDMAP" lint -R "$ROOT"
	refute $'\033'
	run_x 1 "$IDMAP" lint -R "$ROOT" --json
	jq -e '.[] | select(.line == 3)' <<<"$output" >/dev/null
}

# --- setup ---

@test "setup gives a free range, and --undo takes it back to the byte" {
	cp -a "$ROOT/etc" "$BATS_TEST_TMPDIR/before"
	run_x 0 "$IDMAP" setup bob -n -R "$ROOT"
	[ "$output" = $'/etc/subuid: +bob:265536:65536\n/etc/subgid: +bob:265536:65536' ]
	diff -r "$ROOT/etc" "$BATS_TEST_TMPDIR/before"
	run_x 2 "$IDMAP" setup bob -R "$ROOT" </dev/null
	expect "use --yes" "$stderr"
	diff -r "$ROOT/etc" "$BATS_TEST_TMPDIR/before"
	chmod 0640 "$ROOT/etc/subuid"
	run_x 0 "$IDMAP" setup bob --yes -R "$ROOT"
	[ "$(tail -n 1 "$ROOT/etc/subuid")" = bob:265536:65536 ]
	[ "$(tail -n 1 "$ROOT/etc/subgid")" = bob:265536:65536 ]
	[ "$(stat -c %a "$ROOT/etc/subuid")" = 640 ]
	cmp "$ROOT/etc/subuid-" "$BATS_TEST_TMPDIR/before/subuid"
	run_x 0 "$IDMAP" lint -R "$ROOT"
	run_x 0 "$IDMAP" setup bob --yes -R "$ROOT"
	expect "nothing to do"
	run_x 0 "$IDMAP" setup --undo bob -y -R "$ROOT"
	cmp "$ROOT/etc/subuid" "$BATS_TEST_TMPDIR/before/subuid"
	cmp "$ROOT/etc/subgid" "$BATS_TEST_TMPDIR/before/subgid"
	run_x 1 "$IDMAP" setup --undo bob -y -R "$ROOT"
	expect "nothing to undo" "$stderr"
	run_x 2 "$IDMAP" setup carol -y -R "$ROOT"
	expect "no user 'carol'" "$stderr"
	# nobody's account, but podman's
	run_x 0 "$IDMAP" setup containers --size 1000000 -y -R "$ROOT"
	run_x 0 "$IDMAP" lint -R "$ROOT"
	run_x 0 "$IDMAP" show --map podman:auto:size=5000 -R "$ROOT"
}

@test "setup keeps clear of accounts and ranges, obeys login.defs, fills up what lacks" {
	echo carol:x:270000:270000::/:/bin/sh >>"$ROOT/etc/passwd"
	run_x 0 "$IDMAP" setup bob -n -R "$ROOT"
	expect "+bob:270001:65536"
	printf 'SUB_UID_MIN\t\t1000000\n' >"$ROOT/etc/login.defs"
	run_x 0 "$IDMAP" setup bob -n -R "$ROOT" --size 1000
	expect "+bob:1000000:1000"
	printf 'SUB_UID_MAX 1000500\n' >>"$ROOT/etc/login.defs"
	run_x 2 "$IDMAP" setup bob -n -R "$ROOT" --size 1000
	expect "no contiguous range of 1000 ids is free" "$stderr"
	rm "$ROOT/etc/login.defs"
	run_x 0 "$IDMAP" setup alice -y -R "$ROOT" --size 70000
	expect "+alice:165536:4464"
	run_x 0 "$IDMAP" show -R "$ROOT" --map subid:alice
	[ "$output" = b:0:100000:65536,b:65536:165536:4464 ] || [ "$output" = b:0:100000:70000 ]
	echo bob:5000000:65536 >>"$ROOT/etc/subuid"
	run_x 0 "$IDMAP" setup bob -n -R "$ROOT"
	[ "$output" = "/etc/subgid: +bob:5000000:65536" ]
	echo carol:5000100:10 >>"$ROOT/etc/subgid"
	run_x 0 "$IDMAP" setup bob -n -R "$ROOT"
	[ "$output" = "/etc/subgid: +bob:270001:65536" ]
}

@test "setup docker leaves the rest of daemon.json as it is" {
	local before=$'{\n\t"log-driver":   "json-file",  "debug":false }\n'
	sed -i /dockremap/d "$ROOT/etc/subuid" "$ROOT/etc/subgid"
	printf %s "$before" >"$ROOT/etc/docker/daemon.json"
	run_x 0 "$IDMAP" setup docker -y -R "$ROOT"
	expect '/etc/docker/daemon.json: +"userns-remap": "default"'
	expect "restarted"
	[ "$(jq -c . "$ROOT/etc/docker/daemon.json")" = \
		'{"userns-remap":"default","log-driver":"json-file","debug":false}' ]
	expect $'"log-driver":   "json-file",  "debug":false }' "$(cat "$ROOT/etc/docker/daemon.json")"
	run_x 0 "$IDMAP" show -R "$ROOT" --map docker
	[ "$output" = b:0:165536:65536 ]
	run_x 0 "$IDMAP" setup docker --undo -y -R "$ROOT"
	printf %s "$before" | cmp - "$ROOT/etc/docker/daemon.json"
	run ! grep -q dockremap "$ROOT/etc/subuid" "$ROOT/etc/subgid"

	# a daemon.json that somebody wrote since keeps what they wrote
	run_x 0 "$IDMAP" setup docker -y -R "$ROOT"
	jq '.debug = true' "$ROOT/etc/docker/daemon.json" >"$BATS_TEST_TMPDIR/new"
	cp "$BATS_TEST_TMPDIR/new" "$ROOT/etc/docker/daemon.json"
	run_x 0 "$IDMAP" setup docker --undo -y -R "$ROOT"
	[ "$(jq -c . "$ROOT/etc/docker/daemon.json")" = '{"log-driver":"json-file","debug":true}' ]

	# one that can't be understood: nothing is taken back
	run_x 0 "$IDMAP" setup docker -y -R "$ROOT"
	cp "$ROOT/etc/docker/daemon.json" "$BATS_TEST_TMPDIR/good"
	echo '{' >"$ROOT/etc/docker/daemon.json"
	run_x 2 "$IDMAP" setup docker --undo -y -R "$ROOT"
	expect "/etc/docker/daemon.json:" "$stderr"
	grep -q dockremap "$ROOT/etc/subuid"
	cp "$BATS_TEST_TMPDIR/good" "$ROOT/etc/docker/daemon.json"
	run_x 0 "$IDMAP" setup docker --undo -y -R "$ROOT"
	run ! grep -q dockremap "$ROOT/etc/subuid"

	# none there, and none afterwards
	rm -r "$ROOT/etc/docker"
	run_x 0 "$IDMAP" setup docker -y -R "$ROOT"
	[ "$(jq -r '."userns-remap"' "$ROOT/etc/docker/daemon.json")" = default ]
	run_x 0 "$IDMAP" setup docker --undo -y -R "$ROOT"
	[ ! -e "$ROOT/etc/docker/daemon.json" ]

	# who was chosen already gets the range
	echo '{"userns-remap": "bob"}' >"$ROOT/etc/docker/daemon.json"
	run_x 0 "$IDMAP" setup docker -y -R "$ROOT"
	grep -q ^bob: "$ROOT/etc/subuid"
	[ "$(cat "$ROOT/etc/docker/daemon.json")" = '{"userns-remap": "bob"}' ]
}

@test "setup respects the locks of shadow's tools, and takes over dead ones" {
	echo $$ >"$ROOT/etc/subuid.lock"
	run_x 2 "$IDMAP" setup bob -y -R "$ROOT"
	expect "'/etc/subuid' is locked by process $$" "$stderr"
	run ! grep -q bob "$ROOT/etc/subuid"
	bash -c 'echo $$' >"$ROOT/etc/subuid.lock"
	run_x 0 "$IDMAP" setup bob -y -R "$ROOT"
	[ ! -e "$ROOT/etc/subuid.lock" ]
	ls "$ROOT"/etc/sub* | diff - <(printf "$ROOT/etc/%s\n" subgid subgid- subuid subuid-)
	# one that has ended, and that nobody has waited for, is dead as well
	bash -c 'sleep 0.3 & echo $! >"$0"; exec sleep 60' "$ROOT/etc/subuid.lock" 3>&- &
	wait_until 5 zombie
	run_x 0 "$IDMAP" setup bob --undo -y -R "$ROOT"
	kill $!
}

# Whether the process that the lock names is a zombie.
zombie() {
	grep -q '^State:.Z' "/proc/$(cat "$ROOT/etc/subuid.lock")/status"
}

@test "setup refuses a subuid that is a link" {
	mv "$ROOT/etc/subuid" "$ROOT/etc/elsewhere"
	ln -s elsewhere "$ROOT/etc/subuid"
	run_x 2 "$IDMAP" setup bob -y -R "$ROOT"
	[ -L "$ROOT/etc/subuid" ]
	run ! grep -q bob "$ROOT/etc/elsewhere"
}

@test "many setups at once give everybody a range of their own" {
	local i pids=()
	for i in {1..12}; do
		echo "u$i:x:$((2000 + i)):1::/:/bin/sh" >>"$ROOT/etc/passwd"
	done
	for i in {1..12}; do
		"$IDMAP" setup "u$i" -y -R "$ROOT" >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}"
	run_x 0 "$IDMAP" lint -R "$ROOT"
	[ "$(grep -c ^u "$ROOT/etc/subuid")" -eq 12 ]
}

@test "setup killed at random moments leaves whole files, and can be run again" {
	local i rounds=$((${KILLS:-50} / 2))
	cp -a "$ROOT/etc" "$BATS_TEST_TMPDIR/before"
	for ((i = 0; i < rounds; i++)); do
		timeout -s KILL "0.00$((RANDOM % 9))$((RANDOM % 9))" "$IDMAP" setup bob -y -R "$ROOT" \
			>/dev/null 2>&1 || :
		head -n 2 "$ROOT/etc/subuid" | cmp - "$BATS_TEST_TMPDIR/before/subuid"
		[ "$(grep -c ^bob "$ROOT/etc/subuid")" -le 1 ]
		[ $((i % 4)) -ne 3 ] || "$IDMAP" setup --undo bob -y -R "$ROOT" >/dev/null 2>&1 || :
	done
	run_x 0 "$IDMAP" setup bob -y -R "$ROOT"
	run_x 0 "$IDMAP" lint -R "$ROOT"
	[ "$(tail -n 1 "$ROOT/etc/subuid")" = "$(tail -n 1 "$ROOT/etc/subgid")" ]
	run_x 0 "$IDMAP" setup --undo bob -y -R "$ROOT"
	cmp "$ROOT/etc/subuid" "$BATS_TEST_TMPDIR/before/subuid"
	cmp "$ROOT/etc/subgid" "$BATS_TEST_TMPDIR/before/subgid"
}

# The real thing: what newuidmap grants, and what usermod wrote, in an /etc of the test's own.
@test "what setup gave, newuidmap grants" {
	requires root userns command:newuidmap command:setpriv
	cp -a /etc "$BATS_TEST_TMPDIR/etc"
	cat >"$BATS_TEST_TMPDIR/inside" <<-'EOT'
		set -eu
		mount --bind "$1/etc" /etc
		echo idmapper:x:4711:4711::/:/bin/sh >>/etc/passwd
		echo idmapper:x:4711: >>/etc/group
		usermod --add-subuids 900000-900009 --add-subgids 900000-900009 idmapper
		"$IDMAP" setup idmapper --size 1000 -y >/dev/null
		want=$("$IDMAP" show --map rootless:idmapper --json)
		got=$(setpriv --reuid 4711 --regid 4711 --clear-groups unshare --user sh -c '
			echo $$ >&3
			read -r _
			cat /proc/self/uid_map' 3>"$1/pid" <"$1/go" & 
			exec 4>"$1/go"
			while ! [ -s "$1/pid" ]; do kill -0 $!; sleep 0.01; done
			pid=$(cat "$1/pid")
			args=$(echo "$want" | jq -r ".uid[] | \"\(.inside) \(.outside) \(.count)\"")
			setpriv --reuid 4711 --regid 4711 --clear-groups newuidmap $pid $args
			echo >&4
			wait)
		[ "$(echo "$got" | awk '{ print $1, $2, $3 }')" = "$(echo "$want" |
			jq -r '.uid[] | "\(.inside) \(.outside) \(.count)"')" ]
		[ "$(echo "$got" | wc -l)" -eq 3 ]
	EOT
	mkfifo "$BATS_TEST_TMPDIR/go"
	run_x 0 unshare --mount --propagation private bash "$BATS_TEST_TMPDIR/inside" "$BATS_TEST_TMPDIR"
}

# --- check ---

@test "check sorts inodes by where their ids stand" {
	requires root
	local t=$BATS_TEST_TMPDIR/tree
	mkdir "$t"
	touch "$t"/{inside,unshifted,twice,foreign,mixed} "$t"/$'odd\n\033name'
	chown 100000:100000 "$t"
	chown 100033:165535 "$t/inside"
	chown 33:34 "$t/unshifted"
	chown 200000:200033 "$t/twice"
	chown 70000:400000 "$t/foreign" "$t"/odd*
	chown 100033:33 "$t/mixed"
	run_x 1 "$IDMAP" check "$t" --map "$MAP" --json
	[ "$(jq -c .counts <<<"$output")" = '{"inside":2,"unshifted":1,"twice":1,"foreign":2,"mixed":1}' ]
	[ "$(jq -c '.examples.mixed' <<<"$output")" = '[{"path":"mixed","uid":100033,"gid":33}]' ]
	[ "$(jq -r .good <<<"$output")" = false ]
	run_x 1 "$IDMAP" check "$t" --map "$MAP"
	expect "shifted twice"
	expect "200000:200033  twice"
	refute $'\033'
	rm "$t"/[!i]*
	run_x 0 "$IDMAP" check "$t" --map "$MAP"
	[ "$output" = "         2  inside the map" ]
	run_x 2 "$IDMAP" check "$t/none" --map "$MAP"
}

@test "check calls an inode mixed whose ACL or capability stayed behind" {
	requires root command:setfacl command:setcap
	local t=$BATS_TEST_TMPDIR/tree
	mkdir "$t"
	cp /bin/true "$t/cap"
	touch "$t/acl" "$t/good"
	chown -R 100000:100000 "$t"
	setfacl -m u:100033:r "$t/good" 2>/dev/null || skip "this machine cannot: no ACLs in $t"
	run_x 0 "$IDMAP" check "$t" --map "$MAP"
	setfacl -m u:33:r "$t/acl"
	setcap cap_net_raw+ep "$t/cap"
	run_x 1 "$IDMAP" check "$t" --map "$MAP" --json
	[ "$(jq -c '[.counts.mixed, .counts.inside]' <<<"$output")" = '[2,2]' ]
	[ "$(jq -c '[.examples.mixed[].path] | sort' <<<"$output")" = '["acl","cap"]' ]
}

@test "an id that a user namespace has no name for is foreign, not nobody's" {
	requires root userns
	local t=$BATS_TEST_TMPDIR/tree
	mkdir "$t"
	touch "$t/other"
	chown 5000 "$t/other"
	run_x 1 unshare --user --map-root-user "$IDMAP" check "$t" --map 0:100000:65536 --json
	[ "$(jq -c '[.counts.foreign, .counts.unshifted, .counts.mixed]' <<<"$output")" = '[0,1,1]' ]
	chown 65534 "$t/other"
	run_x 1 "$IDMAP" check "$t" --map 0:100000:65536 --json
	[ "$(jq -c .counts.unshifted <<<"$output")" = 2 ]
}

# --- mount and doctor ---

need_idmapped_mounts() {
	"$IDMAP" doctor "$1" >/dev/null || skip "this machine cannot: no mounts with a map on $2"
}

try_mount() {
	local from=$1 to=$BATS_TEST_TMPDIR/mapped
	mkdir -p "$from/d" "$to"
	echo text >"$from/d/file"
	chown 33:34 "$from/d/file"
	chown 5:6 "$from/d"
	run_x 0 "$IDMAP" mount "$from" "$to" --map "$MAP"
	[ "$(stat -c %u:%g "$to/d/file")" = 100033:100034 ]
	[ "$(stat -c %u:%g "$from/d/file")" = 33:34 ]
	run_x 0 "$IDMAP" check "$to" --map "$MAP"
	# who is 100005 outside writes as 5
	(cd "$to/d" && setpriv --reuid 100005 --regid 100006 --clear-groups touch new)
	[ "$(stat -c %u:%g "$from/d/new")" = 5:6 ]
	# it is in use now
	run_x 1 "$IDMAP" shift "$from" --map "$MAP"
	expect "it is mounted with a map at" "$stderr"
	run_x 1 "$IDMAP" unshift "$to" --map "$MAP" --busy
	expect "is an idmapped mount" "$stderr"
	umount "$to"
	run_x 0 "$IDMAP" shift -q "$from" --map "$MAP"
	[ "$(stat -c %u:%g "$from/d/new")" = 100005:100006 ]
}

@test "mount with a map: ext4" {
	requires root command:mkfs.ext4
	truncate -s 16M "$BATS_TEST_TMPDIR/image"
	mkfs.ext4 -q "$BATS_TEST_TMPDIR/image"
	mkdir "$BATS_TEST_TMPDIR/ext4"
	mount -o loop "$BATS_TEST_TMPDIR/image" "$BATS_TEST_TMPDIR/ext4" 2>/dev/null ||
		skip "this machine cannot: no loop mounts"
	need_idmapped_mounts "$BATS_TEST_TMPDIR/ext4" ext4
	try_mount "$BATS_TEST_TMPDIR/ext4"
}

@test "mount with a map: tmpfs" {
	requires root
	mkdir "$BATS_TEST_TMPDIR/tmpfs"
	mount -t tmpfs none "$BATS_TEST_TMPDIR/tmpfs" || skip "this machine cannot: no tmpfs mounts"
	need_idmapped_mounts "$BATS_TEST_TMPDIR/tmpfs" tmpfs
	try_mount "$BATS_TEST_TMPDIR/tmpfs"
}

@test "mount says why not, and offers shift" {
	requires root userns
	mkdir "$BATS_TEST_TMPDIR/mapped"
	run_x 1 "$IDMAP" mount /proc/sys "$BATS_TEST_TMPDIR/mapped" --map "$MAP"
	expect "can't make an idmapped mount of '/proc/sys': proc can't be mounted with a map" "$stderr"
	expect "idmap shift --map b:0:100000:65536 '/proc/sys'" "$stderr"
	run ! mountpoint -q "$BATS_TEST_TMPDIR/mapped"
	run_x 2 "$IDMAP" mount "$BATS_TEST_TMPDIR/none" "$BATS_TEST_TMPDIR/mapped" --map "$MAP"
}

@test "doctor says which to use" {
	requires root
	run_x 1 "$IDMAP" doctor /proc/sys
	expect "Use idmap shift"
	run_x 1 "$IDMAP" doctor /proc/sys --json
	[ "$(jq -r '[.use, .file_system] | join(" ")' <<<"$output")" = "shift proc" ]
	need_idmapped_mounts "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR"
	run_x 0 "$IDMAP" doctor "$BATS_TEST_TMPDIR" --json
	[ "$(jq -r .use <<<"$output")" = mount ]
	mkdir "$BATS_TEST_TMPDIR/busy"
	start sh -c "exec sleep 60 >'$BATS_TEST_TMPDIR/busy/log'"
	wait_until 5 test -e "$BATS_TEST_TMPDIR/busy/log"
	run_x 0 "$IDMAP" doctor "$BATS_TEST_TMPDIR/busy"
	expect "process $started (sleep) has open"
}

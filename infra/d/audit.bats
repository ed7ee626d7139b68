#!/usr/bin/env bats
# d audit: the score, what is open by severity, waivers, what learning noted, what an image holds.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	! in_chroot || return 0
	file_requires engine || return 0
	fixture
	container "${P}web"
	d b -ts "${P}web"
}

teardown_file() {
	fixture_remove
}

setup() {
	requires join
	N=${P}web
	settings "$N" </dev/null
	rm -rf "$WHITTLE_STATE/learned"
	manifest ./svc:file:0755
	: >"$WHITTLE_CONTAINERS/$N/keep"
}

# manifest PATH:TYPE:MODE…: what pack would have written about the image.
manifest() {
	local id entry
	id=$(image_id "localhost/whittle/$N:live")
	mkdir -p "$WHITTLE_STATE/images/$N/${id#sha256:}"
	{
		echo '#mtree'
		for entry; do
			IFS=: read -r path type mode <<<"$entry"
			echo "$path type=$type mode=$mode uid=0 gid=0$([ "$type" != link ] || echo " link=x")"
		done
	} >"$WHITTLE_STATE/images/$N/${id#sha256:}/manifest.mtree"
}

# learned JSON: what the tests needed.
learned() {
	mkdir -p "$WHITTLE_STATE/learned"
	echo "{\"needed\":$1}" >"$WHITTLE_STATE/learned/$N.json"
}

# found SEVERITY KEY [TEXT]: it is open.
found() {
	jq -e --arg severity "$1" --arg key "$2" --arg text "${3:-}" \
		'.[0].findings[] | select(.severity == $severity and .key == $key and .waived == null and (.text | contains($text)))' \
		<<<"$output" >/dev/null || {
		printf 'not found: %s in:\n' "$*" >&2
		jq -r '.[0].findings[] | "\(.severity) \(.key) \(.text) \(.waived)"' <<<"$output" >&2
		return 1
	}
}

not_found() { # KEY
	[ "$(jq --arg key "$1" '[.[0].findings[] | select(.key == $key and .waived == null)] | length' <<<"$output")" -eq 0 ]
}

score() {
	jq '.[0].exposure' <<<"$output"
}

@test "settings that say nothing are tight but for what needs a choice; learning's word is missed" {
	run_x 1 d audit --json "$N"
	found medium seccomp
	found low tests "d learn"
	for key in user caps read_only no_new_privileges memory pids image:shell keep; do
		not_found "$key"
	done
	[ "$(jq '.[0].findings | map(select(.severity == "high")) | length' <<<"$output")" -eq 0 ]
	run_x 1 d audit "$N"
	expect "$N: "
	expect "of 10 exposed"
	# A list of what it needs, and one is missing.
	rm "$WHITTLE_CONTAINERS/$N/keep"
	run_x 1 d audit --json "$N"
	found low keep
}

@test "what is allowed weighs by how much it gives away, more where no test needed it" {
	mkdir -p "$ROOM/data"
	settings "$N" <<-EOT
		user: 0:0
		caps: [SYS_ADMIN, KILL, CHOWN]
		read_only: false
		no_new_privileges: false
		seccomp: unconfined
		memory: 0
		pids: 0
		tmpfs: [/tmp, {path: /run, exec: true}]
		mount_rw: ["/etc:/host/etc", "$ROOM/data:/data", "/run/docker.sock:/run/docker.sock"]
		mount_ro: ["$ROOM/data:/more"]
	EOT
	learned '{"caps":["CHOWN"],"user":null,"read_only":true,"tmpfs":[],"writable":["/data"],"ports":[]}'
	run_x 1 d audit --json "$N"
	[ "$(score)" = 10 ] || [ "$(score)" = 10.0 ]
	for key in user caps:SYS_ADMIN no_new_privileges seccomp mount_rw:/host/etc mount_rw:/run/docker.sock; do
		found high "$key"
	done
	found medium caps:KILL "no test needed it"
	found low caps:CHOWN
	found medium read_only "no test needed that"
	found medium memory
	found medium pids
	found medium tmpfs:/run "run from there"
	found low tmpfs:/tmp "no test needed it"
	found low mount_rw:/data
	found medium ports:8080/tcp
	not_found mount_ro:/more
	not_found tests
	# The worst comes first, and the rest can be left away.
	run_x 1 d audit --min high --json "$N"
	[ "$(jq -r '.[0].findings[].severity' <<<"$output" | sort -u)" = high ]
	run_x 2 d audit --min worst "$N"
	expect "want low, medium or high" "$stderr"
}

@test "waivers: one, all of a kind, one that is about nothing; status 0 once nothing is open" {
	learned '{"caps":["KILL"],"ports":["8080/tcp"],"tmpfs":[],"writable":[]}'
	settings "$N" <<-EOT
		caps: [KILL, CHOWN]
		waive:
		  caps:KILL: it ends its children
	EOT
	run_x 1 d audit --json "$N"
	not_found caps:KILL
	found medium caps:CHOWN
	[ "$(jq -r '.[0].findings[] | select(.key == "caps:KILL").waived' <<<"$output")" = "it ends its children" ]
	before=$(score)
	settings "$N" <<-EOT
		caps: [KILL, CHOWN]
		waive: {caps: meant, seccomp: the engine's is enough, userns: no subordinate ids here, devices: none}
	EOT
	run_x 1 d audit --json "$N"
	found low waive:devices
	[ "$(jq -n "$(score) < $before")" = true ]
	sed -i 's/, devices: none//' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	# Rootless there is nothing about userns.
	[ "$(id -u)" -eq 0 ] || sed -i 's/, userns: no subordinate ids here//' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 0 d audit "$N"
	expect "0.0 of 10 exposed, tight"
	expect "waived  caps:KILL"
	# It is no reason to make the container anew.
	run_x 2 d audit nosuch
	settings "$N" <<<'waive: {user: ""}'
	run_x 2 d audit "$N"
	expect "a reason" "$stderr"
}

@test "what an intruder would find in the image" {
	manifest ./bin:dir:0755 ./bin/sh:link:0777 ./bin/busybox:file:0755 ./usr/bin/perl5.36:file:0755 ./usr/bin/curl:file:0755 \
		./usr/bin/x86_64-linux-gnu-gcc-12:file:0755 ./usr/bin/su:file:04755 ./var/open:dir:0777 ./tmp:dir:01777 \
		./usr/share/doc/sh:file:0644 ./usr/lib/libperl.so:file:0644
	run_x 1 d audit --json "$N"
	found high image:shell "/bin/sh, /bin/busybox"
	found medium image:interpreter /usr/bin/perl5.36
	found medium image:downloader /usr/bin/curl
	found medium image:compiler
	found medium image:namespaces /usr/bin/su
	found medium image:setuid /usr/bin/su
	found low image:writable /var/open
	run ! grep -e /tmp -e /usr/share/doc <<<"$output"
	rm -r "$WHITTLE_STATE/images"
	run_x 1 d audit --json "$N"
	found medium image "isn't known"
}

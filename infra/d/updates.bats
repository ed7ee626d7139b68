# What is outdated, writing it into the files, and updates at their times, against a registry.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires command:docker-registry command:skopeo engine || return 0
	fixture
	free_port >"$ROOM/port"
	free_port >"$ROOM/front"
	REG=127.0.0.1:$(cat "$ROOM/port")
	FRONT=127.0.0.1:$(cat "$ROOM/front")
	export REG FRONT
	cat >"$ROOM/registry.yml" <<-EOT
		version: 0.1
		storage: {filesystem: {rootdirectory: $ROOM/registry}, delete: {enabled: true}}
		http: {addr: "$REG"}
	EOT
	docker-registry serve "$ROOM/registry.yml" >/dev/null 2>&1 3>&- 4>&- &
	echo $! >"$ROOM/pids"
	: >"$ROOM/rules"
	"$BATS_TEST_DIRNAME/tests/registry-front.py" "${FRONT#*:}" "${REG#*:}" "$ROOM/rules" >/dev/null 2>&1 3>&- 4>&- &
	echo $! >>"$ROOM/pids"
	wait_until 10 curl -fs "http://$REG/v2/"
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$REG" "$FRONT" >"$ROOM/registries.conf"
	export CONTAINERS_REGISTRIES_CONF=$ROOM/registries.conf
	images
}

# Three images in the registry as $P/app, under many tags.
images() {
	container "${P}app"
	for v in 1 2 3; do
		mood "${P}app" $v
		make -s -C "$WHITTLE_CONTAINERS/${P}app" all
		engine tag "localhost/whittle/${P}app:latest" "$REG/${P}app:$v.0.0"
		if [ "$("$ENGINE_CMD" --which)" = podman ]; then
			engine push -q --tls-verify=false "$REG/${P}app:$v.0.0"
		else
			engine push "$REG/${P}app:$v.0.0"
		fi >/dev/null
		engine rmi -f "$REG/${P}app:$v.0.0" >/dev/null
	done
	rm -r "$WHITTLE_CONTAINERS/${P}app"
	for i in $(seq 0 120); do also_tagged 1.0.0 "0.9.$i"; done
	also_tagged 2.0.0 1.0.7
	also_tagged 2.0.0 1.1.0
	also_tagged 3.0.0 2.0.0-rc1
	also_tagged 1.0.0 stable
}

# also_tagged OLD NEW: the registry's NEW is what OLD is.
also_tagged() {
	curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
		-H 'Accept: application/vnd.docker.distribution.manifest.v2+json' -D "$ROOM/head" -o "$ROOM/manifest" \
		"http://$REG/v2/${P}app/manifests/$1"
	curl -fsS -X PUT -H "$(grep -i '^content-type:' "$ROOM/head" | tr -d '\r')" --data-binary "@$ROOM/manifest" \
		"http://$REG/v2/${P}app/manifests/$2"
}

digest_of() { # TAG
	skopeo inspect --tls-verify=false --raw "docker://$REG/${P}app:$1" | sha256sum | cut -d' ' -f1
}

teardown_file() {
	# shellcheck disable=SC2046 # numbers
	[ ! -e "$ROOM/pids" ] || kill $(cat "$ROOM/pids")
	fixture_remove
}

setup() {
	: >"$ROOM/rules"
	rm -rf "${WHITTLE_CONTAINERS:?}"/* "${WHITTLE_STATE:?}"
}

teardown() {
	for n in "$WHITTLE_CONTAINERS"/*; do d 0 "${n##*/}" 2>/dev/null || :; done
	fixture_remove
}

# pulled NAME TAG, further YAML on standard input: a container of an image from the registry.
pulled() {
	mkdir -p "$WHITTLE_CONTAINERS/$1"
	{ printf '# of the registry\nimage: %s/%sapp  # theirs\ntag: "%s"  # pinned\n' "$REG" "$P" "$2" && cat; } | settings "$1"
}

# remembered NAME FILTER: what d remembers of updates and of what is outdated, changed.
remembered() {
	for f in update outdated; do
		[ ! -e "$WHITTLE_STATE/d/$1/$f.json" ] || {
			jq "$2" "$WHITTLE_STATE/d/$1/$f.json" >"$BATS_TEST_TMPDIR/new" &&
				cp "$BATS_TEST_TMPDIR/new" "$WHITTLE_STATE/d/$1/$f.json"
		}
	done
}

# As if a week had passed.
a_week_later() {
	remembered "$1" 'map_values(if type == "number" then . - 8*86400 else . end)'
}

@test "outdated: newer tags by ranges, what is held back, a tag that moved, nothing pulled" {
	pulled "${P}a" 1.0.0 <<<'tags: ~1.0'
	pulled "${P}b" 1.0.0 </dev/null
	pulled "${P}c" 1.0.0 <<<'update: {hold: none}'
	pulled "${P}d" stable </dev/null
	engine pull -q "$REG/${P}app:stable" >/dev/null
	also_tagged 3.0.0 stable
	run_x 1 d outdated --json "${P}a" "${P}b" "${P}c" "${P}d"
	[ "$(jq -c '[.[] | [.name, .kind, .want]]' <<<"$output")" = "$(jq -nc --arg P "$P" --arg d "sha256:$(digest_of 3.0.0)" \
		'[[$P+"a","tag","1.0.7"],[$P+"b","tag","1.1.0"],[$P+"c","tag","3.0.0"],[$P+"b","held","3.0.0"],[$P+"d","digest",$d]]')" ]
	[ "$(engine images --format '{{.Repository}}:{{.Tag}}' | grep -c "^$REG/${P}app")" -eq 1 ]
	also_tagged 1.0.0 stable
	run_x 0 d outdated "${P}d"
	[ -z "$output" ]
}

@test "outdated: a deleted tag, an expired token and a registry that is busy are told, and stop no other" {
	pulled "${P}a" 1.0.0 <<<'tags: ~1.0'
	pulled "${P}b" was-deleted </dev/null
	pulled "${P}c" 1.0.0 </dev/null
	sed -i "s/$REG/$FRONT/" "$WHITTLE_CONTAINERS/${P}c/settings.yaml"
	echo "401 ${P}app" >"$ROOM/rules"
	run_x 2 d outdated "${P}a" "${P}b" "${P}c"
	expect "app:1.0.0 -> 1.0.7"
	expect "app:was-deleted: isn't there any more"
	expect "$FRONT denies access: its credentials are missing or expired"
	echo "429 ${P}app" >"$ROOM/rules"
	run_x 2 d outdated "${P}c" "${P}a"
	expect "$FRONT wants fewer requests"
	expect "app:1.0.0 -> 1.0.7"
}

@test "ua says what there is newer than the files name: security fixes first, and which verb takes it" {
	local project=$BATS_TEST_TMPDIR/project
	# The project as it is, but for what the packages' indexes say.
	mkdir -p "$project/infra"
	ln -s "$TOP"/[!i]* "$project/"
	ln -s "$TOP"/infra/* "$project/infra/"
	rm "$project/infra/packages"
	printf '#!/bin/sh\ncat <<"EOT"\n{"updates": [{"name": "zlib1g", "from": "1", "to": "2", "security": false, "advisories": []},
		{"name": "openssl", "from": "3.1", "to": "3.2", "security": true, "advisories": ["CVE-2026-7"]}]}\nEOT\nexit 1\n' >"$project/infra/packages"
	chmod +x "$project/infra/packages"
	pulled "${P}a" stable </dev/null
	pulled "${P}b" was-deleted </dev/null
	pulled "${P}c" 3.0.0 </dev/null
	touch "$WHITTLE_CONTAINERS/${P}c/packages.lock"
	engine pull -q "$REG/${P}app:stable" >/dev/null
	also_tagged 3.0.0 stable
	WHITTLE_HOME=$project run_x 0 d ua
	also_tagged 1.0.0 stable
	diff -u - <(grep -oE '(SECURITY|DUE) .*' <<<"$stderr") <<-EOT
		SECURITY  ${P}c: openssl 3.1 -> 3.2 (security) and 1 more: d bump ${P}c
		DUE       ${P}a: $REG/${P}app:stable is another image now, sha256:$(digest_of 3.0.0 | cut -c1-12): d upgrade ${P}a
	EOT
	expect "${P}b: $REG/${P}app:was-deleted: isn't there any more" "$stderr"
}

@test "outdated --notify tells once of the same" {
	printf '#!/bin/sh\necho "$WHITTLE_EVENT: $WHITTLE_TEXT" >>%s/told\n' "$ROOM" >"$ROOM/bin/hook"
	chmod +x "$ROOM/bin/hook"
	export WHITTLE_HOOK=$ROOM/bin/hook
	pulled "${P}a" 1.0.0 <<<'tags: ~1.0'
	run_x 1 d outdated --notify "${P}a"
	run_x 1 d outdated --notify "${P}a"
	[ "$(cat "$ROOM/told")" = "outdated: ${P}a: $REG/${P}app:1.0.0 -> 1.0.7" ]
}

@test "bump rewrites tag and digest, and nothing else" {
	pulled "${P}a" "1.0.0@sha256:$(digest_of 1.0.0)" <<<'tags: ~1.0'
	container "${P}b"
	printf '# base\nFROM %s/%sapp:1.0.0 AS x\nCOPY --from=%s/%sapp:1.0.0 /svc /other\n' "$REG" "$P" "$REG" "$P" \
		>"$WHITTLE_CONTAINERS/${P}b/Dockerfile"
	cp "$WHITTLE_CONTAINERS/${P}a/settings.yaml" "$BATS_TEST_TMPDIR/before"
	run_x 0 d bump -n "${P}a"
	expect '+tag: "1.0.7@sha256:'
	cmp "$WHITTLE_CONTAINERS/${P}a/settings.yaml" "$BATS_TEST_TMPDIR/before"
	run_x 0 d bump "${P}a" "${P}b"
	run diff "$BATS_TEST_TMPDIR/before" "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	[ "${#lines[@]}" -eq 4 ]
	expect "> tag: \"1.0.7@sha256:$(digest_of 2.0.0)\"  # pinned"
	[ "$(cat "$WHITTLE_CONTAINERS/${P}b/Dockerfile")" = "# base
FROM $REG/${P}app:1.1.0 AS x
COPY --from=$REG/${P}app:1.1.0 /svc /other" ]
	run_x 0 d bump "${P}a"
	expect "nothing newer"
	# A reference that is put together of variables is a person's to change.
	printf 'ARG V=1.0.0\nFROM %s/%sapp:$V\n' "$REG" "$P" >"$WHITTLE_CONTAINERS/${P}b/Dockerfile"
	run_x 2 d bump "${P}b"
	expect "change it there by hand" "$stderr"
}

@test "auto: what is due and known for long enough is taken, and what isn't waits" {
	pulled "${P}a" 1.0.0 <<<'update: {at: "Sun 03:00", wait: 3d, if: ready}'
	d u "${P}a"
	serves "${P}a" 1
	run_x 0 d auto
	run_x 0 d auto -n
	expect "1.0.0 -> 1.1.0 from"
	run_x 1 grep -F '"1.1.0"' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	remembered "${P}a" 'if .last then .last -= 8*86400 else . end'
	run_x 0 d auto
	serves "${P}a" 1
	# Nor does it wait for a time that a wrong clock wrote down.
	remembered "${P}a" 'map_values(if type == "number" then . + 900*86400 else . end)'
	run_x 0 d auto
	run_x 0 d auto -n
	refute "$(date -d '+900 days' +%Y)-"
	[ -z "$(jq -r '.. | numbers | select(. > now + 10)' "$WHITTLE_STATE/d/${P}a/"{update,outdated}.json)" ]
	a_week_later "${P}a"
	run_x 0 d auto -n
	expect "due now"
	run_x 0 d auto
	expect "1 updated: ${P}a"
	serves "${P}a" 2
	grep -q 'tag: "1.1.0"  # pinned' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	# Once, however often its time was missed.
	run_x 0 d auto
	[ -z "$output" ]
	# It begins later by its share of the spread, which is always the same.
	plain=$(begins "${P}a" 0s) late=$(begins "${P}a" 20h)
	[[ $plain = Sun*03:00 ]]
	[ "$(begins "${P}a" 20h)" = "$late" ]
	[ "$(begins "${P}a" 19h) $late" != "$plain $plain" ]
	by=$(($(date -d "${late#* }" +%s) - $(date -d "${plain#* }" +%s)))
	[ "$by" -ge 0 ] && [ "$by" -le $((20 * 3600)) ]
}

# begins NAME SPREAD: when its update does.
begins() {
	sed -i "s/^update: .*/update: {at: \"Sun 03:00\", spread: $2}/" "$WHITTLE_CONTAINERS/$1/settings.yaml"
	d auto -n | sed -n "s/^$1 *\(... [-0-9]* [:0-9]*\).*/\1/p"
}

@test "auto: a failure is undone, stops the rest, and is told; what isn't ready is left alone" {
	printf '#!/bin/sh\necho "$WHITTLE_EVENT: $WHITTLE_TEXT" >>%s/told\n' "$ROOM" >"$ROOM/bin/hook"
	chmod +x "$ROOM/bin/hook"
	rm -f "$ROOM/told"
	pulled "${P}db" 1.0.0 <<<'update: {at: daily}'
	mkdir -p "$WHITTLE_CONTAINERS/${P}app"
	printf 'image: %s/%sapp\ntag: "1.0.0"\nupdate: {at: daily}\nneeds: [%sdb]\n' "$REG" "$P" "$P" | settings "${P}app"
	d u "${P}db"
	d u "${P}app"
	run_x 0 d auto
	# The new version of the first doesn't become ready.
	sed -i 's/within: 60s/within: 2s/; s|:8080/healthz|:8080/version|; s/expect: all ok/expect: "1"/' \
		"$WHITTLE_CONTAINERS/${P}db/settings.yaml"
	a_week_later "${P}db"
	a_week_later "${P}app"
	# What a slow registry tells after the start is as good.
	mkdir "$ROOM/slow"
	printf '#!/bin/sh\nsleep 1.1\nexec %s "$@"\n' "$(command -v skopeo)" >"$ROOM/slow/skopeo"
	chmod +x "$ROOM/slow/skopeo"
	PATH=$ROOM/slow:$PATH WHITTLE_HOOK=$ROOM/bin/hook run_x 1 d auto
	expect "1 failed: ${P}db"
	expect "1 left out: ${P}app (after a failure)"
	serves "${P}db" 1
	serves "${P}app" 1
	grep -q 'tag: "1.0.0"  # pinned' "$WHITTLE_CONTAINERS/${P}db/settings.yaml"
	expect "failed: 1 failed: ${P}db" "$(cat "$ROOM/told")"
	# At the next time the other has its turn, once what it needs is gone from the list.
	sed -i '/^update/d' "$WHITTLE_CONTAINERS/${P}db/settings.yaml"
	sed -i 's/update: .*/update: {at: daily, if: ready}/' "$WHITTLE_CONTAINERS/${P}app/settings.yaml"
	d 0 "${P}app"
	a_week_later "${P}app"
	run_x 1 d auto
	expect "left out: ${P}app (it doesn't run)"
	d 1 "${P}app"
	a_week_later "${P}app"
	run_x 0 d auto
	serves "${P}app" 2
}

@test "auto: a tag that moved to what fails names afterwards what runs, so that the next boot starts that" {
	also_tagged 1.0.0 moving
	pulled "${P}a" moving <<<'update: {at: daily}'
	d u "${P}a"
	run_x 0 d auto
	also_tagged 3.0.0 moving
	run_x 0 d bump "${P}a"
	expect "'d upgrade ${P}a' takes it" "$stderr"
	sed -i 's/within: 60s/within: 2s/; s|:8080/healthz|:8080/version|; s/expect: all ok/expect: "1"/' \
		"$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	a_week_later "${P}a"
	run_x 1 d auto
	expect "1 failed: ${P}a"
	serves "${P}a" 1
	d 0 "${P}a"
	run_x 0 d 1 "${P}a"
	serves "${P}a" 1
	sed -i 's/expect: "1"/expect: "3"/' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	run_x 0 d upgrade -f "${P}a"
	serves "${P}a" 3
}

@test "auto: a registry that doesn't answer at its time is asked again in an hour, and told of once" {
	pulled "${P}a" 1.0.0 <<<'update: {at: daily}'
	sed -i "s/$REG/$FRONT/" "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	run_x 0 d auto
	a_week_later "${P}a"
	echo "429 ${P}app" >"$ROOM/rules"
	run_x 1 d auto
	expect "1 left out: ${P}a ($FRONT/${P}app:1.0.0: $FRONT wants fewer requests"
	run_x 0 d auto
	[ -z "$output$stderr" ]
	remembered "${P}a" '.looked -= 3600'
	run_x 1 d auto
	[ -z "$output" ]
	expect "wants fewer requests" "$stderr"
	remembered "${P}a" '.looked -= 3600'
	: >"$ROOM/rules"
	run_x 0 d auto
	expect "1 updated: ${P}a"
}

@test "auto: a job that has the data, though the settings name it no more, puts off its container's update alone" {
	printf 'update: {at: daily}\nmount_rw: [data:/data]\nsnapshot: yes\njobs: {slow: {cmd: [/svc, sleep], in: fresh}}\n' | pulled "${P}a" 1.0.0
	pulled "${P}b" 1.0.0 <<<'update: {at: daily}'
	d u "${P}a"
	d u "${P}b"
	run_x 0 d auto
	start "$D" job "${P}a" slow
	wait_until 20 eval '[ -n "$(all_of "${P}a-job")" ]'
	sed -i /^jobs:/d "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	a_week_later "${P}a"
	a_week_later "${P}b"
	WHITTLE_WAIT=1 run_x 1 d auto
	expect "1 updated: ${P}b"
	expect "1 left out: ${P}a (a job runs, and has the same data)"
	serves "${P}a" 1
	serves "${P}b" 2
	grep -q 'tag: "1.0.0"  # pinned' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	history=$(d why --json "${P}a")
	refute '"failed"' "$history"
	refute '"gone-back"' "$history"
	engine kill "$(all_of "${P}a-job")" >/dev/null
	wait "$started" || :
	run_x 0 d auto
	serves "${P}a" 1
	remembered "${P}a" 'if .looked then .looked -= 3600 else . end'
	run_x 0 d auto
	expect "1 updated: ${P}a"
}

@test "auto killed, but not its upgrade: its files are those of what is live then" {
	pulled "${P}a" 1.0.0 <<<'update: {at: daily}'
	d u "${P}a"
	run_x 0 d auto
	a_week_later "${P}a"
	sed -i 's/stable: 300ms/stable: 5s/' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	start "$D" auto
	wait_until 30 grep -qF '"1.1.0"' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	wait_until 30 eval '[ "$(all_of "${P}a")" != "${P}a" ]'
	kill -KILL "$started"
	wait "$started" || :
	wait_until 60 eval '[ "$(d back -l "${P}a" | grep -c .)" -gt 1 ] && [ "$(all_of "${P}a")" = "${P}a" ]'
	serves "${P}a" 2
	run_x 0 d auto
	grep -q 'tag: "1.1.0"' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	run_x 0 d plan "${P}a"
	serves "${P}a" 2
}

@test "auto killed in the middle: its files are as they were, and nothing else is half" {
	pulled "${P}a" 1.0.0 <<<'update: {at: daily}'
	d u "${P}a"
	run_x 0 d auto
	a_week_later "${P}a"
	sed -i 's/stable: 300ms/stable: 20s/' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	start "$D" auto
	wait_until 30 grep -qF '"1.1.0"' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	wait_until 30 eval '[ "$(all_of "${P}a")" != "${P}a" ]'
	# shellcheck disable=SC2046 # numbers
	kill -KILL "$started" $(processes_below "$started")
	wait "$started" || :
	run_x 0 d recover
	run_x 0 d auto
	grep -q 'tag: "1.0.0"' "$WHITTLE_CONTAINERS/${P}a/settings.yaml"
	serves "${P}a" 1
	[ "$(all_of "${P}a")" = "${P}a" ]
}

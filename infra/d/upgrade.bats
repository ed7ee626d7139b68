# Upgrades as transactions: they succeed, or the old container serves again; whoever kills
# d, at whatever point.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine || return 0
	fixture
	container "${P}web"
	d u "${P}web"
}

teardown_file() {
	fixture_remove
}

setup() {
	N=${P}web
	was=$(version_of "$N")
}

teardown() {
	no_fake
	stop_all
	[ -z "${N:-}" ] || rm -f "$WHITTLE_CONTAINERS/$N"/fail-*
	umount "$BATS_TEST_TMPDIR/full" 2>/dev/null || :
}

# good_state NAME: exactly one container, which serves, and tags that are of one mind.
good_state() {
	[ "$(all_of "$1")" = "$1" ] || { all_of "$1" >&2; return 1; }
	version_of "$1" >/dev/null || { echo "doesn't serve" >&2; return 1; }
	local running
	running=$("$PACK" id "$(engine inspect -f '{{.Image}}' "$1")")
	[ "$running" = "$(image_id "$(live "$1")")" ] || { echo "live is another image" >&2; return 1; }
	[ ! -e "$WHITTLE_STATE/d/$1/journal.json" ]
}

@test "d u builds, tests, replaces, promotes; the second time there is nothing to do" {
	mood "$N" 2
	run_x 0 d u "$N"
	for step in BUILD TEST STOP START READY; do
		expect "$step" "$stderr"
	done
	serves "$N" 2
	good_state "$N"
	before=$(d pid "$N")
	run_x 0 d upgrade "$N"
	expect SAME "$stderr"
	[ "$(d pid "$N")" = "$before" ]
}

@test "an image that starts and then turns unhealthy goes back by itself" {
	mood "$N" 3 1
	run_x 1 d u "$N"
	expect BACK "$stderr"
	expect "it was ready, then no longer" "$stderr"
	log=$(sed -n 's/.*its log: //p' <<<"$stderr")
	run_x 0 cat "$log"
	expect "serving, version 3"
	serves "$N" "$was"
	good_state "$N"
}

@test "an image that failed isn't tried again, unless forced" {
	before=$(d pid "$N")
	run_x 1 d u "$N"
	expect "isn't tried again without --force" "$stderr"
	[ "$(d pid "$N")" = "$before" ]
	run_x 1 d u --force "$N"
	expect BACK "$stderr"
	good_state "$N"
}

@test "an image that crashes goes back" {
	mood "$N" 4 0 1
	run_x 1 d u "$N"
	expect "exit status 3" "$stderr"
	good_state "$N"
	serves "$N" "$was"
}

@test "a build that fails, a test that fails: nothing is touched" {
	before=$(d pid "$N")
	mood "$N" 6
	for what in build test; do
		touch "$WHITTLE_CONTAINERS/$N/fail-$what"
		run_x 1 d u "$N"
		expect "the $what fail" "$stderr"
		expect "nothing was changed" "$stderr"
		rm "$WHITTLE_CONTAINERS/$N/fail-$what"
	done
	[ "$(d pid "$N")" = "$before" ]
	good_state "$N"
}

@test "a promotion that is refused: the old one serves again" {
	mood "$N" 5
	touch "$WHITTLE_CONTAINERS/$N/fail-install"
	run_x 1 d u "$N"
	expect "promotion refused" "$stderr"
	expect BACK "$stderr"
	good_state "$N"
	serves "$N" "$was"
}

@test "whatever the engine fails at, the old one serves again" {
	with_fake_engine
	for call in create rename stop start; do
		mood "$N" "7$call"
		fake fail "$call"
		run -1 --separate-stderr d u "$N" || run -2 --separate-stderr d u "$N"
		no_fake
		run_x 0 d recover
		good_state "$N"
		serves "$N" "$was"
	done
}

@test "a settings file that is wrong stops it before anything happens" {
	cp "$WHITTLE_CONTAINERS/$N/settings.yaml" "$BATS_TEST_TMPDIR/s"
	echo "memmory: 1g" >>"$WHITTLE_CONTAINERS/$N/settings.yaml"
	run_x 2 d u "$N"
	expect "is 'memory' meant" "$stderr" || expect "memory" "$stderr"
	cp "$BATS_TEST_TMPDIR/s" "$WHITTLE_CONTAINERS/$N/settings.yaml"
	good_state "$N"
}

@test "Ctrl-C while it waits: the old one serves again" {
	mood "$N" 8
	sed -i 's/stable: .*/stable: 20s/' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	# what a shell runs beside itself ignores interrupts
	env --default-signal=INT "$D" u "$N" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- 4>&- &
	wait_until 60 grep -q READY "$BATS_TEST_TMPDIR/out"
	kill -INT $!
	wait $! || :
	run_x 0 cat "$BATS_TEST_TMPDIR/out"
	expect interrupted
	sed -i 's/stable: .*/stable: 300ms/' "$WHITTLE_CONTAINERS/$N/settings.yaml"
	good_state "$N"
	serves "$N" "$was"
}

@test "two runs don't meet" {
	local makefile=$WHITTLE_CONTAINERS/$N/Makefile
	cp "$makefile" "$BATS_TEST_TMPDIR/Makefile"
	sed -i 's/^all:/all:\n\t@touch held; until [ -e go ]; do sleep 0.1; done/' "$makefile"
	"$D" u "$N" >/dev/null 2>&1 3>&- 4>&- &
	wait_until 30 test -e "$WHITTLE_CONTAINERS/$N/held"
	run_x 2 d u "$N"
	expect "nothing done" "$stderr"
	run_x 2 d R "$N"
	run_x 0 d
	expect changing
	touch "$WHITTLE_CONTAINERS/$N/go"
	wait $!
	rm "$WHITTLE_CONTAINERS/$N/"{go,held}
	cp "$BATS_TEST_TMPDIR/Makefile" "$makefile"
	good_state "$N"
}

# KILLS=all walks twice, with the call that d is killed at made or not; otherwise every
# second call is.
@test "killed at every step: the next d ends in one of the two good states" {
	container "${P}kill"
	sed -i 's/stable: .*/stable: 0/' "$WHITTLE_CONTAINERS/${P}kill/settings.yaml"
	prebuilt "${P}kill" 1 2
	next_is "${P}kill" 1
	run_x 0 d u "${P}kill"
	with_fake_engine
	local n how version hows="skip run" steps=0
	[ "${KILLS:-}" = all ] || hows=alternate
	for how in $hows; do
		for ((n = 1; ; n++)); do
			version=$(version_of "${P}kill")
			next_is "${P}kill" $((3 - version))
			if [ "$hows" = alternate ]; then
				[ $((n % 2)) = 0 ] && fake kill "$n" run || fake kill "$n" skip
			else
				fake kill "$n" "$how"
			fi
			run --separate-stderr "$D" u "${P}kill"
			[ -e "$ROOM/killed-at" ] || break
			no_fake
			run --separate-stderr d recover
			good_state "${P}kill" || {
				echo "killed at call $n ($(cat "$ROOM/killed-at")): $stderr" >&2
				return 1
			}
			steps=$((steps + 1))
		done
		no_fake
		[ "$status" -eq 0 ]
		good_state "${P}kill"
	done
	echo "# $steps steps" >&3
	[ "$steps" -gt 15 ]
}

# As above, KILLS=all for every call.
@test "the disk is full at any step: one of the two good states, too" {
	requires root
	export WHITTLE_STATE=$BATS_TEST_TMPDIR/full
	mkdir "$WHITTLE_STATE"
	mount -t tmpfs -o size=1m none "$WHITTLE_STATE"
	container "${P}full"
	sed -i 's/stable: .*/stable: 0/' "$WHITTLE_CONTAINERS/${P}full/settings.yaml"
	prebuilt "${P}full" 1 2
	next_is "${P}full" 1
	run_x 0 d u "${P}full"
	with_fake_engine
	local n
	for ((n = 1; ; n += ${KILLS:+-3} + 4)); do
		next_is "${P}full" $((3 - $(version_of "${P}full")))
		fake full "$n"
		run --separate-stderr "$D" u -f "${P}full"
		[ -e "$ROOM/killed-at" ] || break
		no_fake
		rm "$WHITTLE_STATE/fill"
		run --separate-stderr d recover
		good_state "${P}full" || {
			echo "full at call $n ($(cat "$ROOM/killed-at")): $stderr" >&2
			return 1
		}
	done
	no_fake
	[ "$n" -gt 15 ]
	[ "$status" -eq 0 ]
	rm -r "$WHITTLE_CONTAINERS/${P}full"
}

@test "the next d says that an earlier run was cut off, and the next that changes something recovers" {
	container "${P}cut"
	prebuilt "${P}cut" 1 2
	next_is "${P}cut" 1
	d u "${P}cut"
	next_is "${P}cut" 2
	with_fake_engine
	fake kill 12 skip
	run ! "$D" u "${P}cut"
	no_fake
	run_x 0 d status --json
	expect "was cut off" "$stderr"
	jq -e . <<<"$output"
	run_x 0 d recover
	expect "an earlier 'upgrade' was cut off" "$stderr"
	good_state "${P}cut"
	run_x 0 d lA
	[ -z "$stderr" ]
}

@test "back: to the generation before, with its settings; to a numbered one; and on again" {
	container "${P}gen"
	prebuilt "${P}gen" 1 2 3
	for version in 1 2 3; do
		next_is "${P}gen" $version
		printf 'env: {GEN: "%s"}\n' $version | settings "${P}gen"
		d u "${P}gen"
	done
	run_x 0 d back -l "${P}gen"
	[[ $output =~ \*\ +3\  ]]
	run_x 0 d back "${P}gen"
	serves "${P}gen" 2
	good_state "${P}gen"
	run_x 0 engine inspect -f '{{.Config.Env}}' "${P}gen"
	expect GEN=2
	[ "$(image_id "localhost/whittle/${P}gen:prev")" = "$(sed -n 's/^image //p' "$WHITTLE_CONTAINERS/${P}gen/stamp-3")" ]
	run_x 0 d back "${P}gen" 1
	serves "${P}gen" 1
	run_x 1 d back "${P}gen"
	expect "no earlier generation" "$stderr"
	run_x 1 d back "${P}gen" 9
	# its settings count until the next upgrade
	run_x 0 d R "${P}gen"
	run_x 0 engine inspect -f '{{.Config.Env}}' "${P}gen"
	expect GEN=1
	# what was left isn't put in place again by itself
	run_x 1 d u "${P}gen"
	expect "gone back from it" "$stderr"
	run_x 0 d u -f "${P}gen"
	serves "${P}gen" 3
}

@test "N generations are kept, and clean never removes what a way back needs" {
	container "${P}keep"
	prebuilt "${P}keep" 1 2 3 4
	echo 'keep: 2' | settings "${P}keep"
	for version in 1 2 3 4; do
		next_is "${P}keep" $version
		d u "${P}keep"
	done
	run_x 0 d back -l "${P}keep"
	[ "${#lines[@]}" -eq 3 ]
	run_x 0 d clean -n
	run_x 0 d clean
	run_x 0 d clean
	expect "nothing to remove"
	run_x 0 d back "${P}keep" 2
	serves "${P}keep" 2
	engine rmi "localhost/${P}keep-built:1" >/dev/null 2>&1 || :
	run ! image_id "$(sed -n 's/^image //p' "$WHITTLE_CONTAINERS/${P}keep/stamp-1")"
}

@test "a repository of the host's own is what is promoted to and run from" {
	local own=localhost/$P-own
	container "${P}repo"
	real_pipeline "${P}repo"
	printf 'load %s/tests/helpers\n%s "x" { true; }\n' "$TOP" @test >"$WHITTLE_CONTAINERS/${P}repo/test.bats"
	printf 'base: %s/base\nrepo1: %s\n' "$ROOM" "$own" >"$ROOM/own.yaml"
	WHITTLE_SETTINGS=$ROOM/own.yaml run_x 0 d u "${P}repo"
	[ "$(image_id "$own/${P}repo:live")" = "$(image_id "$(live "${P}repo")")" ]
	serves "${P}repo" 1
	mood "${P}repo" 2
	WHITTLE_SETTINGS=$ROOM/own.yaml run_x 0 d u "${P}repo"
	serves "${P}repo" 2
	WHITTLE_SETTINGS=$ROOM/own.yaml run_x 0 d back "${P}repo"
	serves "${P}repo" 1
	WHITTLE_SETTINGS=$ROOM/own.yaml d down "${P}repo"
	rm -r "$WHITTLE_CONTAINERS/${P}repo"
}

@test "plan: 0 nothing, 1 something, and what" {
	run_x 0 d plan "$N"
	[ "$output" = "nothing to do" ]
	cp "$WHITTLE_CONTAINERS/$N/settings.yaml" "$BATS_TEST_TMPDIR/s"
	echo 'memory: 99m' | settings "$N"
	run_x 1 d plan "$N"
	expect "its settings changed"
	run_x 1 d plan --json "$N"
	jq -e '.[0].todo | startswith("restart")' <<<"$output"
	cp "$BATS_TEST_TMPDIR/s" "$WHITTLE_CONTAINERS/$N/settings.yaml"
	old=$(image_id "$(live "$N")")
	mood "$N" planned
	d b "$N"
	engine tag "localhost/whittle/$N:latest" "$(live "$N")"
	run_x 1 d plan "$N"
	expect "restart: runs"
	engine tag "$("$PACK" id -r "$old")" "$(live "$N")"
	d down "$N"
	run_x 0 d plan "$N"
	echo 'autostart: 1' | settings "$N"
	run_x 1 d plan "$N"
	expect "belongs to wave 1"
	settings "$N" </dev/null
	run_x 0 d up "$N"
}

@test "why: what happened, as text and as JSON lines; the hook heard of it" {
	cat >"$ROOM/bin/hook" <<-'EOT'
		#!/bin/sh
		echo "$WHITTLE_EVENT $WHITTLE_NAME $WHITTLE_IMAGE $WHITTLE_TEXT" >>"$ROOM/heard"
	EOT
	chmod +x "$ROOM/bin/hook"
	WHITTLE_HOOK=$ROOM/bin/hook run_x 0 d R "$N"
	grep -q "^started $N sha256:" "$ROOM/heard"
	run_x 0 d why "$N"
	for what in started failed gone-back quarantined generations; do
		expect $what
	done
	run_x 0 d why --json "$N"
	jq -es 'length > 3 and all(.time and .event)' <<<"$output"
}

@test "who shares its namespaces is made anew together with it" {
	container "${P}side"
	printf 'needs:\n  - {name: %s, shares: pid}\n' "$N" | settings "${P}side"
	run_x 0 d u "${P}side"
	before=$(d pid "${P}side")
	run_x 0 d R "$N"
	expect "${P}side (shares its namespaces)" "$stderr"
	[ "$(d pid "${P}side")" != "$before" ]
	[ "$(readlink "/proc/$(d pid "${P}side")/ns/pid")" = "$(readlink "/proc/$(d pid "$N")/ns/pid")" ]
	run_x 0 d down "$N"
	run_x 1 d is-up "${P}side"
	run_x 0 d up "${P}side"
	run_x 0 d is-up "$N"
	# one that doesn't run holds on to the namespaces as well
	run_x 0 d down "${P}side"
	run_x 0 d R "$N"
	good_state "$N"
	rm -r "$WHITTLE_CONTAINERS/${P}side"
}

@test "ua: everything; a failure stops only its dependents; what is down stays down" {
	rm -rf "$WHITTLE_CONTAINERS/${P}"{kill,cut,gen,keep}
	container "${P}one"
	container "${P}two"
	container "${P}three"
	echo "needs: [${P}one]" | settings "${P}two"
	mood "${P}one" 1 0 0
	touch "$WHITTLE_CONTAINERS/${P}one/fail-test"
	run_x 1 d ua
	expect "FAILED    ${P}one" "$stderr"
	expect "LEFT OUT  ${P}two" "$stderr"
	expect "DONE      ${P}three" "$stderr"
	expect "DONE      $N" "$stderr"
	expect "the test fails" "$stderr"
	image_id "$(live "${P}three")"
	run_x 1 d is-up "${P}three"
	rm "$WHITTLE_CONTAINERS/${P}one/fail-test"
	run_x 0 d upgrade-all
	expect "4 done, 0 failed, 0 left out"
	good_state "$N"
}

@test "an image from elsewhere is pulled; one that fails leaves the name where it was" {
	container "${P}src"
	prebuilt "${P}src" 1 2
	mkdir "$WHITTLE_CONTAINERS/${P}far"
	{
		echo "image: 127.0.0.1:5/${P}far:1"
		settings "${P}far" </dev/null
		cat "$WHITTLE_CONTAINERS/${P}far/settings.yaml"
	} >"$BATS_TEST_TMPDIR/s"
	cp "$BATS_TEST_TMPDIR/s" "$WHITTLE_CONTAINERS/${P}far/settings.yaml"
	for n in 1 2; do
		image[n]=$(built "${P}src" $n)
	done
	with_fake_engine
	fake pull "${image[1]}"
	run_x 0 d u "${P}far"
	serves "${P}far" 1
	fake pull "${image[2]}"
	sed -i 's/all ok/all gone/; s/within: .*/within: 1s/' "$WHITTLE_CONTAINERS/${P}far/settings.yaml"
	run_x 1 d u "${P}far"
	expect BACK "$stderr"
	[ "$(image_id "127.0.0.1:5/${P}far:1")" = "$("$PACK" id "${image[1]}")" ]
	run_x 1 d u "${P}far"
	expect "isn't tried again" "$stderr"
	[ "$(image_id "127.0.0.1:5/${P}far:1")" = "$("$PACK" id "${image[1]}")" ]
	cp "$BATS_TEST_TMPDIR/s" "$WHITTLE_CONTAINERS/${P}far/settings.yaml"
	run_x 0 d u -f "${P}far"
	serves "${P}far" 2
	run_x 0 d back "${P}far"
	serves "${P}far" 1
	run_x 0 d R "${P}far"
	serves "${P}far" 1
	rm -r "$WHITTLE_CONTAINERS/${P}far" "$WHITTLE_CONTAINERS/${P}src"
}

@test "require_signature: nothing is started but what is signed by that key" {
	requires command:minisign
	for key in ours other; do
		minisign -G -W -p "$BATS_TEST_TMPDIR/$key.pub" -s "$BATS_TEST_TMPDIR/$key" >/dev/null
	done
	container "${P}sig"
	real_pipeline "${P}sig"
	echo 'require_signature: true' | settings "${P}sig"
	export WHITTLE_VERIFY_KEY=$BATS_TEST_TMPDIR/ours.pub
	run_x 1 d u "${P}sig"
	expect "it isn't signed" "$stderr"
	[ -z "$(all_of "${P}sig")" ]
	SIGN_KEY=$BATS_TEST_TMPDIR/ours run_x 0 d u "${P}sig"
	good_state "${P}sig"
	run_x 0 d R "${P}sig"
	run_x 0 d down "${P}sig"
	WHITTLE_VERIFY_KEY=$BATS_TEST_TMPDIR/other.pub run_x 2 d up "${P}sig"
	expect "the signature isn't that key's" "$stderr"
	WHITTLE_VERIFY_KEY= run_x 2 d run "${P}sig" /svc echo
	expect "no public key" "$stderr"
	run_x 1 d is-up "${P}sig"
	echo "verify_key: $WHITTLE_VERIFY_KEY" >>"$WHITTLE_SETTINGS"
	WHITTLE_VERIFY_KEY= run_x 0 d up "${P}sig"
	# promoted by hand, by somebody without the key
	mood "${P}sig" 2
	echo 'require_signature: false' | settings "${P}sig"
	run_x 0 d b -ts "${P}sig"
	echo 'require_signature: true' | settings "${P}sig"
	run_x 2 d R "${P}sig"
	expect "it isn't signed" "$stderr"
	serves "${P}sig" 1
	rm -r "$WHITTLE_CONTAINERS/${P}sig"
	sed -i /verify_key/d "$WHITTLE_SETTINGS"
}

@test "require_signature: an image and its signature by way of a registry" {
	requires command:minisign command:docker-registry command:skopeo
	minisign -G -W -p "$BATS_TEST_TMPDIR/pub" -s "$BATS_TEST_TMPDIR/sec" >/dev/null
	export WHITTLE_VERIFY_KEY=$BATS_TEST_TMPDIR/pub
	container "${P}here"
	real_pipeline "${P}here"
	SIGN_KEY=$BATS_TEST_TMPDIR/sec run_x 0 d u "${P}here"
	start_registry "$BATS_TEST_TMPDIR/registry"
	run_x 0 "$PACK" push --insecure "${P}here:live" "127.0.0.1:$port/${P}here"
	where=$output
	run_x 0 d down "${P}here"
	engine rmi -f "$(live "${P}here")" >/dev/null
	# another machine, which has the settings and nothing else
	export WHITTLE_STATE=$BATS_TEST_TMPDIR/state
	mkdir "$WHITTLE_CONTAINERS/${P}there"
	printf 'image: localhost/whittle/%shere:there\nrequire_signature: true\n' "$P" | settings "${P}there"
	run_x 0 "$PACK" pull --insecure -t there --store "$BATS_TEST_TMPDIR/lost" "$where"
	run_x 2 d up "${P}there"
	expect "it wasn't packed here" "$stderr"
	[ -z "$(all_of "${P}there")" ]
	run_x 0 "$PACK" pull --insecure -t there "$where"
	run_x 0 d u "${P}there"
	serves "${P}there" 1
	run_x 0 d down "${P}there"
	rm -r "$WHITTLE_CONTAINERS/${P}here" "$WHITTLE_CONTAINERS/${P}there"
}

# maker.pub, and its other half: sigstore's where skopeo can make such keys.
maker_key() {
	if skopeo --help | grep -q generate-sigstore-key; then
		echo secret >passphrase
		skopeo generate-sigstore-key --output-prefix maker --passphrase-file passphrase >/dev/null
	else
		openssl ecparam -name prime256v1 -genkey -noout -out maker.private
		openssl ec -in maker.private -pubout -out maker.pub 2>/dev/null
	fi
}

sign_by_maker() { # REPOSITORY:TAG
	if [ ! -e passphrase ]; then
		cosign_sign "${1%:*}" "$(tag_digest "$1")" maker.private
		return
	fi
	mkdir -p registries.d
	printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n' "${1%:*}" >registries.d/here.yaml
	skopeo --registries.d registries.d copy -q --src-tls-verify=false --dest-tls-verify=false \
		--sign-by-sigstore-private-key maker.private --sign-passphrase-file passphrase "docker://$1" "docker://$1"
}

@test "require_signature: another's image is started where the key that its settings name signed it" {
	requires command:docker-registry command:skopeo command:openssl
	local there=$WHITTLE_CONTAINERS/${P}theirs
	cd "$BATS_TEST_TMPDIR"
	start_registry "$PWD/registry"
	printf '[[registry]]\nlocation = "127.0.0.1:%s"\ninsecure = true\n' "$port" >registries.conf
	export CONTAINERS_REGISTRIES_CONF=$PWD/registries.conf
	theirs=127.0.0.1:$port/${P}theirs
	engine tag "$(live "$N")" "$theirs:1"
	engine push -q "$theirs:1" >/dev/null
	engine rmi "$theirs:1" >/dev/null
	engine pull -q "$theirs:1" >/dev/null
	maker_key
	openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl ec -pubout -out other.pub 2>/dev/null
	mkdir "$there"
	cp maker.pub other.pub "$there/"
	printf 'image: %s\ntag: "1"\nrequire_signature: true\nverify_key: maker.pub\n' "$theirs" | settings "${P}theirs"
	run_x 2 d up "${P}theirs"
	expect "no signature of it by this key" "$stderr"
	[ -z "$(all_of "${P}theirs")" ]
	sign_by_maker "$theirs:1"
	run_x 0 d up "${P}theirs"
	run_x 0 version_of "${P}theirs"
	run_x 0 d down "${P}theirs"
	sed -i 's/maker.pub/other.pub/' "$there/settings.yaml"
	run_x 2 d up "${P}theirs"
	expect "no signature of it by this key" "$stderr"
	engine rmi "$theirs:1" >/dev/null
	rm -r "$there"
}

@test "another's wrong settings stop nothing but that one and who needs it" {
	mkdir "$WHITTLE_CONTAINERS/${P}bad"
	echo 'memory: lots' >"$WHITTLE_CONTAINERS/${P}bad/settings.yaml"
	container "${P}dep"
	printf 'autostart: 2\nneeds: [%sbad]\n' "$P" | settings "${P}dep"
	echo 'autostart: 1' | settings "$N"
	run_x 0 d R "$N"
	run_x 0 d down "$N"
	run_x 1 d up-all
	expect "DONE      $N" "$stderr"
	expect "LEFT OUT  ${P}dep" "$stderr"
	expect "bad/settings.yaml:1:9: " "$stderr"
	run_x 2 d la
	[ "$output" = "${P}dep"$'\n'"$N" ]
	run_x 2 d ips
	expect "$N"
	rm -r "$WHITTLE_CONTAINERS/${P}"{bad,dep}
	settings "$N" </dev/null
	run_x 0 d R "$N"
}

@test "a container that d didn't make stays as it is until it is taken over, and can be gone back to" {
	container "${P}hand"
	prebuilt "${P}hand" 1 2
	engine run -d --name "${P}hand" "$(built "${P}hand" 1)" >/dev/null 2>&1 ||
		engine run -d --no-healthcheck --name "${P}hand" "$(built "${P}hand" 1)" >/dev/null
	next_is "${P}hand" 2
	before=$(engine inspect -f '{{.Id}} {{.State.Pid}}' "${P}hand")
	run_x 2 d u "${P}hand"
	expect "made by hand" "$stderr"
	expect "d adopt-name ${P}hand" "$stderr"
	[ "$(engine inspect -f '{{.Id}} {{.State.Pid}}' "${P}hand")" = "$before" ]
	run_x 0 d adopt-name "${P}hand"
	run_x 0 d u "${P}hand"
	serves "${P}hand" 2
	run_x 0 d back "${P}hand"
	serves "${P}hand" 1
}

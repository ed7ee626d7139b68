# Containers that a Kubernetes cluster runs: on: kube. A stand-in for kubectl records what it is told;
# what is applied is what d export writes, which export.bats has podman play.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup_file() {
	file_requires engine command:docker-registry command:skopeo command:jq command:python3 || return 0
	fixture
	export W=${P}web CLUSTER=$BATS_FILE_TMPDIR/cluster
	mkdir "$CLUSTER" "$BATS_FILE_TMPDIR/kubectl"
	cp "$D_TESTS/kubectl" "$BATS_FILE_TMPDIR/kubectl/"
	container "$W"
	packed "$W" 1
	packed "$W" 2
	packed "$W" 3
	next_is "$W" 1
	echo 'top secret' >"$ROOM/password"
	cat >"$WHITTLE_CONTAINERS/$W/settings.yaml" <<-EOT
		on: kube
		ports: ["8080:8080"]
		ready: {http: ":8080/healthz", within: 20s, stable: 1s}
		secrets: {password: $ROOM/password}
		rollout: {within: 10s, lossy: [pids, tmpfs]}
	EOT
}

setup() {
	requires engine
	PATH=$BATS_FILE_TMPDIR/kubectl:$PATH
	start_registry "$BATS_FILE_TMPDIR/registry"
	printf 'base: %s/base\nkube: {context: lab, namespace: web, registry: "127.0.0.1:%s/lab", tls: no}\n' \
		"$ROOM" "$port" >"$WHITTLE_SETTINGS"
}

teardown() {
	stop_all
}

teardown_file() {
	fixture_remove
}

secrets() {
	sed -n 's/^\(secret[^ ]*\) .*managed-by=whittle.*/\1/p' "$CLUSTER/objects"
}

calls() {
	cut -d' ' -f5- "$CLUSTER/calls"
}

@test "kube: what can't be there is refused, and nothing is applied" {
	sed -i 's/pids, //' "$WHITTLE_CONTAINERS/$W/settings.yaml"
	run_x 2 d u "$W"
	expect "$W: pids: less secure there: " "$stderr"
	refute "apply" "$(calls)"
	sed -i 's/lossy: \[/&pids, /' "$WHITTLE_CONTAINERS/$W/settings.yaml"
	# What somebody else made and d would call the same isn't taken over.
	printf '%s\n' service/other "service/$W app.kubernetes.io/name=$W" >"$CLUSTER/objects"
	run_x 2 d u "$W"
	expect "$W: the cluster has a 'service/$W' that d didn't make" "$stderr"
	: >"$CLUSTER/objects"
	refute "apply" "$(calls)"
	: >"$CLUSTER/refuses"
	run_x 1 d u "$W"
	rm "$CLUSTER/refuses"
	expect "kubectl apply: " "$stderr"
	# Half of a first version goes again.
	: >"$CLUSTER/half"
	run_x 1 d u "$W"
	rm "$CLUSTER/half"
	expect "delete --ignore-not-found --wait=false deployment/$W networkpolicy/$W service/$W" "$(calls)"
	expect "get deployment,service,networkpolicy -l app.kubernetes.io/name=$W,app.kubernetes.io/managed-by=whittle -o name" "$(calls)"
	[ ! -e "$CLUSTER/now" ]
	[ ! -s "$CLUSTER/objects" ]
	run_x 1 d plan "$W"
	expect "upgrade: there is no image"
}

@test "kube: built, tested, pushed by digest, applied on the server's side, and written down" {
	local digest
	run_x 0 d u "$W"
	digest=$(tag_digest "127.0.0.1:$port/lab/$W:live")
	expect "image: \"127.0.0.1:$port/lab/$W@$digest\"" "$(cat "$CLUSTER/now")"
	expect "whittle/image: \"$("$PACK" id "$(live "$W")")\"" "$(cat "$CLUSTER/now")"
	expect "$(base64 <"$ROOM/password")" "$(cat "$CLUSTER/now")"
	expect "apply --server-side --field-manager=whittle --force-conflicts -f -" "$(calls)"
	expect "rollout status deployment/$W --timeout=10s" "$(calls)"
	refute "top secret" "$(cat "$CLUSTER/calls")"
	[ "$(cut -d' ' -f1-4 "$CLUSTER/calls" | sort -u)" = "--context lab --namespace web" ]
	run_x 0 d
	[[ $output =~ $W\ +kube\ 1/1\ .*\ yes ]]
	run_x 0 d plan "$W"
	run_x 0 d u "$W"
	expect SAME "$stderr"
	run_x 0 d log -n 5 "$W"
	expect "log of logs --tail=5 deployment/$W"
	run_x 2 d scan "$W"
	expect "is run by a Kubernetes cluster" "$stderr"
}

@test "kube: what doesn't become ready is undone and quarantined; an upgrade goes back by hand" {
	local secret other=secret/$W-secrets-0000000000
	secret=$(secrets)
	[[ $secret =~ ^secret/$W-secrets-[0-9a-f]{10}$ ]]
	expect "secretName: ${secret#secret/}" "$(cat "$CLUSTER/now")"
	next_is "$W" 2
	: >"$CLUSTER/broken"
	run_x 1 d u "$W"
	# What the old pods read is there, what the new ones read isn't any more.
	[ "$(secrets)" = "$secret" ]
	expect "delete --ignore-not-found --wait=false secret/$W-secrets-" "$(calls)"
	expect "rollout undo deployment/$W" "$(calls)"
	[ "$(image_id "$(live "$W")")" = "$(image_id "$(built "$W" 1)")" ]
	run_x 0 d why "$W"
	expect quarantined
	next_is "$W" 3
	echo "$other app.kubernetes.io/name=$W app.kubernetes.io/managed-by=Helm" >>"$CLUSTER/objects"
	run_x 0 d u "$W"
	# What they read before is gone, and what somebody else calls so isn't.
	[ "$(secrets | wc -l)" -eq 1 ]
	[ "$(secrets)" != "$secret" ]
	grep -q "^$other " "$CLUSTER/objects"
	# The same version that isn't ready, or a restart that isn't taken: what the one before read is gone.
	: >"$CLUSTER/calls"
	: >"$CLUSTER/broken"
	run_x 1 d 1 "$W"
	rm "$CLUSTER/broken"
	: >"$CLUSTER/refuses"
	run_x 1 d 01 "$W"
	rm "$CLUSTER/refuses"
	refute "rollout undo" "$(calls)"
	[ "$(image_id "$(live "$W")")" = "$(image_id "$(built "$W" 3)")" ]
	expect "whittle/image: \"$("$PACK" id "$(live "$W")")\"" "$(cat "$CLUSTER/now")"
	run_x 0 d back "$W"
	[ "$(image_id "$(live "$W")")" = "$(image_id "$(built "$W" 1)")" ]
	expect "whittle/image: \"$("$PACK" id "$(live "$W")")\"" "$(cat "$CLUSTER/now")"
	echo other >"$ROOM/password"
	run_x 1 d plan "$W"
	expect "restart: its settings or secrets changed"
	run_x 0 d 0 "$W"
	run_x 1 d is-up "$W"
}

@test "kube: a kill, half of it taken, a cluster that doesn't answer: one of the two good states" {
	local one
	one=$(image_id "$(built "$W" 1)")
	next_is "$W" 1
	run_x 0 d u "$W"
	next_is "$W" 3
	# Not ready in time isn't the image's fault where its pods don't end; an older one's did, once.
	touch "$CLUSTER/slow"
	run_x 1 d u "$W"
	expect "rolling back" "$stderr"
	[ "$(image_id "$(live "$W")")" = "$one" ]
	touch "$CLUSTER/half"
	run_x 1 d u "$W"
	refute "isn't tried again" "$stderr"
	expect "whittle/image: \"$one\"" "$(cat "$CLUSTER/now")"
	[ "$(image_id "$(live "$W")")" = "$one" ]
	# Who can't be asked isn't down.
	touch "$CLUSTER/away"
	run_x 2 d ua "$W"
	rm "$CLUSTER/away"
	[ "$(image_id "$(live "$W")")" = "$one" ]
	touch "$CLUSTER/hangs" "$CLUSTER/broken"
	: >"$CLUSTER/calls"
	start "$D" u "$W"
	wait_until 60 grep -q 'rollout status' "$CLUSTER/calls"
	kill -KILL "$started"
	wait "$started" || :
	pkill -f "^sleep 60\$" --parent 1 || :
	rm "$CLUSTER/hangs"
	run_x 0 d recover
	expect "whittle/image: \"$one\"" "$(cat "$CLUSTER/now")"
	[ "$(image_id "$(live "$W")")" = "$one" ]
	run_x 0 d why "$W"
	expect quarantined
}

# What others run our containers by: files for compose, Kubernetes and Swarm, and what is said of all.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup() {
	own_settings
	export WHITTLE_CONTAINERS=$TOP/containers
	OUT=$ROOM/out
}

teardown() {
	[ ! -e "$ROOM/played" ] || engine kube down "$(cat "$ROOM/played")" >/dev/null 2>&1 || :
}

@test "export: what would be less secure is refused, and nothing is written" {
	run_x 1 d export --to kube -o "$OUT" hello
	expect "hello        pids               LESS SECURE: "
	expect "refusing to export: 1 setting would be less secure there" "$stderr"
	[ ! -e "$OUT" ]
	run_x 0 d export --to kube --lossy -o "$OUT" hello
	[ -e "$OUT/kustomization.yaml" ]
	run_x 1 d export --to swarm --json -o "$OUT" hello
	jq -e 'any(.[]; .key == "no_new_privileges" and .secures and .name == "hello")' <<<"$output"
	run_x 2 d export --to nomad hello
	expect "--to: 'nomad' isn't one of" "$stderr"
	run_x 2 d export hello
	expect "--to quadlet, compose, kube or swarm is required" "$stderr"
}

@test "export: setup.sh makes what volumes need, and keeps what is there" {
	requires root
	run_x 0 d export --to compose -o "$OUT" filewatch
	run_x 0 "$OUT/setup.sh"
	[ "$(stat -c %u:%a "$ROOM/vol/filewatch/conf")" = 8080:750 ]
	grep -q '^listen:' "$ROOM/vol/filewatch/conf/filewatch.yaml"
	echo mine >"$ROOM/vol/filewatch/conf/filewatch.yaml"
	run_x 0 "$OUT/setup.sh"
	[ "$(cat "$ROOM/vol/filewatch/conf/filewatch.yaml")" = mine ]
}

@test "export: compose: a file that compose takes" {
	requires command:docker-compose
	run_x 0 d export --to compose -o "$OUT"
	run_x 0 docker-compose -f "$OUT/compose.yaml" config
	expect "no-new-privileges:true"
	# As compose 1 shows it, or as 2 does.
	[[ $output == *127.0.0.1:8000:8000/tcp* || $output == *"host_ip: 127.0.0.1"*'published: "8000"'* ]]
}

@test "export: kube: podman plays it, locked down as its settings say" {
	requires podman pods
	local id pod
	run_x 0 d export --to kube --lossy -o "$OUT" hello
	echo "$OUT/hello.yaml" >"$ROOM/played"
	run_x 0 engine kube play --seccomp-profile-root "$OUT/seccomp" "$OUT/hello.yaml"
	# podman 4 puts a Deployment's number of the replica between.
	pod=$(engine pod ps --format '{{.Name}}' --filter name=^hello-pod)
	wait_until 20 eval '[ "$(engine inspect -f "{{.State.Status}}" "$pod-hello")" = running ]'
	run_x 0 engine inspect "$pod-hello"
	jq -e '.[0] | .HostConfig.ReadonlyRootfs and .Config.User == "8000:8000" and (.BoundingCaps | length) == 0' <<<"$output"
	id=$(engine inspect -f '{{.Image}}' "$pod-hello")
	[ "sha256:${id#sha256:}" = "$(image_id "$(live hello)")" ]
}

@test "export: kube: a namespace of the restricted standard takes it" {
	run_x 0 d export --to kube --lossy -o "$OUT" filewatch
	python3 - "$OUT/filewatch.yaml" <<-'EOT'
		import sys, yaml
		docs = list(yaml.safe_load_all(open(sys.argv[1])))
		kinds = [d["kind"] for d in docs]
		assert sorted(kinds) == ["ConfigMap", "Deployment", "NetworkPolicy", "PersistentVolumeClaim", "Service"], kinds
		pod = next(d for d in docs if d["kind"] == "Deployment")["spec"]["template"]["spec"]
		c = pod["containers"][0]
		s = c["securityContext"]
		assert s["allowPrivilegeEscalation"] is False and s["runAsNonRoot"] is True
		assert s["capabilities"]["drop"] == ["ALL"] and s["seccompProfile"]["type"] == "Localhost"
		assert c["readinessProbe"]["httpGet"] == {"path": "/", "port": 8080, "scheme": "HTTP"}
		assert not any("hostPath" in v for v in pod["volumes"])
	EOT
}

@test "export: docker runs the composition and the stack" {
	requires root command:dockerd command:docker-compose
	[ "$("$ENGINE_CMD" --which)" = podman ] || skip "this machine cannot: the images are another engine's"
	# A stack's task isn't running before its health check says so, which is every 30 s.
	of_hello web <<-EOT
		health: none
		ports: ["8001:8000"]
		pids: 8
	EOT
	sed -i "s|^image: .*|image: $(live zero)|" "$WHITTLE_CONTAINERS/web/settings.yaml"
	run_x 0 d export --to compose -o "$OUT/c" web
	run_x 0 d export --to swarm --lossy -o "$OUT/s" web
	engine save -o "$ROOM/zero.tar" "$(live zero)"
	cat >"$ROOM/try" <<-'EOT'
		set -e
		docker load -q -i "$ROOM/zero.tar"
		docker-compose -f "$OUT/c/compose.yaml" up -d
		for _ in $(seq 600); do curl -fs http://127.0.0.1:8001/ && break; sleep 0.1; done
		docker inspect -f '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.PidsLimit}}' web
		docker-compose -f "$OUT/c/compose.yaml" down
		docker swarm init --advertise-addr 127.0.0.1 >/dev/null
		docker stack deploy --resolve-image never -c "$OUT/s/stack.yaml" t
		for _ in $(seq 600); do docker service ls | grep -q 1/1 && break; sleep 0.1; done
		docker service ls
		docker service ps --no-trunc t_web
		docker service inspect -f '{{json .Spec.TaskTemplate.ContainerSpec}} {{json .Spec.TaskTemplate.Resources}}' t_web
		docker stack rm t
		docker swarm leave --force
	EOT
	export OUT
	run_x 0 "$TOP/tests/with-dockerd" bash "$ROOM/try"
	expect "hello"
	expect "true [ALL] 8"
	expect "1/1"
	expect '"ReadOnly":true'
	expect '"Pids":8'
}

# fim beside hello: a page that was tampered with is served once more at the most, then hello
# is ended and comes back clean. In a podman pod, as a Kubernetes Pod, and with docker.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; inner shells have variables too
load ../../tests/helpers

setup_file() {
	export FIM_TAG=localhost/whittle/fim:test-$$
}

setup() {
	FIM=${TEST_IMAGE:-localhost/whittle/fim:latest}
	HELLO=localhost/whittle/hello:latest
	pod=whittle-test-fim-$$-$BATS_TEST_NUMBER
	hello_port=$(free_port)
	fim_port=$(free_port)
	locked=(--read-only --security-opt no-new-privileges --no-healthcheck)
	caps=(--cap-drop ALL --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH --cap-add KILL)
}

teardown() {
	stop_all
	if [ -z "${BATS_TEST_COMPLETED:-}" ]; then
		engine logs "$pod-fim" >&2 || :
		cat "$BATS_TEST_TMPDIR"/started.* >&2 || :
	fi
	engine pod rm -f "$pod" >/dev/null 2>&1 || :
}

make_pod() {
	engine pod create --name "$pod" --share pid,net,ipc \
		-p "127.0.0.1:$hello_port:8000" -p "127.0.0.1:$fim_port:8080" >/dev/null
}

start_fim() {
	engine run -d --pod "$pod" --name "$pod-fim" "${locked[@]}" "${caps[@]}" "${PROFILE[@]}" "$FIM" >/dev/null
}

start_hello() {
	start ./respawn "$pod-hello" --pod "$pod" "${locked[@]}" --cap-drop ALL "$HELLO"
	wait_until 20 page_has "Hello, world!"
}

page_has() {
	curl -fs "http://127.0.0.1:$hello_port/" | grep -qF "$1"
}

fim_says() {
	[ "$(curl -s "http://127.0.0.1:$fim_port/healthz")" = "$1" ]
}

ended_times() {
	curl -fs "http://127.0.0.1:$fim_port/metrics" | sed -n 's/^filewatch_neighbour_ended_total //p'
}

# As one who broke out of the container would: the files themselves, past the read-only mount.
hello_files() {
	engine mount "$pod-hello"
}

is_another() {
	local id
	id=$(engine inspect -f '{{.Id}}' "$pod-hello") && [ "$id" != "$1" ]
}

@test "tampered page served, processes ended, started again, clean page served" {
	requires root pods join
	make_pod
	start_fim
	start_hello
	wait_until 10 fim_says "all ok"
	old=$(engine inspect -f '{{.Id}}' "$pod-hello")
	files=$(hello_files)
	sed -i 's/Hello, world!/Hello, intruder!/' "$files/srv/index.html"
	begin=${EPOCHREALTIME/./}
	page_has "Hello, intruder!"
	wait_until 10 eval '! page_has intruder'
	ended=${EPOCHREALTIME/./}
	wait_until 20 page_has "Hello, world!"
	clean=${EPOCHREALTIME/./}
	is_another "$old"
	wait_until 10 fim_says "all ok"
	run_x 0 engine logs "$pod-fim"
	expect "tampered with, ending it: changed /srv/index.html: size 209, not 206; content" "$output$stderr"
	[ "$(ended_times)" = 1 ]
	echo "# podman: ended after $(((ended - begin) / 1000)) ms, clean after $(((clean - begin) / 1000)) ms" >&3
}

@test "a program that was added, and one that was changed" {
	requires root pods join
	make_pod
	start_fim
	start_hello
	wait_until 10 fim_says "all ok"
	old=$(engine inspect -f '{{.Id}}' "$pod-hello")
	cp /bin/true "$(hello_files)/bin/implant"
	wait_until 20 is_another "$old"
	wait_until 20 fim_says "all ok"
	old=$(engine inspect -f '{{.Id}}' "$pod-hello")
	printf x >>"$(hello_files)/bin/probe"
	wait_until 20 is_another "$old"
	wait_until 20 fim_says "all ok"
	[ "$(ended_times)" = 2 ]
	run_x 0 engine logs "$pod-fim"
	expect "added /bin/implant" "$output$stderr"
	expect "changed /bin/probe" "$output$stderr"
}

@test "a baseline that can't be right ends nobody for ever" {
	requires root pods join
	mkdir "$BATS_TEST_TMPDIR/srv"
	sed 's/world/others/' ../hello/files/srv/index.html >"$BATS_TEST_TMPDIR/srv/index.html"
	chmod -R a+rX "$BATS_TEST_TMPDIR/srv"
	make_pod
	start_fim
	start ./respawn "$pod-hello" --pod "$pod" "${locked[@]}" --cap-drop ALL \
		-v "$BATS_TEST_TMPDIR/srv:/srv:ro" "$HELLO"
	wait_until 60 says "ended too often already (3 times)"
	[ "$(ended_times)" = 3 ]
	fim_says ERROR
	wait_until 20 page_has "Hello, others!"
	sleep 2
	page_has "Hello, others!"
	[ "$(ended_times)" = 3 ]
}

says() {
	curl -fs "http://127.0.0.1:$fim_port/api/v1/status" | grep -qF "$1"
}

@test "hello comes and goes by itself: nobody is ended, and absence isn't ok" {
	requires root pods join
	make_pod
	start_fim
	wait_until 20 says "there is no neighbour"
	fim_says ERROR
	start_hello
	wait_until 10 fim_says "all ok"
	old=$(engine inspect -f '{{.Id}}' "$pod-hello")
	engine stop -t 2 "$pod-hello" >/dev/null
	wait_until 20 is_another "$old"
	wait_until 10 fim_says "all ok"
	[ "$(ended_times)" = 0 ]
}

@test "healthz FILE HASH: one look, MD5 or SHA-256" {
	requires root pods join
	make_pod
	start_fim
	start_hello
	md5=$(md5sum <../hello/files/srv/index.html | cut -d' ' -f1)
	sha256=$(sha256sum <../hello/files/srv/index.html | cut -d' ' -f1)
	run_x 0 exec_in "$pod-fim" /bin/filewatch healthz /srv/index.html "$md5"
	run_x 0 exec_in "$pod-fim" /bin/filewatch healthz /srv/index.html "${sha256^^}"
	run_x 2 exec_in "$pod-fim" /bin/filewatch healthz /srv/index.html 123
	run_x 2 exec_in "$pod-fim" /bin/filewatch healthz -n nothing-of-that-name /srv/index.html "$md5"
	old=$(engine inspect -f '{{.Id}}' "$pod-hello")
	run_x 2 exec_in "$pod-fim" /bin/filewatch healthz /srv/index.html "${md5/[0-9a-f]/x}"
	engine inspect "$old" >/dev/null
	run_x 1 exec_in "$pod-fim" /bin/filewatch healthz /srv/none "$md5"
	expect "ended 1 process of the neighbour" "$stderr"
	wait_until 20 is_another "$old"
}

@test "a Kubernetes Pod, by podman kube play" {
	requires root pods join
	sed -e "s/^  name: hello\$/  name: $pod/" -e "s|localhost/whittle/hello:live|$HELLO|" \
		-e "s|localhost/whittle/fim:live|$(tag_fim)|" -e "s/hostPort: 8000/hostPort: $hello_port/" \
		-e "s/hostPort: 8081/hostPort: $fim_port/" pod.yaml >"$BATS_TEST_TMPDIR/pod.yaml"
	run_x 0 engine kube play "$BATS_TEST_TMPDIR/pod.yaml"
	wait_until 20 page_has "Hello, world!"
	wait_until 20 fim_says "all ok"
	sed -i 's/Hello, world!/Hello, intruder!/' "$(hello_files)/srv/index.html"
	# podman starts the same container again, with its changed file, where Kubernetes would
	# make a new one: so it is ended until the budget is spent, and fim says so.
	wait_until 60 says "ended too often already (3 times): changed /srv/index.html"
	fim_says ERROR
	run_x 0 engine kube down "$BATS_TEST_TMPDIR/pod.yaml"
}

# kube play takes no image by its ID.
tag_fim() {
	engine tag "$FIM" "$FIM_TAG" >/dev/null
	echo "$FIM_TAG"
}

@test "with docker, without a pod: hello joins fim's pid namespace" {
	requires root command:dockerd
	if [ "$(engine --which)" = docker ]; then
		run_x 0 ./docker-pid "$pod" "$HELLO" "$FIM" "$hello_port" "$fim_port"
	else
		engine save -o "$BATS_TEST_TMPDIR/images.tar" "$HELLO" >/dev/null
		fim=$(tag_fim)
		engine save -o "$BATS_TEST_TMPDIR/fim.tar" "$fim" >/dev/null
		run_x 0 "$TOP/tests/with-dockerd" bash -c 'cd "$1" && docker load -q -i images.tar &&
			docker load -q -i fim.tar && "$2/docker-pid" "${@:3}"' - \
			"$BATS_TEST_TMPDIR" "$PWD" "$pod" "$HELLO" "$fim" "$hello_port" "$fim_port"
	fi
	expect "a neighbour that is process 1: refused"
	expect "clean page served"
	echo "# docker: ${lines[-1]}" >&3
}

teardown_file() {
	engine rmi "$FIM_TAG" >/dev/null 2>&1 || :
}

@test "filewatch, probe, and nothing else to start; no account but root" {
	root=$BATS_TEST_TMPDIR/root
	image_root "$FIM" "$root"
	[ "$(programs_in "$root" | xargs)" = "/bin/filewatch /bin/probe" ]
	run_x 0 find "$root" -type f -perm /6000 -print
	[ -z "$output" ]
	[[ $(cat "$root/etc/passwd") == root:x:0:0:*:/sbin/nologin ]]
	run_x 127 engine run --rm --network none --entrypoint /bin/sh "$FIM"
}

# The DNS server is asked real questions, with the templates and with a configuration of
# one's own, and gives a lease to a client in a network of their own.

# shellcheck disable=SC2154,SC2016 # run_x sets stderr; inner shells have variables too
load ../../tests/helpers

# up IMAGE RUN-OPTIONS…: a test instance with the rights of the real one, and no others.
# Its volumes are in $BATS_FILE_TMPDIR/NAME.
up() {
	local image=$1
	shift
	mkdir -p "$BATS_FILE_TMPDIR/$NAME/lib" "$BATS_FILE_TMPDIR/$NAME/log"
	chmod 777 "$BATS_FILE_TMPDIR/$NAME/lib" "$BATS_FILE_TMPDIR/$NAME/log"
	engine run -d --name "$NAME" --read-only --cap-drop ALL --cap-add NET_BIND_SERVICE \
		--security-opt no-new-privileges "${PROFILE[@]}" --memory 64m --pids-limit 16 \
		-v "$BATS_FILE_TMPDIR/$NAME/lib:/var/lib/dnsmasq" \
		-v "$BATS_FILE_TMPDIR/$NAME/log:/var/log/dnsmasq" "$@" "$image" >/dev/null
}

# ask DIG-ARGUMENTS…: of the instance that setup_file started.
ask() {
	dig @127.0.0.1 -p "$PORT" +tries=1 +time=5 "$@"
}

# log TEXT: how many lines of the server's log have it. Without root the file is another
# user's, and the engine has to fetch it.
log() {
	local log=$BATS_FILE_TMPDIR/$NAME/log/dnsmasq.log
	[ -r "$log" ] || {
		engine cp "$NAME:/var/log/dnsmasq/dnsmasq.log" "$BATS_TEST_TMPDIR/log"
		log=$BATS_TEST_TMPDIR/log
	}
	grep -c "$1" "$log"
}

setup_file() {
	export IMAGE=${TEST_IMAGE:-localhost/whittle/dns:latest}
	export NAME=whittle-test-dns-$$
	export OWN=whittle-test-dns-own-$$
	PORT=$(free_port)
	export PORT
	chmod 755 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"
	up "$IMAGE" -p "127.0.0.1:$PORT:53/udp" -p "127.0.0.1:$PORT:53/tcp"
	wait_until 20 exec_in "$NAME" /bin/probe tcp:127.0.0.1:53
}

teardown_file() {
	# One by one: podman removes none where one of them isn't there.
	engine rm -f "$NAME" >/dev/null 2>&1 || :
	engine rm -f "$OWN" >/dev/null 2>&1 || :
	remove_images_of "$OWN" || :
}

teardown() {
	stop_all
	# Where a test failed with the cable half laid.
	ip link del "wa$$" 2>/dev/null || :
}

# own: a container's directory beside this one, like it but for private.d.
own() {
	rm -rf "${BATS_FILE_TMPDIR:?}/$OWN"
	mkdir -p "$BATS_FILE_TMPDIR/$OWN"
	cp -a "$BATS_TEST_DIRNAME/Dockerfile" "$BATS_TEST_DIRNAME/files" "$BATS_FILE_TMPDIR/$OWN/"
	private=$BATS_FILE_TMPDIR/$OWN/files/etc/dnsmasq/private.d
	rm -rf "$private"
	mkdir -p "$private/conf.d"
}

build_own() {
	(cd "$BATS_FILE_TMPDIR/$OWN" && WHITTLE_STATE=$BATS_FILE_TMPDIR/state "$TOP/infra/image" build)
}

@test "a name: A and AAAA" {
	run_x 0 ask +short A gateway.home.arpa
	[ "$output" = 192.0.2.1 ]
	run_x 0 ask +short AAAA gateway.home.arpa
	[ "$output" = 2001:db8::1 ]
}

@test "an address: PTR, both kinds" {
	run_x 0 ask +short -x 192.0.2.53
	[ "$output" = dns.home.arpa. ]
	run_x 0 ask +short -x 2001:db8::1
	[ "$output" = gateway.home.arpa. ]
}

@test "a name that isn't there: NXDOMAIN; a kind that isn't there: an empty answer" {
	run_x 0 ask nobody.home.arpa
	expect "status: NXDOMAIN"
	run_x 0 ask AAAA dns.home.arpa
	expect "status: NOERROR"
	expect "ANSWER: 0"
}

@test "the rest of the world is refused where no other server is named" {
	run_x 0 ask example.com
	expect "status: REFUSED"
}

@test "the same over TCP" {
	run_x 0 ask +tcp +short A gateway.home.arpa
	[ "$output" = 192.0.2.1 ]
}

@test "the container's own names are nobody's business" {
	run_x 0 ask "$(engine inspect -f '{{.Config.Hostname}}' "$NAME")"
	refute "status: NOERROR"
}

@test "it runs as dns, with NET_BIND_SERVICE alone" {
	pid=$(engine inspect -f '{{.State.Pid}}' "$NAME")
	# CAP_NET_BIND_SERVICE is bit 10.
	run_x 0 awk '/^(Cap(Bnd|Prm|Eff)|NoNewPrivs):/ { print $1, $2 }' "/proc/$pid/status"
	expect "CapBnd: 0000000000000400"
	expect "NoNewPrivs: 1"
	for set in CapPrm CapEff; do
		[[ $output =~ $set:\ 0000000000000[04]00 ]]
	done
	[ "$(engine inspect -f '{{.Config.User}}' "$NAME")" = dns ]
	[ "$(awk '/^Uid:/ { print $2 }' "/proc/$pid/status")" -ne 0 ]
}

@test "logs and leases are on the volumes" {
	[ "$(log "started, version")" -eq 1 ]
	[ -e "$BATS_FILE_TMPDIR/$NAME/log/dnsmasq.log" ]
	run_x 0 engine diff "$NAME"
	refute dnsmasq.log
}

@test "SIGHUP: it reads the names again" {
	before=$(log "read /etc/dnsmasq/hosts")
	engine kill --signal HUP "$NAME" >/dev/null
	read_again() { [ "$(log "read /etc/dnsmasq/hosts")" -gt "$before" ]; }
	wait_until 10 read_again
	run_x 0 ask +short A dns.home.arpa
	[ "$output" = 192.0.2.53 ]
}

@test "the health check says no where no server is" {
	run_x 1 engine run --rm --network none --entrypoint /bin/probe "$IMAGE" tcp:127.0.0.1:53
	expect refused "$stderr"
}

@test "there is no shell, no applet, no account but the server's" {
	for program in /bin/sh /bin/busybox /bin/ls /bin/cat; do
		run_x 127 engine run --rm --network none --entrypoint "$program" "$IMAGE"
	done
	image_root "$IMAGE" "$BATS_TEST_TMPDIR/root"
	[ "$(programs_in "$BATS_TEST_TMPDIR/root" | xargs)" = "/bin/dnsmasq /bin/probe" ]
	[ "$(cut -d: -f1,3 "$BATS_TEST_TMPDIR/root/etc/passwd")" = dns:53 ]
}

@test "a configuration of one's own takes the templates' place, links followed" {
	own
	mkdir "$BATS_TEST_TMPDIR/elsewhere"
	echo "192.0.2.77 secret" >"$BATS_TEST_TMPDIR/elsewhere/names"
	ln -s "$BATS_TEST_TMPDIR/elsewhere/names" "$private/hosts"
	echo "address=/more.home.arpa/192.0.2.78" >"$private/conf.d/more.conf"
	chmod 600 "$private/conf.d/more.conf"
	run_x 0 build_own

	engine rm -f "$NAME" >/dev/null
	up "localhost/whittle/$OWN:latest" -p "127.0.0.1:$PORT:53/udp" -p "127.0.0.1:$PORT:53/tcp"
	wait_until 20 exec_in "$NAME" /bin/probe tcp:127.0.0.1:53
	run_x 0 ask +short A secret.home.arpa
	[ "$output" = 192.0.2.77 ]
	run_x 0 ask +short A more.home.arpa
	[ "$output" = 192.0.2.78 ]
	run_x 0 ask gateway.home.arpa
	expect "status: NXDOMAIN"
	run_x 0 sh -c '"$0" export "$1" | tar -t' "$ENGINE_CMD" "$NAME"
	refute private.d
}

@test "a broken configuration ends the build, and says where" {
	own
	build_own
	before=$(engine image inspect -f '{{.Id}}' "localhost/whittle/$OWN:latest")
	printf '# one\nno-such-word=1\n' >"$private/conf.d/bad.conf"
	run_x 2 build_own
	expect "bad option at line 2 of /etc/dnsmasq/conf.d/bad.conf" "$output$stderr"
	[ "$(engine image inspect -f '{{.Id}}' "localhost/whittle/$OWN:latest")" = "$before" ]
}

# In the network namespace of a process.
in_net() {
	nsenter -t "$1" -n "${@:2}"
}

@test "a lease over DHCP, and the client's name in the DNS" {
	requires root command:ip command:nsenter
	client=$TOP/baseline/rootfs/obj/busybox-full
	# Beside the image's own files, not built into another: make learn sees what leases take.
	cat >"$BATS_TEST_TMPDIR/dhcp.conf" <<-'EOT'
		dhcp-range=10.53.77.100,10.53.77.110,255.255.255.0,1h
		dhcp-option=option:router,10.53.77.1
		dhcp-broadcast
		no-ping
	EOT
	engine rm -f "$NAME" >/dev/null
	up "$IMAGE" --network none -v "$BATS_TEST_TMPDIR/dhcp.conf:/etc/dnsmasq/conf.d/dhcp.conf:ro"
	wait_until 20 exec_in "$NAME" /bin/probe tcp:127.0.0.1:53
	server=$(engine inspect -f '{{.State.Pid}}' "$NAME")

	# A cable: one end in the server's network, the other in one of the client's.
	start unshare -n sleep 1000
	apart() { [ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$started/ns/net")" ]; }
	wait_until 60 apart
	ip link add "wa$$" type veth peer name "wb$$"
	ip link set "wa$$" netns "$server" name lan
	ip link set "wb$$" netns "$started" name lan
	in_net "$server" ip address add 10.53.77.1/24 dev lan
	in_net "$server" ip link set lan up
	in_net "$started" ip link set lan up

	cat >"$BATS_TEST_TMPDIR/bound" <<-EOT
		#!/bin/sh
		[ "\$1" != bound ] || echo "\$ip \$router \$lease" >"$BATS_TEST_TMPDIR/lease"
	EOT
	chmod 755 "$BATS_TEST_TMPDIR/bound"
	run_x 0 in_net "$started" "$client" udhcpc -f -q -n -t 10 -i lan -x hostname:laptop -s "$BATS_TEST_TMPDIR/bound"
	read -r ip router lease <"$BATS_TEST_TMPDIR/lease"
	[[ $ip == 10.53.77.1?? ]]
	[ "$router $lease" = "10.53.77.1 3600" ]
	grep -q " $ip laptop " "$BATS_FILE_TMPDIR/$NAME/lib/leases"

	in_net "$started" ip address add "$ip/24" dev lan
	run_x 0 in_net "$started" dig @10.53.77.1 +tries=1 +time=5 +short laptop.home.arpa
	[ "$output" = "$ip" ]
	# It gave out its range alone, and did it without a capability more.
	[ "$(awk '/^CapBnd:/ { print $2 }' "/proc/$server/status")" = 0000000000000400 ]
}

@test "it ends at SIGTERM" {
	run_x 0 engine stop -t 60 "$NAME"
	run_x 0 engine inspect -f '{{.State.ExitCode}}' "$NAME"
	[ "$output" = 0 ]
}

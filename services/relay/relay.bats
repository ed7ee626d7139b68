# Connections through the relay, which has a network of its own as in a container, to small
# servers in python that say who they are.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers

setup() {
	RELAY=$(prog services/relay relay)
	cd "$BATS_TEST_TMPDIR" || return
	port=8080
}

# The relay's side and the servers', 198.18.7.2 and 198.18.7.3.
network() {
	requires root command:ip
	space=relay$$
	ip netns add "$space"
	ip link add "v$$" type veth peer name v0 netns "$space"
	ip addr add 198.18.7.2/24 dev "v$$"
	ip addr add 198.18.7.3/24 dev "v$$"
	ip link set "v$$" up
	ip -n "$space" addr add 198.18.7.1/24 dev v0
	ip -n "$space" link set v0 up
	ip -n "$space" link set lo up
}

teardown() {
	stop_all
	# The pair would go with the namespace, but some time later.
	[ -z "${space:-}" ] || { ip link del "v$$" && ip netns del "$space"; }
}

inside() {
	ip netns exec "$space" "$@"
}

# server ADDRESS [HOW]: answers each line by its address and the line, and at the end of what it
# is sent "end"; HOW "echo": only what it is sent; "break": nothing.
server() {
	cat >server.py <<-'EOT'
		import socket, socketserver, struct, sys
		class Talk(socketserver.StreamRequestHandler):
		    def handle(self):
		        how = sys.argv[2:]
		        while how == ["echo"] and (data := self.rfile.read1(65536)):
		            self.wfile.write(data)
		        if how == ["break"]:
		            self.rfile.readline()
		            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		        if how:
		            return
		        for line in self.rfile:
		            self.wfile.write(sys.argv[1].encode() + b" " + line)
		        self.wfile.write(b"end\n")
		    def finish(self):
		        pass
		class Server(socketserver.ThreadingTCPServer):
		    allow_reuse_address = True
		    request_queue_size = 100
		    def shutdown_request(self, request):
		        request.close()
		Server((sys.argv[1], 8080), Talk).serve_forever()
	EOT
	start python3 server.py "$@"
	wait_until 30 bash -c "exec 3<>/dev/tcp/$1/$port"
}

target() {
	echo "$1" >target.new
	mv target.new target
}

relay() {
	start ip netns exec "$space" "$RELAY" "$@" target "$port"
	wait_until 30 sh -c "ip netns exec $space cat /proc/net/tcp6 | grep -q ':1F90 .* 0A '"
}

# ask ADDRESS: what comes back for standard input; "reset" where it is broken off.
ask() {
	inside timeout 60 python3 -c 'if True:
		import socket, sys, threading
		c = socket.create_connection((sys.argv[1], 8080))
		def send():
		    try:
		        while data := sys.stdin.buffer.read1(65536):
		            c.sendall(data)
		        c.shutdown(socket.SHUT_WR)
		    except OSError:
		        pass
		threading.Thread(target=send, daemon=True).start()
		try:
		    while data := c.recv(65536):
		        sys.stdout.buffer.write(data)
		        sys.stdout.flush()
		except ConnectionResetError:
		    print("reset")
	' "$1"
}

@test "what comes goes to whom the file names, in both directions, to its end; by either family" {
	network
	server 198.18.7.2
	target 198.18.7.2
	relay
	for address in 127.0.0.1 ::1; do
		run_x 0 ask $address <<<hello
		[ "$output" = "198.18.7.2 hello"$'\n'"end" ]
	done
}

@test "a new address is for new connections; old ones stay where they are" {
	network
	server 198.18.7.2
	server 198.18.7.3
	target 198.18.7.2
	relay
	mkfifo to from
	ask 127.0.0.1 <to >from 3>&- &
	local client=$!
	exec 8>to 9<from
	echo one >&8
	read -r -t 30 line <&9
	[ "$line" = "198.18.7.2 one" ]
	target 198.18.7.3
	run_x 0 ask 127.0.0.1 <<<new
	[ "${lines[0]}" = "198.18.7.3 new" ]
	echo two >&8
	read -r -t 30 line <&9
	[ "$line" = "198.18.7.2 two" ]
	exec 8>&-
	read -r -t 30 line <&9
	[ "$line" = end ]
	wait "$client"
}

@test "who comes while nobody is there is held, and nothing is lost" {
	network
	target 198.18.7.2
	relay -t 10m
	ask 127.0.0.1 <<<early >answer 3>&- &
	local client=$!
	wait_until 30 sh -c "ip netns exec $space cat /proc/net/tcp6 | grep -q ':1F90 .* 08 '"
	server 198.18.7.2
	wait "$client"
	grep -q "198.18.7.2 early" answer
}

@test "without anybody the connection ends after the time" {
	network
	for address in 198.18.7.2 "no address"; do
		target "$address"
		relay -t 100ms
		run_x 0 ask 127.0.0.1 <<<nothing
		[ "$output" = reset ]
		stop_all
	done
}

@test "a megabyte each way, many at a time" {
	network
	server 198.18.7.2 echo
	target 198.18.7.2
	relay
	head -c 1000000 /dev/urandom >sent
	local pids=()
	for i in {1..10}; do
		ask 127.0.0.1 <sent >"got.$i" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in {1..10}; do
		cmp sent "got.$i"
	done
}

@test "an answer that breaks off doesn't look whole" {
	network
	server 198.18.7.2 break
	target 198.18.7.2
	relay
	run_x 0 ask 127.0.0.1 <<<hello
	[ "$output" = reset ]
}

@test "with few descriptors further connections wait, and are served when others end" {
	network
	server 198.18.7.2
	target 198.18.7.2
	start ip netns exec "$space" prlimit --nofile=86:86 "$RELAY" target "$port"
	wait_until 30 sh -c "ip netns exec $space cat /proc/net/tcp6 | grep -q ':1F90 .* 0A '"
	local pids=()
	for i in {1..8}; do
		{ echo "$i"; sleep 0.2; } | ask 127.0.0.1 >"got.$i" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	[ "$(cat got.* | grep -c end)" = 8 ]
}

@test "wrong words are told: exit status 2" {
	run_x 2 "$RELAY" target
	expect "usage: relay" "$stderr"
	run_x 2 "$RELAY" target 0
	expect "relay: port '0': want a number from 1 to 65535" "$stderr"
	run_x 2 "$RELAY" -t soon target 80
	expect "-t 'soon'" "$stderr"
	run_x 2 "$RELAY" -x target 80
	port=$(free_port)
	start python3 -m http.server "$port"
	wait_until 30 bash -c "exec 3<>/dev/tcp/127.0.0.1/$port"
	run_x 2 "$RELAY" target "$port"
	expect "listen on port $port" "$stderr"
	run_x 0 "$RELAY" --help
}

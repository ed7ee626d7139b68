#!/bin/sh
# Two containers, connected with the host and with each other by a bridge.
. "$(dirname "$0")/../lab.sh"
private_host "$@"
. "$HERE/common.sh"

a= b=
container a
container b
nsenter -t "$a" -n httpd -h a
nsenter -t "$b" -n httpd -h b

say "A container's network has no way out, not even to itself:"
try nsenter -t "$a" -n ip -o link
refused nsenter -t "$a" -n wget -q -O - http://127.0.0.1/

say "A pair of interfaces is a cable. One end goes into the container, the other stays:"
cable "$a" 10.0.0.2/24 to-a
cable "$b" 10.0.0.3/24 to-b

say "A bridge is a switch with all the cables in it, and has the host's own address:"
try ip link add bridge type bridge
try ip link set to-a master bridge
try ip link set to-b master bridge
try ip address add 10.0.0.1/24 dev bridge
try ip link set bridge up

say "Now the host reaches them, and they reach each other:"
eventually fetch 10.0.0.2
eventually fetch 10.0.0.3
try wget -q -O - http://10.0.0.2/
try nsenter -t "$a" -n wget -q -O - http://10.0.0.3/

say "No port was opened for that. Between neighbours none is closed, unless the bridge keeps them apart:"
try ip link set to-a type bridge_slave isolated on
try ip link set to-b type bridge_slave isolated on
refused nsenter -t "$a" -n wget -q -T 1 -O - http://10.0.0.3/
try wget -q -O - http://10.0.0.3/

#!/bin/sh
# A port of the host leads into a container: for everybody, or for the host alone.
. "$(dirname "$0")/../lab.sh"
private_host "$@"
. "$HERE/common.sh"

a= elsewhere=
container a
container elsewhere
nsenter -t "$a" -n httpd -h a
nsenter -t "$elsewhere" -n httpd -h elsewhere

say "The container is behind 10.0.0.1 here. Elsewhere, by 192.0.2.1, is another machine:"
cable "$a" 10.0.0.2/24 to-a
try ip address add 10.0.0.1/24 dev to-a
try nsenter -t "$a" -n ip route add default via 10.0.0.1
cable "$elsewhere" 192.0.2.2/24 outside
try ip address add 192.0.2.1/24 dev outside
try sysctl -w net.ipv4.ip_forward=1
eventually fetch 10.0.0.2
eventually fetch 192.0.2.2

say "The other machine doesn't know where 10.0.0.2 is, so it can't answer the container:"
refused nsenter -t "$a" -n wget -q -T 1 -O - http://192.0.2.2/

say "Until the host passes the container's packets on under its own address:"
try iptables -t nat -A POSTROUTING -s 10.0.0.0/24 -o outside -j MASQUERADE
try nsenter -t "$a" -n wget -q -O - http://192.0.2.2/

say "Nobody listens on the host's port 8080. A rule leads it into the container:"
refused nsenter -t "$elsewhere" -n wget -q -T 1 -O - http://192.0.2.1:8080/
try iptables -t nat -A PREROUTING -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80
try nsenter -t "$elsewhere" -n wget -q -O - http://192.0.2.1:8080/

say "The host's firewall says no to the port, and it is open all the same: what is led on isn't for the host"
try iptables -A INPUT -p tcp --dport 8080 -j DROP
try nsenter -t "$elsewhere" -n wget -q -O - http://192.0.2.1:8080/

say "It is closed where packets are passed on, or by not leading them there:"
try iptables -A FORWARD -p tcp -d 10.0.0.2 --dport 80 -i outside -j DROP
refused nsenter -t "$elsewhere" -n wget -q -T 1 -O - http://192.0.2.1:8080/
try iptables -F FORWARD
try iptables -t nat -F PREROUTING
try iptables -F INPUT

say "For the host alone: a program that listens on 127.0.0.1 and passes on what it gets"
tcpsvd 127.0.0.1 8080 nc 10.0.0.2 80 &
eventually fetch 127.0.0.1:8080
try wget -q -O - http://127.0.0.1:8080/
refused nsenter -t "$elsewhere" -n wget -q -T 1 -O - http://192.0.2.1:8080/

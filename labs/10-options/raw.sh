#!/bin/sh
# The six options by hand, each by the tool of its lab.
. "$(dirname "$0")/../lab.sh"
. "$HERE/common.sh"
PATH=$LABS/04-cgroups:$LABS/06-privileges:$PATH
prepared

# 5. Memory and processor: everything from here on is in a group (lab 4). limit gives it a
# private host.
[ "${LAB_HOST:-}" = "$(readlink /proc/self/ns/mnt)" ] || exec limit -m 32M -c 50 "$HERE/raw.sh"

ip() {
	host ip "$@"
}

make_root jail
make_data
mkdir jail/data
cp "$LABS/06-privileges/drop" "$LABS/06-privileges/filter" jail/bin/

say "2. Mount: a folder of the host, to read (lab 5)"
try mount --bind data jail/data
try mount -o remount,bind,ro data jail/data

say "3. Capabilities: one of forty. 4. seccomp: all system calls but two (lab 6)"
show contain jail /bin/drop -k net_bind_service /bin/filter mkdir,mkdirat /bin/httpd -f -p 80 -h /data
calls=mkdirat
[ "$(uname -m)" != x86_64 ] || calls=mkdir,mkdirat
contain jail /bin/drop -k net_bind_service /bin/filter $calls /bin/httpd -f -p 80 -h /data &
eventually pgrep -P $!
pid=$(pgrep -P $!)
eventually grep -q 'Seccomp:.2' "/proc/$pid/status"

say "1. Port: a cable into the container, and a listener on 127.0.0.1 (lab 7)"
try ip link add cable type veth peer name eth0 netns "$pid"
try nsenter -t "$pid" -n ip address add 10.0.0.2/24 dev eth0
try nsenter -t "$pid" -n ip link set eth0 up
try ip address add 10.0.0.1/24 dev cable
try ip link set cable up
tcpsvd 127.0.0.1 8080 nc 10.0.0.2 80 &

say "What the kernel has:"
look "$pid"

say "What comes from inside:"
visit 8080

say "6. The host's network: a namespace less"
contain -n jail /bin/sleep 1000000 &
eventually pgrep -P $!
look_network "$(pgrep -P $!)"

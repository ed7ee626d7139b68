#!/bin/sh
# One namespace after the other: what is the container's own in each.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

say "uts: the host name"
try unshare -u sh -c 'hostname container; hostname'
try hostname

say "pid: the processes. Here our shell is process $$, there it is the first one."
try unshare -p -f sh -c 'echo $$'

say "mount: what is mounted where"
mkdir data
try unshare -m sh -c 'mount -t tmpfs tmpfs data; echo mine >data/file; ls data'
try ls data

say "ipc: message queues and shared memory. Here there is a queue:"
mkdir queues
if mount -t mqueue mqueue queues; then
	try touch queues/letters
	try ls queues
	try unshare -m -i sh -c 'mount -t mqueue mqueue queues; ls queues'
else
	echo "this kernel has no message queues to show"
fi

say "net: interfaces, addresses, ports. Here something listens on 127.0.0.1:"
nc -l -p 8000 -s 127.0.0.1 -e echo "the host's service" &
eventually grep -q ':1F40 00000000:0000 0A' /proc/net/tcp
refused unshare -n nc 127.0.0.1 8000 </dev/null
try unshare -n ip -o link
try nc 127.0.0.1 8000 </dev/null

say "user: without one, root in a container is root"
make_root jail
(umask 077 && echo "only for the host's root" >jail/secret)
try contain jail /bin/cat /secret
try contain jail /bin/mknod /tmp/disk b 8 0

say "With one it is user 100000 of the host, and nobody special"
chown 100000:100000 jail/tmp
try contain -u 100000 jail /bin/id -u
try contain -u 100000 jail /bin/touch /tmp/file
try stat -c '%u %n' jail/tmp/file
refused contain -u 100000 jail /bin/cat /secret
refused contain -u 100000 jail /bin/mknod /tmp/disk2 b 8 0

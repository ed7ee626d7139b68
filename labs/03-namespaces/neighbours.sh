#!/bin/sh
# The two jails of lab 2, now with namespaces of their own.
#
#   ./neighbours.sh [COMMAND [ARG]...]      (./neighbours.sh sh: look around in b)
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_root a
make_root b
(umask 077 && echo "the secret of a" >a/secret)

contain a /bin/tail -f /secret >/dev/null &
eventually pidof tail
pid=$(pidof tail)

if [ $# -gt 0 ]; then
	exec contain b "$@"
fi

say "The host sees the process that reads the secret:"
try ps -o pid,args
try cat "/proc/$pid/fd/3"

say "b sees itself, and is process 1 there:"
try contain b /bin/ps -o pid,args

say "So there is nothing to look into, and nothing to end:"
refused contain b /bin/cat "/proc/$pid/fd/3"
refused contain b /bin/cat "/proc/$pid/root/secret"
refused contain b /bin/kill "$pid"

say "Process 1 is b's own now, and its root is b's:"
refused contain b /bin/cat "/proc/1/root$PWD/a/secret"

say "a still runs:"
try cat "/proc/$pid/cmdline"

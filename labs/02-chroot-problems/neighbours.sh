#!/bin/sh
# Two jails on one host: what the second one can do to the first.
#
#   ./neighbours.sh [COMMAND [ARG]...]      (./neighbours.sh sh: look around in jail b)
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_root a
make_root b
(umask 077 && echo "the secret of a" >a/secret)
mount -t proc proc a/proc
mount -t proc proc b/proc

chroot a /bin/tail -f /secret >/dev/null &
eventually chroot b /bin/pidof tail
pid=$(chroot b /bin/pidof tail)

if [ $# -gt 0 ]; then
	exec chroot b "$@"
fi

say "In jail a tail reads a secret. From jail b its file can't be named:"
refused chroot b /bin/cat /a/secret

say "But b sees the processes of a:"
try chroot b /bin/ps -o pid,args

say "And with them what they have open, and their root:"
try chroot b /bin/cat "/proc/$pid/fd/3"
try chroot b /bin/cat "/proc/$pid/root/secret"

say "The root of process 1 is the host's: b is out of its jail."
try chroot b /bin/cat "/proc/1/root$PWD/a/secret"

say "Taking /proc away is no help against root, who mounts it again:"
try umount b/proc
refused chroot b /bin/cat "/proc/$pid/root/secret"
try chroot b /bin/mount -t proc proc /proc
try chroot b /bin/cat "/proc/$pid/root/secret"

say "Another user may not look into the process, but sees its command line:"
refused chroot b /bin/chpst -u 1000:1000 /bin/cat "/proc/$pid/root/secret"
try chroot b /bin/chpst -u 1000:1000 /bin/cat "/proc/$pid/cmdline"

say "Unless /proc shows every user his own processes only:"
try mount -o remount,hidepid=2 proc b/proc
refused chroot b /bin/chpst -u 1000:1000 /bin/cat "/proc/$pid/cmdline"

say "Root in b even ends what runs in a:"
try chroot b /bin/kill "$pid"
eventually [ ! -e "/proc/$pid" ]
try chroot b /bin/ps -o pid,args

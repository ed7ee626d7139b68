#!/bin/sh
# The escape of lab 1, from a root that pivot_root made instead of chroot.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_root jail
cp "$LABS/01-chroot/escape" jail/bin/
echo "the host's secret" >secret

say "With chroot, as in lab 1:"
try chroot jail /bin/escape cat "$PWD/secret"

say "Namespaces alone don't close it, as long as the root is chroot's:"
try unshare -m -p -i -u -n -f chroot jail /bin/escape cat "$PWD/secret"

say "With pivot_root the jail is the root of the mount namespace, and there is no other:"
refused contain jail /bin/escape cat "$PWD/secret"
try contain jail /bin/escape ls /

say "What pivot_root can't take away is a directory that was left open:"
exec 9<.
try contain jail /bin/escape -f 9 cat secret
exec 9<&-
refused contain jail /bin/escape -f 9 cat secret

#!/bin/sh
# Out of the jail: as root, and as nobody in particular through a directory left open.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_jail jail
cp "$HERE/escape" jail/bin/
# The baseline can't change users; this one can.
cp "$LABS/obj/busybox" jail/bin/chpst
echo "the host's secret" >secret
chmod 644 secret

say "In the jail the secret can't be named:"
refused chroot jail /bin/cat "$PWD/secret"

say "But root may make itself another root, and walk past the first one:"
try chroot jail /bin/escape cat "$PWD/secret"

say "Closed for whoever isn't root: chroot(2) wants CAP_SYS_CHROOT."
refused chroot jail /bin/chpst -u 1000:1000 /bin/escape cat "$PWD/secret"

say "Open again if the jailer left a directory outside open, here as descriptor 9:"
exec 9<.
try chroot jail /bin/chpst -u 1000:1000 /bin/escape -f 9 cat secret
exec 9<&-

say "Closed again: engines close every descriptor before they start a container."
refused chroot jail /bin/chpst -u 1000:1000 /bin/escape -f 9 cat secret

#!/bin/sh
# Root in a container of lab 3, with and without capabilities.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_root jail
cp "$HERE/drop" "$LABS/01-chroot/escape" jail/bin/
mkdir jail/mnt
(umask 077 && echo "another user's secret" >jail/secret)
chown 1000 jail/secret

say "Root in a container has what root has:"
try contain jail /bin/grep -E 'Uid|CapEff|CapBnd' /proc/self/status

say "Namespaces don't cover devices. Root makes itself the one that it wants, here the host's kernel log:"
log='mknod /tmp/kmsg c 1 11 && dd if=/tmp/kmsg bs=8k count=1 2>/dev/null | wc -l'
try contain jail /bin/sh -c "$log"
rm jail/tmp/kmsg

say "It mounts, reads anybody's files, gives them away, and has any port:"
try contain jail /bin/mount -t tmpfs tmpfs /mnt
try contain jail /bin/cat /secret
try contain jail /bin/chown 2000 /secret
try contain jail /bin/httpd -p 80

say "The same root without capabilities:"
try contain jail /bin/drop /bin/grep -E 'Uid|CapEff|CapBnd' /proc/self/status
refused contain jail /bin/drop /bin/sh -c "$log"
refused contain jail /bin/drop /bin/mount -t tmpfs tmpfs /mnt
refused contain jail /bin/drop /bin/cat /secret
refused contain jail /bin/drop /bin/chown 2000 /secret
refused contain jail /bin/drop /bin/httpd -p 80

say "Lab 1's escape is over as well, even from a chroot:"
try chroot jail /bin/escape true
refused chroot jail /bin/drop /bin/escape true

say "What a service needs is given back, one by one:"
try contain jail /bin/drop -k net_bind_service /bin/httpd -p 80
refused contain jail /bin/drop -k net_bind_service /bin/cat /secret

#!/bin/sh
# From nobody back to root, by a program that belongs to root.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_root jail
cp "$HERE/drop" jail/bin/
cp "$LABS/obj/busybox" jail/bin/su

say "A program of root's with the setuid bit: whoever runs it is root in it"
try chmod 4755 jail/bin/su
echo root::0:0:root:/:/bin/sh >jail/etc/passwd
try contain jail /bin/chpst -u 1000:1000 /bin/id -u
try contain jail /bin/chpst -u 1000:1000 /bin/su -c 'id -u'

say "With no_new_privs nobody becomes more than he is, whatever the bits say:"
refused contain jail /bin/chpst -u 1000:1000 /bin/setpriv --nnp /bin/su -c 'id -u'

say "Without capabilities in the bounding set he becomes root, but a root that can do nothing:"
echo secret >jail/secret
chmod 600 jail/secret
chown 2000 jail/secret
try contain jail /bin/chpst -u 1000:1000 /bin/su -c 'cat /secret'
refused contain jail /bin/drop -k setuid,setgid /bin/chpst -u 1000:1000 /bin/su -c 'cat /secret'

say "Without the bit there is nothing to abuse:"
try chmod 755 jail/bin/su
refused contain jail /bin/chpst -u 1000:1000 /bin/su -c 'id -u'

#!/bin/sh
# What a layer deletes is still there, in the layer below.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

mkdir base upper work root
make_root base
echo "password: open sesame" >base/etc/secret
tar -C base -cf 1-base.tar .

say "A second layer deletes what the first one brought:"
mount -t overlay overlay -o lowerdir=base,upperdir=upper,workdir=work root
try rm root/etc/secret
refused contain root /bin/cat /etc/secret
tar -C upper -cf 2-harden.tar .

say "In the container it's gone. In the image, which is both layers, it isn't:"
try tar -xOf 1-base.tar ./etc/secret
try sh -c 'cat 1-base.tar 2-harden.tar | grep -c sesame'

say "Nor is the image any smaller:"
try du -k 1-base.tar 2-harden.tar

say "Closed by making one layer of what is seen from the top:"
try tar -C root -cf flat.tar .
refused grep -c sesame flat.tar

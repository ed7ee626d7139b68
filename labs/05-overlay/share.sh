#!/bin/sh
# One layer, two containers.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

mkdir image
make_root image
for c in a b; do
	mkdir -p $c/upper $c/work $c/root
	mount -t overlay overlay -o lowerdir=image,upperdir=$c/upper,workdir=$c/work $c/root
done

say "Two containers of one image. What a does to its files, b doesn't see:"
try contain a/root /bin/sh -c 'echo "a was here" >/etc/motd; rm /bin/vi'
try contain a/root /bin/cat /etc/motd
refused contain b/root /bin/cat /etc/motd
try contain b/root /bin/ls -l /bin/vi
refused contain a/root /bin/ls -l /bin/vi

say "On disk a container is what it changed:"
try find a/upper b/upper
try du -sh image a/upper b/upper

say "To write nothing to the image is not yet to write nothing. With a read-only root:"
mount -o remount,ro overlay b/root
refused contain b/root /bin/touch /etc/motd

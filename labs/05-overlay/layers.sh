#!/bin/sh
# Layers by hand: what is read, written, changed and deleted, and where.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

mkdir lower upper work merged
echo "dog of the lower layer" >lower/dog
echo bird >lower/bird
echo cat >upper/cat
echo "dog of the upper layer" >upper/dog

say "Two folders, one on top of the other. Where both have a file, the upper one's is seen:"
try mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
try ls merged
try cat merged/dog

say "What is written goes to the upper one. To change a file is to copy it up first:"
try sh -c 'echo "and another" >>merged/bird'
try cat upper/bird
try cat lower/bird

say "The lower one is never written, so a file of its is deleted by a mark: a device 0,0"
try rm merged/dog merged/bird
try ls merged
try stat -c '%n: %F %t,%T' upper/bird upper/dog
try ls lower
umount merged

say "A folder that is deleted and made again doesn't let the old one's files through:"
rm -rf upper work
mkdir upper work lower/folder
echo old >lower/folder/old
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged
try rm -r merged/folder
try mkdir merged/folder
try touch merged/folder/new
try ls merged/folder
try ls lower/folder
umount merged

say "There may be many lower ones, the topmost first, and none that is written:"
mkdir middle
echo fish >middle/fish
try mount -t overlay overlay -o lowerdir=middle:lower merged
try ls merged
refused touch merged/file

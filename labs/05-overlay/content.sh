#!/bin/sh
# Layers named by what is in them.
. "$(dirname "$0")/../lab.sh"
private_host "$@"

# pack FOLDER: a tar of it, the same bytes for the same content: names sorted, owners and
# times fixed. Into the store, by its digest, which is printed.
pack() {
	find "$1" -exec touch -h -d @1700000000 {} +
	(cd "$1" && find . | sort | tar -cf - --no-recursion -T -) >layer
	digest=$(sha256sum layer | cut -d' ' -f1)
	mv layer "store/$digest"
	echo "$digest"
}

# unpack DIGEST FOLDER: checks the layer before a byte of it is believed.
unpack() {
	echo "$1  store/$1" | sha256sum -c || return 1
	mkdir -p "$2"
	tar -xf "store/$1" -C "$2"
}

mkdir -p store base hello bye
make_root base
echo 'echo hello' >hello/run
echo 'echo bye' >bye/run

say "A layer is a tar, and its name is the digest of the tar:"
base=$(pack base)
hello=$(pack hello)
bye=$(pack bye)
try ls store

say "The same content, packed on another day, has the same name, and is there once:"
cp -r hello later
later=$(pack later)
try test "$later" = "$hello"
echo '# changed' >>later/run
changed=$(pack later)
refused test "$changed" = "$hello"

say "An image is a list of layers. Two of them share the first:"
echo "$base $hello" >image-hello
echo "$base $bye" >image-bye
try sh -c 'cat image-hello image-bye | tr " " "\n" | sort | uniq -c'

say "Unpacked and mounted one on the other, it runs:"
for layer in "$base" "$hello"; do
	try unpack "$layer" "layers/$layer"
done
mkdir root
try mount -t overlay overlay -o "lowerdir=layers/$hello:layers/$base" root
try contain root /bin/sh /run

say "Who changes a byte in the store is found out, because the name doesn't fit any more:"
printf X | dd of="store/$bye" bs=1 seek=600 conv=notrunc 2>/dev/null
refused unpack "$bye" "layers/$bye"

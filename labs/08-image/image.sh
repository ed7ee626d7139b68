#!/bin/sh
# An image is a tar: packed by hand, imported, and run. Then with all that belongs to it:
# layers, a configuration, a name.
. "$(dirname "$0")/../lab.sh"
with_podman

# The same bytes for the same content: names sorted, owners and times fixed.
pack() {
	find "$1" -exec touch -h -d @1700000000 {} +
	(cd "$1" && find . | sort | tar -cf - --no-recursion -T -)
}

digest_of() {
	sha256sum "$1" | cut -d' ' -f1
}

say "A root file system of one program with two names, in a tar:"
mkdir -p base/bin
cp "$LABS/obj/busybox" base/bin/
ln -s busybox base/bin/ls
ln -s busybox base/bin/sleep
pack base >base.tar
try tar -tvf base.tar

say "That is an image already. A name makes it one that podman runs:"
try podman import -q base.tar "localhost/lab/tar"
try podman run --rm "localhost/lab/tar" /bin/ls /

say "The tar has /bin only. The rest is what the engine mounts and makes for each container:"
# shellcheck disable=SC2016 # for awk
try podman run --rm "localhost/lab/tar" /bin/busybox awk '{ print $2, $3 }' /proc/mounts

say "Now with everything that an image is. A second layer, which adds a file and deletes one:"
mkdir -p top/bin
echo 'echo "hello from the second layer"' >top/hello
: >top/bin/.wh.sleep
pack top >top.tar
try tar -tf top.tar

say "The configuration: what to run, and the layers by their digests, lowest first"
base=$(digest_of base.tar)
top=$(digest_of top.tar)
cat >config.json <<EOT
{
  "architecture": "$(host podman version -f '{{.Client.OsArch}}' | cut -d/ -f2)",
  "os": "linux",
  "config": {
    "Cmd": ["/bin/busybox", "sh", "/hello"]
  },
  "rootfs": {
    "type": "layers",
    "diff_ids": ["sha256:$base", "sha256:$top"]
  }
}
EOT
try cat config.json

say "The image's ID is the digest of that file, which names the layers by theirs: nothing can be changed unnoticed."
id=$(digest_of config.json)
echo "$id"

say "Packed as an archive for podman load (docker load takes the same):"
mv config.json "$id.json"
mv base.tar "$base.tar"
mv top.tar "$top.tar"
echo "[{\"Config\": \"$id.json\", \"RepoTags\": [\"localhost/lab/hand:latest\"], \"Layers\": [\"$base.tar\", \"$top.tar\"]}]" >manifest.json
try cat manifest.json
tar -cf image.tar manifest.json "$id.json" "$base.tar" "$top.tar"
try podman load -q -i image.tar
try podman run --rm "localhost/lab/hand"
refused podman run --rm "localhost/lab/hand" /bin/busybox ls /bin/sleep
loaded=$(podman image inspect -f '{{.Id}}' "localhost/lab/hand")
try test "${loaded#sha256:}" = "$id"

say "A byte changed in a layer is noticed:"
printf X | dd of="$top.tar" bs=1 seek=600 conv=notrunc 2>/dev/null
tar -cf changed.tar manifest.json "$id.json" "$base.tar" "$top.tar"
podman rmi "localhost/lab/hand" >/dev/null
refused podman load -q -i changed.tar

#!/bin/sh
# The six options in podman's words.
. "$(dirname "$0")/../lab.sh"
. "$HERE/common.sh"
prepared
with_podman

mkdir root
make_root root
make_data
cp "$HERE/calls.json" .
mkdir root/data
host tar -C root -cf - . | podman import -q - localhost/lab/six >/dev/null

say "1. port, 2. mount, 3. capabilities, 4. seccomp, 5. memory and processor:"
try podman run -d --name six \
	--publish 127.0.0.1::80 \
	--volume "$PWD/data:/data:ro" \
	--cap-drop all --cap-add net_bind_service \
	--security-opt seccomp=calls.json \
	--memory 32m --cpus 0.5 \
	localhost/lab/six /bin/httpd -f -p 80 -h /data
port=$(podman port six 80)
pid=$(podman inspect -f '{{.State.Pid}}' six)

say "What the kernel has:"
look "$pid"

say "What comes from inside:"
visit "${port##*:}"

say "6. The host's network:"
try podman run -d --name net --network host localhost/lab/six /bin/sleep 1000000
look_network "$(podman inspect -f '{{.State.Pid}}' net)"

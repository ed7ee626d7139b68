#!/bin/sh
# A registry on 127.0.0.1: what a tag is worth, and what a digest is.
. "$(dirname "$0")/../lab.sh"
with_podman

registry=
clean_up() {
	[ -z "$registry" ] || kill "$registry"
}

# On a port that is free: the registry says which.
start_registry() {
	command -v docker-registry >/dev/null || die "needs docker-registry"
	cat >"$WORK/registry.yml" <<-EOT
		version: 0.1
		storage: {filesystem: {rootdirectory: $WORK/registry}}
		http: {addr: "127.0.0.1:0"}
	EOT
	docker-registry serve "$WORK/registry.yml" >registry.log 2>&1 &
	registry=$!
	eventually grep -q 'listening on' registry.log
	where=$(sed -n 's/.*listening on \(127[0-9.:]*\).*/\1/p' registry.log | head -n 1)
}

# blob FILE: puts it among the blobs, and prints what a manifest says of it.
blob() {
	digest=$(sha256sum "$1" | cut -d' ' -f1)
	size=$(stat -c %s "$1")
	mv "$1" "oci/blobs/sha256/$digest"
	echo "\"digest\": \"sha256:$digest\", \"size\": $size"
}

# oci TEXT: an image that prints TEXT, as a directory "oci" in the layout of the OCI.
oci() {
	rm -rf oci root
	mkdir -p oci/blobs/sha256 root/bin
	cp "$LABS/obj/busybox" root/bin/
	echo "$1" >root/text
	find root -exec touch -h -d @1700000000 {} +
	(cd root && find . | sort | tar -cf - --no-recursion -T -) >layer.tar
	gzip -n -c layer.tar >layer.tar.gz
	type=application/vnd.oci.image
	cat >config.json <<-EOT
		{"architecture": "$(host podman version -f '{{.Client.OsArch}}' | cut -d/ -f2)", "os": "linux",
		 "config": {"Cmd": ["/bin/busybox", "cat", "/text"]},
		 "rootfs": {"type": "layers", "diff_ids": ["sha256:$(sha256sum layer.tar | cut -d' ' -f1)"]}}
	EOT
	cat >manifest.json <<-EOT
		{"schemaVersion": 2, "mediaType": "$type.manifest.v1+json",
		 "config": {"mediaType": "$type.config.v1+json", $(blob config.json)},
		 "layers": [{"mediaType": "$type.layer.v1.tar+gzip", $(blob layer.tar.gz)}]}
	EOT
	cp manifest.json seen
	manifest=$(blob manifest.json)
	digest=${manifest#*\"digest\": \"}
	digest=${digest%%\"*}
	echo '{"imageLayoutVersion": "1.0.0"}' >oci/oci-layout
	echo "{\"schemaVersion\": 2, \"manifests\": [{\"mediaType\": \"$type.manifest.v1+json\", $manifest}]}" >oci/index.json
}

push() {
	try skopeo copy -q --preserve-digests --dest-tls-verify=false "oci:oci" "docker://$where/$1"
}

# Pulled anew each time.
pull() {
	podman rmi -f "$where/$1" >/dev/null 2>&1 || :
	try podman pull -q --tls-verify=false "$where/$1"
}

start_registry

say "An image as a registry keeps it: blobs by their digests, and a manifest that lists them"
oci "the first one"
first=$digest
try find oci -type f
try cat seen

say "The manifest's digest is the image's: $first"
push "lab:1"
try wget -q -O - "http://$where/v2/lab/tags/list"
try wget -q -S -O /dev/null --header "Accept: application/vnd.oci.image.manifest.v1+json" \
	"http://$where/v2/lab/manifests/1"

say "Pulled by its tag and by its digest:"
pull "lab:1"
try podman run --rm "$where/lab:1"
pull "lab@$first"
try podman run --rm "$where/lab@$first"

say "podman pushes what it has, packed by itself, and says by which digest that is found:"
try podman push -q --tls-verify=false --digestfile pushed "$where/lab@$first" "$where/lab:2"
pull "lab@$(cat pushed)"
try podman run --rm "$where/lab@$(cat pushed)"

say "Somebody pushes another image by the same tag:"
oci "not what you think it is"
push "lab:1"

say "The tag leads to that one now, the digest to the first one as ever:"
pull "lab:1"
try podman run --rm "$where/lab:1"
pull "lab@$first"
try podman run --rm "$where/lab@$first"

say "Somebody changes the manifest in the registry's own files. Who asks by digest finds out:"
podman rmi -fa >/dev/null
file=registry/docker/registry/v2/blobs/sha256/$(echo "${first#sha256:}" | cut -c1-2)/${first#sha256:}/data
sed -i 's/"size": /"size":  /' "$file"
refused podman pull -q --tls-verify=false "$where/lab@$first"

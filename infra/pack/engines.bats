#!/usr/bin/env bats
# pack with real engines: podman, docker and rootless podman build the same sources into
# different layers, and pack makes the same image of them.

load ../../tests/helpers

# bats 1.8 takes no skip in here; setup() says why there is nothing.
setup_file() {
	[ "$(id -u)" -eq 0 ] && command -v podman >/dev/null && "$TOP/infra/fetch" alpine >/dev/null 2>&1 || return 0
	export WORK=$BATS_FILE_TMPDIR
	cd "$WORK"
	chmod 755 "$BATS_RUN_TMPDIR" "$WORK"
	export SOURCE_DATE_EPOCH=1700000000
	write_context
	for engine in podman docker rootless; do
		mkdir -m 1777 "$engine"
	done
	ENGINE=podman build_and_save podman
	if command -v dockerd >/dev/null; then
		"$TOP/tests/with-dockerd" bash -c "$(declare -f build_and_save); build_and_save docker"
	fi
	if command -v newuidmap >/dev/null && "$TOP/tests/as-user" test -r "$TOP/infra/engine"; then
		chmod -R a+rX context
		"$TOP/tests/as-user" env ENGINE=podman WORK="$WORK" TOP="$TOP" bash -c "$(declare -f build_and_save); build_and_save rootless"
	fi
}

# A Dockerfile that has of everything that engines do differently.
write_context() {
	mkdir -p context/files/etc context/files/srv/app
	cp "$("$TOP/infra/fetch" alpine)" context/rootfs.tar.gz
	cp "$TOP/services/probe/probe" context/files/srv/app/probe
	cat >context/caps.c <<-'EOT'
		#include <sys/xattr.h>
		int main(void)
		{
			static const unsigned char net_bind[20] = {1, 0, 0, 2, 0, 4};
			return setxattr("/srv/app/probe", "security.capability", net_bind, sizeof(net_bind), 0) != 0;
		}
	EOT
	cc -static -s -o context/caps context/caps.c
	rm context/caps.c
	echo REMOVED-IN-THE-END >context/files/srv/app/removed
	echo '{"action":"remove","path":"/lib/apk","rule":"apk","type":"dir","mode":"0755","uid":0,"gid":0}' >context/files/ledger.jsonl
	cat >context/Dockerfile <<-'EOT'
		FROM scratch
		ADD rootfs.tar.gz /
		COPY files/srv /srv
		COPY files/ledger.jsonl /var/lib/whittle/ledger.jsonl
		COPY caps /caps
		RUN adduser -D -u 1234 svc && mkdir -m 2750 /srv/deep && ln /srv/app/probe /srv/app/second && \
		    mkfifo /srv/pipe && chown 3000:60000 /srv/pipe && ln -s ../etc/passwd /srv/link && /caps && chmod 4755 /bin/bbsuid 2>/dev/null; \
		    rm -rf /media && mkdir /media && echo new >/media/new && chmod 1777 /media
		RUN rm -rf /srv/app/removed /caps /lib/apk /lib/libapk* /sbin/apk /etc/periodic && touch /etc/motd
		ENV A=b C="d e"
		USER svc
		WORKDIR /made/by/workdir/
		EXPOSE 8080 53/udp
		VOLUME /made/by/volume
		LABEL some=thing
		HEALTHCHECK --interval=30s --timeout=3s --retries=2 CMD ["/srv/app/probe", "tcp:127.0.0.1:1"]
		STOPSIGNAL SIGINT
		ENTRYPOINT ["/bin/sh"]
		CMD ["-c", "id"]
	EOT
}

# In $WORK/$1: image.tar, what the engine saved.
build_and_save() {
	local name=localhost/whittle-test-pack-$1-$$
	export BUILDAH_FORMAT=docker
	"$TOP/infra/engine" build -q --no-cache -t "$name" "$WORK/context" >"$WORK/$1/log" 2>&1 &&
		"$TOP/infra/engine" save -o "$WORK/$1/image.tar" "$name" >>"$WORK/$1/log" 2>&1
	"$TOP/infra/engine" rmi -f "$name" >/dev/null 2>&1
	[ -s "$WORK/$1/image.tar" ] || {
		cat "$WORK/$1/log" >&2
		return 1
	}
}

setup() {
	requires root podman alpine
	cd "$BATS_TEST_TMPDIR"
	export WHITTLE_STATE=$PWD/state TMPDIR=$PWD
	name=whittle-test-pack-$$
}

teardown() {
	ENGINE=podman remove_images_of "$name" || :
	stop_all
}

# pack_of ENGINE: packs what that engine saved to ENGINE.out; $id.
pack_of() {
	[ -s "$WORK/$1/image.tar" ] || skip "this machine cannot: no $1 to build with"
	run_x 0 "$PACK" build -n "$name" -i "$WORK/$1/image.tar" -o "$1.out" -t "localhost/whittle/$name:latest" --lock "$TOP/etc/sources.lock"
	id=${output#sha256:}
	kept=$WHITTLE_STATE/images/$name/$id
}

same_as_podman() {
	pack_of podman
	podman=$id
	pack_of "$1"
	[ "$id" = "$podman" ] || {
		diff <(tar -xOf podman.out --wildcards '*.json') <(tar -xOf "$1.out" --wildcards '*.json') || :
		diff "$WHITTLE_STATE/images/$name/$podman/manifest.mtree" "$kept/manifest.mtree" || :
		false
	}
	cmp podman.out "$1.out"
}

@test "podman's and docker's builds of the same sources are the same image" {
	requires command:dockerd
	same_as_podman docker
}

@test "root's and a plain user's builds are the same image" {
	same_as_podman rootless
}

@test "both engines take it with the ID that pack names, and save it unchanged" {
	pack_of podman
	ENGINE=podman engine load -q -i podman.out
	[ "$(ENGINE=podman engine image inspect -f '{{.Id}}' "localhost/whittle/$name")" = "$id" ]
	run_x 0 env ENGINE=podman "$PACK" verify --content "$id"
	requires command:dockerd
	run_x 0 "$TOP/tests/with-dockerd" bash -c "docker load -q -i podman.out && docker image inspect -f '{{.Id}}' localhost/whittle/$name &&
		docker save -o back.tar localhost/whittle/$name && docker run --rm --entrypoint /bin/cat localhost/whittle/$name /media/new"
	expect "sha256:$id"
	expect new
	run_x 0 "$PACK" explain ./back.tar /media/new
}

@test "docker's containerd store: what it builds, takes and gives is the same image" {
	requires command:dockerd
	pack_of podman
	local with=("$TOP/tests/with-dockerd" -s containerd)
	run "${with[@]}" true
	[[ $output != *"has no containerd store"* ]] || skip "this machine cannot: its docker has no containerd store"
	mkdir -p "$WORK/containerd"
	run_x 0 "${with[@]}" bash -c "$(declare -f build_and_save)
		set -e
		build_and_save containerd
		docker load -q -i podman.out
		[ \"\$(docker image inspect -f '{{.Id}}' 'localhost/whittle/$name')\" != 'sha256:$id' ]
		'$PACK' id 'localhost/whittle/$name:latest'
		'$PACK' verify --content '$name:latest'
		rm -r '$WHITTLE_STATE/image-ids'
		'$PACK' verify --content '$id'
		[ \"\$('$PACK' id -r '$id')\" = \"\$(docker image inspect -f '{{.Id}}' 'localhost/whittle/$name')\" ]
		'$PACK' save -o bundle.tar '$id'
		docker save -o back.tar 'localhost/whittle/$name'
		docker rmi -f 'localhost/whittle/$name'
		'$PACK' load bundle.tar
		docker run --rm --entrypoint /bin/cat 'localhost/whittle/$name' /media/new"
	[ "$(grep -c "^sha256:$id$" <<<"$output")" -eq 2 ]
	expect new
	run_x 0 "$PACK" explain ./back.tar /media/new
	same_as_podman containerd
}

@test "the files are those that a container of the unpacked image has" {
	pack_of podman
	ENGINE=podman engine load -q -i podman.out
	ENGINE=podman engine load -q -i "$WORK/podman/image.tar"
	unpacked=$(tar -xOf "$WORK/podman/image.tar" manifest.json | jq -r '.[0].RepoTags[0]')
	for image in "$unpacked" "localhost/whittle/$name"; do
		c=$(ENGINE=podman engine create "$image")
		ENGINE=podman engine export "$c" >"export.tar"
		ENGINE=podman engine rm -v "$c" >/dev/null
		python3 - >"files.$(basename "${image%%:*}")" <<-'EOT'
			import hashlib, tarfile
			skip = ("dev", "proc", "sys", "run/.containerenv", "etc/resolv.conf", "etc/hosts", "etc/hostname", "etc/mtab", "var/lib/whittle", "made")
			t = tarfile.open("export.tar")
			data = {m.name: hashlib.sha256(t.extractfile(m).read()).hexdigest() for m in t if m.isreg()}
			for m in sorted(t, key=lambda m: m.name):
			    name = m.name.rstrip("/")
			    if name and not any(name == s or name.startswith(s + "/") for s in skip):
			        same = data.get(m.name) or data.get(m.linkname) if m.isreg() or m.islnk() else m.linkname
			        print(repr(name), oct(m.mode), m.uid, m.gid, same)
		EOT
	done
	ENGINE=podman engine rmi "$unpacked" >/dev/null
	[ "$(wc -l <"files.$name")" -gt 400 ]
	diff files.whittle-test-pack-podman-* "files.$name"
}

@test "no byte of what a step removed is in the image" {
	pack_of podman
	grep -aq REMOVED-IN-THE-END "$WORK/podman/image.tar"
	run ! grep -aq REMOVED-IN-THE-END podman.out
	layer=$(tar -xOf podman.out manifest.json | jq -r '.[0].Layers[0]')
	tar -xOf podman.out "$layer" >layer.tar
	python3 -c '
import hashlib, tarfile
t = tarfile.open("layer.tar")
print("\n".join(sorted({hashlib.sha256(t.extractfile(m).read()).hexdigest() for m in t if m.isreg() and m.size})))' >there
	jq -r 'select(.action == "remove" and .sha256 and .size > 0) | .sha256' "$kept/ledger.jsonl" | sort -u >removed
	jq -r 'select(.type == "file") | .path' "$kept/ledger.jsonl" | wc -l >n
	[ "$(cat n)" -gt 5 ]
	python3 - there removed <<-'EOT'
		import sys
		there, removed = (set(open(f).read().split()) for f in sys.argv[1:])
		assert not there & removed, there & removed
	EOT
}

@test "an image stripped of apk stays scannable: packages, each file to one of them" {
	pack_of podman
	run ! grep -q 'lib/apk' "$kept/manifest.mtree"
	jq -e '[.components[] | select(.purl // "" | startswith("pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.3"))] | length == 1' "$kept/sbom.cdx.json"
	# apk-tools lost every file: it isn't there any more
	jq -e '[.components[].name] | index("apk-tools") == null and index("musl") != null' "$kept/sbom.cdx.json"
	# every file and link of the manifest stands in the bill exactly once
	grep -v ' type=dir ' "$kept/manifest.mtree" | sed -n 's,^\.\(/[^ ]*\) .*,\1,p' | sed 's,\\133,[,g' | sort >files
	jq -r '.components[].components[]?.name' "$kept/sbom.cdx.json" | sort >owned
	diff files owned
	jq -r '.files[].fileName' "$kept/sbom.spdx.json" | sed 's/^\.//' | sort >spdx
	diff <(sed -n 's,^\.\(/[^ ]*\) type=file .*,\1,p' "$kept/manifest.mtree" | sort) spdx
	[ "$(jq -r '.components[] | select(.components[]?.name == "/bin/ls") | .name' "$kept/sbom.cdx.json")" = busybox ]
	# our own program says itself what it is made of
	jq -e '.dependencies[] | select(.ref | startswith("program/probe@")) | .dependsOn | map(startswith("source/musl@") or startswith("source/libyaml@")) | all' "$kept/sbom.cdx.json"
	run_x 0 "$PACK" explain "$id" /srv/app/probe
	expect "from whittle's program probe"
	run_x 0 "$PACK" explain "$id" /sbin/apk
	expect "removed by a step of"
	expect "part of apk/apk-tools@2.14.4-r0"
}

@test "both bills of materials pass validators" {
	pack_of podman
	command -v node >/dev/null || skip "this machine cannot: no node, which the validators run on"
	tools=$TOP/.cache/npm
	[ -d "$tools/node_modules/ajv" ] || {
		command -v npm >/dev/null || skip "this machine cannot: no npm"
		mkdir -p "$tools"
		(cd "$tools" && npm init -y && npm install --no-audit --no-fund --omit=peer --omit=optional --ignore-scripts \
			@cyclonedx/cyclonedx-library@8 ajv@8 ajv-formats@3 ajv-formats-draft2019@1) >npm.log 2>&1 ||
			skip "this machine cannot: npm reaches no registry"
	}
	cp "$BATS_TEST_DIRNAME/tests/validate.js" "$tools/"
	ours=$BATS_TEST_DIRNAME/tests/spdx-2.3.schema.json
	published=$("$TOP/infra/fetch" -l "$BATS_TEST_DIRNAME/tests/schemas.lock" spdx-schema 2>/dev/null) || published=
	run_x 0 node "$tools/validate.js" cyclonedx "$kept/sbom.cdx.json"
	for schema in "$ours" ${published:+"$published"}; do
		run_x 0 node "$tools/validate.js" spdx "$kept/sbom.spdx.json" "$schema"
	done
	# and they are no yes-men
	sed 's/"type":"container"/"type":"barrel"/' "$kept/sbom.cdx.json" >bad.json
	run_x 1 node "$tools/validate.js" cyclonedx bad.json
	sed 's/SHA256/SHA512/' "$kept/sbom.spdx.json" >bad.json
	run_x 1 node "$tools/validate.js" spdx bad.json "$ours"
	sed 's/OPERATING_SYSTEM/OPERATING-SYSTEM/' "$kept/sbom.spdx.json" >bad.json
	for schema in "$ours" ${published:+"$published"}; do
		run_x 1 node "$tools/validate.js" spdx bad.json "$schema"
	done
}

@test "save and load: one file, every part checked, engines load it as it is" {
	requires command:minisign
	pack_of podman
	export ENGINE=podman
	engine load -q -i podman.out
	"$PACK" provenance "$id" >/dev/null
	minisign -G -W -p pub -s sec >/dev/null
	"$PACK" sign -k sec "$id"
	run_x 0 "$PACK" save -o bundle.tar "$name"
	run_x 0 "$PACK" save -o again.tar "$id"
	cmp bundle.tar again.tar
	engine rmi -f "localhost/whittle/$name:latest" >/dev/null
	run_x 0 "$PACK" load -t moved --store elsewhere bundle.tar
	[ "$output" = "sha256:$id" ]
	[ "$(engine image inspect -f '{{.Id}}' "localhost/whittle/$name:moved")" = "$id" ]
	diff -r "$kept" "elsewhere/images/$name/$id"
	run_x 0 "$PACK" verify --content --require-signature -p pub --store elsewhere "$name:moved"
	run_x 0 engine load -q -i bundle.tar
	run_x 0 engine image inspect "localhost/whittle/$name:latest"
	# a part that was changed: refused, nothing loaded, nothing kept
	for part in sbom.cdx.json ledger.jsonl manifest.mtree passwd; do
		python3 - "$part" <<-'EOT'
			import io, sys, tarfile
			old, new = tarfile.open("bundle.tar"), tarfile.open("bad.tar", "w")
			for m in old:
			    data = old.extractfile(m).read()
			    if m.name == "whittle/" + sys.argv[1]:
			        data = data.replace(b"r", b"R", 1)
			    new.addfile(m, io.BytesIO(data))
			new.close()
		EOT
		run_x 2 "$PACK" load -t moved --store third bad.tar
		expect "refused 'whittle/$part'" "$stderr"
		[ ! -e third ]
	done
	run_x 2 "$PACK" load --store third podman.out
	expect "refused 'whittle/sbom.cdx.json': it isn't there" "$stderr"
	run_x 2 "$PACK" load -t 'bad tag' --store third bundle.tar
}

@test "push to a registry and pull by digest" {
	requires command:docker-registry command:skopeo
	pack_of podman
	export ENGINE=podman
	engine load -q -i podman.out
	start_registry "$PWD/registry"
	run_x 0 "$PACK" push --insecure "$id" "127.0.0.1:$port/some/where:v1"
	where=$output
	digest=${where#*@}
	[ "$where" = "127.0.0.1:$port/some/where@$digest" ]
	[ "$(skopeo inspect --raw --tls-verify=false "docker://$where" | sha256sum | cut -d' ' -f1)" = "${digest#sha256:}" ]
	[ "$(jq -r --arg k "127.0.0.1:$port/some/where:v1" '.[$k]' "$kept/registry.json")" = "$digest" ]
	engine rmi -f "localhost/whittle/$name:latest" >/dev/null
	run_x 0 "$PACK" pull --insecure -t pulled "$where"
	[ "$output" = "sha256:$id" ]
	run_x 0 "$PACK" verify --content "$name:pulled"
	run_x 2 "$PACK" pull --insecure "127.0.0.1:$port/some/where:v1"
	expect "is required: a tag can be moved" "$stderr"
	run_x 2 "$PACK" pull --insecure "127.0.0.1:$port/some/where@sha256:$(printf '0%.0s' {1..64})"
	expect "skopeo" "$stderr"
	run_x 2 "$PACK" push "$id" "127.0.0.1:$port/some/where:v1"
}

@test "what stood in a private.d directory isn't pushed unasked" {
	requires command:docker-registry command:skopeo
	export ENGINE=podman
	mkdir private
	echo hush >private/key
	printf 'FROM scratch\nCOPY key /srv/private.d/key\n' >private/Dockerfile
	engine build -q --no-cache --format docker -t "localhost/whittle/$name-p:latest" private >/dev/null
	engine save -q --format docker-archive -o private.tar "localhost/whittle/$name-p:latest"
	run_x 0 "$PACK" build -n "$name-p" -i private.tar -o private.out -t "localhost/whittle/$name-p:latest"
	id=${output#sha256:}
	engine load -q -i private.out
	start_registry "$PWD/registry"
	run_x 1 "$PACK" push --insecure "$id" "127.0.0.1:$port/some/private:v1"
	expect "'/srv/private.d/key' is from a private.d directory" "$stderr"
	[ -z "$output" ]
	run ! skopeo inspect --tls-verify=false "docker://127.0.0.1:$port/some/private:v1"
	run_x 0 "$PACK" push --insecure --private "$id" "127.0.0.1:$port/some/private:v1"
	engine rmi -f "localhost/whittle/$name-p:latest" >/dev/null
}

@test "the record goes to the registry beside the image, and comes back with it" {
	requires command:docker-registry command:skopeo command:minisign
	pack_of podman
	export ENGINE=podman
	engine load -q -i podman.out
	start_registry "$PWD/registry"
	at=127.0.0.1:$port/some/where
	run_x 0 "$PACK" push --insecure "$id" "$at:v1"
	where=$output
	# what is known of it later on goes with the next push
	"$PACK" provenance "$id" >/dev/null
	minisign -G -W -p pub -s sec >/dev/null
	"$PACK" sign -k sec "$id"
	run_x 0 "$PACK" push --insecure "$id" "$at:v1"
	[ "$output" = "$where" ]
	run_x 0 skopeo list-tags --tls-verify=false "docker://$at"
	record=sha256-${where#*@sha256:}.whittle
	[ "$(jq -c '.Tags | sort' <<<"$output")" = "[\"$record\",\"v1\"]" ]
	# another machine, which knows nothing yet
	engine rmi -f "localhost/whittle/$name:latest" >/dev/null
	run_x 0 "$PACK" pull --insecure -t pulled --store elsewhere "$where"
	[ "$output" = "sha256:$id" ]
	[ -z "$stderr" ]
	diff -r --exclude registry.json "$kept" "elsewhere/images/$name/$id"
	run_x 0 "$PACK" verify --content --require-signature -p pub --store elsewhere "$name:pulled"
	engine rmi -f "localhost/whittle/$name:pulled" >/dev/null
	# a record that isn't this image's, or isn't whole: neither is kept, nor the image loaded
	skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$at:$record" "docker-archive:record.tar:r:1"
	for part in sbom.cdx.json ledger.jsonl manifest.mtree passwd; do
		for what in change leave-out; do
			python3 - "$what" "whittle/$part" <<-'EOT'
				import hashlib, io, json, sys, tarfile
				def add(tar, name, data):
				    m = tarfile.TarInfo(name)
				    m.size = len(data)
				    tar.addfile(m, io.BytesIO(data))
				old = tarfile.open("record.tar")
				read = lambda name: old.extractfile(name).read()
				manifest = json.loads(read("manifest.json"))[0]
				config = json.loads(read(manifest["Config"]))
				layer = io.BytesIO()
				new = tarfile.open(fileobj=layer, mode="w")
				for m in (inner := tarfile.open(fileobj=io.BytesIO(read(manifest["Layers"][0])))):
				    data = inner.extractfile(m).read()
				    if m.name != sys.argv[2]:
				        add(new, m.name, data)
				    elif sys.argv[1] == "change":
				        add(new, m.name, data.replace(b"r", b"R", 1))
				new.close()
				config["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(layer.getvalue()).hexdigest()]
				bad = tarfile.open("bad.tar", "w")
				add(bad, "layer.tar", layer.getvalue())
				add(bad, "config.json", json.dumps(config).encode())
				add(bad, "manifest.json", json.dumps([{"Config": "config.json", "RepoTags": ["r:1"],
				                                       "Layers": ["layer.tar"]}]).encode())
				bad.close()
			EOT
			skopeo --insecure-policy copy -q --dest-tls-verify=false docker-archive:bad.tar "docker://$at:$record"
			run_x 2 "$PACK" pull --insecure -t pulled --store third "$where"
			expect "refused 'whittle/$part'" "$stderr"
			[ ! -e third ]
			run_x 2 "$PACK" explain "$name:pulled" /media/new
		done
	done
	# an image as a record: its layer isn't one
	skopeo --insecure-policy copy -q --dest-tls-verify=false docker-archive:podman.out "docker://$at:$record"
	run_x 2 "$PACK" pull --insecure -t pulled --store third "$where"
	expect "it isn't there" "$stderr"
	# an image without one, as others push it: it can be had, and that is said
	skopeo --insecure-policy copy -q --dest-tls-verify=false docker-archive:podman.out "docker://127.0.0.1:$port/bare:v1"
	digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://127.0.0.1:$port/bare:v1")
	run_x 0 "$PACK" pull --insecure -t pulled --store third "127.0.0.1:$port/bare@$digest"
	[ "$output" = "sha256:$id" ]
	expect "has no record beside it" "$stderr"
	[ ! -e third ]
}

@test "a registry that is busy for a moment is asked again" {
	requires command:docker-registry command:skopeo
	pack_of podman
	export ENGINE=podman
	engine load -q -i podman.out
	start_registry "$PWD/registry"
	front=$(free_port)
	start python3 "$BATS_TEST_DIRNAME/tests/registry-proxy.py" "$front" "$port" "$PWD/requests"
	wait_until 10 eval "(exec 3<>/dev/tcp/127.0.0.1/$front)"
	run_x 0 "$PACK" push --insecure "$id" "127.0.0.1:$front/some/where:v1"
	run_x 0 "$PACK" pull --insecure -t pulled --store elsewhere "$output"
	[ "$output" = "sha256:$id" ]
	grep -q " 429$" requests
	grep -q " 503$" requests
	engine rmi -f "localhost/whittle/$name:pulled" >/dev/null
}

@test "what a registry has already isn't sent again: one that lets nothing be written is content" {
	requires command:docker-registry command:skopeo
	pack_of podman
	export ENGINE=podman
	engine load -q -i podman.out
	start_registry "$PWD/registry"
	run_x 0 "$PACK" push --insecure "$id" "127.0.0.1:$port/some/where:v1"
	digest=${output#*@}
	stop_all
	start_registry "$PWD/registry" 'maintenance: {readonly: {enabled: true}}'
	run_x 0 "$PACK" push --insecure "$id" "127.0.0.1:$port/some/where:v1"
	[ "$output" = "127.0.0.1:$port/some/where@$digest" ]
	run_x 2 "$PACK" push --insecure "$id" "127.0.0.1:$port/some/where:v2"
	# what became known since has to be sent
	"$PACK" provenance "$id" >/dev/null
	run_x 2 "$PACK" push --insecure "$id" "127.0.0.1:$port/some/where:v1"
}

@test "an image by its name in the engine, and one that isn't there" {
	pack_of podman
	export ENGINE=podman
	engine load -q -i podman.out
	run_x 0 "$PACK" explain "$name" /media/new
	run_x 0 "$PACK" explain "$name:latest" /media/new
	run_x 0 "$PACK" explain "localhost/whittle/$name" /media/new
	run_x 2 "$PACK" explain "$name:nosuch" /media/new
	expect "no image 'localhost/whittle/$name:nosuch'" "$stderr"
	engine tag "localhost/whittle/$name:latest" "localhost/whittle/$name:live"
	run_x 0 "$PACK" diff "$name"
	[ -z "$output" ]
	WHITTLE_ENGINE=/nowhere run_x 2 "$PACK" explain "$name" /media/new
	expect "start '/nowhere'" "$stderr"
	# an engine that fails isn't one that has no such image
	requires command:docker
	ENGINE=docker DOCKER_HOST=unix://$PWD/no.socket run_x 2 "$PACK" explain "$name" /media/new
	expect "image inspect localhost/whittle/$name:latest" "$stderr"
}

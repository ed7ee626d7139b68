#!/usr/bin/env bats
# The way of an image: copy, build, test, promote. With small containers of its own, and
# image names that nobody else has.

load helpers

setup_file() {
	file_requires engine || return 0
	cd "$BATS_FILE_TMPDIR"
	cat >serve.c <<-'EOT'
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			if (argc > 1)
				return write(1, argv[1], 1) != 1;
			return write(1, "serving\n", 8) != 8;
		}
	EOT
	cc -static -s -o serve serve.c
}

setup() {
	at=@ # bats would take its mark at a line's begin for a test of this file
	name=whittle-test-pipe-$$-$BATS_TEST_NUMBER
	repo=localhost/whittle/$name
	directory=$BATS_TEST_TMPDIR/$name
	mkdir -p "$directory/files/bin" "$directory/files/etc"
	cd "$directory"
	export WHITTLE_STATE=$BATS_TEST_TMPDIR/state WHITTLE_BASELINE_READY=1
	unset TEST_IMAGE TEST_NAME MAKEFLAGS MAKELEVEL
	cp "$BATS_FILE_TMPDIR/serve" files/bin/serve
	echo one >files/etc/conf
	printf 'FROM scratch\nCOPY files/ /\nCMD ["/bin/serve"]\n' >Dockerfile
	printf 'include %s/etc/Makefile-docker\n' "$TOP" >Makefile
	cat >test.bats <<-EOT
		load $TOP/tests/helpers
		${at}test "it serves" {
			run_x 0 engine run --rm --network none "\$TEST_IMAGE"
			expect serving
		}
	EOT
}

teardown() {
	drop_store
	remove_images_of "$name" || :
}

id_of() {
	"$PACK" id "$repo:$1"
}

stamp() {
	sed -n "s/^image //p" "$1-stamp"
}

# A change that leads to another image.
change() {
	echo "$RANDOM $RANDOM" >files/etc/conf
}

@test "all, test, install: what was tested goes live, stamps name it" {
	run_x 0 make all test install
	[ "$(id_of latest)" = "$(id_of live)" ]
	[ "$(id_of live)" = "$(stamp build)" ]
	[ "$(stamp test)" = "$(stamp build)" ]
	[ "$(stamp install)" = "$(stamp build)" ]
	[ "$(sed -n 's/^passed //p' test-stamp)" = 1 ]
}

@test "make -j2 all test install keeps the order" {
	run_x 0 make -j2 all test install
	[ "$(id_of live)" = "$(stamp test)" ]
}

@test "nothing changed: nothing is done, stamps stay as they are" {
	run_x 0 make all test install
	before=$(stat -c '%n %i %Y' ./*-stamp)
	run_x 0 make all test install
	refute BUILD
	refute TEST
	refute PROMOTE
	[ "$(stat -c '%n %i %Y' ./*-stamp)" = "$before" ]
}

@test "content decides, not time" {
	run_x 0 make all
	id=$(stamp build)
	touch -d 2030-01-01 files/etc/conf Dockerfile
	run_x 0 make all
	refute BUILD
	[ "$(stamp build)" = "$id" ]
}

@test "a file changed, added, deleted, given another mode, at any depth: built again" {
	run_x 0 make all
	mkdir -p files/etc/a/b/c
	for change in 'echo two >files/etc/conf' 'echo x >files/etc/a/b/c/new' 'chmod 700 files/etc/a/b/c/new' \
		'ln -s conf files/etc/link' 'rm files/etc/a/b/c/new' 'echo "LABEL a=b" >>Dockerfile'; do
		eval "$change"
		run_x 0 make all
		expect BUILD || { echo "not built after: $change"; return 1; }
	done
}

@test "modes that a umask makes change nothing; a program's x does" {
	chmod 755 files/bin/serve
	run_x 0 make all
	id=$(stamp build)
	chmod 700 files/bin/serve files/bin
	chmod 600 files/etc/conf
	run_x 0 make all
	refute BUILD
	[ "$(stamp build)" = "$id" ]
	chmod 755 files/etc/conf
	run_x 0 make all
	expect BUILD
	[ "$(stamp build)" != "$id" ]
}

@test "odd file names count too" {
	run_x 0 make all
	echo x >$'files/etc/new\nline \\ "quoted"'
	run_x 0 make all
	expect BUILD
	run_x 0 make all
	refute BUILD
}

@test "another base image: built again" {
	printf 'FROM scratch\nCOPY serve /base\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	cp "$BATS_FILE_TMPDIR/serve" "$BATS_TEST_TMPDIR/serve"
	engine build -q -t "$repo:other" "$BATS_TEST_TMPDIR"
	sed -i "s|FROM scratch|FROM $repo:other|" Dockerfile
	run_x 0 make all
	run_x 0 make all
	refute BUILD
	echo 'LABEL new=1' >>"$BATS_TEST_TMPDIR/Dockerfile"
	engine build -q -t "$repo:other" "$BATS_TEST_TMPDIR"
	run_x 0 make all
	expect BUILD
}

@test "another image that something is copied from: built again; stages are none" {
	printf 'FROM scratch\nCOPY serve /base\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	cp "$BATS_FILE_TMPDIR/serve" "$BATS_TEST_TMPDIR/serve"
	engine build -q -t "$repo:other" "$BATS_TEST_TMPDIR"
	cat >Dockerfile <<-EOT
		FROM scratch AS ONE
		COPY files/ /
		FROM scratch
		COPY --from=$repo:other /base /base
		COPY --from=ONE /bin /bin
		COPY \\
		  # where the settings are
		  --from=0 /etc /etc
		CMD ["/bin/serve"]
	EOT
	run_x 0 make all
	run_x 0 make all
	refute BUILD
	echo 'LABEL new=1' >>"$BATS_TEST_TMPDIR/Dockerfile"
	engine build -q -t "$repo:other" "$BATS_TEST_TMPDIR"
	run_x 0 make all
	expect BUILD
}

@test "an ARG says which base image: its default, or BUILD_PARAMS" {
	printf 'FROM scratch\nCOPY serve /base\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	cp "$BATS_FILE_TMPDIR/serve" "$BATS_TEST_TMPDIR/serve"
	engine build -q -t "$repo:other" "$BATS_TEST_TMPDIR"
	printf 'ARG TAG=other\nFROM %s:${TAG}\nCOPY files/ /\nCMD ["/bin/serve"]\n' "$repo" >Dockerfile
	run_x 0 make all
	BUILD_PARAMS="--build-arg TAG=missing" run_x 2 make all
	expect "starts from '$repo:missing', which isn't here" "$stderr"
	printf 'ARG TAG\nFROM %s:${TAG}\n' "$repo" >Dockerfile
	run_x 2 make all
	expect "$directory/Dockerfile:2: FROM '$repo:\${TAG}' names no image: give the variable a value" "$stderr"
	BUILD_PARAMS="--build-arg TAG=missing" run_x 2 make all
	expect "starts from '$repo:missing', which isn't here" "$stderr"
}

@test "build-args: as they stand, blanks and all; BUILD_PARAMS counts before them; what is none is named" {
	printf 'ARG TEXT\nFROM scratch\nARG TEXT\nARG OTHER\nARG FROM_HERE\nCOPY files/ /\nLABEL text="$TEXT" other="$OTHER" here="$FROM_HERE"\nCMD ["/bin/serve"]\n' >Dockerfile
	printf '# two\nTEXT=hello  $(touch ran) "world" *\n\nOTHER=1\nFROM_HERE\nNOWHERE\n' >build-args
	FROM_HERE='a b' run_x 0 make all
	[ "$(engine image inspect -f '{{index .Config.Labels "text"}}' "$repo:latest")" = 'hello  $(touch ran) "world" *' ]
	[ "$(engine image inspect -f '{{index .Config.Labels "here"}}' "$repo:latest")" = 'a b' ]
	[ ! -e ran ]
	FROM_HERE='a b' run_x 0 make all
	refute BUILD
	FROM_HERE='a b' BUILD_PARAMS='--build-arg OTHER=2' run_x 0 make all
	[ "$(engine image inspect -f '{{index .Config.Labels "other"}}' "$repo:latest")" = 2 ]
	echo '--volume=/:/host' >>build-args
	run_x 2 make all
	expect "$directory/build-args:7: '--volume=/:/host': expected NAME=VALUE or NAME" "$stderr"
}

@test "a secret of the build is there while a step runs, and nowhere afterwards" {
	[ "$("$ENGINE_CMD" --which)" = podman ] || skip "this machine cannot: docker's classic builder has no secrets"
	engine image inspect localhost/whittle/baseline:live >/dev/null 2>&1 || skip "this machine cannot: no baseline is built"
	printf 'hush%s' $RANDOM$RANDOM$RANDOM >"$BATS_TEST_TMPDIR/key"
	printf 'FROM localhost/whittle/baseline:live\nRUN --mount=type=secret,id=key sed s/hush/seen/ /run/secrets/key >/etc/seen\n' >Dockerfile
	BUILD_PARAMS="--secret id=key,src=$BATS_TEST_TMPDIR/key" run_x 0 make all
	image_root "$repo:latest" "$BATS_TEST_TMPDIR/root"
	[ "$(cat "$BATS_TEST_TMPDIR/root/etc/seen")" = "$(sed s/hush/seen/ "$BATS_TEST_TMPDIR/key")" ]
	run_x 1 grep -r "$(cat "$BATS_TEST_TMPDIR/key")" "$BATS_TEST_TMPDIR/root" obj "$WHITTLE_STATE"
}

@test "links into the volumes of the Dockerfile and of its base image are kept by prep" {
	printf 'FROM scratch\nCOPY serve /base\nVOLUME /under\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	cp "$BATS_FILE_TMPDIR/serve" "$BATS_TEST_TMPDIR/serve"
	engine build -q -t "$repo:other" "$BATS_TEST_TMPDIR"
	cp "$PREP" files/prep
	echo root:x:0:0::/:/bin/serve >files/etc/passwd
	echo root:x:0: >files/etc/group
	ln -s /under/a files/etc/under
	ln -s /list/b files/etc/list
	ln -s /state/of/c files/etc/variable
	ln -s /elsewhere/d files/etc/elsewhere
	printf '%s\n' "FROM $repo:other" 'ENV DIR=/state/of' 'COPY files/ /' 'VOLUME ["/list", "/other"]' \
		"VOLUME \$DIR /more" 'RUN ["/prep"]' 'CMD ["/bin/serve"]' >Dockerfile
	run_x 0 make all
	grep '^mount' obj/context/files/prep.starts >mounts
	[ "$(sort mounts | xargs)" = "mount /list mount /more mount /other mount /state/of mount /under" ]
	local c
	c=$(engine create "$repo:latest" /none)
	engine export "$c" | tar -t >names
	engine rm "$c"
	run_x 0 grep '^etc/' names
	expect etc/under
	expect etc/list
	expect etc/variable
	refute etc/elsewhere
}

@test "a base image that isn't there: named, exit status 2" {
	sed -i "s|FROM scratch|FROM $repo:other|" Dockerfile
	run_x 2 make all
	expect "starts from '$repo:other', which isn't here" "$stderr"
}

@test "install without a test refuses and promotes nothing" {
	run_x 0 make all
	run_x 2 make install
	expect "has not passed its tests: run make test" "$stderr"
	run_x 1 "$TOP/infra/image" promote
	run ! id_of live
}

@test "no test.bats: no promotion, and test says why" {
	rm test.bats
	run_x 0 make all
	run_x 2 make test
	expect "without tests nothing is promoted" "$stderr"
	run_x 2 make install
	run ! id_of live
}

@test "a test.bats in which nothing runs proves nothing" {
	printf '%stest "skipped" {\n skip "this machine cannot"\n}\n' "$at" >test.bats
	run_x 2 make all test install
	expect "that proves nothing" "$stderr"
	run ! id_of live
}

@test "a failing test leaves :live as it was and shows the log" {
	run_x 0 make all test install
	live=$(id_of live)
	change
	cat >test.bats <<-EOT
		load $TOP/tests/helpers
		teardown() { instance_remove_all; }
		${at}test "it fails" {
			instance_start
			wait_until 10 eval '[ "\$(engine inspect -f "{{.State.Running}}" "\$instance")" = false ]'
			false
		}
	EOT
	run_x 2 make all test install
	expect "log of whittle-test"
	expect serving
	expect "tests failed, :live stays as it is" "$stderr"
	[ "$(id_of live)" = "$live" ]
	[ ! -e test-stamp ]
	run_x 2 make install
}

@test "the tests changed since: install refuses" {
	run_x 0 make all test
	echo '# another line' >>test.bats
	run_x 2 make install
	expect "the tests changed" "$stderr"
	run ! id_of live
	run_x 0 make test install
	[ "$(id_of live)" = "$(stamp test)" ]
}

@test ":latest tagged anew after the test: install refuses, all puts it right" {
	run_x 0 make all test
	printf 'FROM scratch\nCOPY serve /intruder\n' >"$BATS_TEST_TMPDIR/Dockerfile"
	cp "$BATS_FILE_TMPDIR/serve" "$BATS_TEST_TMPDIR/serve"
	engine build -q -t "$repo:latest" "$BATS_TEST_TMPDIR"
	run_x 2 make install
	expect "but what passed the tests is" "$stderr"
	run ! id_of live
	run_x 0 make all install
	[ "$(id_of live)" = "$(stamp test)" ]
}

@test "built again after the test: install refuses" {
	run_x 0 make all test
	change
	run_x 0 make all
	run_x 2 make install
	run ! id_of live
}

@test "the old :live becomes :prev" {
	run_x 0 make all test install
	first=$(id_of live)
	change
	run_x 0 make all test install
	[ "$(id_of prev)" = "$first" ]
	[ "$(id_of live)" != "$first" ]
	[ "$(sed -n 's/^previous //p' install-stamp)" = "$first" ]
	# killed before the stamp was written
	rm install-stamp
	run_x 0 make install
	[ "$(sed -n 's/^previous //p' install-stamp)" = "$first" ]
	# once more with nothing to do: :prev stays the one before
	run_x 0 make all test install
	[ "$(id_of prev)" = "$first" ]
	# what is no longer :prev and has no other name goes
	change
	run_x 0 make all test install
	[ "$(id_of prev)" != "$first" ]
	run_x 1 "$PACK" id "$first"
}

@test "a repository of one's own gets what is promoted too, and its old :live as :prev" {
	export WHITTLE_REPO=localhost/own-$$
	run_x 0 make all test install
	first=$(id_of live)
	[ "$("$PACK" id "$WHITTLE_REPO/$name:live")" = "$first" ]
	change
	run_x 0 make all test install
	[ "$("$PACK" id "$WHITTLE_REPO/$name:live")" = "$(id_of live)" ]
	[ "$("$PACK" id "$WHITTLE_REPO/$name:prev")" = "$first" ]
	engine rmi "$WHITTLE_REPO/$name:live"
	run_x 0 make all test install
	[ "$("$PACK" id "$WHITTLE_REPO/$name:live")" = "$(id_of live)" ]
}

@test "what a new image brings unasked is shown; STRICT=1 refuses it, allow permits it" {
	run_x 0 make all test install
	live=$(id_of live)
	mkdir -p files/usr/bin
	cp files/bin/serve files/usr/bin/extra
	chmod 755 files/usr/bin/extra
	echo 'EXPOSE 8080' >>Dockerfile
	run_x 2 make all test install STRICT=1
	expect "finding: executable /usr/bin/extra"
	expect "finding: port 8080/tcp"
	expect "name in $directory/allow what of these is meant" "$stderr"
	[ "$(id_of live)" = "$live" ]
	printf 'executable /usr/bin/extra\nport 8080/tcp\n' >allow
	run_x 0 make install STRICT=1
	refute finding
	[ "$(id_of live)" != "$live" ]
	rm allow
	change
	run_x 0 make all test install
	refute finding
}

@test "install states what it promotes, and signs that where there is a key" {
	requires command:minisign
	minisign -G -W -p "$BATS_TEST_TMPDIR/pub" -s "$BATS_TEST_TMPDIR/sec" >/dev/null
	run_x 0 make all test install
	record=$WHITTLE_STATE/images/$name/$(stamp install | sed s/sha256://)
	[ "$(jq .predicate.runDetails.byproducts[0].annotations.passed "$record/provenance.json")" -eq 1 ]
	[ "$(jq -r '.predicate.buildDefinition.resolvedDependencies[0].digest.sha256' "$record/provenance.json")" = "$(sed -n 's/^inputs //p' build-stamp)" ]
	run_x 1 "$PACK" verify --require-signature "$name:live"
	run_x 0 make install SIGN_KEY="$BATS_TEST_TMPDIR/sec"
	run_x 0 "$PACK" verify --content --require-signature -p "$BATS_TEST_TMPDIR/pub" "$name:live"
	expect "is what was packed and signed"
}

@test "the record of an image is gone: it is built again" {
	run_x 0 make all
	id=$(stamp build)
	rm -r "$WHITTLE_STATE"
	run_x 0 make all
	expect PACK
	[ "$(stamp build)" = "$id" ]
	[ -d "$WHITTLE_STATE/images/$name/${id#sha256:}" ]
}

@test "private.d is taken into the image, links followed" {
	mkdir -p "$BATS_TEST_TMPDIR/secret/deep" files/etc/private.d
	echo inner >"$BATS_TEST_TMPDIR/secret/deep/file"
	ln -s "$BATS_TEST_TMPDIR/secret/deep" files/etc/private.d/deep
	mkdir files/srv
	ln -s "$BATS_TEST_TMPDIR/secret" files/srv/private.d
	run_x 0 make all
	run image_files "$repo:latest"
	expect /etc/private.d/deep/file
	expect /srv/private.d/deep/file
	run_x 0 make all
	refute BUILD
	echo changed >"$BATS_TEST_TMPDIR/secret/deep/file"
	run_x 0 make all
	expect BUILD
}

@test "private.d is ignored by git, git's own files stay out of the image" {
	run_x 0 git -C "$TOP" check-ignore -q containers/x/files/etc/private.d/conf
	touch files/etc/.gitignore files/etc/.gitkeep
	run_x 0 make all
	run image_files "$repo:latest"
	expect /etc/conf
	refute .git
}

@test "clean deletes what was made, and in files/ only what was copied in" {
	printf 'COPY = tests/run:files/bin/run\ninclude %s/etc/Makefile-docker\n' "$TOP" >Makefile
	run_x 0 make all test install
	[ -x files/bin/run ]
	run_x 0 make clean
	[ "$(find . -type f | sort | tr '\n' ' ')" = "./.lock ./Dockerfile ./Makefile ./files/bin/serve ./files/etc/conf ./test.bats " ]
}

@test "a source that is copied no more goes from files/" {
	printf 'COPY = tests/run:files/bin/run\ninclude %s/etc/Makefile-docker\n' "$TOP" >Makefile
	run_x 0 make all
	printf 'include %s/etc/Makefile-docker\n' "$TOP" >Makefile
	run_x 0 make all
	expect BUILD
	[ ! -e files/bin/run ]
}

@test "a build that fails: its end is shown, stamps and :latest stay" {
	run_x 0 make all
	id=$(id_of latest)
	printf 'FROM scratch\nCOPY nosuch /\n' >Dockerfile
	run_x 2 make all
	expect nosuch "$output$stderr"
	[ "$(id_of latest)" = "$id" ]
	[ "$(stamp build)" = "$id" ]
}

@test "two runs at once in one directory don't meet" {
	# The test of the first run ends once the second one says that it waits.
	sed -i 's/run_x 0 engine/touch begun; until grep -q "another run" two; do sleep 0.05; done; run_x 0 engine/' test.bats
	run_x 0 make all
	: >two
	make test >one 2>&1 3>&- &
	one=$!
	wait_until 60 test -e begun
	change
	make all >two 2>&1
	wait "$one"
	[ "$(stamp build)" = "$(id_of latest)" ]
	[ "$(stamp test)" != "$(stamp build)" ]
	run_x 2 make install
}

@test "builds in several directories at once don't meet" {
	local n builds=()
	for n in a b c; do
		cp -a "$directory" "$directory-$n"
		printf 'FROM scratch\nCOPY files/bin /bin\nCOPY files/etc /etc\nLABEL x=%s\nCMD ["/bin/serve"]\n' "$n" >"$directory-$n/Dockerfile"
		(
			cd "$directory-$n"
			for _ in {1..6}; do
				change
				make all || touch failed
			done
		) >"$directory-$n/out" 2>&1 3>&- &
		builds+=($!)
	done
	wait "${builds[@]}"
	for n in a b c; do
		engine rmi -f "$repo-$n:latest" "$repo-$n:unpacked" >/dev/null 2>&1 || :
		[ ! -e "$directory-$n/failed" ] || { cat "$directory-$n/out"; return 1; }
	done
}

@test "an image that the cache counted on is gone meanwhile: once more without it" {
	local kind real reason
	kind=$("$ENGINE_CMD" --which)
	real=$(command -v "$kind")
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/$kind" <<-EOT
		#!/bin/sh
		if [ "\$1" = build ] && [ "\$3" != --no-cache ]; then
			echo "Error: checking if cached image exists: \$(cat $BATS_TEST_TMPDIR/why)" >&2
			exit 125
		fi
		exec $real "\$@"
	EOT
	chmod +x "$BATS_TEST_TMPDIR/bin/$kind"
	export ENGINE=$BATS_TEST_TMPDIR/bin/$kind
	local reasons=('unable to find image "sha256:190635248af3"'
		'failed to get destination image "sha256:2abd45e0d84f": No such image: sha256:2abd45e0d84f')
	[ "$kind" != podman ] || reasons=("getting top layer info: layer not known")
	printf 'FROM scratch\nCOPY files/ /\nUSER 1234\nWORKDIR /made/by\nCMD ["/bin/serve"]\n' >Dockerfile
	for reason in "${reasons[@]}"; do
		rm -f build-stamp
		echo "$reason" >"$BATS_TEST_TMPDIR/why"
		run_x 0 make all
		[ "$(id_of latest)" = "$(stamp build)" ]
	done
	id=$(id_of latest)
	rm build-stamp
	ENGINE=$kind run_x 0 make all
	expect BUILD
	[ "$(id_of latest)" = "$id" ]
	change
	echo "anything else" >"$BATS_TEST_TMPDIR/why"
	run_x 2 make all
	expect "anything else" "$output$stderr"
}

@test "a Dockerfile that doesn't bring prep what it has to know is told of" {
	printf 'FROM scratch\nCOPY files/bin/ /bin/\nCOPY files/etc \\\n  /etc\nRUN ["/prep"]\nCMD ["/bin/serve"]\n' >Dockerfile
	run_x 2 make all
	expect "prep will not know what the image starts" "$stderr"
	for copy in 'COPY files/ /' 'copy --chmod=755 files /' 'COPY ["files/prep*", "/"]' 'COPY files/etc \\\n  files/prep* /'; do
		printf 'FROM scratch\n%b\nRUN ["/prep"]\nCMD ["/bin/serve"]\n' "$copy" >Dockerfile
		run_x 2 make all
		refute "prep will not know" "$stderr"
	done
}

@test "an engine that warns on standard error with every command changes nothing" {
	run_x 0 make all test install
	id=$(stamp install)
	wrap_engine "$BATS_TEST_TMPDIR/bin" 'echo "sha256:0123 WARN: no such image, or so it seems" >&2'
	run_x 0 make all test install
	refute BUILD
	refute PROMOTE
	change
	run_x 0 make all test install
	[ "$(id_of live 2>/dev/null)" = "$(stamp install)" ]
	[ "$(id_of prev 2>/dev/null)" = "$id" ]
	run_x 0 "$TOP/infra/image" status
	expect "prev    $id"
	run_x 0 "$PACK" verify "$name:live"
}

@test "an engine that can't be asked ends every step with status 2 and changes nothing" {
	run_x 0 make all test install
	before=$(cat ./*-stamp)
	wrap_engine "$BATS_TEST_TMPDIR/bin" 'case "$*" in *inspect*|*exists*) echo "dial tcp: lookup engine.lan: no such host" >&2; exit 125 ;; esac'
	for step in build test promote status; do
		run_x 2 "$TOP/infra/image" $step
		expect "no such host" "$stderr"
		expect "can't find out which image" "$stderr"
		refute BUILD
		refute PROMOTE
	done
	[ "$(cat ./*-stamp)" = "$before" ]
	run_x 2 "$PACK" id "$repo:live"
	expect "no such host" "$stderr"
}

@test "the language of whoever runs it changes nothing" {
	local sort
	sort=$(command -v sort)
	touch files/etc/{a,B,_}
	run_x 0 "$TOP/infra/image" build
	expect BUILD
	mkdir "$BATS_TEST_TMPDIR/bin"
	# As sort would in a language that has an order of its own.
	printf '#!/bin/sh\n[ "$LC_ALL" = C ] || set -- -r "$@"\nexec %s "$@"\n' "$sort" >"$BATS_TEST_TMPDIR/bin/sort"
	chmod +x "$BATS_TEST_TMPDIR/bin/sort"
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run_x 0 "$TOP/infra/image" build
	refute BUILD
}

@test "killed at any moment of all, test, install: the next run ends right" {
	# What a kill leaves there may keep podman from listing its images.
	own_store "$BATS_TEST_TMPDIR/store"
	for after in 0.05 0.15 0.3 0.5 0.8 1.2; do
		change
		setsid make all test install >/dev/null 2>&1 3>&- &
		pid=$!
		sleep "$after"
		kill -KILL -- "-$pid" 2>/dev/null || :
		wait "$pid" || :
		run_x 0 make all test install
		[ "$(id_of live)" = "$(stamp test)" ]
		[ "$(id_of latest)" = "$(stamp build)" ]
	done
}

@test "a full disk: no stamp that lies" {
	requires root
	run_x 0 make all
	small=$BATS_TEST_TMPDIR/small/$name
	mkdir -p "$BATS_TEST_TMPDIR/small"
	mount -t tmpfs -o size=8m none "$BATS_TEST_TMPDIR/small"
	cp -a "$directory" "$small"
	cd "$small"
	rm -rf obj build-stamp
	head -c 8m /dev/zero >fill 2>/dev/null || :
	run make all
	full=$status
	stamps=$(ls ./*-stamp 2>/dev/null || :)
	rm -f fill
	run make all test
	good=$status
	cd /
	umount "$BATS_TEST_TMPDIR/small"
	[ "$full" -ne 0 ]
	[ -z "$stamps" ]
	[ "$good" -eq 0 ]
}

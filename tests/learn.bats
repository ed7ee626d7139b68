#!/usr/bin/env bats
# make learn: an image of the host's own programs, carved down to what its tests need.

load helpers

setup() {
	at=@ # bats would take its mark at a line's begin for a test of this file
	name=whittle-test-learn-$$-$BATS_TEST_NUMBER
	base=$(mktemp -d "${TMPDIR:-/tmp}/whittle-learn.XXXXXX")
	directory=$base/$name
	mkdir -p "$directory"/files/srv "$directory"/base/{bin,etc,usr/share/doc/much}
	cd "$directory"
	unset TEST_IMAGE TEST_NAME MAKEFLAGS MAKELEVEL STRICT RECORD
	local path lib
	for path in dash cat ls; do
		cp -L "$(command -v "$path")" base/bin/
		for lib in $(ldd "$(command -v "$path")" | grep -o '/[^ ]*'); do
			mkdir -p "base${lib%/*}"
			cp -L "$lib" "base$lib"
		done
	done
	ln -s dash base/bin/sh
	cp "$PREP" files/prep
	echo root:x:0:0::/:/bin/sh >base/etc/passwd
	echo "ACCOUNTS_DONT_DELETE_REGEX=." >files/prep.conf
	printf '#!/bin/sh\nread -r x </etc/conf\necho "serving $x"\ncat /etc/page\nread -r y </etc/extra || echo none\n' >files/srv/start
	chmod 755 files/srv/start
	# What the image brings of itself, in contrast to what its maker put there.
	echo one >base/etc/conf && echo two >base/etc/page && echo three >base/etc/extra
	touch base/usr/share/doc/much/{a,b,c}
	chmod 6755 base/bin/cat
	mkfifo base/usr/share/doc/much/pipe
	tar -C base -cf base.tar .
	rm -r base
	printf 'FROM scratch\nADD files/base.tar /\nCOPY files/srv /srv\nCOPY files/prep* /\nRUN ["/prep"]\nCMD ["/srv/start"]\n' >Dockerfile
	mv base.tar files/base.tar
	printf 'include %s/etc/Makefile-docker\n' "$TOP" >Makefile
	cat >test.bats <<-EOT
		load $TOP/tests/helpers
		${at}test "it serves" {
			run_x 0 engine run --rm --network none "\$TEST_IMAGE"
			expect "serving one"
			# What is of the image here serves nobody else.
			cd $directory/obj
			for ours in learn prove; do
				[ ! -e "\$ours" ] || [ "\$(stat -c %a "\$ours")" = 700 ]
			done
			[ ! -e learn/run-1 ] || [ -e learn/root/bin/cat ]
			run_x 0 find . -path './*/root/*' \( -perm /7000 -o -type p \)
			[ -z "\$output" ]
		}
	EOT
	export WHITTLE_STATE=$base/state WHITTLE_BASELINE_READY=1 WHITTLE_PROGRAMS_READY=1
}

teardown() {
	remove_images_of "$name" || :
	rm -rf --one-file-system "$base"
}

@test "learned, carved, proven; once more the same; a line that is missing is named; STRICT=1" {
	requires engine
	run_x 0 make learn
	run_x 0 grep -v '^#' keep
	for line in "/etc/conf " "/etc/extra " "/etc/page "; do
		expect "$line"
	done
	expect "/srv/start  # executed"
	refute "/bin/ls"
	refute "/lib"
	refute doc
	cp keep keep.first
	run_x 0 make learn LEARN="-n 2"
	cmp keep keep.first
	run_x 0 make all test
	refute CARVED
	run_x 0 "$PACK" explain "$name:latest" /bin/cat
	expect "kept in $name: "
	run_x 0 "$PACK" explain "$name:latest" /usr/share/doc/much/a
	expect "carved from $name; never touched by 1 test;"
	image_root "localhost/whittle/$name:latest" "$base/root"
	[ ! -e "$base/root/bin/ls" ] && [ ! -e "$base/root/usr/share" ] && [ ! -e "$base/root/prep-keep" ]
	id=$("$PACK" id "localhost/whittle/$name:latest")
	# The same list, the same inputs: the same image.
	rm -rf build-stamp obj
	engine rmi -f "localhost/whittle/$name:latest" "localhost/whittle/$name:unpacked" >/dev/null
	run_x 0 make all
	[ "$("$PACK" id "localhost/whittle/$name:latest")" = "$id" ]
	# What no test misses is shown all the same.
	sed -i '/^.etc.extra/d' keep
	run_x 0 make all test
	expect "/etc/extra  # missed by /bin/dash in 'it serves'"
	run_x 0 make test
	run_x 2 make test STRICT=1
	expect "STRICT=1: what was carved away was asked for" "$stderr"
	# An image that can't be looked into isn't one in which nothing was missed.
	engine=$("$TOP/infra/engine" --how | sed -n 1p)
	printf '#!/bin/sh\ncase " $* " in *" create "*" /none "*) echo no such image >&2; exit 125 ;; esac\nexec %s "$@"\n' "$engine" >"$base/${engine##*/}"
	chmod 755 "$base/${engine##*/}"
	ENGINE=$base/${engine##*/} run_x 2 make test
	expect "can't look into 'sha256:" "$stderr"
	expect "no such image" "$stderr"
	[ ! -e test-stamp ]
	echo '!/etc/extra # it does without' >>keep
	run_x 0 make all test STRICT=1
	refute CARVED
	# And what a test does miss, too.
	sed -i '/^.etc.conf/d' keep
	run_x 2 make all test
	expect "/etc/conf  # missed by /bin/dash in 'it serves'"
	expect "these are lines for $directory/keep" "$stderr"
}

@test "settings: less is proposed as the tests pass with it, taken over with its comments, and nothing once more" {
	requires engine
	# It stays, and writes down that it is there.
	sed -i 's|^read -r y.*|echo $$ >/run/pid\nread -r y </dev/null \|\| :\nwhile :; do sleep 1; done|' files/srv/start
	mkdir more more/bin
	cp -L "$(command -v sleep)" more/bin/
	tar -C more -rf files/base.tar bin/sleep
	cat >settings.yaml <<-'EOT'
		# By hand.
		caps: [CHOWN, KILL]  # for the start
		memory: 512m  # a guess
		tmpfs:
		  - /run   # who it is
		  # for later
		  - /tmp
		ready: {log: serving, stable: 100ms}
		stop_timeout: 1s
	EOT
	cat >test.bats <<-EOT
		load $TOP/tests/helpers
		${at}test "it serves, with a capability" {
			run_x 0 engine logs "\$INSTANCE_NAME"
			expect "serving one"
			run_x 0 sed -n 's/^CapBnd:[[:blank:]]*//p' "/proc/\$(engine inspect -f '{{.State.Pid}}' "\$INSTANCE_NAME")/status"
			((0x\$output & 1)) # CAP_CHOWN
		}
	EOT
	cp settings.yaml settings.first
	run_x 0 make learn
	for line in "-caps: [CHOWN, KILL]  # for the start" "+caps: [CHOWN]  # for the start" "-  - /tmp" "+pids: " "+seccomp: seccomp.json"; do
		expect "$line"
	done
	expect "NEEDED"
	refute "-  - /run"
	cmp settings.yaml settings.first
	[ ! -e seccomp.json ]
	run_x 0 make learn LEARN=--write
	expect "WROTE     $directory/settings.yaml"
	for line in "# By hand." "caps: [CHOWN]  # for the start" "  - /run   # who it is" "seccomp: seccomp.json"; do
		grep -qxF -- "$line" settings.yaml
	done
	run ! grep -q /tmp settings.yaml
	jq -e '.syscalls[0].names | length > 50' seccomp.json
	jq -e '.needed.caps == ["CHOWN"] and .needed.seccomp' "$WHITTLE_STATE/learned/$name.json"
	# Where the engine limits memory it can be measured.
	[ ! -e /sys/fs/cgroup/memory ] || [ "$(id -u)" -ne 0 ] || [ "$(sed -n 's/^memory: \([0-9]*\)m.*/\1/p' settings.yaml)" -lt 64 ]
	run_x 0 make learn
	expect "nothing: its settings allow no more than its tests need"
	# A profile that forbids what the tests do by now doesn't stand in the way of the next one.
	cp seccomp.json seccomp.first
	jq '.syscalls[0].names -= ["dup2", "dup3"]' seccomp.first >seccomp.json
	run_x 0 make learn LEARN=--write
	expect "its tests fail under seccomp.json, and pass under what was learned now"
	cmp seccomp.json seccomp.first
	run_x 0 make all test
	# Who is allowed every call forbids the recorder nothing.
	sed -i 's/^seccomp: .*/seccomp: unconfined/' settings.yaml
	run_x 0 make test
	refute "not a seccomp profile" "$output$stderr"
}

@test "doubt: what no test misses is said, with a share, and goes when asked; what people wrote stays" {
	requires engine
	run_x 2 make learn DOUBT=1
	expect "no list 'keep' to doubt" "$stderr"
	mkdir -p more/etc
	echo 'page = /usr/share/doc/much/a' >more/etc/web.conf
	tar -C more -rf files/base.tar ./etc/web.conf
	run_x 0 make learn
	printf '/etc/web.conf  # by hand\n' >>keep
	cp keep keep.first
	run_x 0 make learn DOUBT=1
	for path in /etc/extra /etc/page /etc/web.conf; do
		expect "$path: kept, but no test needs it"
	done
	for path in /etc/conf /srv/start; do
		refute "$path: kept, but"
	done
	expect "/usr/share/doc/much/a  # named by /etc/web.conf: carved away, not tested"
	expect "tests vouch for $(($(grep -c '^/' keep) - 3)) of $(grep -c '^/' keep) lines"
	cmp keep keep.first
	run_x 0 make learn DOUBT=1 LEARN=--write
	diff <(grep -vE '^/etc/(extra|page) ' keep.first) keep
	run_x 0 make all test
}

@test "tests that fail teach nothing; a list with a mistake is no image" {
	requires engine
	sed -i 's/serving one/serving none/' test.bats
	run_x 2 make learn
	expect "nothing is learned from tests that fail" "$stderr"
	[ ! -e keep ]
	echo 'etc/conf' >keep
	run_x 2 make all
	expect "prep-keep:1: the path must begin with '/'" "$output$stderr"
	run ! engine image inspect "localhost/whittle/$name:learn"
}

@test "interrupted: no test failed of that, and nothing half is left" {
	requires engine command:python3
	local signal pid
	cat >test.bats <<-EOT
		${at}test "it takes its time" {
			: >$base/runs
			sleep 60
		}
	EOT
	for signal in INT TERM; do
		rm -f "$base/runs"
		# Not in the background as shells have it, where that signal is ignored.
		python3 -c 'import os, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.setsid()
os.execvp("make", ["make", "learn"])' >"$base/said" 2>&1 3>&- &
		pid=$!
		wait_until 120 test -e "$base/runs"
		kill -s "$signal" -- "-$pid"
		wait "$pid" && false
		run_x 0 cat "$base/said"
		expect "run 1 of 1"
		refute "tests that fail"
		[ ! -e keep ] && [ ! -e obj/learn ]
		run ! engine image inspect "localhost/whittle/$name:learn"
	done
}

@test "learn without root, the same list" {
	requires root podman command:newuidmap command:setpriv open
	run_x 0 make learn ENGINE=podman
	mv keep "$base/keep.root"
	rm -rf obj .lock
	chmod -R a+rX "$base"
	chown -R 64123:64123 "$base"
	run_x 0 env -u ENGINE "$TOP/tests/as-user" env -u WHITTLE_STATE ENGINE=podman make learn
	cmp keep "$base/keep.root"
}

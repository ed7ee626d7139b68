# Other hosts: three of them, network namespaces with sshd, state and a podman root of their own.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture
load tests/hosts

setup_file() {
	file_requires root podman pods command:sshd command:ip || return 0
	export ROOM=$BATS_FILE_TMPDIR XDG_RUNTIME_DIR=$BATS_FILE_TMPDIR/r
	export WHITTLE_SETTINGS=$ROOM/host.yaml WHITTLE_STATE=$ROOM/state WHITTLE_CONTAINERS=$ROOM/here
	export N=wf$((RANDOM % 90 + 10)) NET=10.97.7 HOSTS=
	hosts_bridge || skip_file "this machine cannot: it has no bridges" || return 0
	hosts_make h1 h2 h3
	ssh-keygen -q -t ed25519 -N '' -f "$ROOM/other-key"
	local h
	for h in $HOSTS; do
		mkdir "$ROOM/$h/c/web"
		cat >"$ROOM/$h/c/web/settings.yaml" <<-EOT
			image: $HOST_IMAGE
			name: $N$h
			network: none
			ready: {http: ":8000/", stable: 0}
			stop_timeout: 1s
		EOT
	done
}

teardown_file() {
	local h
	[ -n "${N:-}" ] || return 0
	for h in $HOSTS; do
		CONTAINERS_STORAGE_CONF=$ROOM/$h/storage.conf engine rm -f "$N$h" "${N}sent" "${N}away" >/dev/null 2>&1 || :
	done
	hosts_remove
	remove_all_of "$N" || :
}

@test "hosts: named, reached, and brought the very same d" {
	run_x 0 d hosts
	expect "h2              2 root@10.97.7.3           lab label-h2"
	# What a host says to everybody is no answer.
	echo "for members only" >"$ROOM/banner"
	run_x 2 d -A status
	rm "$ROOM/banner"
	expect "h1: d isn't there, or another version of it: d hosts add h1" "$stderr"
	run_x 1 d hosts check h1
	expect "h1: d isn't there, or another version of it: d hosts add h1" "$stderr"
	run_x 0 d hosts add
	expect "h1           ok, 1 containers"
	expect "h3           ok, 1 containers"
	cmp "$D" "$ROOM/h1/state/bin/d"
	cmp "$ENGINE_CMD" "$ROOM/h1/state/bin/whittle-engine"
	printf x >>"$ROOM/h1/state/bin/d"
	run_x 2 d @h1 status
	expect "another version" "$stderr"
	run_x 0 d hosts add h1
	run_x 0 d hosts check
	run_x 2 d hosts check h9
	expect "no host is called 'h9'" "$stderr"
	run_x 2 d @h9
	expect "no host and no label is called 'h9'" "$stderr"
	for text in https://r.lan/lab r.lan/lab:1 r.lan: lab r.lan/Lab; do
		printf 'hosts: {a: {ssh: a, registry: "%s"}}\n' "$text" >"$ROOM/wrong.yaml"
		WHITTLE_SETTINGS=$ROOM/wrong.yaml run_x 2 d hosts
		expect "registry: '$text': want HOST[:PORT][/PATH]" "$stderr"
	done
}

@test "a host by another key is refused, whatever ssh's configuration says" {
	disconnect
	sed -i.kept "s|^10.97.7.2 .*|10.97.7.2 $(cut -d' ' -f1,2 "$ROOM/other-key.pub")|" "$ROOM/known_hosts"
	sed -i.kept 's/\[-i,/[-oStrictHostKeyChecking=no, -i,/' "$WHITTLE_SETTINGS"
	run_x 2 d @h1 is-up web
	expect "h1: can't be reached: Host key verification failed." "$stderr"
	mv "$ROOM/known_hosts.kept" "$ROOM/known_hosts"
	mv "$WHITTLE_SETTINGS.kept" "$WHITTLE_SETTINGS"
}

@test "@HOST and -A: answers and exit statuses are those of there" {
	run_x 1 d @h1 is-up web
	[ "$output" = down ]
	run_x 0 d @h1 up web
	run_x 0 d @h1 is-up web
	run_x 2 d @h1 is-up nobody
	expect "no container's name begins with 'nobody'" "$stderr"
	run_x 2 d @h1 is-up "'; touch $ROOM/x; \$(touch $ROOM/x) \\'"
	[ ! -e "$ROOM/x" ]
	run_x 0 d -A
	[[ $output =~ h1\ +web\ +running ]]
	[[ $output =~ h3\ +web\ +- ]]
	run_x 0 d -A --json
	jq -e '.h1[0].state == "running" and (.h3[0].state != "running")' <<<"$output"
	run_x 0 d @label-h2 up web
	run_x 0 d @h2 is-up web
	run_x 1 d @lab is-up web
	expect $'== h1\nup\n== h2\nup\n== h3\ndown'
	run_x 0 d @h2 down web
	mv "$ROOM/h3/c/web" "$ROOM/h3/web"
	run_x 0 d -A
	[[ $output =~ h3\ +no\ containers ]]
	mv "$ROOM/h3/web" "$ROOM/h3/c/web"
}

@test "@HOST enable: at its boot, by nothing but what was brought" {
	requires command:systemctl
	echo 'autostart: 1' >>"$ROOM/h1/c/web/settings.yaml"
	run_x 0 d @h1 enable --by systemd --root "$ROOM/h1/root"
	unit=$(cat "$ROOM/h1/root/etc/systemd/system/whittle.service")
	expect "ExecStart=\"$ROOM/h1/state/bin/d\" up-all" "$unit"
	expect "Environment=\"WHITTLE_CONTAINERS=$ROOM/h1/c\"" "$unit"
	expect "Environment=\"CONTAINERS_STORAGE_CONF=$ROOM/h1/storage.conf\"" "$unit"
	[ -L "$ROOM/h1/root/etc/systemd/system/multi-user.target.wants/whittle.service" ]
	run_x 0 d @h1 disable --by systemd --root "$ROOM/h1/root"
	[ ! -e "$ROOM/h1/root/etc/systemd/system/whittle.service" ]
	sed -i '$d' "$ROOM/h1/c/web/settings.yaml"
}

@test "a host that lies: what it says doesn't drive the terminal" {
	host_down h1
	cp "$ROOM/h1/sshd.conf" "$ROOM/h1/sshd.kept"
	printf '%s\n' "ForceCommand printf '%s' '[{\"name\": \"\\u001b[31mred\\nh2 web\"}]'; printf '\\033[31mred' >&2" >>"$ROOM/h1/sshd.conf"
	sshd_up h1
	run_x 0 d -A
	expect 'h1           \033[31mred\012h2 web'
	refute $'\e'
	run_x 0 d -A list-all
	expect '\033[31mred' "$stderr"
	refute $'\e' "$output$stderr"
	run_x 1 d -A hup web
	expect '\033[31mred' "$stderr"
	refute $'\e' "$output$stderr"
	host_down h1
	mv "$ROOM/h1/sshd.kept" "$ROOM/h1/sshd.conf"
	sshd_up h1
}

@test "-A: who can't be reached is said, and caught up with later" {
	host_down h3
	run_x 1 d -A up web
	expect "h3: can't be reached" "$stderr"
	run_x 0 d @h2 is-up web
	run_x 2 d -A
	expect "h3           unknown"
	expect "h3           missed: d up web"
	run_x 2 d -A list-all
	[ "$(grep -c "Connection refused" <<<"$stderr")" -eq 1 ]
	run_x 0 d page --json --all
	jq -es 'map({(.host): .}) | add | .h2.containers[0].state == "running" and .h3.error != null' <<<"$output"
	sshd_up h3
	run_x 1 d plan -A
	expect "h3           missed: d up web"
	run_x 0 d hosts retry
	expect "== h3: d up web"
	run_x 0 d @h3 is-up web
	run_x 0 d hosts retry
	expect "h3           missed nothing"
	run_x 0 d plan -A
	refute "missed"
}

@test "what a host missed is undone by what came later, stays until it was done, and is known to be unknown" {
	local file=$WHITTLE_STATE/d/fleet-missed.json
	missed() {
		grep -o 'missed: .*' <<<"$output" | paste -sd'|'
	}
	host_down h3
	run_x 2 d @h3 console web
	run_x 2 d @h3 restart web
	run_x 2 d @h3 upgrade web
	run_x 2 d @h3 upgrade -f other
	run_x 2 d -A
	[ "$(missed)" = "missed: d restart web|missed: d upgrade web|missed: d upgrade -f other" ]
	run_x 2 d @h3 0 web
	run_x 2 d -A
	[ "$(missed)" = "missed: d upgrade --keep-down web|missed: d upgrade -f other|missed: d 0 web" ]
	run_x 2 d @h3 up web
	run_x 2 d -A
	[ "$(missed)" = "missed: d upgrade --keep-down web|missed: d upgrade -f other|missed: d up web" ]
	sshd_up h3
	# Nothing was done there.
	mv "$ROOM/h3/state/bin/d" "$ROOM/h3/state/bin/away"
	run_x 2 d hosts retry h3
	expect "h3: d isn't there" "$stderr"
	mv "$ROOM/h3/state/bin/away" "$ROOM/h3/state/bin/d"
	run_x 0 d @h3 down web
	run_x 1 d plan -A
	[ "$(missed)" = "missed: d upgrade --keep-down web|missed: d upgrade -f other" ]
	run_x 0 d hosts forget h3
	run_x 0 d plan -A
	[ -z "$(missed)" ]
	# What is damaged isn't nothing.
	for text in '{"h3": [["up", "we' '[]'; do
		echo "$text" >"$file"
		run_x 1 d plan -A
		expect "fleet-missed.json' is damaged" "$stderr"
		run_x 2 d hosts retry h3
		[ "$(<"$file")" = "$text" ]
		host_down h3
		run_x 2 d @h3 up web
		[ "$(<"$file.damaged")" = "$text" ]
		sshd_up h3
		run_x 0 d hosts retry h3
		expect "== h3: d up web"
	done
	echo '{' >"$file"
	run_x 0 d hosts forget h3
	run_x 0 d plan -A
}

@test "a host that takes the connection and then says nothing isn't waited for" {
	host_down h1
	cp "$ROOM/h1/sshd.conf" "$ROOM/h1/sshd.kept"
	# shellcheck disable=SC2016 # the shell's there
	echo 'ForceCommand case $SSH_ORIGINAL_COMMAND in true) ;; *) echo $$ >>'"$ROOM/hung"'; exec sleep 100000 ;; esac' >>"$ROOM/h1/sshd.conf"
	sshd_up h1
	export WHITTLE_HOST_LIMIT=2
	run_x 2 d -A
	expect "h1: can't be reached: no answer within 2 s" "$stderr"
	expect "h1           unknown"
	run_x 0 d page --json --all
	jq -es 'map({(.host): .}) | add | .h1.error == "no answer within 2 s"' <<<"$output"
	run_x 1 d hosts check h1
	# Nothing was begun there, so that the rest isn't left as it is.
	run_x 1 d -A up web
	expect "h1: can't be reached: no answer within 2 s" "$stderr"
	refute "failed" "$stderr"
	run_x 0 d hosts forget
	unset WHITTLE_HOST_LIMIT
	xargs kill <"$ROOM/hung" 2>/dev/null || :
	host_down h1
	mv "$ROOM/h1/sshd.kept" "$ROOM/h1/sshd.conf"
	sshd_up h1
}

@test "-A: a canary that fails stops the rest, and so does a wave" {
	echo 'memory: lots' >>"$ROOM/h1/c/web/settings.yaml"
	run_x 0 d @h2 down web
	run_x 2 d -A up web
	expect "h1 failed: left as they are: h2 h3" "$stderr"
	run_x 1 d @h2 is-up web
	sed -i '$d' "$ROOM/h1/c/web/settings.yaml"
	run_x 0 d -A up web
	# The second of three waves.
	echo 'memory: lots' >>"$ROOM/h2/c/web/settings.yaml"
	run_x 0 d @h3 down web
	run_x 2 d -A up web
	expect "h2 failed: left as they are: h3" "$stderr"
	run_x 1 d @h3 is-up web
	sed -i '$d' "$ROOM/h2/c/web/settings.yaml"
	run_x 0 d @h3 up web
}

# The connection ends with what isn't d's look at itself.
@test "-A: what changes something is told from a question, by the verb and its options" {
	local words h
	host_down h1
	cp "$ROOM/h1/sshd.conf" "$ROOM/h1/sshd.kept"
	# shellcheck disable=SC2016 # the shell's there
	echo 'ForceCommand case $SSH_ORIGINAL_COMMAND in *"|| exit 125"*) eval "$SSH_ORIGINAL_COMMAND" ;; true) ;; *) kill -KILL $PPID ;; esac' >>"$ROOM/h1/sshd.conf"
	sshd_up h1
	for words in "fix web" "import x" "scan --rm web" "export --to quadlet --out=$ROOM/x" clean "job web x"; do
		# shellcheck disable=SC2086 # words
		run_x 2 d -A $words
		expect "h1: the connection was lost while d ran there" "$stderr"
		expect "h1 failed: left as they are: h2 h3" "$stderr"
	done
	for words in "scan h9" "import -n x" "prep -rn h9" "back -l web" "job web" "hosts check"; do
		# shellcheck disable=SC2086 # words
		run_x 2 d -A $words
		expect "h1: can't be reached" "$stderr"
		expect "== h3"
	done
	host_down h1
	mv "$ROOM/h1/sshd.kept" "$ROOM/h1/sshd.conf"
	sshd_up h1
	# A "no" is an answer, and stops nothing.
	for h in $HOSTS; do echo 'notify: {webhook: "http://127.0.0.1:1/"}' >"$ROOM/$h/settings.yaml"; done
	run_x 1 d -A notify --test
	expect "== h3"
	for h in $HOSTS; do : >"$ROOM/$h/settings.yaml"; done
}

@test "a host that is killed in the midst is in one of its two good states afterwards" {
	printf 'hooks: {before_stop: [sleep, "1000"]}\n' >>"$ROOM/h2/c/web/settings.yaml"
	start d -A restart web
	wait_until 20 test -e "$ROOM/h2/state/d/web/journal.json"
	host_down h2
	wait_until 20 bash -c "! kill -0 $started"
	run wait "$started"
	expect "h2: the connection was lost while d ran there" "$(cat "$BATS_TEST_TMPDIR/started.0")"
	expect "h2 failed: left as they are: h3" "$(cat "$BATS_TEST_TMPDIR/started.0")"
	sed -i '$d' "$ROOM/h2/c/web/settings.yaml"
	sshd_up h2
	run_x 0 d @h2 recover
	run_x 0 d @h2 is-up web
	run_x 0 d @h2 restart web
}

# version_there HOST
version_there() {
	CONTAINERS_STORAGE_CONF=$ROOM/$1/storage.conf engine inspect -f '{{.Image}}' "$S"
}

@test "on: what is built and tested here runs there, as settings and image say, after their key" {
	S=${N}sent
	mkdir -p "$ROOM/here/$S"
	contract "$S" >"$ROOM/here/$S/Makefile"
	echo '{"defaultAction": "SCMP_ACT_ALLOW"}' >"$ROOM/here/$S/seccomp.json"
	cat >"$ROOM/here/$S/settings.yaml" <<-EOT
		on: [h1, label-h2]
		network: none
		seccomp: seccomp.json
		ready: {http: ":8000/", stable: 0}
		stop_timeout: 1s
	EOT
	minisign -G -W -p "$ROOM/h2/trusted.pub" -s "$ROOM/sec" >/dev/null
	printf 'verify_key: %s\ndefaults: {require_signature: true}\n' "$ROOM/h2/trusted.pub" >"$ROOM/h2/settings.yaml"
	sed -i '$a require_signature: false' "$ROOM/here/$S/settings.yaml"

	sent_image 1
	"$PACK" sign -k "$ROOM/sec" "$(cat "$ROOM/build.1/id")"
	run_x 0 d upgrade "$S"
	[ "$(version_there h1)" = "$(cat "$ROOM/build.1/id")" ]
	[ "$(version_there h2)" = "$(cat "$ROOM/build.1/id")" ]
	[ ! -e "$ROOM/h2/state/containers/$S/Makefile" ]
	run_x 1 engine container exists "$S"
	run_x 0 d
	[[ $output =~ $S\ +elsewhere ]]
	run_x 0 d is-up "$S"
	expect $'== h1\nup\n== h2\nup'

	# What differs alone is sent, and nothing where nothing does.
	sent_image 2
	"$PACK" sign -k "$ROOM/sec" "$(cat "$ROOM/build.2/id")"
	run_x 0 d upgrade "$S"
	sizes=$(sed -n 's/^\([0-9]*\) bytes$/\1/p' <<<"$output")
	[ "$(wc -w <<<"$sizes")" -eq 2 ]
	for size in $sizes; do [ "$size" -lt 60000 ]; done
	[ "$(version_there h2)" = "$(cat "$ROOM/build.2/id")" ]
	run_x 0 d upgrade "$S"
	refute " bytes"

	# The third has no signature: h1, the canary, doesn't ask for one, h2 does.
	sent_image 3
	run_x 1 d upgrade "$S"
	expect "require_signature is set, and" "$output$stderr"
	[ "$(version_there h1)" = "$(cat "$ROOM/build.3/id")" ]
	[ "$(version_there h2)" = "$(cat "$ROOM/build.2/id")" ]

	# One that is off catches up.
	host_down h2
	run_x 1 d upgrade "$S"
	sshd_up h2
	run_x 1 d plan -A
	expect "h2           missed: d upgrade $S"
	"$PACK" sign -k "$ROOM/sec" "$(cat "$ROOM/build.3/id")"
	run_x 0 d hosts retry
	[ "$(version_there h2)" = "$(cat "$ROOM/build.3/id")" ]

	# Settings alone.
	echo 'memory: 77m' >>"$ROOM/here/$S/settings.yaml"
	run_x 0 d restart "$S"
	[ "$(CONTAINERS_STORAGE_CONF=$ROOM/h1/storage.conf engine inspect -f '{{.HostConfig.Memory}}' "$S")" = 80740352 ]
	run_x 0 d down "$S"
	run_x 1 d is-up "$S"
}

@test "on: a job there that has its data puts an update off, and what is brought isn't updated there too" {
	S=${N}job
	mkdir -p "$ROOM/here/$S"
	contract "$S" >"$ROOM/here/$S/Makefile"
	echo "vol_base: $ROOM/h1/vol" >"$ROOM/h1/settings.yaml"
	cat >"$ROOM/here/$S/settings.yaml" <<-EOT
		on: h1
		network: none
		mount_rw: ["data:/data"]
		vols: [data]
		jobs: {slow: {cmd: [-v], in: fresh}}
		snapshot: yes
		update: {at: daily, if: ready}
		ready: {http: ":8000/", stable: 0}
		stop_timeout: 1s
	EOT
	sent_image 11
	run_x 0 d upgrade "$S"
	run_x 0 d auto -n
	expect "$S"
	run_x 0 d @h1 auto -n
	refute "$S"
	start d @h1 job "$S" slow
	wait_until 20 eval '[ -n "$(engine_on h1 ps -q --filter "name=$S-job" </dev/null)" ]'
	sent_image 12
	run_x 75 d upgrade --due "$S"
	expect "was put off" "$stderr"
	[ "$(version_there h1)" = "$(cat "$ROOM/build.11/id")" ]
	kill "$started"
	# shellcheck disable=SC2046 # a list of IDs
	engine_on h1 rm -f $(engine_on h1 ps -aq --filter "name=$S-job") >/dev/null 2>&1 </dev/null
	run_x 0 d upgrade --due "$S"
	[ "$(version_there h1)" = "$(cat "$ROOM/build.12/id")" ]
	run_x 0 d down "${S%b}"
	: >"$ROOM/h1/settings.yaml"
}

# sent WORDS…: infra/send of a directory by a program in ssh's place.
sent() {
	FAR_SSH=$1 FAR_BIN=$ROOM/far/bin FAR_ENV=env WHITTLE_STATE=$ROOM/far-own "$TOP/infra/send" "$PACK" web "$2" "$ROOM/far/d" settings.yaml
}

@test "sending: another's directories stay, nothing goes on after it was ended, and no answer is too long" {
	mkdir -p "$ROOM"/far/{bin,d} "$ROOM"/far/containers/{.web.new,.web.0123456789abcdef,.web.api.0123456789abcdef}
	echo 'network: none' >"$ROOM/far/d/settings.yaml"
	run_x 0 sent 'sh -c' -
	[ -e "$ROOM/far/containers/web/settings.yaml" ]
	[ "$(cd "$ROOM/far/containers" && echo .web.*)" = ".web.api.0123456789abcdef $(readlink "$ROOM/far/containers/web")" ] ||
		[ "$(cd "$ROOM/far/containers" && echo .web.*)" = "$(readlink "$ROOM/far/containers/web") .web.api.0123456789abcdef" ]
	cat >"$ROOM/stuck" <<-EOT
		#!/bin/sh
		case "\$*" in
		*had=*) echo \$\$ >"$ROOM/stuck.pid"; echo "had= record= live= zstd="; exec sleep 1000 ;;
		*"rm -rf"*) ls -A "$ROOM/stuck.tmp" >"$ROOM/stuck.left" && mv "$ROOM/stuck.left" "$ROOM/stuck.cleaned" ;;
		esac
	EOT
	printf '#!/bin/sh\ncase "$*" in *"sh -c '"':'"'"*) ;; *) tr "\\0" x </dev/zero ;; esac\n' >"$ROOM/endless"
	printf '#!/bin/sh\ntouch "%s"\n' "$ROOM/stuck.saved" >"$ROOM/saving"
	printf '#!/bin/sh\nexec sleep 1000\n' >"$ROOM/silent"
	chmod 755 "$ROOM/stuck" "$ROOM/endless" "$ROOM/saving" "$ROOM/silent"
	WHITTLE_HOST_LIMIT=1 run_x 255 sent "$ROOM/silent" -
	expect "no answer within 1 s" "$stderr"
	mkdir "$ROOM/stuck.tmp"
	start env TMPDIR="$ROOM/stuck.tmp" FAR_SSH="$ROOM/stuck" FAR_BIN="$ROOM/far/bin" FAR_ENV=env FAR_REGISTRY='' WHITTLE_STATE="$ROOM/far-own" \
		"$TOP/infra/send" "$ROOM/saving" web 0123456789 "$ROOM/far/d" settings.yaml
	wait_until 20 test -e "$ROOM/stuck.saved"
	kill -TERM "$started"
	wait_until 20 test -e "$ROOM/stuck.cleaned"
	[ ! -s "$ROOM/stuck.cleaned" ]
	wait_until 20 bash -c "! kill -0 $(cat "$ROOM/stuck.pid")"
	run_x 2 sent "$ROOM/endless" 0123456789
	expect "send: no answer" "$stderr"
}

@test "sync: a signed tag is taken, another is not" {
	local repo=$ROOM/repo g="git -c user.name=t -c user.email=t@example.org -C $ROOM/repo" clone=$ROOM/clone here settings
	settings=$(printf 'network: none\nautostart: 1\nready: {http: ":8000/", stable: 0}\nstop_timeout: 1s' )
	mkdir -p "$repo/c/synced"
	printf 'image: %s\nname: %ssync\n%s\n' "$(live hello)" "$N" "$settings" >"$repo/c/synced/settings.yaml"
	git init -q -b main "$repo"
	$g add . && $g commit -q -m one
	$g config gpg.format ssh
	$g config user.signingkey "$ROOM/key"
	git clone -q "$repo" "$clone"
	printf 't@example.org %s\n' "$(cat "$ROOM/key.pub")" >"$ROOM/signers"
	git -C "$clone" config gpg.ssh.allowedSignersFile "$ROOM/signers"
	export WHITTLE_CONTAINERS=$clone/c

	run_x 1 d sync "$clone"
	expect "no tag follows" "$stderr"
	# One more that nothing builds, on another host, and one that goes.
	echo 'memory: 99m' >>"$repo/c/synced/settings.yaml"
	mkdir "$repo/c/away" "$repo/c/goes"
	printf 'image: %s\nname: %saway\non: h1\n%s\n' "$HOST_IMAGE" "$N" "$settings" >"$repo/c/away/settings.yaml"
	printf 'image: %s\nname: %sgoes\n%s\n' "$HOST_IMAGE" "$N" "$settings" >"$repo/c/goes/settings.yaml"
	$g add . && $g commit -q -m zwö && $g tag -s -m v1 v1
	# What git leaves in the background doesn't hold the lock; its configuration counts here too.
	cat >"$ROOM/upload-pack" <<-EOT
		#!/bin/sh
		sleep 60 </dev/null >/dev/null 2>&1 3>&- 4>&- &
		echo \$! >"$ROOM/left.pid"
		exec git upload-pack "\$@"
	EOT
	chmod 755 "$ROOM/upload-pack"
	GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.uploadpack GIT_CONFIG_VALUE_0=$ROOM/upload-pack \
		run_x 0 d sync -n "$clone"
	expect " zwö"
	flock -n "$clone/.git/whittle-sync.lock" true && here=free || here=held
	kill "$(cat "$ROOM/left.pid")"
	[ "$here" = free ]
	[ "$(git -C "$clone" log --oneline | wc -l)" -eq 1 ]
	# As a hook of git's calls it.
	GIT_DIR=$repo/.git run_x 0 d sync "$clone"
	[ "$(engine inspect -f '{{.HostConfig.Memory}}' "${N}sync")" = 103809024 ]
	[ "$(engine_on h1 inspect -f '{{.State.Running}}' "${N}away")" = true ]
	run_x 0 d plan

	# Killed while git wrote the files: some are as they were, some new, one is neither.
	here=$(git -C "$clone" rev-parse HEAD)
	$g rm -q -r c/goes && sed -i 's/99m/98m/' "$repo/c/synced/settings.yaml"
	mkdir "$repo/c/more" && echo 'image: x' >"$repo/c/more/settings.yaml"
	$g add . && $g commit -q -m three && $g tag -s -m v2 v2
	git -C "$clone" fetch -q --tags
	echo "$here $(git -C "$clone" rev-parse 'v2^{commit}')" >"$clone/.git/whittle-sync"
	touch "$clone/.git/index.lock"
	cp -r "$repo/c/more" "$clone/c"
	echo 'image:' >"$clone/c/synced/settings.yaml"
	run_x 1 d sync -n "$clone"
	expect "an earlier run was cut off" "$stderr"
	run_x 1 flock "$clone/.git/whittle-sync.lock" "$D" sync "$clone"
	expect "another d sync of '$clone' is at work" "$stderr"
	run_x 1 d sync "$clone"
	expect "git stash show has them" "$stderr"
	expect "v2 is checked out already"
	expect "goes             remove: it runs, and has no directory any more: "
	[ -z "$(git -C "$clone" status --porcelain)" ]
	[ "$(engine inspect -f '{{.HostConfig.Memory}}' "${N}sync")" = 102760448 ]
	engine rm -f "${N}goes" >/dev/null 2>&1
	run_x 0 d sync -n "$clone"

	$g commit -q --allow-empty -m four && $g tag -a -m v3 v3
	run_x 1 d sync "$clone"
	expect "tag 'v3' isn't signed by a key that counts here" "$stderr"
	# Moved, by a stranger.
	$g -c user.signingkey="$ROOM/other-key" tag -f -s -m v3 v3 >/dev/null
	run_x 2 d sync "$clone"
	expect "would clobber existing tag" "$stderr"
	git -C "$clone" tag -d v3 >/dev/null
	run_x 1 d sync "$clone"
	expect "tag 'v3' isn't signed by a key that counts here" "$stderr"
	[ "$(git -C "$clone" rev-parse HEAD)" = "$(git -C "$clone" rev-parse 'v2^{commit}')" ]
	# Another history.
	$g tag -d v3 >/dev/null && git -C "$clone" tag -d v3 >/dev/null
	$g reset -q --hard v1 && $g commit -q --allow-empty -m other
	GIT_COMMITTER_DATE="$(date -R -d 'now + 1 hour')" $g tag -s -m v9 v9
	run_x 0 d sync -n "$clone"
	expect "tag 'v9' is newer, but of another history: it isn't taken" "$stderr"
	mv "$repo" "$repo.gone"
	run_x 2 d sync "$clone"
	expect "can't be fetched" "$stderr"
	run_x 0 d down synced
	run_x 0 d down away
}

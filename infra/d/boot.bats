# Starting at boot: the unit, what enables it, and what it finds after a reboot.

# shellcheck disable=SC2154,SC2030,SC2031 # run_x sets stderr; each test has its own environment
load ../../tests/helpers
load tests/fixture

# A store of its own, so that what ends with a reboot is no other test's.
own_podman() {
	export STORE=$ROOM/store RUN=$ROOM/run
	printf '#!/bin/sh\nexec %s --root %s --runroot %s/root --tmpdir %s/tmp "$@"\n' \
		"$(command -v podman)" "$STORE" "$RUN" "$RUN" >"$ROOM/bin/podman"
	chmod +x "$ROOM/bin/podman"
	export ENGINE=$ROOM/bin/podman
}

setup_file() {
	file_requires engine || return 0
	fixture
	if [ "$("$ENGINE_CMD" --which)" = podman ]; then
		own_podman
	fi
	container "${P}web"
	at_boot "${P}web"
	d u "${P}web"
}

# at_boot NAME [LINE]: with a wave, and in the host's network: what an engine wrote into the
# kernel's tables for published ports stays here where a real reboot wipes it.
at_boot() {
	[ -e "$ROOM/port.$1" ] || free_port >"$ROOM/port.$1"
	printf 'autostart: 1\n%s\nnetwork: host\nenv: [PORT=%s]\nstop_timeout: 3s\n' "${2:-mount_rw: [data:/data]}" \
		"$(cat "$ROOM/port.$1")" >"$WHITTLE_CONTAINERS/$1/settings.yaml"
	printf 'ready: {http: ":%s/healthz", within: 60s, stable: 300ms}\n' "$(cat "$ROOM/port.$1")" \
		>>"$WHITTLE_CONTAINERS/$1/settings.yaml"
}

teardown_file() {
	[ -n "${ROOM:-}" ] || return 0
	umount "$ROOM/disk" 2>/dev/null || :
	fixture_remove
	if [ -n "${STORE:-}" ]; then
		awk -v s="$ROOM/" 'index($2, s) == 1 { print $2 }' /proc/self/mounts | sort -r |
			while read -r m; do umount -l "$m" || :; done
	fi
}

setup() {
	N=${P}web
	root=$BATS_TEST_TMPDIR/root
}

# What is left of containers after a power failure: nothing that ran, nothing in /run.
power_failure() {
	local pids key
	# conmon first: it would see that the other one ends, and start it again.
	pids=$(engine ps -q | while read -r id; do engine inspect -f '{{.State.ConmonPid}} {{.State.Pid}}' "$id"; done)
	# shellcheck disable=SC2046,SC2086 # numbers
	kill -KILL $pids
	for key in $(engine ps -aq | while read -r id; do engine inspect -f '{{.NetworkSettings.SandboxKey}}' "$id"; done); do
		umount -l "$key" && rm -f "$key"
	done 2>/dev/null
	awk -v s="$ROOM/" 'index($2, s) == 1 { print $2 }' /proc/self/mounts | grep -v "^$ROOM/disk\$" | sort -r |
		while read -r m; do umount -l "$m" || :; done
	# What the runtime noted, which has no place of its own.
	for key in $(engine ps -aq --no-trunc); do rm -rf "/run/runc/$key" "/run/crun/$key"; done
	rm -rf "${RUN:?}"
}

without_daemon() {
	[ "$("$ENGINE_CMD" --which)" = podman ] ||
		skip "this machine cannot: docker's daemon does this itself, and isn't a test's to kill"
}

enabled() {
	[ -L "$root/etc/systemd/system/multi-user.target.wants/whittle.service" ]
}

# A root file system of a host that has systemd.
with_systemd() {
	mkdir -p "$root/usr/lib/systemd" && touch "$root/usr/lib/systemd/systemd"
}

@test "d enable makes a unit that systemd accepts, which waits for what the containers' data is on" {
	requires command:systemd-analyze
	with_systemd
	at_boot "$N" 'mount_ro: ["/srv/50% off:/off"]'
	# As versions wrote beside a unit that was installed.
	mkdir -p "$root/etc/systemd/system/whittle.service.d"
	echo old >"$root/etc/systemd/system/whittle.service.d/host.conf"
	run_x 1 d enable -n --root "$root"
	expect "1 container is to start at boot, and nothing does that"
	run_x 0 d enable --root "$root"
	enabled
	[ ! -e "$root/etc/systemd/system/whittle.service.d" ]
	conf=$(cat "$root/etc/systemd/system/whittle.service")
	expect "RequiresMountsFor=\"$WHITTLE_VOLUMES\"" "$conf"
	expect 'RequiresMountsFor="/srv/50%% off"' "$conf"
	expect "Environment=\"WHITTLE_STATE=$WHITTLE_STATE\"" "$conf"
	SYSTEMD_UNIT_PATH=$root/etc/systemd/system: run_x 0 systemd-analyze verify --man=no whittle.service whittle-stop.service
	refute "$root" "$output$stderr"
	refute whittle "$output$stderr"
	run_x 0 d enable -n --root "$root"
	rm "$root/etc/systemd/system/whittle-stop.service"
	run_x 1 d enable -n --root "$root"
	expect "was made for other settings"
	run_x 0 d enable --root "$root"

	at_boot "$N"
	run_x 1 d enable -n --root "$root"
	expect "was made for other settings"

	run_x 0 d disable --root "$root"
	run ! enabled
	[ -z "$(find "$root/etc/systemd/system" -name 'whittle*' -o -name 'libpod*')" ]
	run_x 0 d disable --root "$root"
}

@test "jobs and updates at certain times get timers that systemd accepts" {
	requires command:systemd-analyze
	with_systemd
	at_boot "$N" 'jobs: {a: {cmd: /svc, at: "02:00"}}'
	run_x 0 d enable --root "$root"
	for timer in auto jobs; do
		[ -L "$root/etc/systemd/system/timers.target.wants/whittle@$timer.timer" ]
		SYSTEMD_UNIT_PATH=$root/etc/systemd/system: \
			run_x 0 systemd-analyze verify --man=no "whittle@$timer.timer" "whittle@$timer.service"
		refute whittle@ "$output$stderr"
	done
	expect "ExecStart=\"$D\" %i" "$(cat "$root/etc/systemd/system/whittle@.service")"
	run_x 0 d enable -n --root "$root"
	at_boot "$N"
	run_x 0 d enable --root "$root"
	[ ! -e "$root/etc/systemd/system/timers.target.wants/whittle@jobs.timer" ]
	[ ! -e "$root/etc/systemd/system/whittle@.service" ]
	[ ! -e "$root/etc/systemd/system/whittle@.timer" ]
	run_x 0 d disable --root "$root"
	# Cut off before they were enabled, or after they were disabled.
	at_boot "$N" 'jobs: {a: {cmd: /svc, at: "02:00"}}'
	run_x 0 d enable --root "$root"
	rm "$root"/etc/systemd/system/timers.target.wants/*
	# Whatever the settings say by now.
	at_boot "$N" 'no_such_key: 1'
	run_x 2 d enable --root "$root"
	run_x 0 d disable --root "$root"
	[ -z "$(find "$root/etc/systemd/system" -name 'whittle*')" ]
	at_boot "$N"
}

@test "the user's unit is accepted, too, and depends on nothing that only the system has" {
	requires command:systemd-analyze root podman userns open command:newuidmap
	local unit=$BATS_TEST_TMPDIR/whittle.service
	# Another's systemctl, since no manager of this user's runs.
	# shellcheck disable=SC2016 # the inner shell's
	env -u WHITTLE_CONTAINERS -u WHITTLE_STATE -u WHITTLE_SETTINGS -u WHITTLE_VOLUMES ENGINE=podman "$TOP/tests/as-user" sh -euc '
		mkdir "$HOME/bin"
		printf "#!/bin/sh\necho systemctl \"\$@\" >&2\n" >"$HOME/bin/systemctl"
		chmod +x "$HOME/bin/systemctl"
		PATH=$HOME/bin:$PATH "$1" enable --by systemd >&2 || :
		# What was enabled stays where that fails another time.
		printf "#!/bin/sh\nexit 1\n" >"$HOME/bin/systemctl"
		if PATH=$HOME/bin:$PATH "$1" enable --by systemd >&2; then exit 9; fi
		cat "$HOME/.config/systemd/user/whittle.service"' - "$D" >"$unit"
	XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR SYSTEMD_UNIT_PATH=$BATS_TEST_TMPDIR: run_x 0 systemd-analyze verify --user --man=no whittle.service
	refute whittle "$output$stderr"
	run_x 1 grep -E 'multi-user|[=]network-online' "$unit"
	grep -qx 'WantedBy=default.target' "$unit"
}

@test "OpenRC gets a script and a runlevel" {
	mkdir -p "$root/sbin" && touch "$root/sbin/openrc-run"
	run_x 0 d enable --root "$root"
	[ "$(readlink "$root/etc/runlevels/default/whittle")" = /etc/init.d/whittle ]
	[ -x "$root/etc/init.d/whittle" ]
	# shellcheck disable=SC2016 # the inner shell's
	run_x 0 sh -euc 'ebegin() { :; }; eend() { return $1; }; need() { echo "need $*"; }; after() { :; }; use() { echo "use $*"; }
		. "$1"; depend; start' - "$root/etc/init.d/whittle"
	expect "use localmount net"
	refute "need "
	expect "1 done, 0 failed"
	serves "$N" 1
	run_x 0 d enable -n --root "$root"
	run_x 0 d disable --root "$root"
	[ ! -e "$root/etc/init.d/whittle" ] && [ ! -L "$root/etc/runlevels/default/whittle" ]
}

@test "on a host that runs by OpenRC the service is started, and counts as started where a container isn't" {
	requires root join
	mkdir -p "$BATS_TEST_TMPDIR/bin" "$root/sbin"
	printf '#!/bin/sh\necho "rc-service $*"\n' >"$BATS_TEST_TMPDIR/bin/rc-service"
	chmod +x "$BATS_TEST_TMPDIR/bin/rc-service"
	# Its directories over this host's, for one command.
	# shellcheck disable=SC2016 # the inner shell's
	PATH=$BATS_TEST_TMPDIR/bin:$PATH run_x 0 unshare --mount sh -euc '
		mount -t tmpfs tmpfs "$2"
		for at in etc run; do
			mkdir "$2/$at" "$2/work-$at"
			mount -t overlay -o "lowerdir=/$at,upperdir=$2/$at,workdir=$2/work-$at" overlay "/$at"
		done
		mkdir -p /run/openrc && touch /run/openrc/softlevel
		PATH=${PATH%%:*}:$PATH "$1" enable --by openrc
		cp /etc/init.d/whittle "$3"' - "$D" "$root" "$BATS_TEST_TMPDIR/script"
	expect "rc-service whittle start"
	[ ! -e /etc/init.d/whittle ]
	sed -i "s|^\(.*\)'*$D'* up-all|\1false|" "$BATS_TEST_TMPDIR/script"
	grep -q 'false$' "$BATS_TEST_TMPDIR/script"
	run_x 0 sh -uc 'ebegin() { :; }; eend() { return $1; }; . "$1"; start' - "$BATS_TEST_TMPDIR/script"
}

@test "cron gets a line, beside what stands there" {
	# A crontab(1) of the test's own: the host's is everybody's.
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/crontab" <<-EOT
		#!/bin/sh
		[ "\$1" != -l ] || [ ! -e $BATS_TEST_TMPDIR/busy ] || { echo "the spool is busy" >&2; exit 1; }
		[ "\$1" = -l ] && exec cat $BATS_TEST_TMPDIR/table
		cat >$BATS_TEST_TMPDIR/table.new && mv $BATS_TEST_TMPDIR/table.new $BATS_TEST_TMPDIR/table
	EOT
	chmod +x "$BATS_TEST_TMPDIR/bin/crontab"
	export PATH=$BATS_TEST_TMPDIR/bin:$PATH
	echo '5 4 * * * mine' >"$BATS_TEST_TMPDIR/table"
	# What can't be read isn't written over.
	touch "$BATS_TEST_TMPDIR/busy"
	run_x 2 d enable --by cron
	expect "crontab -l failed with status 1: the spool is busy" "$stderr"
	rm "$BATS_TEST_TMPDIR/busy"
	[ "$(cat "$BATS_TEST_TMPDIR/table")" = '5 4 * * * mine' ]
	run_x 0 d enable --by cron
	run_x 0 d enable --by cron
	run_x 0 cat "$BATS_TEST_TMPDIR/table"
	[ "${#lines[@]}" -eq 2 ]
	expect '5 4 * * * mine'
	line=$(sed -n 's/^@reboot //p' "$BATS_TEST_TMPDIR/table")
	at_boot "$N" 'update: {at: "Sun 03:00"}'
	run_x 1 d enable -n --by cron
	expect "nothing starts them"
	run_x 0 d enable --by cron
	[ "$(grep -c '^\*/5 \* .* # whittle$' "$BATS_TEST_TMPDIR/table")" -eq 2 ]
	at_boot "$N"
	run_x 0 d enable --by cron
	[ "$(wc -l <"$BATS_TEST_TMPDIR/table")" -eq 2 ]
	# As cron starts it: a shell, and next to no environment.
	run_x 0 env -i PATH="$PATH" sh -c "$line"
	expect "1 done, 0 failed"
	run_x 0 d disable --by cron
	[ "$(cat "$BATS_TEST_TMPDIR/table")" = '5 4 * * * mine' ]
}

@test "a policy that podman forgets at boot is told" {
	without_daemon
	container "${P}old"
	echo 'restart: always' | settings "${P}old"
	run_x 1 d enable -n --root "$root" --by openrc
	expect "${P}old: 'restart: always' doesn't survive a reboot with podman"
	rm -r "$WHITTLE_CONTAINERS/${P}old"
}

@test "after a power failure the unit's command starts everything again" {
	without_daemon
	requires root
	d up "$N"
	before=$(d pid "$N")
	power_failure
	run_x 0 d up-all
	expect "1 done, 0 failed"
	serves "$N" 1
	[ "$(d pid "$N")" != "$before" ]
	[ "$(all_of "$N")" = "$N" ]
}

@test "systemd as process 1, booted twice: the unit starts what ran" {
	without_daemon
	requires root command:setfattr join
	with_systemd
	# In what is booted the data may be on another mount than here.
	at_boot "$N" $'mount_rw: [data:/data]\nneeds_mount: []'
	d up "$N"
	run_x 0 d enable --root "$root"
	rm "$root/usr/lib/systemd/systemd" # the real one
	power_failure
	local port proof
	port=$(cat "$ROOM/port.$N")
	proof="systemctl is-active whittle.service >$ROOM/proof; curl -fs http://127.0.0.1:$port/version >>$ROOM/proof
		cat /proc/1/comm >>$ROOM/proof; journalctl --no-pager -u whittle.service >$ROOM/journal"
	# The data's file system is where it was.
	local disk
	disk=$(findmnt -n -o TARGET --target "$ROOM")
	[ "$disk" != / ] || disk=$ROOM
	for _ in 1 2; do
		rm -f "$ROOM/proof"
		BOOT_LOG=$ROOM/boot.log run --separate-stderr "$BATS_TEST_DIRNAME/tests/boot-systemd" "$root" "$proof" "$TOP" "$disk"
		[ "$status" -ne 3 ] || skip "this machine cannot: systemd can't have control groups of its own here"
		[ "$(paste -sd' ' "$ROOM/proof")" = "active 1 systemd" ] || { cat "$ROOM/proof" "$ROOM/boot.log" "$ROOM/journal" >&2; return 1; }
		rm -rf "${RUN:?}"
	done

	# Enabled while it runs: from then on, so that the next shutdown stops what runs.
	mkdir "$BATS_TEST_TMPDIR/bare"
	proof=$(declare -px "${!WHITTLE_@}" ENGINE STORE RUN)"
		cd / && exec >$ROOM/proof 2>&1
		rm /etc/systemd/system/tmp.mount
		$D up $N && was=\$($D pid $N)
		$D enable >/dev/null
		for _ in \$(seq 100); do systemctl -q is-active whittle.service && break; sleep 0.1; done
		systemctl is-active whittle.service
		[ \$($D pid $N) = \$was ] && echo same
		systemctl stop whittle.service
		$D is-up $N || :
		# Where one fails, the others are stopped all the same.
		mkdir -p $WHITTLE_CONTAINERS/${P}none
		printf 'autostart: 1\nimage: localhost/whittle/${P}none\n' >$WHITTLE_CONTAINERS/${P}none/settings.yaml
		systemctl start --no-block whittle.service
		for _ in \$(seq 300); do [ \$(systemctl show -P SubState whittle.service) = auto-restart ] && break; sleep 0.1; done
		$D is-up $N
		rm -r $WHITTLE_CONTAINERS/${P}none
		# As at a shutdown, and not at once, as the end of this would.
		sed -i /Action=/d /etc/systemd/system/proof.service
		systemctl daemon-reload
		systemctl --no-block exit"
	printf 'bash -euc %q\n' "$proof" >"$BATS_TEST_TMPDIR/bare/enable"
	BOOT_LOG=$ROOM/boot.log run "$BATS_TEST_DIRNAME/tests/boot-systemd" "$BATS_TEST_TMPDIR/bare" "bash /enable" "$TOP" "$disk"
	rm -rf "${RUN:?}"
	[ "$(tail -n 4 "$ROOM/proof" | paste -sd' ')" = "active same down up" ] &&
		# By d, and not by systemd, which would end all of them at the same time.
		[ "$(jq -r .event "$WHITTLE_STATE/d/$N/history.jsonl" | tail -n 1)" = stopped ] || { cat "$ROOM/proof" "$ROOM/boot.log" >&2; return 1; }
	run_x 0 d up-all
}

@test "killed with all its processes, and /run still says that it runs: started again" {
	without_daemon
	requires root
	d up "$N"
	# shellcheck disable=SC2046 # numbers
	kill -KILL $(engine inspect -f '{{.State.ConmonPid}} {{.State.Pid}}' "$N")
	run_x 0 d up-all
	serves "$N" 1
	[ "$(all_of "$N")" = "$N" ]
}

@test "nothing starts on an empty directory while the disk with its data isn't mounted" {
	without_daemon
	requires root
	mkdir -p "$ROOM/disk"
	mount -t tmpfs tmpfs "$ROOM/disk"
	mkdir -p "$ROOM/disk/data"
	at_boot "$N" "mount_rw: [$ROOM/disk/data:/data]"
	run_x 0 d R "$N"
	serves "$N" 1
	power_failure
	umount "$ROOM/disk"
	run_x 1 d up-all
	expect "'$ROOM/disk' isn't mounted, where '$ROOM/disk/data' was when it last started" "$output$stderr"
	[ ! -e "$ROOM/disk/data" ]
	run ! serves "$N" 1

	mount -t tmpfs tmpfs "$ROOM/disk"
	mkdir -p "$ROOM/disk/data"
	run_x 0 d up-all
	serves "$N" 1

	d 0 "$N"
	umount "$ROOM/disk"
	mkdir -p "$ROOM/disk/data"
	run_x 2 d up "$N"
	run_x 0 d prep "$N"
	run_x 0 d up "$N"
	serves "$N" 1
}

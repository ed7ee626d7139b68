# Files for Quadlet, which a podman of 4.4 and later has: Debian 13's.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup() {
	own_settings
	export WHITTLE_CONTAINERS=$TOP/containers
	OUT=$ROOM/out
}

# The units of all that is shipped in $OUT.
shipped() {
	export WHITTLE_VOLUMES=$BATS_FILE_TMPDIR/volumes
	OUT=$BATS_FILE_TMPDIR/units
	[ -d "$OUT" ] || run_x 0 d export --to quadlet -o "$OUT"
}

@test "export: quadlet: units that podman's generator takes, with nothing left out of them" {
	local unit
	shipped
	for unit in dns filewatch fim hello rclone toolkit zero; do
		grep -qx "Image=$(image_id "$(live $unit)")" "$OUT/$unit.container"
		grep -qx 'DropCapability=all' "$OUT/$unit.container"
		grep -qx 'NoNewPrivileges=true' "$OUT/$unit.container"
		grep -qx 'ReadOnly=true' "$OUT/$unit.container"
		grep -qx "Network=whittle-$unit.network" "$OUT/$unit.container"
		[ -e "$OUT/whittle-$unit.network" ]
	done
	grep -qx 'PublishPort=127.0.0.1:53:53/udp' "$OUT/dns.container"
	grep -qx 'AddCapability=CAP_NET_BIND_SERVICE' "$OUT/dns.container"
	cmp "$OUT/seccomp/hello.json" "$TOP/containers/hello/seccomp.json"
	sh -n "$OUT/setup.sh"
	if [ -x /usr/libexec/podman/quadlet ]; then
		QUADLET_UNIT_DIRS=$OUT run_x 0 /usr/libexec/podman/quadlet -dryrun
		for unit in dns filewatch fim hello rclone toolkit zero; do
			expect "---$unit.service---" "$output$stderr"
		done
		refute "unsupported key" "$output$stderr"
	fi
}

@test "export: quadlet: words come out of systemd as they went in" {
	of_hello web <<-'EOT'
		env: {A: 'a "b" $HOME 100% \', B: "two\nlines"}
		cmd: [run, "x y", '$HOME']
		needs: [db]
		autostart: 1
		secrets: {pw: /etc/hostname}
		require_signature: false
	EOT
	of_hello db <<<'memory: 16m'
	run_x 0 d export --to quadlet -o "$OUT"
	expect "web          autostart          systemd knows no waves"
	grep -qxF 'Environment="A=a \"b\" $$HOME 100%% \\"' "$OUT/web.container"
	grep -qxF 'Environment="B=two\nlines"' "$OUT/web.container"
	grep -qxF 'Exec="run" "x y" "$$HOME"' "$OUT/web.container"
	grep -qx 'Requires=db.service' "$OUT/web.container"
	grep -qx 'WantedBy=default.target' "$OUT/web.container"
	grep -q '^Secret=web-pw,type=mount,target=/run/secrets/pw,uid=' "$OUT/web.container"
	grep -q 'podman secret create --replace web-pw' "$OUT/setup.sh"
	refute "$(cat /etc/hostname)" "$(cat "$OUT"/*.container "$OUT/setup.sh")"
	run_x 0 d export --to quadlet --follow-tag web
	expect "Image=$(live hello)"
	expect "AutoUpdate=local"
}

# A store of its own, over the one with the images, and whatever this host's podman has to be told.
@test "export: quadlet: all that is shipped runs under systemd, by its units alone" {
	requires engine root join command:setfattr command:dig
	[ "$("$ENGINE_CMD" --which)" = podman ] || skip "this machine cannot: docker has no Quadlet"
	[ -x /usr/libexec/podman/quadlet ] || skip "this machine cannot: this podman has no Quadlet"
	local root=$ROOM/root names="dns filewatch fim hello rclone relay toolkit zero" images
	images=$(engine info --format '{{.Store.GraphRoot}}')
	shipped
	mkdir -p "$root/etc/containers/systemd"
	cp "$OUT"/*.container "$OUT"/*.network "$root/etc/containers/systemd/"
	printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "/run/containers/storage"\n[storage.options]\nadditionalimagestores = ["%s"]\n' \
		"$(engine info --format '{{.Store.GraphDriverName}}')" "$ROOM/store" "$images" >"$root/etc/containers/storage.conf"
	cat >"$ROOM/proof" <<-EOT
		set -eu
		exec 2>$ROOM/said
		export HOME=/root
		settings=\$($ENGINE_CMD --how | sed -n 's/^CONTAINERS_CONF[A-Z_]*=//p')
		[ -z "\$settings" ] || cp "\$settings" /etc/containers/containers.conf
		$OUT/setup.sh
		trap 'journalctl --no-pager -n 300 >$ROOM/journal' EXIT
		systemctl start $names
		for port in 8000 8001 8080 8081 8082; do
			timeout 60 sh -c "until curl -fs -o $ROOM/answer.\$port http://127.0.0.1:\$port/; do sleep 0.1; done"
		done
		dig +time=5 @127.0.0.1 chaos txt version.bind >$ROOM/answer.dns
		dig +tcp +time=5 @127.0.0.1 chaos txt version.bind >$ROOM/answer.dns-tcp
		bash -c ": <>/dev/tcp/\$(podman port relay 8080/tcp | tr : /)"
		for name in $names; do systemctl show -P NRestarts -P ActiveState \$name | paste -sd' '; done >$ROOM/states
		systemctl stop $names
		podman ps -a --format '{{.Names}}' >$ROOM/left
	EOT
	BOOT_LOG=$ROOM/boot.log run --separate-stderr "$D_TESTS/boot-systemd" "$root" ". $ROOM/proof" "$TOP" "$BATS_FILE_TMPDIR" "$ROOM" "$images"
	[ "$status" -ne 3 ] || skip "this machine cannot: systemd can't have control groups of its own here"
	[ "$status" -eq 0 ] || { cat "$ROOM/said" "$ROOM/journal" "$ROOM/boot.log" >&2; return 1; }
	[ "$(grep -cx '0 active' "$ROOM/states")" -eq 8 ] || { cat "$ROOM/states" "$ROOM/journal" >&2; return 1; }
	[ ! -s "$ROOM/left" ]
	expect 'Hello, world!' "$(cat "$ROOM/answer.8000")"
}

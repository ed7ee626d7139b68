# Files for Quadlet, which a podman of 4.4 and later has: Debian 13's.

# shellcheck disable=SC2154 # run_x sets stderr
load ../../tests/helpers
load tests/fixture

setup() {
	own_settings
	export WHITTLE_CONTAINERS=$TOP/containers
	OUT=$ROOM/out
}

@test "export: quadlet: units that podman's generator takes, with nothing left out of them" {
	local unit
	run_x 0 d export --to quadlet -o "$OUT"
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

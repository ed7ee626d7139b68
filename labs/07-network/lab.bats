load ../../tests/helpers
load ../labs

setup() {
	requires root command:ip
	cd "$BATS_TEST_DIRNAME"
}

needs_nat() {
	requires command:iptables
	unshare -n iptables -t nat -L >/dev/null 2>&1 || skip "this machine cannot: iptables has no nat table here"
}

@test "a network namespace begins with nothing" {
	shows ./bridge.sh
	expect "127.0.0.1): Network unreachable" "$stderr"
}

@test "on a bridge host and neighbours reach each other, and only the host once ports are isolated" {
	shows ./bridge.sh
	local open=${output%%isolated on*} isolated=${output#*isolated on}
	expect $'http://10.0.0.2/\npage of a' "$open"
	expect $'http://10.0.0.3/\npage of b' "$open"
	expect "wget: download timed out" "$stderr"
	[ "$(grep -c "page of" <<<"$isolated")" -eq 1 ]
	expect $'$ wget -q -O - http://10.0.0.3/\npage of b' "$isolated"
}

@test "answers find their way back once the host passes packets on under its own address" {
	needs_nat
	shows ./port.sh
	local before=${output%%MASQUERADE*}
	refute "page of elsewhere" "$before"
	expect $'http://192.0.2.2/\npage of elsewhere' "${output#"$before"}"
}

@test "a published port leads into the container, past the host's firewall" {
	needs_nat
	shows ./port.sh
	local refused=${output%%DNAT*}
	refute "page of a" "$refused"
	expect $'INPUT -p tcp --dport 8080 -j DROP\n$ nsenter'
	[ "$(grep -c "^page of a" <<<"${output%%It is closed where*}")" -eq 2 ]
}

@test "it is closed to others by a rule on what is passed on, or by 127.0.0.1" {
	needs_nat
	shows ./port.sh
	local closed=${output#*It is closed where} local_only=${output#*For the host alone}
	refute "page of" "${closed%%For the host alone*}"
	[ "$(grep -c "^page of a" <<<"$local_only")" -eq 1 ]
	expect $'http://127.0.0.1:8080/\npage of a' "$local_only"
	[ "$(grep -c "192.0.2.1): Connection refused" <<<"$stderr")" -eq 2 ]
}

@test "the scripts leave nothing behind, interrupted or not" {
	leaves_nothing ./bridge.sh "Now the host reaches"
	needs_nat
	leaves_nothing ./port.sh "It is closed where"
}

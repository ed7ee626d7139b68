# shellcheck shell=sh
# What the three scripts share: the service, and a look at what the kernel has for it.

# The host's folder that the container gets to see, with a program in it that tries things.
make_data() {
	mkdir -p data/cgi-bin
	echo "a file of the host's" >data/index.html
	cat >data/cgi-bin/try <<-'EOT'
		#!/bin/sh
		tried=$(
			exec 2>&1
			touch /data/file
			mount -t tmpfs tmpfs /tmp
			mkdir /tmp/folder
			dd if=/dev/zero of=/dev/null bs=128M count=1 2>/dev/null
			echo "128 MB: status $?"
		)
		printf 'Content-Type: text/plain\r\nContent-Length: %s\r\n\r\n%s' "${#tried}" "$tried"
	EOT
	chmod 755 data data/cgi-bin data/cgi-bin/try
	chmod 644 data/index.html
}

# tree CONTROLLER: where it is mounted, version 1 first.
tree() {
	awk -v c="$1" '{ for (i = 7; $i != "-"; i++); }
		$(i + 1) == "cgroup" && ("," $(i + 3) ",") ~ ("," c ",") { print $5; found = 1; exit }
		$(i + 1) == "cgroup2" { two = $5 }
		END { if (!found) print two }' /proc/self/mountinfo
}

# group PROCESS CONTROLLER: the folder of its control group.
group() {
	path=$(awk -F: -v c="$2" '("," $2 ",") ~ ("," c ",") { print $3; found = 1 }
		$1 == 0 { two = $3 } END { if (!found) print two }' "/proc/$1/cgroup")
	echo "$(tree "$2")$path"
}

# look PROCESS: the six options, as the kernel has them.
look() {
	memory=$(group "$1" memory) cpu=$(group "$1" cpu)
	echo "mount:         $(awk '$5 == "/data" { print $5, substr($6, 1, 2) }' "/proc/$1/mountinfo")"
	echo "capabilities:  $(awk '$1 == "CapEff:" { print $2 }' "/proc/$1/status")"
	echo "seccomp:       $(awk '$1 == "Seccomp:" { print ($2 == 2 ? "a filter" : "none") }' "/proc/$1/status")"
	echo "memory:        $(cat "$memory/memory.max" "$memory/memory.limit_in_bytes" 2>/dev/null)"
	echo "cpu:           $(cat "$cpu/cpu.max" 2>/dev/null || cat "$cpu/cpu.cfs_quota_us" "$cpu/cpu.cfs_period_us" | tr '\n' ' ')"
	look_network "$1"
}

look_network() {
	if [ "$(readlink "/proc/$1/ns/net")" = "$(readlink /proc/self/ns/net)" ]; then
		echo "network:       the host's"
	else
		echo "network:       its own"
	fi
}

# visit PORT: what comes from inside.
visit() {
	eventually wget -q -O - "http://127.0.0.1:$1/"
	try wget -q -O - "http://127.0.0.1:$1/"
	try wget -q -O - "http://127.0.0.1:$1/cgi-bin/try"
	echo
}

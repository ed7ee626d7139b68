# shellcheck shell=sh
# What every lab's script begins with: . "$(dirname "$0")/../lab.sh"

set -eu
umask 022

HERE=$(cd "$(dirname "$0")" && pwd)
LABS=$(dirname "$HERE")
TOP=$(dirname "$LABS")
HOST_PATH=${HOST_PATH:-$PATH:/usr/sbin:/sbin:/bin}
export HOST_PATH
# BusyBox's tools, then our own programs, then what BusyBox hasn't got.
PATH=$LABS/obj/bin:$HERE:$LABS:$LABS/03-namespaces:$HOST_PATH

die() {
	printf '%s: %s\n' "$(basename "$0")" "$*" >&2
	exit 2
}

# What is about to be seen. With LAB_PAUSE=1 it waits for Enter before it goes on.
say() {
	printf '\n# %s\n' "$*"
	[ -z "${LAB_PAUSE:-}" ] || read -r _ || :
}

# A command as one would type it.
show() {
	printf '$'
	for word; do
		case $word in
		*[!A-Za-z0-9_./:=,+@%^-]* | '') printf " '%s'" "$word" ;;
		*) printf ' %s' "$word" ;;
		esac
	done
	printf '\n'
}

# try COMMAND…: shown, and run.
try() {
	show "$@"
	"$@"
}

# refused COMMAND…: shown, and run, and it fails, or else the lab has gone wrong.
refused() {
	show "$@"
	if "$@"; then
		printf '%s: that should have been refused\n' "$(basename "$0")" >&2
		exit 1
	fi
}

# host COMMAND…: the machine's own tool, where BusyBox has one of that name.
host() {
	PATH=$HOST_PATH command "$@"
}

# eventually COMMAND…: waits until COMMAND is true, at the most a minute.
eventually() {
	tries=0
	until "$@" >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ "$tries" -le 1200 ] || die "still false after a minute: $*"
		usleep 50000
	done
}

prepared() {
	[ -x "$LABS/obj/bin/sh" ] || die "run make -C $LABS first"
	[ "$(id -u)" -eq 0 ] || die "needs root"
}

# The script again from its start, on a throw-away host of its own (private-host.c) that
# takes everything with it when the script ends, however it ends. Its current directory is
# empty there, and in memory.
private_host() {
	[ "${LAB_HOST:-}" != "$(readlink /proc/self/ns/mnt)" ] || return 0
	prepared
	exec private-host /run "$LABS/obj/bin/sh" "$HERE/$(basename "$0")" "$@"
}

# For scripts that need podman. They start in a new directory, with a podman that keeps in
# there what it has, so that it all goes with the directory at the end, also when the script is
# interrupted; before that runs clean_up, if the script has one.
with_podman() {
	[ -x "$LABS/obj/bin/sh" ] || die "run make -C $LABS first"
	command -v podman >/dev/null || die "needs podman"
	: "${LAB_NAME:=whittle-lab-$$}"
	own_podman=
	WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/$LAB_NAME.XXXXXX")
	trap leave EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	cd "$WORK"
	export ENGINE=podman
	driver=$(podman info -f '{{.Store.GraphDriverName}}')
	printf '[storage]\ndriver = "%s"\ngraphroot = "%s"\nrunroot = "%s"\n' \
		"$driver" "$WORK/storage" "$WORK/run" >storage.conf
	export CONTAINERS_STORAGE_CONF="$WORK/storage.conf"
	# Everything in there goes at the end, so that it must not be the user's own.
	[ "$(podman info -f '{{.Store.GraphRoot}}')" = "$WORK/storage" ] ||
		die "podman doesn't take a storage of ours: is it one on another machine?"
	own_podman=1
}

leave() {
	trap '' HUP INT TERM
	trap - EXIT
	cd /
	# A second Ctrl-C, which podman minds though we don't, doesn't reach what cleans up.
	podman() {
		host setsid -w "$TOP/infra/engine" "$@"
	}
	! command -v clean_up >/dev/null || clean_up || :
	[ -z "$own_podman" ] || podman rm -f -t 0 -a >/dev/null || :
	eventually remove_work
}

# A build that was cut off leaves its root mounted. What conmon still has to do may put
# things back while they go.
remove_work() {
	awk -v w="$WORK/" 'index($5, w) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		host xargs -r -n 1 umount -l
	# The files of rootless containers belong to users that this one only is in there.
	[ "$(id -u)" -eq 0 ] || podman unshare rm -rf "$WORK/storage" "$WORK/run"
	rm -rf "$WORK"
}

# As the project sets it up for this host.
podman() {
	host "$TOP/infra/engine" "$@"
}

# make_root DIRECTORY: a root file system: BusyBox with every tool, and two devices.
make_root() {
	mkdir -p "$1/bin" "$1/dev" "$1/etc" "$1/proc" "$1/tmp"
	cp "$LABS/obj/busybox" "$1/bin/busybox"
	chroot "$1" /bin/busybox --install -s /bin
	mknod -m 666 "$1/dev/null" c 1 3
	mknod -m 666 "$1/dev/zero" c 1 5
	echo root:x:0:0:root:/:/bin/sh >"$1/etc/passwd"
}

# make_jail DIRECTORY: the root file system that the baseline is made from, with its few tools.
make_jail() {
	mkdir "$1"
	tar -xf "$TOP/baseline/rootfs/obj/rootfs-musl.tar" -C "$1"
}

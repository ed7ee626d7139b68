#!/bin/sh
# The six options in settings.yaml, as d reads it.
. "$(dirname "$0")/../lab.sh"
. "$HERE/common.sh"
prepared
with_podman

# d finds here what it otherwise finds in the project and below /var/lib.
export WHITTLE_CONTAINERS="$WORK/containers" WHITTLE_STATE="$WORK/state" WHITTLE_VOLUMES="$WORK/volumes"
export WHITTLE_SETTINGS="$WORK/host.yaml"
d=$TOP/infra/d/d
[ -x "$d" ] || die "run make -C $TOP/infra/d first"
d() {
	host "$d" "$@"
}

six=$LAB_NAME-six net=$LAB_NAME-net
clean_up() {
	podman rm -f -t 0 -a >/dev/null || :
	podman network rm "whittle-$six" >/dev/null 2>&1 || :
}

mkdir -p "containers/$six" "containers/$net" "volumes/$six" root/data
: >host.yaml
(cd "volumes/$six" && make_data)
make_root root
cp "$HERE/settings.yaml" "$HERE/calls.json" "containers/$six/"
for name in "$six" "$net"; do
	host tar -C root -cf - . | podman import -q - "localhost/whittle/$name:live" >/dev/null
done

say "Settings:"
try cat "containers/$six/settings.yaml"

say "What d makes of them for the engine; what isn't said is closed:"
try d cmd "$six"

say "Started, and waited for until it answers:"
try d up "$six" 2>&1
pid=$(d pid "$six")
port=$(podman port "$six" 80)

say "What the kernel has:"
look "$pid"

say "What comes from inside:"
visit "${port##*:}"

say "6. The host's network is one line too:"
printf '%s\n' 'network: host' 'cmd: /bin/sleep 1000000' >"containers/$net/settings.yaml"
try d up "$net" 2>&1
look_network "$(d pid "$net")"

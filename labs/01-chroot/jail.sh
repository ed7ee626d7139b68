#!/bin/sh
# A jail by hand: a folder with a root file system in it, and a command in that.
#
#   ./jail.sh [COMMAND [ARG]...]        (./jail.sh sh to look around)
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_root jail
echo "the host's secret" >secret

if [ $# -gt 0 ]; then
	exec chroot jail "$@"
fi

say "A root file system is a folder. BusyBox makes it a whole one:"
try ls jail
try ls -l jail/bin/sh jail/bin/ls

say "A shell whose root it is sees nothing else:"
try chroot jail /bin/sh -c 'pwd; ls /'
refused chroot jail /bin/cat "$PWD/secret"
refused chroot jail /bin/cat ../../../../../../secret

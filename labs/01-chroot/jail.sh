#!/bin/sh
# A jail by hand: a directory with a root file system in it, and a command in that.
#
#   ./jail.sh [COMMAND [ARG]...]        (./jail.sh sh to look around)
. "$(dirname "$0")/../lab.sh"
private_host "$@"

make_jail jail
echo "the host's secret" >secret

if [ $# -gt 0 ]; then
	exec chroot jail "$@"
fi

say "A root file system is a directory. This is the baseline's, unpacked:"
try ls jail
try ls jail/bin

say "A shell whose root it is sees nothing else:"
try chroot jail /bin/sh -c 'pwd; ls /'
refused chroot jail /bin/cat "$PWD/secret"
refused chroot jail /bin/cat ../../../../../../secret
